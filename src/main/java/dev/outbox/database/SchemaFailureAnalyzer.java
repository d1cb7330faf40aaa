package dev.outbox.database;

import java.sql.SQLException;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.diagnostics.AbstractFailureAnalyzer;
import org.springframework.boot.diagnostics.FailureAnalysis;

/** Says at start in the server's words why the schema could not be looked at or changed, in place of a stack trace. */
final class SchemaFailureAnalyzer extends AbstractFailureAnalyzer<SQLException> {

    @Override
    protected FailureAnalysis analyze(Throwable failure, SQLException cause) {
        String words = String.valueOf(cause.getMessage()).replaceAll("\\s+", " ");
        return new FailureAnalysis(
                "The database's schema could not be brought up to date: " + words + " (SQLSTATE " + cause.getSQLState()
                        + ")",
                remedy(cause.getSQLState()),
                cause);
    }

    private static String remedy(@Nullable String state) {
        return switch (String.valueOf(state)) {
            case "25006" -> "Use the primary, or take default_transaction_read_only from the database or the role.";
            case "42501" -> "Grant the right to the role, or set spring.liquibase.user to the schema's owner.";
            default -> "Start again when the reason is mended.";
        };
    }
}
