package dev.outbox.http;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.buffer.Unpooled;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.channel.socket.ChannelInputShutdownEvent;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.DefaultHttpContent;
import io.netty.handler.codec.http.DefaultHttpRequest;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpContent;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.LastHttpContent;
import org.junit.jupiter.api.Test;

class OneAtATimeTests {

    private boolean stopping;
    private final EmbeddedChannel channel = new EmbeddedChannel(new OneAtATime(() -> stopping));

    @Test
    void aRequestWaitsForTheAnswerToTheOneBefore() {
        ask("/1");
        ask("/2");
        ask("/3");
        assertThat(handedOn()).isEqualTo("/1");
        assertThat(channel.<Object>readInbound()).isNull();
        assertThat(HttpUtil.isKeepAlive(answer())).isTrue();
        assertThat(handedOn()).isEqualTo("/2");
        assertThat(channel.<Object>readInbound()).isNull();
        answer();
        assertThat(handedOn()).isEqualTo("/3");
        answer();
        assertThat(channel.isOpen()).isTrue();
    }

    @Test
    void nothingIsReadWhileManyWait() {
        for (int i = 0; i < 200; i++) {
            ask("/" + i);
        }
        assertThat(channel.config().isAutoRead()).isFalse();
        for (int i = 0; i < 200; i++) {
            assertThat(handedOn()).isEqualTo("/" + i);
            answer();
        }
    }

    @Test
    void anAnswerBeforeTheEndOfItsRequestLetsNoOtherPass() {
        HttpRequest request = request("/1");
        HttpUtil.setContentLength(request, 5);
        channel.writeInbound(request);
        assertThat(HttpUtil.isKeepAlive(answer())).isTrue();
        channel.writeInbound(new DefaultHttpContent(Unpooled.EMPTY_BUFFER), LastHttpContent.EMPTY_LAST_CONTENT);
        ask("/2");
        assertThat(handedOn()).isEqualTo("/1");
        channel.<HttpContent>readInbound().release();
        assertThat(handedOn()).isEqualTo("/2");
    }

    @Test
    void anAnswerBeforeTheEndOfALongBodyIsTheLast() {
        HttpRequest request = request("/1");
        HttpUtil.setContentLength(request, 2_000_000);
        channel.writeInbound(request);
        assertThat(HttpUtil.isKeepAlive(answer())).isFalse();
        assertThat(channel.isOpen()).isFalse();
    }

    @Test
    void whatWaitsAtAStopIsAnsweredAndTheLastAnswerSaysSo() {
        ask("/1");
        ask("/2");
        stopping = true;
        assertThat(HttpUtil.isKeepAlive(answer())).isTrue();
        OneAtATime.end(channel);
        assertThat(channel.isOpen()).isTrue();
        assertThat(HttpUtil.isKeepAlive(answer())).isFalse();
        assertThat(channel.isOpen()).isFalse();
    }

    @Test
    void whatIsIdleAtAStopEnds() {
        OneAtATime.end(channel);
        assertThat(channel.isOpen()).isFalse();
    }

    @Test
    void whoEndsTheRequestsWithinABodyLeavesABrokenOne() {
        HttpRequest request = request("/1");
        HttpUtil.setContentLength(request, 5);
        channel.writeInbound(request);
        channel.pipeline().fireUserEventTriggered(ChannelInputShutdownEvent.INSTANCE);
        assertThat(channel.<HttpRequest>readInbound().uri()).isEqualTo("/1");
        assertThat(channel.<HttpContent>readInbound().decoderResult().isFailure())
                .isTrue();
        assertThat(HttpUtil.isKeepAlive(answer())).isFalse();
        assertThat(channel.isOpen()).isFalse();
    }

    private void ask(String path) {
        channel.writeInbound(request(path), LastHttpContent.EMPTY_LAST_CONTENT);
    }

    private static HttpRequest request(String path) {
        return new DefaultHttpRequest(HttpVersion.HTTP_1_1, HttpMethod.GET, path);
    }

    private String handedOn() {
        String path = channel.<HttpRequest>readInbound().uri();
        assertThat(channel.<Object>readInbound()).isInstanceOf(HttpContent.class);
        return path;
    }

    private FullHttpResponse answer() {
        channel.writeOutbound(new DefaultFullHttpResponse(
                HttpVersion.HTTP_1_1, HttpResponseStatus.NO_CONTENT, Unpooled.EMPTY_BUFFER));
        channel.runPendingTasks();
        return channel.readOutbound();
    }
}
