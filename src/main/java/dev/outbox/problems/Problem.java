package dev.outbox.problems;

import dev.outbox.database.DatabaseUnavailableException;
import dev.outbox.logging.LogValue;
import java.net.URI;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.core.io.buffer.DataBufferLimitException;
import org.springframework.http.HttpHeaders;
import org.springframework.http.HttpStatus;
import org.springframework.http.HttpStatusCode;
import org.springframework.http.InvalidMediaTypeException;
import org.springframework.web.ErrorResponse;
import tools.jackson.databind.ObjectWriter;
import tools.jackson.databind.json.JsonMapper;

/**
 * Why a request was not fulfilled, as RFC 9457 has it; thrown or signalled as an error. Immutable, and without a stack trace: it is
 * an answer and no failure of the server. {@code src/docs/problems.md} lists the types.
 */
public final class Problem extends RuntimeException {

    private static final Logger LOG = LoggerFactory.getLogger(Problem.class);

    private static final ObjectWriter JSON = JsonMapper.shared().writer();

    private final HttpStatus status;
    private final String name;
    private final String title;
    private final String detail;
    private final Map<String, Object> extensions;
    private final HttpHeaders headers;

    private Problem(
            HttpStatus status,
            String name,
            String title,
            String detail,
            Map<String, Object> extensions,
            HttpHeaders headers) {
        super(title + ": " + detail, null, false, false);
        this.status = status;
        this.name = name;
        this.title = title;
        this.detail = detail;
        this.extensions = extensions;
        this.headers = headers;
    }

    /**
     * A problem without more than every one has.
     *
     * @param name of the type, which is {@code urn:outbox:problem:<name>}
     * @param title the same for every problem of the type
     * @param detail what was wrong with this request, and what would be right
     */
    public static Problem of(HttpStatus status, String name, String title, String detail) {
        return new Problem(status, name, title, detail, Map.of(), HttpHeaders.EMPTY);
    }

    /** A query parameter, a part of the path or a header says what it must not. */
    public static Problem invalidParameter(String name, String detail) {
        return of(HttpStatus.BAD_REQUEST, "invalid-parameter", "Invalid parameter", detail)
                .with("parameter", name);
    }

    public static Problem invalidBody(String detail) {
        return of(HttpStatus.BAD_REQUEST, "invalid-body", "Invalid body", detail);
    }

    /** It is no request as HTTP has it. */
    public static Problem malformed(HttpStatus status, String detail) {
        String name = switch (status) {
            case URI_TOO_LONG -> "uri-too-long";
            case REQUEST_HEADER_FIELDS_TOO_LARGE -> "headers-too-large";
            default -> "bad-request";
        };
        return of(status, name, status.getReasonPhrase(), detail);
    }

    /** A fault in the server, of which the client is told nothing more. */
    public static Problem internal() {
        return of(
                HttpStatus.INTERNAL_SERVER_ERROR,
                "internal",
                "Internal error",
                "The request could not be handled because of a fault in the server, which has been logged.");
    }

    /** The path names a thing that is not there. */
    public static Problem unknown(String kind, Object id) {
        return of(HttpStatus.NOT_FOUND, "unknown-" + kind, "Unknown " + kind, "There is no " + kind + " " + id + ".");
    }

    /**
     * The problem that an error means to the client. An error that no client can do anything about is logged here, and
     * the client is told that it happened, and nothing of its inside.
     *
     * @param request what was asked, for the log
     */
    public static Problem of(Throwable error, String request) {
        if (error instanceof Problem problem) {
            return problem;
        }
        if (error instanceof DatabaseUnavailableException away) {
            return databaseUnavailable(away);
        }
        if (error instanceof DataBufferLimitException) {
            return of(HttpStatus.CONTENT_TOO_LARGE, "body-too-large", "Body too large", "The body is too large.");
        }
        if (error instanceof InvalidMediaTypeException) {
            return invalidParameter("Accept", "The header is not a list of media types.");
        }
        if (error instanceof ErrorResponse response && !response.getStatusCode().is5xxServerError()) {
            return refused(response);
        }
        LOG.error("request.failed request=\"{}\"", LogValue.quoted(request), LogValue.stack(error));
        return internal();
    }

    private static Problem databaseUnavailable(DatabaseUnavailableException away) {
        String detail;
        if (away.isReadOnly()) {
            detail = "The database takes no changes at present. Nothing was changed; try again.";
        } else if (away.isLocked()) {
            detail = "Somebody else holds what is to be changed. Nothing was changed; try again.";
        } else if (away.ranOutOfTime()) {
            detail = "The database could not do it in time. Nothing was changed; try again.";
        } else if (away.asked()) {
            detail =
                    "The database did not answer in time. If a change was asked for, it is not known whether it was made:"
                            + " read before trying again.";
        } else {
            detail = "The database cannot be reached. Nothing was changed; try again.";
        }
        return of(HttpStatus.SERVICE_UNAVAILABLE, "database-unavailable", "Database unavailable", detail)
                .header(HttpHeaders.RETRY_AFTER, "1");
    }

    /** What Spring refuses, in our words: its own name classes and resources. */
    private static Problem refused(ErrorResponse response) {
        HttpStatusCode code = response.getStatusCode();
        HttpStatus status = HttpStatus.resolve(code.value());
        if (status == null) {
            status = HttpStatus.BAD_REQUEST;
        }
        String title = status.getReasonPhrase();
        String detail = switch (status) {
            case NOT_FOUND -> "There is nothing at this path.";
            case METHOD_NOT_ALLOWED -> "The method is not allowed here; the Allow header names those that are.";
            case NOT_ACCEPTABLE -> "None of the media types of the Accept header can be given.";
            case UNSUPPORTED_MEDIA_TYPE -> "The media type of the body is not supported here.";
            case CONTENT_TOO_LARGE -> "The body is too large.";
            default -> "The request is malformed.";
        };
        Problem problem = of(status, title.toLowerCase(Locale.ROOT).replace(' ', '-'), title, detail);
        HttpHeaders headers = new HttpHeaders();
        headers.putAll(response.getHeaders());
        return new Problem(problem.status, problem.name, title, detail, Map.of(), headers);
    }

    /** With an extension member, behind those it has. */
    public Problem with(String member, Object value) {
        Map<String, Object> more = new LinkedHashMap<>(extensions);
        more.put(member, value);
        return new Problem(status, name, title, detail, more, headers);
    }

    /** With a header for the answer. */
    public Problem header(String header, String value) {
        HttpHeaders more = new HttpHeaders();
        more.putAll(headers);
        more.set(header, value);
        return new Problem(status, name, title, detail, extensions, more);
    }

    public HttpStatus status() {
        return status;
    }

    public URI type() {
        return URI.create("urn:outbox:problem:" + name);
    }

    public String detail() {
        return detail;
    }

    public HttpHeaders headers() {
        return HttpHeaders.readOnlyHttpHeaders(headers);
    }

    /** The answer's body, {@code application/problem+json}. */
    public byte[] json() {
        return JSON.writeValueAsBytes(members());
    }

    /** The members of the JSON object, in their order. */
    public Map<String, Object> members() {
        Map<String, Object> members = new LinkedHashMap<>();
        members.put("type", type().toString());
        members.put("title", title);
        members.put("status", status.value());
        members.put("detail", detail);
        members.putAll(extensions);
        return members;
    }
}
