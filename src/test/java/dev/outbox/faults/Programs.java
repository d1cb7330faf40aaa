package dev.outbox.faults;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** Small programs of the system, run to their end. */
final class Programs {

    /** How one ended, and what it said. */
    record Result(int exit, String output) {}

    private Programs() {}

    /**
     * Runs one that must succeed.
     *
     * @param line its words, with blanks between them
     */
    static String run(String line) {
        Result result = tryTo(line.split(" ", -1));
        if (result.exit() != 0) {
            throw new IllegalStateException(line + " ended with " + result.exit() + ": " + result.output());
        }
        return result.output();
    }

    /** An exit status of -1 says that there is no such program. */
    static Result tryTo(String... words) {
        return tryTo(List.of(words));
    }

    static Result tryTo(List<String> words) {
        try {
            Process process = new ProcessBuilder(new ArrayList<>(words))
                    .redirectErrorStream(true)
                    .start();
            process.getOutputStream().close();
            String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            return new Result(process.waitFor(), output.trim());
        } catch (IOException missing) {
            return new Result(-1, missing.getMessage());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }
}
