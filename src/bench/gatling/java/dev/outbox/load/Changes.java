package dev.outbox.load;

import java.util.Iterator;
import java.util.List;
import java.util.Map;

/** Changes without end for the session: the open orders in turn, each to and fro between created and backorder. */
final class Changes implements Iterator<Map<String, Object>> {

    private final List<Order> open;
    private final boolean[] backorder;
    private int next;

    Changes(List<Order> orders) {
        open = orders.stream().filter(Order::isOpen).toList();
        if (open.isEmpty()) {
            throw new IllegalStateException("No order is open at " + Target.BASE_URL
                    + ": a service with new demo orders has some (outbox.embedded.directory, outbox.demo.orders)");
        }
        backorder = new boolean[open.size()];
        for (int i = 0; i < backorder.length; i++) {
            backorder[i] = open.get(i).status().equals("backorder");
        }
    }

    @Override
    public boolean hasNext() {
        return true;
    }

    @Override
    public Map<String, Object> next() {
        int order = next;
        next = (next + 1) % backorder.length;
        backorder[order] = !backorder[order];
        return Map.of("id", open.get(order).id(), "status", backorder[order] ? "backorder" : "created");
    }
}
