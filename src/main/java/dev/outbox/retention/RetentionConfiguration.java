package dev.outbox.retention;

import java.time.Clock;
import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;

/** Who looks after the partitions of the log. */
@Configuration(proxyBeanMethods = false)
@EnableConfigurationProperties(RetentionSettings.class)
class RetentionConfiguration {

    @Bean
    RetentionTask retention(Partitions partitions, RetentionSettings settings) {
        return new RetentionTask(new Retention(partitions, settings, Clock.systemUTC()), settings.checkEvery());
    }
}
