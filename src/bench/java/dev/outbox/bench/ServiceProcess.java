package dev.outbox.bench;

import dev.outbox.OutboxApplication;
import java.util.ArrayList;
import java.util.List;
import org.springframework.boot.builder.SpringApplicationBuilder;

/** The service, with the beans whose classes are named as arguments. */
final class ServiceProcess {

    private ServiceProcess() {}

    public static void main(String[] beans) throws ClassNotFoundException {
        List<Class<?>> sources = new ArrayList<>(List.of(OutboxApplication.class));
        for (String bean : beans) {
            sources.add(Class.forName(bean));
        }
        new SpringApplicationBuilder(sources.toArray(Class<?>[]::new)).run();
    }
}
