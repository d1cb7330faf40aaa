package dev.outbox.database;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import org.junit.jupiter.api.Test;
import org.springframework.boot.EnvironmentPostProcessor;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.context.properties.bind.Binder;
import org.springframework.boot.context.properties.source.ConfigurationPropertySources;
import org.springframework.core.env.MapPropertySource;
import org.springframework.core.env.StandardEnvironment;
import org.springframework.core.env.SystemEnvironmentPropertySource;
import org.springframework.core.io.support.SpringFactoriesLoader;

class EmbeddedDefaultsTests {

    private final StandardEnvironment environment = new StandardEnvironment();

    @Test
    void withTheEmbeddedDatabaseThereIsDemoDataAndTheApiIsForThisMachineOnly() {
        prepare(Map.of());
        assertThat(contexts()).isEqualTo("demo");
        assertThat(environment.getProperty("server.address")).isEqualTo("127.0.0.1");
    }

    @Test
    void withADatabaseOfYoursThereIsNeither() {
        prepare(Map.of("SPRING_R2DBC_URL", "r2dbc:postgresql://db/outbox"));
        assertThat(contexts()).isEqualTo("none");
        assertThat(environment.getProperty("server.address")).isNull();
    }

    @Test
    void anAddressThatIsKnownLaterCounts() {
        prepare(Map.of());
        environment
                .getPropertySources()
                .addFirst(new MapPropertySource("later", Map.of("spring.r2dbc.url", "r2dbc:postgresql://db/outbox")));
        assertThat(contexts()).isEqualTo("none");
    }

    @Test
    void whatIsSetIsNotTouched() {
        prepare(Map.of("SPRING_LIQUIBASE_CONTEXTS", "mine", "SERVER_ADDRESS", "0.0.0.0"));
        assertThat(contexts()).isEqualTo("mine");
        assertThat(environment.getProperty("server.address")).isEqualTo("0.0.0.0");
    }

    @Test
    void springBootFindsThem() {
        assertThat(SpringFactoriesLoader.forDefaultResourceLocation()
                        .load(
                                EnvironmentPostProcessor.class,
                                SpringFactoriesLoader.FailureHandler.handleMessage((message, failure) -> {})))
                .hasAtLeastOneElementOfType(EmbeddedDefaults.class);
    }

    private void prepare(Map<String, Object> variables) {
        environment
                .getPropertySources()
                .replace(
                        StandardEnvironment.SYSTEM_ENVIRONMENT_PROPERTY_SOURCE_NAME,
                        new SystemEnvironmentPropertySource(
                                StandardEnvironment.SYSTEM_ENVIRONMENT_PROPERTY_SOURCE_NAME, variables));
        ConfigurationPropertySources.attach(environment);
        new EmbeddedDefaults().postProcessEnvironment(environment, new SpringApplication());
    }

    private String contexts() {
        return Binder.get(environment)
                .bind("spring.liquibase.contexts", String.class)
                .get();
    }
}
