package dev.outbox.database;

import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import liquibase.Liquibase;
import liquibase.database.jvm.JdbcConnection;
import liquibase.integration.spring.Customizer;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.beans.factory.config.BeanFactoryPostProcessor;
import org.springframework.boot.autoconfigure.condition.ConditionalOnProperty;
import org.springframework.boot.r2dbc.autoconfigure.R2dbcConnectionDetails;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Condition;
import org.springframework.context.annotation.ConditionContext;
import org.springframework.context.annotation.Conditional;
import org.springframework.context.annotation.Configuration;
import org.springframework.core.env.Environment;
import org.springframework.core.type.AnnotatedTypeMetadata;

/** The database is there, and has the schema, before anything else starts. */
@Configuration(proxyBeanMethods = false)
class SchemaConfiguration {

    private static final String SESSION = """
            set statement_timeout = 0; set lock_timeout = 0; set idle_in_transaction_session_timeout = 0;
            set idle_session_timeout = 0; set default_transaction_isolation = 'read committed';
            set tcp_keepalives_idle = 10; set tcp_keepalives_interval = 5; set tcp_user_timeout = '20s'
            """;

    /** Before any bean is made: the pool would be the first to fail. */
    @Bean
    static BeanFactoryPostProcessor addressCheck(Environment environment) {
        return beans -> AddressCheck.check(environment);
    }

    @Bean
    @Conditional(NoDatabaseIsConfigured.class)
    EmbeddedDatabase embeddedDatabase(@Value("${outbox.embedded.directory:.outbox}") Path directory) {
        return EmbeddedDatabase.open(directory);
    }

    @Bean
    @ConditionalOnProperty(
            name = "spring.liquibase.url",
            matchIfMissing = true,
            havingValue = "derived from spring.r2dbc.url")
    JdbcAddress liquibaseAddress(
            R2dbcConnectionDetails details, @Value("${outbox.database.start-timeout:60s}") Duration patience) {
        JdbcAddress address = JdbcAddress.of(details.getConnectionFactoryOptions());
        DatabaseWait.untilItAnswers(address, patience);
        return address;
    }

    @Bean
    Customizer<Liquibase> changeLogParametersAndSession(ObjectProvider<ChangeLogParameter> parameters) {
        return liquibase -> {
            parameters.forEach(parameter -> liquibase.setChangeLogParameter(parameter.name(), parameter.value()));
            setSession(((JdbcConnection) liquibase.getDatabase().getConnection()).getUnderlyingConnection());
        };
    }

    /** A change of the schema may take its time, whatever the database says of other sessions. */
    private static void setSession(Connection connection) {
        try (Statement statement = connection.createStatement()) {
            statement.execute(SESSION);
            if (!connection.getAutoCommit()) {
                connection.commit();
            }
        } catch (SQLException e) {
            throw new IllegalStateException("The session could not be set", e);
        }
    }

    @Bean
    static SchemaLock schemaLock() {
        return new SchemaLock(Duration.ofMinutes(5));
    }

    static final class NoDatabaseIsConfigured implements Condition {

        @Override
        public boolean matches(ConditionContext context, AnnotatedTypeMetadata metadata) {
            return !EmbeddedDefaults.isDatabaseConfigured(context.getEnvironment());
        }
    }
}
