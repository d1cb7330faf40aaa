package dev.outbox;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.core.importer.ImportOption.DoNotIncludeTests;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import reactor.core.publisher.Mono;

/** Which room may know which. */
@AnalyzeClasses(packages = "dev.outbox", importOptions = DoNotIncludeTests.class)
class ArchitectureTests {

    private static final String[] ENGINE = {
        "handler", "log", "retention", "tail", "dispatch", "leadership", "relay", "capture", "operations"
    };

    /** Each room, and those that it may know. */
    private static final Map<String, List<String>> KNOWS = new LinkedHashMap<>();

    static {
        KNOWS.put("logging", List.of());
        KNOWS.put("database", List.of("logging"));
        KNOWS.put("problems", List.of("logging", "database"));
        KNOWS.put("http", List.of("logging", "problems"));
        KNOWS.put("handler", List.of());
        KNOWS.put("log", List.of("logging", "database", "handler"));
        KNOWS.put("retention", List.of("logging", "database", "log"));
        KNOWS.put("tail", List.of("logging", "database", "handler", "log"));
        KNOWS.put("dispatch", List.of("logging", "database", "handler", "log"));
        KNOWS.put("leadership", List.of("logging", "database", "log", "tail"));
        KNOWS.put("relay", List.of("logging", "database", "handler", "log", "tail", "dispatch", "leadership"));
        KNOWS.put("capture", List.of("logging", "database", "handler", "log"));
        KNOWS.put(
                "operations",
                Stream.concat(Stream.of("logging", "database", "problems", "http"), Stream.of(ENGINE))
                        .toList());
        KNOWS.put("shop", List.of("database", "problems", "http", "handler", "log", "capture", "operations"));
    }

    /** What rooms of the engine show to others. */
    private static final Map<String, Set<String>> SHOWS = Map.of(
            "tail", Set.of("AwaitableCounter", "Doorbell", "Listener", "SharedSessionException", "Tail"),
            "dispatch", Set.of("HandlerSubscription", "Ledger", "Outcome", "Subscription", "TransactionalSubscription"),
            "leadership", Set.of("Assignment", "Leadership", "Polling", "SubscriptionRuns"),
            "relay", Set.of("Relay"),
            "retention", Set.of(),
            "capture", Set.of("ExpectedTrigger"));

    @ArchTest
    static void roomsShowOnlyTheirFace(JavaClasses classes) {
        SHOWS.forEach((room, shown) -> assertThat(classes.stream()
                        .filter(type -> type.getPackageName().equals("dev.outbox." + room))
                        .filter(type -> type.getModifiers().contains(JavaModifier.PUBLIC))
                        .filter(JavaClass::isTopLevelClass)
                        .map(JavaClass::getSimpleName)
                        .filter(name -> !name.equals("package-info")))
                .as("what %s shows", room)
                .containsExactlyInAnyOrderElementsOf(shown));
    }

    @ArchTest
    static void eachRoomKnowsOnlyWhatItMay(JavaClasses classes) {
        KNOWS.forEach((room, others) -> knowsOnly(room, others).check(classes));
    }

    @ArchTest
    static void everyRoomHasItsRule(JavaClasses classes) {
        Set<String> rooms = KNOWS.keySet();
        noClasses()
                .that()
                .resideOutsideOfPackages(
                        Stream.concat(Stream.of("dev.outbox"), rooms.stream().map(ArchitectureTests::in))
                                .toArray(String[]::new))
                .should()
                .resideInAPackage("dev.outbox..")
                .allowEmptyShould(true)
                .check(classes);
    }

    @ArchTest
    static final ArchRule noCircles =
            slices().matching("dev.outbox.(*)..").should().beFreeOfCycles();

    @ArchTest
    static final ArchRule noCirclesInTheShop =
            slices().matching("dev.outbox.shop.(*)..").should().beFreeOfCycles();

    @ArchTest
    static final ArchRule ordersKnowNobodyInTheShop = noClasses()
            .that()
            .resideInAPackage("dev.outbox.shop.orders..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("dev.outbox.shop.billing..", "dev.outbox.shop.notifications..");

    @ArchTest
    static final ArchRule nothingKnowsTheApplication =
            noClasses().should().dependOnClassesThat().belongToAnyOf(OutboxApplication.class);

    @ArchTest
    static final ArchRule nothingBlocks = noClasses()
            .should()
            .callMethod(Mono.class, "block")
            .orShould()
            .callMethod(Mono.class, "block", java.time.Duration.class);

    private static ArchRule knowsOnly(String room, List<String> others) {
        String[] foreign = KNOWS.keySet().stream()
                .filter(other -> !other.equals(room) && !others.contains(other))
                .map(ArchitectureTests::in)
                .toArray(String[]::new);
        return noClasses()
                .that()
                .resideInAPackage(in(room))
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage(foreign)
                .as(room + " knows only " + Arrays.toString(others.toArray()));
    }

    private static String in(String room) {
        return "dev.outbox." + room + "..";
    }
}
