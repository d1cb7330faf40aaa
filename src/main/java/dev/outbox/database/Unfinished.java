package dev.outbox.database;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.stream.Stream;
import org.springframework.util.FileSystemUtils;

/**
 * A directory that is made beside the place where it belongs and moved there when it is complete: what is there is whole, whenever
 * the process is killed. What a killed process leaves carries a mark, and nothing without the mark is ever deleted.
 */
final class Unfinished {

    private static final String MARK = "made-by-outbox";

    private final Path target;
    private final Path room;

    private Unfinished(Path target) {
        this.target = target;
        this.room = target.resolveSibling(target.getFileName() + ".unfinished");
    }

    /**
     * Begins anew; an earlier attempt is deleted.
     *
     * @throws NoDatabaseException if something of others has the name
     */
    static Unfinished of(Path target) throws IOException {
        Unfinished unfinished = new Unfinished(target);
        Path room = unfinished.room;
        if (Files.isRegularFile(room.resolve(MARK))) {
            FileSystemUtils.deleteRecursively(room);
        } else if (Files.exists(room) && !isEmptyDirectory(room)) {
            throw NoDatabaseException.embedded(
                    room, "is in the way, and this program did not make it", "Move it elsewhere.", null);
        }
        Files.createDirectories(room);
        Files.createFile(room.resolve(MARK));
        return unfinished;
    }

    /** Where to make it; not there yet. */
    Path content() {
        return room.resolve("content");
    }

    /**
     * Moves it to its place, where nothing or an empty directory is. It is there for good before it is used: after a crash of the machine
     * it must not be taken for an attempt.
     */
    void finish() throws IOException {
        Files.move(content(), target, StandardCopyOption.ATOMIC_MOVE);
        sync(target.resolveSibling(""));
        sync(room);
        FileSystemUtils.deleteRecursively(room);
    }

    static boolean isEmptyDirectory(Path path) throws IOException {
        if (!Files.isDirectory(path)) {
            return false;
        }
        try (Stream<Path> entries = Files.list(path)) {
            return entries.findAny().isEmpty();
        }
    }

    private static void sync(Path directory) {
        try (FileChannel channel = FileChannel.open(directory, StandardOpenOption.READ)) {
            channel.force(true);
        } catch (IOException e) {
            // Windows opens no directories, and needs it not
        }
    }
}
