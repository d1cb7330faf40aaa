package dev.outbox.tail;

/** Something on the way to the server shares its sessions out: what a session hears or holds is lost between two statements. */
public final class SharedSessionException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    SharedSessionException(String evidence) {
        super(evidence);
    }
}
