package dev.outbox.database;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What PostgreSQL's own files in its data directory say about the server that runs there, or ran last. */
record ServerDirectory(Path path) {

    private static final Pattern PORT_OPTION = Pattern.compile("\"-p\" \"(\\d+)\"");

    /** postmaster.pid: the process id in the first line, the port in the fourth. */
    private static final int PORT_LINE = 3;

    /**
     * Whether the process that postmaster.pid names is there. A process of another program has got the number since if the
     * machine was restarted; PostgreSQL itself would not tell the difference and refuse to start, so the file is removed then.
     */
    boolean serverIsAlive() throws IOException {
        List<String> lines = lines("postmaster.pid");
        if (lines.isEmpty()) {
            return false;
        }
        ProcessHandle process =
                ProcessHandle.of(Long.parseLong(lines.get(0).trim())).orElse(null);
        if (process == null || !process.isAlive()) {
            return false;
        }
        String program = process.info().command().orElse("");
        if (program.isEmpty()) {
            return false; // another user's: PostgreSQL passes over it
        }
        if (!Path.of(program).getFileName().toString().toLowerCase(Locale.ROOT).startsWith("postgres")) {
            Files.deleteIfExists(path.resolve("postmaster.pid"));
            return false;
        }
        return true;
    }

    /** Or 0 while it is not written yet. */
    int portOfRunning() throws IOException {
        List<String> lines = lines("postmaster.pid");
        return lines.size() > PORT_LINE && !lines.get(PORT_LINE).isBlank()
                ? Integer.parseInt(lines.get(PORT_LINE).trim())
                : 0;
    }

    /** Or 0 if no server ran here. */
    int portOfLastTime() throws IOException {
        Matcher option = PORT_OPTION.matcher(options());
        return option.find() ? Integer.parseInt(option.group(1)) : 0;
    }

    /** Whether a server ever ran here: then the data were made to the end. */
    boolean everServed() throws IOException {
        return !options().isEmpty();
    }

    /** The program that stops the server: beside the one that runs. */
    Path pgCtl() throws IOException {
        String server = options().substring(0, Math.max(0, options().indexOf(" \"")));
        String extension = server.endsWith(".exe") ? ".exe" : "";
        return Path.of(server).resolveSibling("pg_ctl" + extension);
    }

    /** The server's command line, which it writes when it starts and leaves when it ends. */
    private String options() throws IOException {
        List<String> lines = lines("postmaster.opts");
        return lines.isEmpty() ? "" : lines.get(0);
    }

    private List<String> lines(String file) throws IOException {
        try {
            return Files.readAllLines(path.resolve(file));
        } catch (NoSuchFileException e) {
            return List.of();
        }
    }
}
