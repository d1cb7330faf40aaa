package dev.outbox.http;

import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Map;
import java.util.TreeMap;

/** One connection to a server, on which a test says byte by byte what it wants: right or wrong, whole or in parts. */
final class HttpSocket implements AutoCloseable {

    private static final Duration PATIENCE = Duration.ofSeconds(10);

    private final Socket socket;
    private final InputStream answers;

    HttpSocket(int port) throws IOException {
        socket = new Socket(InetAddress.getLoopbackAddress(), port);
        socket.setTcpNoDelay(true);
        socket.setSoTimeout((int) PATIENCE.toMillis());
        answers = socket.getInputStream();
    }

    /** What the server answered; names of headers in any case. */
    record Answer(int status, Map<String, String> headers, String body) {

        boolean isLast() {
            return "close".equalsIgnoreCase(headers.get("Connection"));
        }

        String type() {
            return headers.getOrDefault("Content-Type", "");
        }
    }

    HttpSocket send(String text) throws IOException {
        return send(text.getBytes(StandardCharsets.ISO_8859_1));
    }

    HttpSocket send(byte[] bytes) throws IOException {
        socket.getOutputStream().write(bytes);
        return this;
    }

    /** Says that nothing more will be sent, and goes on listening. */
    HttpSocket endRequests() throws IOException {
        socket.shutdownOutput();
        return this;
    }

    /** Waits for the next answer of status 200 or more. */
    Answer answer() throws IOException {
        int status = Integer.parseInt(line().split(" ", 3)[1]);
        Map<String, String> headers = headers();
        return status < 200 ? answer() : new Answer(status, headers, body(headers));
    }

    /** Waits for the end of what the server sends; false if it sends something instead. */
    boolean ends() throws IOException {
        return answers.read() == -1;
    }

    /** Whether the server has told by now that it will send nothing more. */
    boolean hasEnded() throws IOException {
        socket.setSoTimeout(1);
        try {
            return answers.read() == -1;
        } catch (SocketTimeoutException open) {
            return false;
        } finally {
            socket.setSoTimeout((int) PATIENCE.toMillis());
        }
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }

    private Map<String, String> headers() throws IOException {
        Map<String, String> headers = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
        for (String line = line(); !line.isEmpty(); line = line()) {
            String[] parts = line.split(": *", 2);
            headers.put(parts[0], parts[1]);
        }
        return headers;
    }

    private String body(Map<String, String> headers) throws IOException {
        if (!headers.containsKey("Transfer-Encoding")) {
            return text(Integer.parseInt(headers.getOrDefault("Content-Length", "0")));
        }
        StringBuilder body = new StringBuilder();
        for (int size = chunkSize(); size > 0; size = chunkSize()) {
            body.append(text(size));
            line();
        }
        line();
        return body.toString();
    }

    private int chunkSize() throws IOException {
        return Integer.parseInt(line(), 16);
    }

    private String text(int length) throws IOException {
        byte[] bytes = answers.readNBytes(length);
        if (bytes.length < length) {
            throw new EOFException("The answer ends within its body");
        }
        return new String(bytes, StandardCharsets.UTF_8);
    }

    private String line() throws IOException {
        ByteArrayOutputStream line = new ByteArrayOutputStream();
        for (int b = answers.read(); b != '\n'; b = answers.read()) {
            if (b == -1) {
                throw new EOFException("No answer, or only its beginning: " + line);
            }
            line.write(b);
        }
        return line.toString(StandardCharsets.ISO_8859_1).stripTrailing();
    }
}
