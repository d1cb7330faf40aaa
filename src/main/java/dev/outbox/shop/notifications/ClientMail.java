package dev.outbox.shop.notifications;

import dev.outbox.handler.Event;
import jakarta.mail.MessagingException;
import jakarta.mail.internet.AddressException;
import jakarta.mail.internet.InternetAddress;
import jakarta.mail.internet.MimeMessage;
import java.nio.charset.StandardCharsets;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.boot.autoconfigure.condition.ConditionalOnExpression;
import org.springframework.mail.MailPreparationException;
import org.springframework.mail.javamail.JavaMailSender;
import org.springframework.mail.javamail.MimeMessageHelper;
import org.springframework.stereotype.Component;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Schedulers;

/** Sends e-mail to the contact address of a client, if {@code spring.mail.host} says through whom. */
@Component
@ConditionalOnExpression("!'${spring.mail.host:}'.isBlank()")
final class ClientMail {

    private final JavaMailSender sender;
    private final ClientDirectory clients;
    private final InternetAddress from;

    ClientMail(JavaMailSender sender, ClientDirectory clients, @Value("${outbox.notifications.from}") String from)
            throws AddressException {
        this.sender = sender;
        this.clients = clients;
        this.from = new InternetAddress(from, true);
    }

    /**
     * Sends one message, on a thread that may block.
     *
     * @return {@code sent} when the mail server has taken the message; {@code nobody} if there is no such client any more: events
     *     outlive rows, and no repeat would find it. Fails with {@link org.springframework.mail.MailException}.
     */
    Mono<String> send(Event event, OrderChange change) {
        return clients.contact(change.clientId())
                .flatMap(contact ->
                        Mono.fromCallable(() -> send(event, change, contact)).subscribeOn(Schedulers.boundedElastic()))
                .defaultIfEmpty("nobody");
    }

    private String send(Event event, OrderChange change, ClientDirectory.Contact contact) {
        MimeMessage message = sender.createMimeMessage();
        try {
            write(message, event, contact.email(), OrderMessage.of(event, change, contact.name()));
        } catch (MessagingException e) {
            throw new MailPreparationException("Event " + event.id() + " makes no message", e);
        }
        sender.send(message);
        return "sent";
    }

    private void write(MimeMessage message, Event event, String to, OrderMessage words) throws MessagingException {
        MimeMessageHelper helper = new MimeMessageHelper(message, StandardCharsets.UTF_8.name());
        helper.setFrom(from);
        helper.setTo(to);
        helper.setSubject(words.subject());
        helper.setText(words.text());
        message.setHeader("Message-ID", messageId(event));
        message.setHeader("X-Outbox-Event-Id", Long.toString(event.id()));
        message.setHeader("X-Outbox-Event-Uid", event.uid().toString());
        message.setHeader("Auto-Submitted", "auto-generated");
    }

    /** The same for the same event, so that a repeat is known as one. */
    private String messageId(Event event) {
        String address = from.getAddress();
        return "<" + event.uid() + "@" + address.substring(address.indexOf('@') + 1) + ">";
    }
}
