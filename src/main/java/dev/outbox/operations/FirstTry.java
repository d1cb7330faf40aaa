package dev.outbox.operations;

/** What a newcomer may paste into a terminal; as a bean it is told at the start. */
@FunctionalInterface
public interface FirstTry {

    /**
     * The command.
     *
     * @param api host and port at which requests are answered
     */
    String command(String api);
}
