package dev.outbox.http;

import io.netty.channel.ChannelDuplexHandler;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelPromise;
import io.netty.channel.socket.ChannelInputShutdownEvent;
import io.netty.channel.socket.DuplexChannel;
import io.netty.handler.codec.http.HttpContent;
import io.netty.util.ReferenceCountUtil;
import io.netty.util.concurrent.Future;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import reactor.netty.NettyPipeline;

/**
 * Ends a connection so that its last answer arrives. A socket that is closed while the client still sends is reset, and a reset throws
 * away what the client has not read yet. So the client is told first that nothing more will come, what it sends is read and dropped,
 * and the socket is closed when the client has ended its side too, or has taken too long or sent too much.
 */
@SuppressWarnings("FutureReturnValueIgnored") // nobody can do anything about a close that fails
final class LingeringClose extends ChannelDuplexHandler {

    static final Duration LONGEST = Duration.ofSeconds(5);
    static final long MOST_BYTES = 16 << 20;

    private boolean lingers;
    private long dropped;
    private @Nullable Future<?> deadline;

    @Override
    public void close(ChannelHandlerContext context, ChannelPromise promise) {
        if (lingers) {
            context.channel().closeFuture().addListener(closed -> promise.trySuccess());
        } else if (context.channel() instanceof DuplexChannel channel && canLinger(channel)) {
            lingers = true;
            deadline = context.executor().schedule(() -> context.close(), LONGEST.toMillis(), TimeUnit.MILLISECONDS);
            channel.closeFuture().addListener(closed -> promise.trySuccess());
            channel.shutdownOutput().addListener((ChannelFuture told) -> readOn(context, told.isSuccess()));
        } else {
            context.close(promise);
        }
    }

    /** Over TLS the end of what is sent is told otherwise. */
    private static boolean canLinger(DuplexChannel channel) {
        return channel.isActive()
                && !channel.isInputShutdown()
                && channel.pipeline().get(NettyPipeline.SslHandler) == null;
    }

    private static void readOn(ChannelHandlerContext context, boolean told) {
        if (told) {
            context.channel().config().setAutoRead(true);
        } else {
            context.close();
        }
    }

    @Override
    public void channelRead(ChannelHandlerContext context, Object message) {
        if (!lingers) {
            context.fireChannelRead(message);
            return;
        }
        if (message instanceof HttpContent content) {
            dropped += content.content().readableBytes();
        }
        ReferenceCountUtil.release(message);
        if (dropped > MOST_BYTES) {
            context.close();
        }
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext context, Object event) {
        if (lingers && event instanceof ChannelInputShutdownEvent) {
            context.close();
        } else {
            context.fireUserEventTriggered(event);
        }
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext context, Throwable error) {
        if (lingers) {
            context.close();
        } else {
            context.fireExceptionCaught(error);
        }
    }

    @Override
    public void channelInactive(ChannelHandlerContext context) {
        if (deadline != null) {
            deadline.cancel(false);
        }
        context.fireChannelInactive();
    }
}
