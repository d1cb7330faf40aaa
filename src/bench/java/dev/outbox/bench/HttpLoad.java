package dev.outbox.bench;

import io.netty.bootstrap.Bootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioSocketChannel;
import io.netty.handler.codec.ByteToMessageDecoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CompletableFuture;

/**
 * HTTP/1.1 over connections that are kept, one request at a time on each, as cheap as it can be: one thread, requests that are
 * encoded before, and of the responses no more is looked at than the status and where they end.
 */
final class HttpLoad implements AutoCloseable {

    private static final String LENGTH = "\r\ncontent-length:";

    private final EventLoopGroup loop = new MultiThreadIoEventLoopGroup(1, NioIoHandler.newFactory());
    private final List<Channel> connections = new ArrayList<>();

    /** These are touched by the one thread only. */
    private Round round = new Round(new byte[0][]);

    HttpLoad(int port, int count) throws InterruptedException {
        Bootstrap bootstrap = new Bootstrap()
                .group(loop)
                .channel(NioSocketChannel.class)
                .handler(new ChannelInitializer<Channel>() {
                    @Override
                    protected void initChannel(Channel channel) {
                        channel.pipeline().addLast(new Responses());
                    }
                });
        for (int i = 0; i < count; i++) {
            connections.add(bootstrap.connect("localhost", port).sync().channel());
        }
    }

    /** A request with a JSON body. */
    static byte[] request(String method, String path, String body) {
        return (method + " " + path + " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: "
                        + body.length() + "\r\n\r\n" + body)
                .getBytes(StandardCharsets.US_ASCII);
    }

    /** Sends all of them, each connection the next one when it has its answer: the rate and the percentiles of the waits. */
    List<Value> run(byte[][] requests) throws Exception {
        Round started = new Round(requests);
        long began = System.nanoTime();
        loop.execute(() -> {
            round = started;
            connections.forEach(this::sendNext);
        });
        started.done.get();
        List<Value> values = new ArrayList<>();
        values.add(Value.rate("requests", requests.length, (System.nanoTime() - began) / 1e9));
        values.addAll(Value.percentiles(started.waits));
        return values;
    }

    @SuppressWarnings("FutureReturnValueIgnored") // what fails goes to exceptionCaught
    private void sendNext(Channel connection) {
        int index = round.sent;
        if (index < round.requests.length) {
            round.sent++;
            connection.pipeline().get(Responses.class).expect(index);
            connection.writeAndFlush(Unpooled.wrappedBuffer(round.requests[index]), connection.voidPromise());
        }
    }

    @Override
    @SuppressWarnings("FutureReturnValueIgnored") // nobody waits for it
    public void close() {
        loop.shutdownGracefully();
    }

    private static final class Round {

        private final byte[][] requests;
        private final long[] waits;
        private final CompletableFuture<Void> done = new CompletableFuture<>();
        private int sent;
        private int answered;

        Round(byte[][] requests) {
            this.requests = requests;
            this.waits = new long[requests.length];
        }

        void answered(int index, long nanos) {
            waits[index] = nanos;
            if (++answered == requests.length) {
                done.complete(null);
            }
        }
    }

    /** Of one connection. */
    private final class Responses extends ByteToMessageDecoder {

        private int index;
        private long sentAt;

        void expect(int request) {
            index = request;
            sentAt = System.nanoTime();
        }

        @Override
        protected void decode(ChannelHandlerContext context, ByteBuf in, List<Object> out) {
            String text = in.toString(StandardCharsets.ISO_8859_1);
            int head = text.indexOf("\r\n\r\n");
            if (head < 0 || text.length() < head + 4 + length(text.substring(0, head))) {
                return;
            }
            in.skipBytes(in.readableBytes());
            if (!text.startsWith("HTTP/1.1 200")) {
                round.done.completeExceptionally(new IllegalStateException(text));
            }
            round.answered(index, System.nanoTime() - sentAt);
            sendNext(context.channel());
        }

        @Override
        public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
            round.done.completeExceptionally(cause);
        }

        private static int length(String head) {
            String lower = head.toLowerCase(Locale.ROOT);
            int at = lower.indexOf(LENGTH);
            if (at < 0) {
                return 0;
            }
            int end = lower.indexOf('\r', at + LENGTH.length());
            return Integer.parseInt(
                    lower.substring(at + LENGTH.length(), end < 0 ? lower.length() : end).strip());
        }
    }
}
