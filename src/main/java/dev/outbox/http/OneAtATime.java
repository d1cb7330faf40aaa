package dev.outbox.http;

import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelDuplexHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelPromise;
import io.netty.channel.socket.ChannelInputShutdownEvent;
import io.netty.handler.codec.DecoderException;
import io.netty.handler.codec.DecoderResult;
import io.netty.handler.codec.PrematureChannelClosureException;
import io.netty.handler.codec.http.DefaultLastHttpContent;
import io.netty.handler.codec.http.HttpContent;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.HttpStatusClass;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.handler.codec.http.LastHttpContent;
import io.netty.util.ReferenceCountUtil;
import io.netty.util.concurrent.Future;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;
import reactor.netty.channel.ChannelOperations;

/**
 * Hands on one request of a connection at a time, and decides which answer is the last one. A request that comes before the one ahead
 * of it is answered waits here, and little is read ahead. The library would queue all that comes, and take the {@code
 * Connection: close} of any for that of the first.
 *
 * <p>A client may end its side when it has asked for everything: it is answered, and then the connection ends. All methods run on the
 * event loop of the connection.
 */
@SuppressWarnings(
        "FutureReturnValueIgnored") // a write or close that fails is the end of the connection, which is noticed
final class OneAtATime extends ChannelDuplexHandler {

    /** Sent to a connection that is to end as soon as nothing is in flight. */
    enum Farewell {
        END_IF_IDLE
    }

    /** How long a client that has ended its side is given to take its answers. */
    private static final Duration HALF_CLOSED_AT_MOST = Duration.ofSeconds(60);

    /**
     * Pieces of requests that are read ahead. Not fewer: in Netty 4.2.18 a connection on epoll breaks if the client ends its side while
     * nothing is being read ({@code EpollIoHandler} takes it out of the set then, and does not put it in again).
     */
    private static final int MOST_WAITING = 256;

    /** A body that may be longer is not read to its end if it was answered before. */
    private static final long MOST_UNREAD = 1 << 20;

    private final BooleanSupplier stopping;
    private final Deque<Object> waiting = new ArrayDeque<>();
    private boolean arriving; // of a request the end has not come
    private boolean reading; // of the request that was handed on the end has not been
    private boolean answering; // the answer to that has not been sent to its end
    private boolean endless; // nobody knows that its body is short
    private boolean last; // no request after it is answered
    private boolean ended; // nothing more is taken from the client
    private @Nullable Future<?> deadline;

    OneAtATime(BooleanSupplier stopping) {
        this.stopping = stopping;
    }

    @Override
    public void channelRead(ChannelHandlerContext context, Object message) {
        if (ended || !context.channel().isActive()) {
            ReferenceCountUtil.release(message);
            return;
        }
        arriving = !(message instanceof LastHttpContent);
        if (waiting.isEmpty() && !(message instanceof HttpRequest && isBusy(context))) {
            handOn(context, message);
        } else {
            waiting.add(message);
            if (waiting.size() > MOST_WAITING) {
                context.channel().config().setAutoRead(false);
            }
        }
    }

    /** What waits has been read already. After the client's end there is nothing to read, and Netty's epoll fails at it. */
    @Override
    public void read(ChannelHandlerContext context) {
        if (waiting.size() <= MOST_WAITING && !ended && context.channel().isActive()) {
            context.read();
        }
    }

    /** The library never comes back to a request with {@code Connection: close} that it gets before it is done with the last one. */
    private boolean isBusy(ChannelHandlerContext context) {
        return reading || answering || ChannelOperations.get(context.channel()) != null;
    }

    private void handOn(ChannelHandlerContext context, Object message) {
        if (message instanceof HttpRequest request) {
            answering = true;
            endless = mayBeLong(request);
            reading = true;
        }
        if (message instanceof LastHttpContent) {
            reading = false;
        }
        boolean broken = message instanceof HttpContent content
                && content.decoderResult().isFailure();
        last |= broken;
        context.fireChannelRead(message);
        if (broken && !answering) {
            context.close();
        }
    }

    /** Nobody knows how long it is that could not be read. */
    private static boolean mayBeLong(HttpRequest request) {
        return request.decoderResult().isFailure()
                || HttpUtil.isTransferEncodingChunked(request)
                || HttpUtil.getContentLength(request, 0L) > MOST_UNREAD;
    }

    @Override
    public void write(ChannelHandlerContext context, Object message, ChannelPromise promise) {
        if (message instanceof HttpResponse response) {
            if (response.status().codeClass() == HttpStatusClass.INFORMATIONAL) {
                context.write(message, promise);
                return;
            }
            last |= isLast(response);
            if (last) {
                HttpUtil.setKeepAlive(response, false);
            }
        }
        if (message instanceof LastHttpContent) {
            last |= reading && endless;
            context.write(message, promise.unvoid()).addListener(sent -> answered(context));
        } else {
            context.write(message, promise);
        }
    }

    private boolean isLast(HttpResponse response) {
        return !HttpUtil.isKeepAlive(response)
                || (reading && endless && response instanceof LastHttpContent)
                || (waiting.isEmpty() && (ended || stopping.getAsBoolean()));
    }

    private void answered(ChannelHandlerContext context) {
        answering = false;
        if (last) {
            context.close();
        } else {
            settle(context);
        }
    }

    private void settle(ChannelHandlerContext context) {
        if (isBusy(context)) {
            return;
        }
        if (!waiting.isEmpty()) {
            context.executor().execute(() -> next(context));
        } else if (ended) {
            context.close();
        }
    }

    private void next(ChannelHandlerContext context) {
        while (!waiting.isEmpty() && !(waiting.peek() instanceof HttpRequest && isBusy(context))) {
            handOn(context, waiting.remove());
        }
        if (waiting.isEmpty()) {
            read(context);
        }
    }

    /** Also what the library says to itself when it is done with a request. */
    @Override
    public void userEventTriggered(ChannelHandlerContext context, Object event) {
        if (event instanceof ChannelInputShutdownEvent) {
            endRequests(context);
            deadline = context.executor()
                    .schedule(() -> context.close(), HALF_CLOSED_AT_MOST.toMillis(), TimeUnit.MILLISECONDS);
        } else if (event == Farewell.END_IF_IDLE && waiting.isEmpty() && !isBusy(context)) {
            context.close();
        } else {
            settle(context);
        }
        context.fireUserEventTriggered(event);
    }

    /** Of the decoder, which takes nothing more then: what it took is answered. */
    @Override
    public void exceptionCaught(ChannelHandlerContext context, Throwable error) {
        if (error instanceof DecoderException) {
            endRequests(context);
        } else {
            context.fireExceptionCaught(error);
        }
    }

    private void endRequests(ChannelHandlerContext context) {
        if (arriving) {
            channelRead(context, cutOff());
        }
        ended = true;
        settle(context);
    }

    private static LastHttpContent cutOff() {
        LastHttpContent end = new DefaultLastHttpContent(Unpooled.EMPTY_BUFFER);
        end.setDecoderResult(DecoderResult.failure(new PrematureChannelClosureException()));
        return end;
    }

    @Override
    public void channelInactive(ChannelHandlerContext context) {
        waiting.forEach(ReferenceCountUtil::release);
        waiting.clear();
        if (deadline != null) {
            deadline.cancel(false);
        }
        context.fireChannelInactive();
    }

    static void end(Channel channel) {
        channel.pipeline().fireUserEventTriggered(Farewell.END_IF_IDLE);
    }
}
