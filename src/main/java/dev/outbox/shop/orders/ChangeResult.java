package dev.outbox.shop.orders;

import static java.util.Objects.requireNonNull;

import dev.outbox.problems.Problem;
import org.jspecify.annotations.Nullable;
import org.springframework.http.HttpStatus;

/**
 * What became of a change that was asked for.
 *
 * @param order as it is now; null if there is none
 * @param failure why it could not be tried; null with every kind but FAILED
 */
record ChangeResult(
        StatusChange change,
        Kind kind,
        @Nullable Order order,
        @Nullable Problem failure) {

    ChangeResult(StatusChange change, Kind kind, @Nullable Order order) {
        this(change, kind, order, null);
    }

    static ChangeResult failed(StatusChange change, Throwable error) {
        return new ChangeResult(change, Kind.FAILED, null, Problem.of(error, "A change of order " + change.id()));
    }

    enum Kind {
        UPDATED,
        UNCHANGED,
        UNKNOWN,
        /** Somebody else has locked the order, or it was deleted meanwhile; nothing was done. */
        LOCKED,
        STALE,
        NOT_ALLOWED,
        FAILED
    }

    /** Why the change was not made, or null if the order is now as was asked. */
    @Nullable
    Problem problem() {
        return switch (kind) {
            case UPDATED, UNCHANGED -> null;
            case UNKNOWN, LOCKED -> Problem.unknown("order", change.id());
            case STALE -> stale(requireNonNull(order));
            case FAILED -> requireNonNull(failure);
            case NOT_ALLOWED -> notAllowed(requireNonNull(order));
        };
    }

    private Problem stale(Order present) {
        return Problem.of(
                        HttpStatus.PRECONDITION_FAILED,
                        "stale-version",
                        "Stale version",
                        "Order " + present.id() + " has version " + present.version()
                                + " now, which is none of those that were asked for; read it and decide again.")
                .with("version", present.version());
    }

    private Problem notAllowed(Order present) {
        OrderStatus status = present.status();
        String allowed = status.next().isEmpty()
                ? "which is final"
                : "and may become "
                        + String.join(
                                ", ",
                                status.next().stream().map(OrderStatus::json).toList());
        return Problem.of(
                        HttpStatus.CONFLICT,
                        "transition-not-allowed",
                        "Transition not allowed",
                        "Order " + present.id() + " cannot become "
                                + change.status().json() + ": it is " + status.json() + ", " + allowed + ".")
                .with("present", status)
                .with("allowed", status.next());
    }
}
