package dev.outbox.shop;

import dev.outbox.capture.ExpectedTrigger;
import dev.outbox.database.ChangeLogParameter;
import dev.outbox.operations.FirstTry;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;

/** What the shop tells the engine, as any application could. */
@Configuration(proxyBeanMethods = false)
@EnableConfigurationProperties(ShopConfiguration.Demo.class)
class ShopConfiguration {

    /**
     * @param orders how many orders the demo data has when it is loaded, 0 to 1,000,000
     */
    @ConfigurationProperties("outbox.demo")
    record Demo(@DefaultValue("1000") int orders) {
        Demo {
            if (orders < 0 || orders > 1_000_000) {
                throw new IllegalArgumentException("outbox.demo.orders must be from 0 to 1000000, not " + orders);
            }
        }
    }

    @Bean
    ChangeLogParameter demoOrders(Demo demo) {
        return new ChangeLogParameter("demo-orders", demo.orders());
    }

    @Bean
    ExpectedTrigger capturesInserts() {
        return new ExpectedTrigger("public.orders", "capture_insert");
    }

    @Bean
    ExpectedTrigger capturesUpdates() {
        return new ExpectedTrigger("public.orders", "capture_update");
    }

    @Bean
    ExpectedTrigger capturesDeletes() {
        return new ExpectedTrigger("public.orders", "capture_delete");
    }

    @Bean
    FirstTry shipAnOrder() {
        return api -> "curl -X PATCH " + api
                + "/orders/update -H 'Content-Type: application/json' -d '{\"id\":1,\"status\":\"shipped\"}'";
    }
}
