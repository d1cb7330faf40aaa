package dev.outbox.faults;

/**
 * A line of the sink's file.
 *
 * @param accepted whether the sink said that it has it
 * @param id of the event
 * @param key which thing it is of
 * @param attempt counts the tries to deliver the event that reached the sink, from 1
 * @param process that delivered it
 * @param micros when, since 1970
 */
record Delivery(boolean accepted, long id, String key, int attempt, long process, long micros) {

    String line() {
        return (accepted ? "+" : "-") + " " + id + " " + key + " " + attempt + " " + process + " " + micros;
    }

    static Delivery of(String line) {
        String[] words = line.split(" ", -1);
        return new Delivery(
                words[0].equals("+"),
                Long.parseLong(words[1]),
                words[2],
                Integer.parseInt(words[3]),
                Long.parseLong(words[4]),
                Long.parseLong(words[5]));
    }
}
