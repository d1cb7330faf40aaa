package dev.outbox;

import io.netty.bootstrap.Bootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelOption;
import io.netty.channel.socket.ChannelInputShutdownEvent;
import io.netty.channel.socket.SocketChannel;
import io.netty.channel.socket.nio.NioSocketChannel;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;

/** One connection through a {@link Door}: two ways, both on one event loop. */
@SuppressWarnings(
        "FutureReturnValueIgnored") // a write or close that fails is the end of the connection, which is noticed
final class DoorLine {

    private final Door door;
    private final SocketChannel client;
    private final CommitSpotter spotter = new CommitSpotter();
    private Lane requests;
    private Lane answers;
    private boolean deaf;
    private volatile boolean givenUp;

    DoorLine(Door door, SocketChannel client) {
        this.door = door;
        this.client = client;
    }

    void connect(String host, int port) {
        new Bootstrap()
                .group(client.eventLoop())
                .channel(NioSocketChannel.class)
                .option(ChannelOption.AUTO_READ, false)
                .option(ChannelOption.ALLOW_HALF_CLOSURE, true)
                .handler(new ChannelInboundHandlerAdapter())
                .connect(host, port)
                .addListener((io.netty.channel.ChannelFuture connected) -> {
                    if (connected.isSuccess()) {
                        join((SocketChannel) connected.channel());
                    } else {
                        reset(client);
                        door.ended(this);
                    }
                });
    }

    /** The application_name that the program gave; empty if it is not known. */
    String name() {
        return spotter.name();
    }

    /** Whether the program has closed its end. */
    boolean givenUp() {
        return givenUp;
    }

    /** RST to both ends; what was held back is dropped. */
    void reset() {
        reset(client);
        if (answers != null) {
            reset(answers.from);
            requests.drop();
            answers.drop();
        }
        door.ended(this);
    }

    void halfClose(Door.Way way) {
        if (answers != null) {
            (way == Door.Way.REQUESTS ? requests : answers).to.shutdownOutput();
        }
    }

    void release() {
        if (answers != null) {
            requests.pass();
            answers.pass();
        }
    }

    private void join(SocketChannel server) {
        if (!client.isOpen()) {
            reset(server);
            return;
        }
        requests = new Lane(Door.Way.REQUESTS, client, server);
        answers = new Lane(Door.Way.ANSWERS, server, client);
        client.pipeline().addLast(requests);
        server.pipeline().addLast(answers);
        client.config().setAutoRead(true);
        server.config().setAutoRead(true);
    }

    /** Whether bytes may go on; cuts the connection where it is to be cut. */
    private boolean passes(Door.Way way, ByteBuf bytes) {
        return way == Door.Way.REQUESTS ? passesRequest(bytes) : passesAnswer(bytes);
    }

    private boolean passesRequest(ByteBuf bytes) {
        Door.Cut cut = spotter.isCommit(bytes) ? door.takeCut() : null;
        if (cut == Door.Cut.BEFORE) {
            door.hasCut();
            reset();
        }
        deaf |= cut == Door.Cut.AFTER;
        return cut != Door.Cut.BEFORE;
    }

    /** CommandComplete says that the commit is done: then the connection ends, and the answer is not passed on. */
    private boolean passesAnswer(ByteBuf bytes) {
        CommitSpotter.Answer answer = spotter.answer(bytes);
        if (deaf && answer != CommitSpotter.Answer.NONE) {
            if (answer == CommitSpotter.Answer.COMMITTED) {
                door.hasCut();
            }
            reset();
        }
        return !deaf;
    }

    private static void reset(SocketChannel channel) {
        if (channel.isOpen()) {
            channel.config().setSoLinger(0);
            channel.close();
        }
    }

    /** Bytes, and when they are to arrive. */
    private record Piece(ByteBuf bytes, long at) {}

    /** One way: what comes from one end is written to the other, as the door permits. */
    private final class Lane extends ChannelInboundHandlerAdapter {

        private final Door.Way way;
        private final SocketChannel from;
        private final SocketChannel to;
        private final Deque<Piece> pieces = new ArrayDeque<>();
        private boolean ended;
        private boolean waiting;

        Lane(Door.Way way, SocketChannel from, SocketChannel to) {
            this.way = way;
            this.from = from;
            this.to = to;
        }

        @Override
        public void channelRead(ChannelHandlerContext context, Object message) {
            ByteBuf bytes = (ByteBuf) message;
            if (passes(way, bytes)) {
                Door.Pace pace = door.pace();
                int latency = pace.latencyMillis() + ThreadLocalRandom.current().nextInt(pace.jitterMillis() + 1);
                pieces.add(new Piece(bytes, System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(latency)));
                pass();
            } else {
                bytes.release();
            }
        }

        @Override
        public void userEventTriggered(ChannelHandlerContext context, Object event) {
            if (event instanceof ChannelInputShutdownEvent) {
                end();
            }
        }

        @Override
        public void channelInactive(ChannelHandlerContext context) {
            end();
        }

        @Override
        public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
            givenUp |= way == Door.Way.REQUESTS;
            if (!door.isHeld(way)) {
                reset();
            }
        }

        private void end() {
            ended = true;
            givenUp |= way == Door.Way.REQUESTS;
            pass();
        }

        /** In order: each piece at its time, none before the one ahead of it, and the end behind them all. */
        private void pass() {
            while (!waiting && !door.isHeld(way) && !pieces.isEmpty()) {
                Piece piece = pieces.element();
                long early = piece.at() - System.nanoTime();
                if (early > 0) {
                    passAfter(early);
                } else {
                    write(piece.bytes(), door.pace().bytesPerSecond());
                }
            }
            if (ended && pieces.isEmpty() && !door.isHeld(way)) {
                passOnTheEnd();
            }
        }

        private void write(ByteBuf bytes, int perSecond) {
            int count = perSecond == 0 ? bytes.readableBytes() : Math.max(1, perSecond / 20);
            if (count >= bytes.readableBytes()) {
                pieces.remove();
                count = bytes.readableBytes();
                to.writeAndFlush(bytes, to.voidPromise());
            } else {
                to.writeAndFlush(bytes.readRetainedSlice(count), to.voidPromise());
            }
            if (perSecond > 0) {
                passAfter(count * 1_000_000_000L / perSecond);
            }
        }

        private void passAfter(long nanos) {
            waiting = true;
            from.eventLoop()
                    .schedule(
                            () -> {
                                waiting = false;
                                pass();
                            },
                            nanos,
                            TimeUnit.NANOSECONDS);
        }

        private void passOnTheEnd() {
            if (to.isOpen() && !to.isOutputShutdown()) {
                to.shutdownOutput();
            }
            if (requests.ended && answers.ended) {
                close(client);
                close(answers.from);
                door.ended(DoorLine.this);
            }
        }

        private void drop() {
            while (!pieces.isEmpty()) {
                pieces.remove().bytes().release();
            }
        }

        private static void close(Channel channel) {
            if (channel.isOpen()) {
                channel.close();
            }
        }
    }
}
