package dev.outbox;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.importer.ImportOption.DoNotIncludeTests;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import reactor.core.publisher.Mono;

/** Which room may know which. */
@AnalyzeClasses(packages = "dev.outbox", importOptions = DoNotIncludeTests.class)
class ArchitectureTests {

    private static final List<String> ROOMS =
            List.of("database", "problems", "http", "orders", "log", "relay", "billing", "notifications", "operations");

    @ArchTest
    static final ArchRule noCircles =
            slices().matching("dev.outbox.(*)..").should().beFreeOfCycles();

    @ArchTest
    static final ArchRule loggingKnowsNobody = noClasses()
            .that()
            .resideInAPackage("dev.outbox.logging..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage(
                    ROOMS.stream().map(room -> "dev.outbox." + room + "..").toArray(String[]::new));

    @ArchTest
    static final ArchRule theDatabaseKnowsNobody = knowsOnly("database");

    @ArchTest
    static final ArchRule problemsKnowTheDatabase = knowsOnly("problems", "database");

    @ArchTest
    static final ArchRule httpKnowsProblems = knowsOnly("http", "problems");

    @ArchTest
    static final ArchRule ordersKnowNothingOfTheOutbox = knowsOnly("orders", "database", "http", "problems");

    @ArchTest
    static final ArchRule theLogKnowsNoHandler = knowsOnly("log", "database");

    @ArchTest
    static final ArchRule theRelayKnowsTheLog = knowsOnly("relay", "database", "log");

    @ArchTest
    static final ArchRule billingKnowsTheRelay = knowsOnly("billing", "database", "http", "problems", "log", "relay");

    @ArchTest
    static final ArchRule notificationsKnowTheRelay = knowsOnly("notifications", "database", "log", "relay");

    @ArchTest
    static final ArchRule nothingKnowsTheApplication =
            noClasses().should().dependOnClassesThat().belongToAnyOf(OutboxApplication.class);

    @ArchTest
    static final ArchRule nothingBlocks = noClasses()
            .should()
            .callMethod(Mono.class, "block")
            .orShould()
            .callMethod(Mono.class, "block", java.time.Duration.class);

    private static ArchRule knowsOnly(String room, String... others) {
        String[] foreign = ROOMS.stream()
                .filter(other -> !other.equals(room) && Stream.of(others).noneMatch(other::equals))
                .map(other -> "dev.outbox." + other + "..")
                .toArray(String[]::new);
        return noClasses()
                .that()
                .resideInAPackage("dev.outbox." + room + "..")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage(foreign)
                .as(room + " knows only " + Arrays.toString(others));
    }
}
