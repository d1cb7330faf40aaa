package dev.outbox.bench;

import dev.outbox.handler.Event;
import dev.outbox.handler.Handler;
import java.util.Set;
import org.springframework.beans.factory.support.BeanDefinitionRegistry;
import org.springframework.beans.factory.support.BeanDefinitionRegistryPostProcessor;
import org.springframework.beans.factory.support.RootBeanDefinition;
import org.springframework.context.annotation.Bean;
import reactor.core.publisher.Mono;

/** In the service: as many handlers as the system property says, which do nothing with every event. */
final class Tails {

    static final String COUNT = "bench.tails";

    @Bean
    static BeanDefinitionRegistryPostProcessor tailHandlers() {
        return Tails::register;
    }

    private static void register(BeanDefinitionRegistry registry) {
        for (int i = 1; i <= Integer.getInteger(COUNT); i++) {
            String name = name(i);
            registry.registerBeanDefinition(name, new RootBeanDefinition(Handler.class, () -> new Follower(name)));
        }
    }

    static String name(int number) {
        return "tail-" + number;
    }

    private record Follower(String name) implements Handler {

        @Override
        public Set<String> types() {
            return Set.of();
        }

        @Override
        public Mono<Void> handle(Event event) {
            return Mono.empty();
        }
    }
}
