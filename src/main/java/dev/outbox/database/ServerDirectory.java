package dev.outbox.database;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFileAttributeView;
import java.nio.file.attribute.PosixFilePermission;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** What PostgreSQL's own files in its data directory say about the server that runs there, or ran last. */
record ServerDirectory(Path path) {

    private static final Pattern PORT_OPTION = Pattern.compile("\"-p\" \"(\\d+)\"");

    /** postmaster.pid: the process id in the first line, the port in the fourth. */
    private static final int PORT_LINE = 3;

    private static final Set<PosixFilePermission> REFUSED = Set.of(
            PosixFilePermission.GROUP_WRITE,
            PosixFilePermission.OTHERS_READ,
            PosixFilePermission.OTHERS_WRITE,
            PosixFilePermission.OTHERS_EXECUTE);

    /** Nothing, or an empty directory. */
    boolean isMissing() throws IOException {
        return Files.notExists(path) || Unfinished.isEmptyDirectory(path);
    }

    /**
     * Passes if there is nothing, too.
     *
     * @throws NoDatabaseException if there is something else
     */
    void requireDirectory() {
        if (Files.exists(path) && !Files.isDirectory(path)) {
            throw refusal("is no directory", "Move it elsewhere.");
        }
    }

    /**
     * Looks for what a server of that version would refuse.
     *
     * @throws NoDatabaseException if there is such a thing
     */
    void check(String majorVersion) throws IOException {
        List<String> version = lines("PG_VERSION");
        if (version.isEmpty() || !Files.exists(path.resolve("global").resolve("pg_control"))) {
            throw refusal(
                    "holds no complete data of a PostgreSQL, and this program did not make it",
                    "Move it elsewhere; delete it if nothing in it is needed.");
        }
        if (!version.get(0).trim().equals(majorVersion)) {
            throw refusal(
                    "holds the data of a PostgreSQL " + version.get(0).trim() + ", and the embedded one is "
                            + majorVersion,
                    "Dump them with that version and restore them into a new directory (outbox.embedded.directory).");
        }
        checkPermissions();
    }

    private void checkPermissions() throws IOException {
        PosixFileAttributeView view = Files.getFileAttributeView(path, PosixFileAttributeView.class);
        if (view == null) {
            return;
        }
        Set<PosixFilePermission> permissions = view.readAttributes().permissions();
        boolean owned = permissions.containsAll(Set.of(
                PosixFilePermission.OWNER_READ, PosixFilePermission.OWNER_WRITE, PosixFilePermission.OWNER_EXECUTE));
        if (!owned || permissions.stream().anyMatch(REFUSED::contains)) {
            throw refusal(
                    "has permissions with which PostgreSQL refuses to start: it must be its owner's alone",
                    "Run chmod 700 " + path + ".");
        }
    }

    /**
     * Whether a server runs here. Another process has got the number in postmaster.pid since if the machine was restarted; PostgreSQL
     * itself would not tell the difference and refuse to start, so the file is removed then.
     *
     * @param used whether another process uses the directory: then the file may be the truth of another container
     */
    boolean serverIsAlive(boolean used) throws IOException {
        List<String> lines = lines("postmaster.pid");
        if (lines.isEmpty()) {
            return false;
        }
        ProcessHandle process = process(lines.get(0).trim());
        if (process == null) {
            return false; // PostgreSQL sees that too
        }
        if (runsHere(process)) {
            return true;
        }
        if (used) {
            throw NoDatabaseException.embedded(
                    path.resolve("postmaster.pid"),
                    "names process " + process.pid()
                            + ", which is no server of this directory, but the directory is in use",
                    "Stop the service that uses it, perhaps in another container; or set another outbox.embedded.directory.",
                    null);
        }
        Files.deleteIfExists(path.resolve("postmaster.pid"));
        return false;
    }

    /** Of that number, or null if there is none. */
    private @Nullable ProcessHandle process(String id) {
        try {
            return ProcessHandle.of(Long.parseLong(id))
                    .filter(ProcessHandle::isAlive)
                    .orElse(null);
        } catch (NumberFormatException e) {
            throw refusal("has a postmaster.pid that names no process", "Delete that file if no server runs there.");
        }
    }

    /** A server works in its data directory; where that can't be seen, its command line names it. */
    private boolean runsHere(ProcessHandle process) throws IOException {
        String program = process.info().command().orElse("");
        if (program.isEmpty()
                || !Path.of(program)
                        .getFileName()
                        .toString()
                        .toLowerCase(Locale.ROOT)
                        .startsWith("postgres")) {
            return false;
        }
        Path workingDirectory = Path.of("/proc", Long.toString(process.pid()), "cwd");
        if (Files.isReadable(workingDirectory)) {
            return Files.isSameFile(workingDirectory, path);
        }
        String[] words = process.info().arguments().orElse(new String[0]);
        return words.length == 0 || List.of(words).contains(path.toString());
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

    private NoDatabaseException refusal(String reason, String remedy) {
        return NoDatabaseException.embedded(path, reason, remedy, null);
    }
}
