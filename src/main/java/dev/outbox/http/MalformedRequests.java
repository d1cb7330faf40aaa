package dev.outbox.http;

import dev.outbox.problems.Problem;
import io.micrometer.core.instrument.MeterRegistry;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelDuplexHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelPromise;
import io.netty.handler.codec.DecoderResult;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.DefaultHttpContent;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpContent;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaderValues;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpStatusClass;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.LastHttpContent;
import io.netty.handler.codec.http.TooLongHttpHeaderException;
import io.netty.handler.codec.http.TooLongHttpLineException;
import io.netty.util.ReferenceCountUtil;
import java.util.regex.Pattern;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.http.HttpStatus;
import org.springframework.http.MediaType;

/**
 * Answers what is no HTTP with a problem, and counts it as {@code outbox.http.malformed}. The server library would log a warning with
 * the request's text, and answer without a body.
 */
@SuppressWarnings("FutureReturnValueIgnored") // a write that fails is the end of the connection, which is noticed
final class MalformedRequests extends ChannelDuplexHandler {

    private static final Logger LOG = LoggerFactory.getLogger(MalformedRequests.class);

    /** A host, in brackets if it has colons, and a port that is a number. */
    private static final Pattern HOST = Pattern.compile("(\\[[^]]*]|[^:\\[][^:]*)?(:[0-9]{1,5})?");

    private final MeterRegistry meters;
    private boolean refused;

    MalformedRequests(MeterRegistry meters) {
        this.meters = meters;
    }

    @Override
    public void channelRead(ChannelHandlerContext context, Object message) {
        if (refused) {
            ReferenceCountUtil.release(message);
        } else if (message instanceof HttpRequest request) {
            if (isReadable(request)) {
                context.fireChannelRead(message);
            } else {
                refuse(context, request);
            }
        } else if (message instanceof HttpContent content
                && content.decoderResult().isFailure()) {
            breakOff(context, content);
        } else {
            context.fireChannelRead(message);
        }
    }

    /** Whether the library will not refuse it, which it does of HTTP/2 too. */
    private static boolean isReadable(HttpRequest request) {
        String host = request.headers().get(HttpHeaderNames.HOST);
        return request.decoderResult().isSuccess()
                && request.protocolVersion().majorVersion() == 1
                && (host == null || HOST.matcher(host).matches());
    }

    private void refuse(ChannelHandlerContext context, HttpRequest request) {
        refused = true;
        Problem problem = problem(request.decoderResult());
        ReferenceCountUtil.release(request);
        count(problem);
        context.writeAndFlush(answer(problem));
    }

    private void breakOff(ChannelHandlerContext context, HttpContent content) {
        Problem problem = problem(content.decoderResult());
        content.release();
        count(problem);
        context.fireChannelRead(new BrokenContent(problem));
        context.fireChannelRead(LastHttpContent.EMPTY_LAST_CONTENT);
    }

    @Override
    public void write(ChannelHandlerContext context, Object message, ChannelPromise promise) {
        context.write(message instanceof FullHttpResponse response ? withProblem(response) : message, promise);
    }

    /** The service gives every refusal a body; one without is the library's, of a URI that it cannot read. */
    private FullHttpResponse withProblem(FullHttpResponse response) {
        HttpResponseStatus status = response.status();
        if (status.code() < 400 || response.headers().contains(HttpHeaderNames.CONTENT_TYPE)) {
            return response;
        }
        Problem problem = status.equals(HttpResponseStatus.BAD_REQUEST)
                ? Problem.malformed(
                        HttpStatus.BAD_REQUEST,
                        "The path or the query is no URI: other characters than those of a URI are written as % and two"
                                + " hexadecimal digits.")
                : Problem.internal();
        if (status.codeClass() == HttpStatusClass.CLIENT_ERROR) {
            count(problem);
        }
        FullHttpResponse answer = answer(problem);
        answer.setStatus(status);
        answer.headers().set(HttpHeaderNames.CONNECTION, response.headers().getAll(HttpHeaderNames.CONNECTION));
        response.release();
        return answer;
    }

    private void count(Problem problem) {
        LOG.debug("request.malformed status={}", problem.status().value());
        meters.counter(
                        "outbox.http.malformed",
                        "status",
                        Integer.toString(problem.status().value()))
                .increment();
    }

    private static Problem problem(DecoderResult result) {
        if (result.cause() instanceof TooLongHttpLineException) {
            return Problem.malformed(HttpStatus.URI_TOO_LONG, "The first line of the request is too long.");
        }
        if (result.cause() instanceof TooLongHttpHeaderException) {
            return Problem.malformed(
                    HttpStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "The headers of the request are too long.");
        }
        return Problem.malformed(
                HttpStatus.BAD_REQUEST, "This is no request of HTTP/1.1, or a body that ends before it should.");
    }

    private static FullHttpResponse answer(Problem problem) {
        ByteBuf body = Unpooled.wrappedBuffer(problem.json());
        FullHttpResponse answer = new DefaultFullHttpResponse(
                HttpVersion.HTTP_1_1,
                HttpResponseStatus.valueOf(problem.status().value()),
                body);
        answer.headers()
                .set(HttpHeaderNames.CONTENT_TYPE, MediaType.APPLICATION_PROBLEM_JSON_VALUE)
                .set(HttpHeaderNames.CONNECTION, HttpHeaderValues.CLOSE)
                .setInt(HttpHeaderNames.CONTENT_LENGTH, body.readableBytes());
        return answer;
    }

    /** Stands where a body breaks: who reads that far gets the problem as an error; nobody else is told. */
    private static final class BrokenContent extends DefaultHttpContent {

        private final Problem problem;

        BrokenContent(Problem problem) {
            super(Unpooled.EMPTY_BUFFER);
            this.problem = problem;
        }

        @Override
        public ByteBuf content() {
            throw problem;
        }
    }
}
