package dev.outbox;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** Stands between the application and its database: open, shut (connections are refused), or frozen (nothing goes through). */
public final class Door implements AutoCloseable {

    private final TestDatabase database;
    private final Set<Socket> sockets = ConcurrentHashMap.newKeySet();
    private final int port;
    private volatile boolean frozen;
    private volatile @Nullable ServerSocket listener;

    public Door(TestDatabase database) {
        this.database = database;
        this.port = listen(0);
    }

    public int port() {
        return port;
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
            Socket server = new Socket(database.host(), database.port());
            sockets.add(client);
            sockets.add(server);
            if (open.isClosed()) {
                client.close();
                server.close();
                return;
            }
            start(() -> pump(client, server));
            start(() -> pump(server, client));
        }
    }

    private void pump(Socket from, Socket to) throws IOException {
        try (from;
                to) {
            InputStream in = from.getInputStream();
            OutputStream out = to.getOutputStream();
            byte[] bytes = new byte[8192];
            for (int count = in.read(bytes); count >= 0; count = in.read(bytes)) {
                if (!frozen) {
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
