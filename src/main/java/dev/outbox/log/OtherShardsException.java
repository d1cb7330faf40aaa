package dev.outbox.log;

/** A handler is to be run in another number of shards than it is, and cannot be yet; the message says why, and what would help. */
public final class OtherShardsException extends RuntimeException {

    OtherShardsException(String message) {
        super(message);
    }
}
