package dev.outbox.bench;

import java.util.List;

/** One of the things that are compared. */
record Side(String name, Work work) {

    /** Does one measured round. */
    interface Work {

        /** The same names in every round. */
        List<Value> round() throws Exception;
    }
}
