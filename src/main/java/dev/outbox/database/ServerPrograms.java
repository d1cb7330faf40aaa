package dev.outbox.database;

import io.zonky.test.db.postgres.embedded.DefaultPostgresBinaryResolver;
import io.zonky.test.db.postgres.util.LinuxUtils;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveInputStream;
import org.tukaani.xz.XZInputStream;

/**
 * The programs of the PostgreSQL that comes with the build, extracted once. The library that brings them could run them as well, but
 * tells a server that fails at once from one that is slow only by waiting.
 */
record ServerPrograms(Path bin) {

    /** The last file that is made. */
    private static final String COMPLETE = ".exists";

    private static final Pattern MAJOR = Pattern.compile("(\\d+)");

    /** Extracts them into a directory that is named after their archive, unless they are there. */
    static ServerPrograms in(Path programs) throws IOException {
        byte[] archive = archive();
        Path place = programs.resolve("PG-" + digest(archive));
        if (!Files.isRegularFile(place.resolve(COMPLETE))) {
            if (Files.exists(place) && !Unfinished.isEmptyDirectory(place)) {
                throw NoDatabaseException.embedded(
                        place, "is not complete, and this program did not make it", "Delete it.", null);
            }
            Files.createDirectories(programs);
            Unfinished unfinished = Unfinished.of(place);
            extract(archive, unfinished.content());
            unfinished.finish();
        }
        return new ServerPrograms(place.resolve("bin"));
    }

    /** Such as 18. */
    String majorVersion() throws IOException {
        Path answer = Files.createTempFile("outbox", "version");
        try {
            run(answer, Duration.ofSeconds(20), program("postgres"), "--version");
            Matcher major = MAJOR.matcher(Files.readString(answer));
            if (!major.find()) {
                throw new IOException(program("postgres") + " does not run: " + Files.readString(answer));
            }
            return major.group();
        } finally {
            Files.delete(answer);
        }
    }

    String program(String name) {
        return bin.resolve(isWindows() ? name + ".exe" : name).toString();
    }

    /**
     * Runs a program to its end, and answers whether it succeeded.
     *
     * @param output to which it and what it starts append
     */
    static boolean run(Path output, Duration atMost, String... words) throws IOException {
        List<String> command = new ArrayList<>();
        if (LinuxUtils.isUnshareAvailable()) {
            command.addAll(List.of("unshare", "-U")); // PostgreSQL refuses root
        }
        command.addAll(List.of(words));
        Process process = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.appendTo(output.toFile()))
                .start();
        try {
            return process.waitFor(atMost.toMillis(), TimeUnit.MILLISECONDS) && process.exitValue() == 0;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("Interrupted while " + words[0] + " ran", e);
        } finally {
            process.destroy(); // if it still runs
        }
    }

    private static byte[] archive() throws IOException {
        String machine = System.getProperty("os.arch", "");
        try (InputStream stream = DefaultPostgresBinaryResolver.INSTANCE.getPgBinary(
                system(), machine.equals("amd64") ? "x86_64" : machine)) {
            return stream.readAllBytes();
        }
    }

    private static String digest(byte[] archive) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("MD5").digest(archive));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    private static void extract(byte[] archive, Path to) throws IOException {
        try (TarArchiveInputStream tar =
                new TarArchiveInputStream(new XZInputStream(new ByteArrayInputStream(archive)))) {
            for (TarArchiveEntry entry = tar.getNextEntry(); entry != null; entry = tar.getNextEntry()) {
                Path path = to.resolve(entry.getName());
                if (entry.isDirectory()) {
                    Files.createDirectories(path);
                } else {
                    Files.createDirectories(path.resolveSibling(""));
                    extract(tar, entry, path);
                }
            }
        }
        Files.createFile(to.resolve(COMPLETE));
    }

    private static void extract(TarArchiveInputStream tar, TarArchiveEntry entry, Path path) throws IOException {
        if (entry.isSymbolicLink()) {
            Files.createSymbolicLink(path, Path.of(entry.getLinkName()));
            return;
        }
        Files.copy(tar, path);
        if (entry.getName().startsWith("bin/") && !path.toFile().setExecutable(true)) {
            throw new IOException(path + " can't be made executable");
        }
    }

    /** In the words of the archives. */
    private static String system() {
        String name = System.getProperty("os.name", "").toLowerCase(Locale.ROOT);
        if (name.startsWith("mac")) {
            return "Darwin";
        }
        return isWindows() ? "Windows" : "Linux";
    }

    private static boolean isWindows() {
        return System.getProperty("os.name", "").toLowerCase(Locale.ROOT).startsWith("windows");
    }
}
