package dev.outbox.shop.notifications;

import static org.assertj.core.api.Assertions.assertThat;

import com.icegreen.greenmail.util.GreenMail;
import com.icegreen.greenmail.util.ServerSetupTest;
import dev.outbox.TestDatabase;
import dev.outbox.database.Database;
import dev.outbox.handler.Event;
import dev.outbox.handler.Handler;
import jakarta.mail.MessagingException;
import jakarta.mail.internet.AddressException;
import jakarta.mail.internet.MimeMessage;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Properties;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.springframework.beans.factory.support.StaticListableBeanFactory;
import org.springframework.mail.MailException;
import org.springframework.mail.MailSendException;
import org.springframework.mail.javamail.JavaMailSenderImpl;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Schedulers;
import reactor.test.StepVerifier;

/** Real mail to a real SMTP server. The handler runs on threads that must not wait, and BlockHound watches them. */
class ClientNotificationsIntegrationTests {

    private static final Duration SOON = Duration.ofSeconds(30);

    private static final TestDatabase DATABASE = TestDatabase.fresh();
    private static final ClientDirectory CLIENTS =
            new ClientDirectory(new Database(DATABASE.pool(4), Duration.ofSeconds(5)));

    private final GreenMail smtp = new GreenMail(ServerSetupTest.SMTP.dynamicPort());

    @BeforeEach
    void start() {
        smtp.start();
    }

    @AfterEach
    void stop() {
        smtp.stop();
    }

    @Test
    void theClientIsToldInPlainWords() throws Exception {
        handle(shipped(7, 12, 3));

        MimeMessage mail = onlyMail();
        assertThat(mail.getSubject()).isEqualTo("Order 12 has been shipped");
        assertThat(mail.getAllRecipients()).extracting(Object::toString).containsExactly("client3@example.com");
        assertThat(mail.getFrom()).extracting(Object::toString).containsExactly("Shop <shop@example.org>");
        assertThat(mail.getContentType()).isEqualToIgnoringCase("text/plain; charset=UTF-8");
        assertThat((String) mail.getContent())
                .startsWith("Hello Client 3,")
                .contains("Order 12 has been shipped.", "Items: 2");
        assertThat(mail.getHeader("X-Outbox-Event-Id")).containsExactly("7");
        assertThat(mail.getHeader("Auto-Submitted")).containsExactly("auto-generated");
        assertThat(mail.getSentDate()).isNotNull();
    }

    @Test
    void namesOutsideAsciiArriveAsTheyAre() throws Exception {
        DATABASE.execute("insert into clients (id, name, email) values (50, 'Zoë 株式会社', 'zoe@example.com')");
        handle(shipped(8, 12, 50));
        assertThat((String) onlyMail().getContent()).startsWith("Hello Zoë 株式会社,");
    }

    @Test
    void aRepeatHasTheSameMessageIdAndAnotherEventHasNot() throws Exception {
        handle(shipped(7, 12, 3), shipped(7, 12, 3), shipped(9, 13, 3));

        List<String> ids = Arrays.stream(smtp.getReceivedMessages())
                .map(ClientNotificationsIntegrationTests::messageId)
                .toList();
        assertThat(ids)
                .hasSize(3)
                .contains(
                        "<" + shipped(7, 12, 3).uid() + "@example.org>",
                        "<" + shipped(9, 13, 3).uid() + "@example.org>");
        assertThat(ids.stream().distinct()).hasSize(2);
    }

    @Test
    void manyAreSentSideBySide() {
        handle(LongStream.rangeClosed(1, 100)
                .mapToObj(id -> shipped(id, id, id % 10 + 1))
                .toArray(Event[]::new));
        assertThat(smtp.getReceivedMessages()).hasSize(100);
    }

    @Test
    void aClientThatIsGoneIsNoError() {
        handle(shipped(7, 12, 4_711));
        assertThat(smtp.getReceivedMessages()).isEmpty();
    }

    @Test
    void anAddressThatIsNoneIsAnErrorOfTheEventAndNoWayToWriteHeaders() {
        DATABASE.execute(
                "insert into clients (id, name, email) values (51, 'Eve', E'a@b\\r\\nBcc: eve@example.com'), (52, 'Two', 'a@b,c@d')");
        StepVerifier.create(run(through(smtp.getSmtp().getPort()), shipped(7, 12, 51)))
                .expectError(MailException.class)
                .verify(SOON);
        StepVerifier.create(run(through(smtp.getSmtp().getPort()), shipped(7, 12, 52)))
                .expectError(MailException.class)
                .verify(SOON);
        assertThat(smtp.getReceivedMessages()).isEmpty();
    }

    @Test
    void aMailServerThatIsDownIsAnErrorOfTheEvent() throws Exception {
        int port = freePort();
        StepVerifier.create(run(through(port), shipped(7, 12, 3)))
                .expectError(MailSendException.class)
                .verify(SOON);
    }

    @Test
    void aMailServerThatSaysNothingIsGivenUp() throws Exception {
        try (ServerSocket silent = new ServerSocket(0, 50, InetAddress.getLoopbackAddress())) {
            StepVerifier.create(run(through(silent.getLocalPort()), shipped(7, 12, 3)))
                    .expectError(MailSendException.class)
                    .verify(SOON);
        }
    }

    private void handle(Event... events) {
        Handler handler = through(smtp.getSmtp().getPort());
        StepVerifier.create(Flux.fromArray(events).flatMap(event -> run(handler, event), handler.concurrency()))
                .expectComplete()
                .verify(SOON);
    }

    /** On a thread that must not wait, as the relay does. */
    private static Mono<Void> run(Handler handler, Event event) {
        return Mono.defer(() -> handler.handle(event)).subscribeOn(Schedulers.parallel());
    }

    private static Handler through(int port) {
        JavaMailSenderImpl sender = new JavaMailSenderImpl();
        sender.setHost("127.0.0.1");
        sender.setPort(port);
        Properties deadlines = sender.getJavaMailProperties();
        Stream.of("connectiontimeout", "timeout", "writetimeout")
                .forEach(step -> deadlines.setProperty("mail.smtp." + step, "2000"));
        StaticListableBeanFactory beans = new StaticListableBeanFactory();
        try {
            beans.addBean("mail", new ClientMail(sender, CLIENTS, "Shop <shop@example.org>"));
        } catch (AddressException e) {
            throw new IllegalStateException(e);
        }
        return new ClientNotifications(beans.getBeanProvider(ClientMail.class));
    }

    private MimeMessage onlyMail() {
        assertThat(smtp.getReceivedMessages()).hasSize(1);
        return smtp.getReceivedMessages()[0];
    }

    private static String messageId(MimeMessage mail) {
        try {
            return mail.getMessageID();
        } catch (MessagingException e) {
            throw new IllegalStateException(e);
        }
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }

    private static Event shipped(long id, long order, long client) {
        return new Event(
                id,
                "order",
                Long.toString(order),
                "order.shipped",
                Instant.EPOCH.plusNanos(1_000_001_000),
                """
                {"orderId": %d, "clientId": %d, "status": "shipped", "previousStatus": "created", "version": 2,
                 "itemIds": [4, 9], "changedAt": "1970-01-01T00:00:01.000001Z"}""".formatted(order, client),
                null);
    }
}
