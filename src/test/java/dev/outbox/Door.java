package dev.outbox;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.SocketChannel;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import java.io.IOException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.Socket;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * A TCP proxy that stands between a program and its database, and does to the connections what networks do: refuses, resets and
 * half-closes them, holds back what goes one way or both, delays it and makes it slow. It can also cut a connection at its next
 * commit, just before the server has it or just after.
 */
public final class Door implements AutoCloseable {

    /** Which way bytes go. */
    public enum Way {
        /** From the program to the server. */
        REQUESTS,
        /** From the server to the program. */
        ANSWERS
    }

    enum Cut {
        BEFORE,
        AFTER
    }

    /**
     * How bytes travel.
     *
     * @param latencyMillis until they arrive
     * @param jitterMillis what chance adds to that
     * @param bytesPerSecond at most; 0 for any number
     */
    record Pace(int latencyMillis, int jitterMillis, int bytesPerSecond) {}

    private static final Pace FREE = new Pace(0, 0, 0);

    private volatile TestDatabase server;
    private final EventLoopGroup loop = new MultiThreadIoEventLoopGroup(1, NioIoHandler.newFactory());
    private final Set<DoorLine> lines = ConcurrentHashMap.newKeySet();
    private final AtomicReference<@Nullable Cut> cut = new AtomicReference<>();
    private final AtomicInteger cuts = new AtomicInteger();
    private final Set<Way> held = ConcurrentHashMap.newKeySet();
    private final int port;
    private volatile Pace pace = FREE;
    private volatile @Nullable Channel listener;

    public Door(TestDatabase database) {
        this.server = database;
        Channel open = listenSomewhere();
        this.listener = open;
        this.port = ((java.net.InetSocketAddress) open.localAddress()).getPort();
    }

    public int port() {
        return port;
    }

    /** The database, as it is reached through this door. */
    public TestDatabase to(TestDatabase database) {
        return new TestDatabase("localhost", port, database.name());
    }

    /** Connections that are made from now on lead to another server. */
    public void leadTo(TestDatabase other) {
        server = other;
    }

    /** As at the beginning, without the connections that there were. */
    public void open() {
        shut();
        held.clear();
        pace = FREE;
        await(this::reopens, Duration.ofSeconds(5), "port " + port + " to be free again");
    }

    /** A selector closes a socket that it watched at its next look; until then the kernel takes connections. */
    private boolean isRefused() {
        try (Socket taken = new Socket(InetAddress.getLoopbackAddress(), port)) {
            return false;
        } catch (ConnectException refused) {
            return true;
        } catch (IOException reset) {
            return false;
        }
    }

    private boolean reopens() {
        ChannelFuture bound = bind(port).awaitUninterruptibly();
        listener = bound.channel();
        return bound.isSuccess();
    }

    /** Refuses new connections and ends the others. */
    public void shut() {
        Channel open = listener;
        if (open != null) {
            open.close().syncUninterruptibly();
            await(this::isRefused, Duration.ofSeconds(5), "port " + port + " to be closed");
        }
        each(DoorLine::reset);
        await(lines::isEmpty, Duration.ofSeconds(5), "the last connection to end");
    }

    /** Nothing goes through any more, either way, and nobody is told. */
    public void freeze() {
        hold(Way.REQUESTS);
        hold(Way.ANSWERS);
    }

    /** What goes this way is held back, on new connections too; so are the ends of connections. */
    public void hold(Way way) {
        held.add(way);
    }

    /** What was held back goes on, as after the retransmissions of a network that is mended. */
    public void release() {
        held.clear();
        each(DoorLine::release);
    }

    /** From now on bytes take this long, on connections that are there too. */
    public void delay(int latencyMillis, int jitterMillis) {
        pace = new Pace(latencyMillis, jitterMillis, 0);
    }

    /** From now on this many bytes go through in a second, each way of each connection. */
    public void throttle(int bytesPerSecond) {
        pace = new Pace(0, 0, bytesPerSecond);
    }

    public void unhindered() {
        pace = FREE;
    }

    /** Resets all connections: RST to both ends. */
    public int reset() {
        List<DoorLine> now = List.copyOf(lines);
        each(DoorLine::reset);
        return now.size();
    }

    /** Resets one connection by chance; answers whether there was one. */
    public boolean resetOne(Random random) {
        List<DoorLine> now = List.copyOf(lines);
        if (now.isEmpty()) {
            return false;
        }
        DoorLine one = now.get(random.nextInt(now.size()));
        loop.execute(one::reset);
        return true;
    }

    /** Tells the receiving end that no more will come this way; the other way stays open. */
    public void halfClose(Way way) {
        each(line -> line.halfClose(way));
    }

    /** The next commit does not reach the server. */
    public void cutBeforeCommit() {
        cut.set(Cut.BEFORE);
    }

    /** The next commit reaches the server and is done there, its answer does not come back. */
    public void cutAfterCommit() {
        cut.set(Cut.AFTER);
    }

    /** How many connections were cut at a commit. */
    public int cuts() {
        return cuts.get();
    }

    /** How many connections go through. */
    public int lines() {
        return lines.size();
    }

    /**
     * Waits until the program has given up all those of its present connections that carry this application_name.
     *
     * @return how long it took
     */
    public Duration awaitGivenUp(String name, Duration atMost) {
        long began = System.nanoTime();
        List<DoorLine> now =
                lines.stream().filter(line -> name.equals(line.name())).toList();
        if (now.isEmpty()) {
            throw new IllegalStateException("No connection is named " + name);
        }
        await(() -> now.stream().allMatch(DoorLine::givenUp), atMost, name + " to be given up");
        return Duration.ofNanos(System.nanoTime() - began);
    }

    @Override
    public void close() {
        shut();
        loop.shutdownGracefully(0, 1, TimeUnit.SECONDS).syncUninterruptibly();
    }

    Pace pace() {
        return pace;
    }

    boolean isHeld(Way way) {
        return held.contains(way);
    }

    @Nullable
    Cut takeCut() {
        return cut.getAndSet(null);
    }

    void hasCut() {
        cuts.incrementAndGet();
    }

    void ended(DoorLine line) {
        lines.remove(line);
    }

    private void each(java.util.function.Consumer<DoorLine> action) {
        List<DoorLine> now = List.copyOf(lines);
        loop.submit(() -> now.forEach(action)).syncUninterruptibly();
    }

    /** Below the ports that connections get as their own: while the door is shut one of those might take its port. */
    private Channel listenSomewhere() {
        for (int i = 0; i < 100; i++) {
            ChannelFuture bound =
                    bind(ThreadLocalRandom.current().nextInt(20_000, 30_000)).awaitUninterruptibly();
            if (bound.isSuccess()) {
                return bound.channel();
            }
        }
        throw new IllegalStateException("No free port");
    }

    private ChannelFuture bind(int wanted) {
        return new ServerBootstrap()
                .group(loop)
                .channel(NioServerSocketChannel.class)
                .option(ChannelOption.SO_REUSEADDR, true)
                .childOption(ChannelOption.AUTO_READ, false)
                .childOption(ChannelOption.ALLOW_HALF_CLOSURE, true)
                .childHandler(new ChannelInitializer<SocketChannel>() {
                    @Override
                    protected void initChannel(SocketChannel client) {
                        DoorLine line = new DoorLine(Door.this, client);
                        lines.add(line);
                        line.connect(server.host(), server.port());
                    }
                })
                .bind(InetAddress.getLoopbackAddress(), wanted);
    }

    private static void await(java.util.function.BooleanSupplier condition, Duration atMost, String what) {
        long deadline = System.nanoTime() + atMost.toNanos();
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() > deadline) {
                throw new IllegalStateException("Waited in vain for " + what);
            }
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(1));
        }
    }
}
