package dev.outbox.bench;

/** Requests that change an order each: takes the orders from 1 up in turn, back and forth between two statuses. */
final class Changes {

    private final int orders;
    private int next;

    Changes(int orders) {
        this.orders = orders;
    }

    byte[][] requests(String path, int count) {
        byte[][] requests = new byte[count][];
        for (int i = 0; i < count; i++) {
            String status = next / orders % 2 == 0 ? "backorder" : "created";
            String body = "{\"id\":" + (next % orders + 1) + ",\"status\":\"" + status + "\"}";
            requests[i] = HttpLoad.request("PATCH", path, body);
            next++;
        }
        return requests;
    }
}
