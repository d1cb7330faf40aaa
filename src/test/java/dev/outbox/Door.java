package dev.outbox;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * Stands between the application and its database: open, shut (connections are refused), or frozen (nothing goes through).
 * It can also cut a connection at its next commit, just before the server has it or just after.
 */
public final class Door implements AutoCloseable {

    private volatile TestDatabase database;
    private final Set<Socket> sockets = ConcurrentHashMap.newKeySet();
    private final int port;
    private final AtomicReference<@Nullable Cut> cut = new AtomicReference<>();
    private final AtomicInteger cuts = new AtomicInteger();
    private volatile boolean frozen;
    private volatile @Nullable ServerSocket listener;

    public Door(TestDatabase database) {
        this.database = database;
        this.port = listen(0);
    }

    public int port() {
        return port;
    }

    /** Connections that are made from now on lead to another server. */
    public void leadTo(TestDatabase other) {
        database = other;
    }

    public void open() {
        shut();
        frozen = false;
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(5);
        while (!isListening()) {
            // The end of the last listener may take its time.
            if (System.nanoTime() > deadline) {
                throw new IllegalStateException("Port " + port + " is in use");
            }
        }
    }

    private boolean isListening() {
        try {
            listen(port);
            return true;
        } catch (UncheckedIOException inUse) {
            return false;
        }
    }

    public void freeze() {
        frozen = true;
    }

    /** The next commit does not reach the server. */
    public void cutBeforeCommit() {
        cut.set(Cut.BEFORE);
    }

    /** The next commit reaches the server, its answer does not come back. */
    public void cutAfterCommit() {
        cut.set(Cut.AFTER);
    }

    /** How many connections were cut at a commit. */
    public int cuts() {
        return cuts.get();
    }

    public void shut() {
        ServerSocket open = listener;
        if (open != null) {
            close(open);
        }
        sockets.forEach(Door::close);
        sockets.clear();
    }

    @Override
    public void close() {
        shut();
    }

    private int listen(int wanted) {
        try {
            ServerSocket open = new ServerSocket(wanted, 50, InetAddress.getLoopbackAddress());
            listener = open;
            start(() -> accept(open));
            return open.getLocalPort();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void accept(ServerSocket open) throws IOException {
        while (true) {
            Socket client = open.accept();
            Socket server;
            try {
                server = new Socket(database.host(), database.port());
            } catch (IOException refused) {
                client.close();
                continue;
            }
            sockets.add(client);
            sockets.add(server);
            if (open.isClosed()) {
                client.close();
                server.close();
                return;
            }
            Line line = new Line(client, server);
            start(line::requests);
            start(line::answers);
        }
    }

    private enum Cut {
        BEFORE,
        AFTER
    }

    /** One connection through the door. */
    private final class Line {

        private final Socket client;
        private final Socket server;
        private volatile boolean deaf;

        Line(Socket client, Socket server) {
            this.client = client;
            this.server = server;
        }

        void requests() throws IOException {
            pump(client, server, this::passRequest);
        }

        void answers() throws IOException {
            pump(server, client, this::passAnswer);
        }

        private boolean passRequest(String request) throws IOException {
            Cut now = request.contains("COMMIT") ? cut.getAndSet(null) : null;
            if (now != null) {
                cuts.incrementAndGet();
                deaf = true;
            }
            if (now == Cut.BEFORE) {
                client.close();
            }
            return now != Cut.BEFORE;
        }

        /** The answer to a commit says that it is done: then the connection ends. */
        private boolean passAnswer(String answer) throws IOException {
            if (deaf) {
                client.close();
            }
            return !deaf;
        }
    }

    private interface Filter {
        boolean passes(String bytes) throws IOException;
    }

    private void pump(Socket from, Socket to, Filter filter) throws IOException {
        try (from;
                to) {
            InputStream in = from.getInputStream();
            OutputStream out = to.getOutputStream();
            byte[] bytes = new byte[8192];
            for (int count = in.read(bytes); count >= 0; count = in.read(bytes)) {
                if (filter.passes(new String(bytes, 0, count, StandardCharsets.ISO_8859_1)) && !frozen) {
                    out.write(bytes, 0, count);
                }
            }
        }
    }

    private interface Work {
        void run() throws IOException;
    }

    private static void start(Work work) {
        Thread thread = new Thread(
                () -> {
                    try {
                        work.run();
                    } catch (IOException closed) {
                        // the end of this connection
                    }
                },
                "door");
        thread.setDaemon(true);
        thread.start();
    }

    private static void close(AutoCloseable closeable) {
        try {
            closeable.close();
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }
}
