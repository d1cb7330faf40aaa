package dev.outbox.log;

import java.util.List;

/** Different kinds of things have that key, and it was not said which is meant. */
public final class AmbiguousKeyException extends IllegalArgumentException {

    private final List<String> aggregateTypes;

    AmbiguousKeyException(String key, List<String> aggregateTypes) {
        super("The key " + key + " is one of several aggregate types, " + String.join(", ", aggregateTypes)
                + ": say which is meant, with `aggregateType`.");
        this.aggregateTypes = List.copyOf(aggregateTypes);
    }

    /** Which kinds have it, in order. */
    public List<String> aggregateTypes() {
        return aggregateTypes;
    }
}
