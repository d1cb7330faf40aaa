package dev.outbox.leadership;

import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentSkipListSet;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The subscriptions that this instance runs in one session, as they come and go. */
public final class Assignment {

    private static final Logger LOG = LoggerFactory.getLogger(Assignment.class);

    private final Set<String> names = new ConcurrentSkipListSet<>();
    private final String instance;

    public Assignment(String instance) {
        this.instance = instance;
    }

    void add(String name) {
        if (names.add(name)) {
            LOG.info("relay.leads instance={} subscriptions={}", instance, names);
        }
    }

    void remove(String name) {
        if (names.remove(name)) {
            LOG.info("relay.leads instance={} subscriptions={}", instance, names);
        }
    }

    public List<String> names() {
        return List.copyOf(names);
    }
}
