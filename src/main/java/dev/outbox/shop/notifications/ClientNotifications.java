package dev.outbox.shop.notifications;

import dev.outbox.handler.Event;
import dev.outbox.handler.Handler;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.spi.LoggingEventBuilder;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.stereotype.Component;
import reactor.core.publisher.Mono;

/**
 * Tells the client what happened to an order: by e-mail if a mail server is configured, and then by one line in the log of this
 * service, which has neither name nor address.
 *
 * <p>Mail is in nobody's transaction: after a crash it can be sent again, with the same Message-ID. Mail that cannot be sent is an
 * error, and the relay tries again.
 */
@Component
final class ClientNotifications implements Handler {

    private static final Logger log = LoggerFactory.getLogger("dev.outbox.shop.notifications");

    private final @Nullable ClientMail mail;

    ClientNotifications(ObjectProvider<ClientMail> mail) {
        this.mail = mail.getIfAvailable();
    }

    @Override
    public String name() {
        return "notifications";
    }

    @Override
    public Set<String> types() {
        return OrderMessage.TYPES;
    }

    /** Each mail is a connection to the mail server and a thread that waits for it. */
    @Override
    public int concurrency() {
        return 8;
    }

    @Override
    public Mono<Void> handle(Event event) {
        return Mono.defer(() -> tell(event, OrderChange.of(event)));
    }

    private Mono<Void> tell(Event event, OrderChange change) {
        Mono<String> told = mail == null ? Mono.just("off") : mail.send(event, change);
        return told.doOnNext(outcome -> write(event, change, outcome)).then();
    }

    /** The message repeats the keys, because the usual pattern of a console does not show them. */
    private static void write(Event event, OrderChange change, String mail) {
        Map<String, Object> keys = new LinkedHashMap<>();
        keys.put("event", event.id());
        keys.put("type", event.type());
        keys.put("order", event.key());
        keys.put("client", change.clientId());
        keys.put("mail", mail);
        LoggingEventBuilder line = log.atInfo();
        for (Map.Entry<String, Object> key : keys.entrySet()) {
            line = line.addKeyValue(key.getKey(), key.getValue());
        }
        line.log(keys.entrySet().stream()
                .map(key -> key.getKey() + "=" + key.getValue())
                .collect(Collectors.joining(" ")));
    }
}
