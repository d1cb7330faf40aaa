package dev.outbox.database;

import org.jspecify.annotations.Nullable;
import org.springframework.boot.EnvironmentPostProcessor;
import org.springframework.boot.SpringApplication;
import org.springframework.core.env.ConfigurableEnvironment;
import org.springframework.core.env.Environment;
import org.springframework.core.env.PropertySource;

/**
 * What follows from whether a database is configured, as defaults that any other source of settings overrides: with the embedded
 * one there is demo data, and the API is for this machine only.
 */
final class EmbeddedDefaults implements EnvironmentPostProcessor {

    private static final String URL = "spring.r2dbc.url";

    /** Names no context. Without any Liquibase would run the change sets of all. */
    private static final String NO_DEMO = "none";

    @Override
    public void postProcessEnvironment(ConfigurableEnvironment environment, SpringApplication application) {
        environment.getPropertySources().addLast(new Defaults(environment));
    }

    static boolean isDatabaseConfigured(Environment environment) {
        return environment.containsProperty(URL);
    }

    /** Asked for each time: a source with the address may come after this one. */
    private static final class Defaults extends PropertySource<Object> {

        private final Environment environment;

        /** The environment is not the source's object: Spring Boot would take the source for a nest of the environment's own. */
        Defaults(Environment environment) {
            super("outbox embedded defaults");
            this.environment = environment;
        }

        @Override
        public @Nullable Object getProperty(String name) {
            return switch (name) {
                case "spring.liquibase.contexts" -> isDatabaseConfigured(environment) ? NO_DEMO : "demo";
                case "server.address" -> isDatabaseConfigured(environment) ? null : "127.0.0.1";
                default -> null;
            };
        }
    }
}
