package dev.outbox.faults;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * The time of day of a process, by libfaketime. The clock that counts on, which timers go by, is left alone, as it is by a real jump.
 *
 * @param file says how far it is off
 */
record FakeClock(Path library, Path file) {

    static final String MISSING = "libfaketime is not installed (Debian's package faketime)";

    /** A clock that is right as yet; none where the library is missing. */
    static Optional<FakeClock> in(Path file) {
        return Stream.of("x86_64-linux-gnu", "aarch64-linux-gnu")
                .map(machine -> Path.of("/usr/lib", machine, "faketime/libfaketimeMT.so.1"))
                .filter(Files::exists)
                .findFirst()
                .map(library -> new FakeClock(library, file))
                .map(clock -> clock.isOff(0));
    }

    /** The library reads the file at any moment: it is replaced as a whole. */
    FakeClock isOff(long seconds) {
        try {
            Path next = file.resolveSibling(file.getFileName() + ".next");
            Files.writeString(next, (seconds < 0 ? "" : "+") + seconds + "\n");
            Files.move(next, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
            return this;
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    /** The environment of a process that goes by it. */
    Map<String, String> settings() {
        return Map.of(
                "LD_PRELOAD",
                library.toString(),
                "FAKETIME_TIMESTAMP_FILE",
                file.toString(),
                "FAKETIME_CACHE_DURATION",
                "1", // second, for which a look at the clock is not a read of the file
                "FAKETIME_DONT_FAKE_MONOTONIC",
                "1",
                "FAKETIME_FORCE_MONOTONIC_FIX", // which would make each wait end at once
                "0");
    }
}
