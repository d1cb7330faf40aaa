package dev.outbox.http;

import io.micrometer.core.instrument.MeterRegistry;
import io.netty.channel.Channel;
import io.netty.channel.ChannelOption;
import io.netty.channel.ChannelPipeline;
import io.netty.channel.group.ChannelGroup;
import io.netty.channel.group.DefaultChannelGroup;
import io.netty.util.concurrent.Future;
import io.netty.util.concurrent.GlobalEventExecutor;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.springframework.boot.reactor.netty.NettyServerCustomizer;
import org.springframework.context.SmartLifecycle;
import org.springframework.stereotype.Component;
import reactor.netty.NettyPipeline;
import reactor.netty.http.server.HttpServer;

/**
 * The connections of the HTTP server: gives each what it needs beside the library's, and ends them at a stop. While the relay stops,
 * and before the server does, each answer says that it is the last of its connection; a connection that nobody used for {@link #TOLD}
 * is ended then.
 */
@Component
@SuppressWarnings("FutureReturnValueIgnored") // what is scheduled cannot fail
final class ServerConnections implements NettyServerCustomizer, SmartLifecycle {

    /** How long clients have to ask once more, and to be told by the answer. */
    private static final Duration TOLD = Duration.ofMillis(500);

    private final MeterRegistry meters;
    private final ChannelGroup connections = new DefaultChannelGroup(GlobalEventExecutor.INSTANCE);
    private volatile boolean running;
    private volatile boolean stopping;

    ServerConnections(MeterRegistry meters) {
        this.meters = meters;
    }

    @Override
    public HttpServer apply(HttpServer server) {
        return server.maxPipelineDepth(Integer.MAX_VALUE) // OneAtATime reads no further than it must
                .childOption(ChannelOption.ALLOW_HALF_CLOSURE, true)
                .doOnChannelInit((observer, channel, address) -> prepare(channel));
    }

    private void prepare(Channel channel) {
        ChannelPipeline pipeline = channel.pipeline();
        if (pipeline.get(NettyPipeline.HttpTrafficHandler) != null) { // with HTTP/2 it comes later
            pipeline.addBefore(NettyPipeline.HttpTrafficHandler, "outbox.linger", new LingeringClose())
                    .addBefore(NettyPipeline.HttpTrafficHandler, "outbox.one", new OneAtATime(() -> stopping))
                    .addBefore(NettyPipeline.HttpTrafficHandler, "outbox.malformed", new MalformedRequests(meters));
            connections.add(channel);
        }
    }

    @Override
    public void start() {
        stopping = false;
        running = true;
    }

    @Override
    public void stop() {
        stopping = true;
        running = false;
    }

    @Override
    public void stop(Runnable stopped) {
        stop();
        Future<?> told = GlobalEventExecutor.INSTANCE.schedule(
                () -> connections.forEach(OneAtATime::end), TOLD.toMillis(), TimeUnit.MILLISECONDS);
        connections.newCloseFuture().addListener(allEnded -> told.cancel(false));
        told.addListener(end -> stopped.run());
    }

    @Override
    public boolean isRunning() {
        return running;
    }
}
