// Stories of the request parser: framing, splits and what is refused.
#include "request.h"

#include "check.h"

using namespace ppbench;

namespace {

using State = RequestParser::State;

int status_of(std::string bytes) {
    RequestParser parser;
    return parser.feed(bytes) == State::failed ? parser.status() : 0;
}

void any_split_gives_the_same_request() {
    const std::string wire =
        "\r\nPOST /v1/x?y=1 HTTP/1.1\r\nHost: a\r\nX-Twice: 1\r\nx-twice:2 \r\n"
        "Transfer-Encoding: chunked\r\n\r\n"
        "4;note=1\r\nbody\r\nA\r\n is split\n\r\n0\r\nT: 1\r\n\r\n";
    for (std::size_t piece = 1; piece <= wire.size(); ++piece) {
        RequestParser parser;
        std::string in;
        State state = State::more;
        for (std::size_t at = 0; at < wire.size(); at += piece) {
            CHECK(state == State::more);
            in += wire.substr(at, piece);
            state = parser.feed(in);
        }
        CHECK(state == State::complete);
        CHECK(in.empty());
        const Request& request = parser.request();
        CHECK(request.method == "POST");
        CHECK(request.path == "/v1/x?y=1");
        CHECK(request.headers.at("x-twice") == "1, 2");
        CHECK(request.body == "body is split\n");
        CHECK(request.keep_alive);
    }
}

void what_follows_a_request_stays() {
    std::string bytes = "POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcGET /b HTTP/1.1\r\n\r\n";
    RequestParser first;
    CHECK(first.feed(bytes) == State::complete);
    CHECK(first.request().body == "abc");
    RequestParser second;
    CHECK(second.feed(bytes) == State::complete);
    CHECK(second.request().path == "/b");
    CHECK(bytes.empty());
}

void a_connection_is_kept_as_the_version_says() {
    const auto kept = [](std::string bytes) {
        RequestParser parser;
        CHECK(parser.feed(bytes) == State::complete);
        return parser.request().keep_alive;
    };
    CHECK(kept("GET / HTTP/1.1\r\n\r\n"));
    CHECK(!kept("GET / HTTP/1.1\r\nConnection: Close\r\n\r\n"));
    CHECK(!kept("GET / HTTP/1.0\r\n\r\n"));
    CHECK(kept("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
}

void continue_is_wanted_once() {
    std::string bytes = "POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n";
    RequestParser parser;
    CHECK(parser.feed(bytes) == State::more);
    CHECK(parser.wants_continue());
    CHECK(!parser.wants_continue());
}

void what_is_malformed_is_refused() {
    const std::string line = "POST / HTTP/1.1\r\n";
    CHECK(status_of("nonsense\r\n\r\n") == 400);
    CHECK(status_of("GET /\r\n\r\n") == 400);
    CHECK(status_of("GET / HTTP/2.0\r\n\r\n") == 400);
    CHECK(status_of("GET /a b HTTP/1.1\r\n\r\n") == 400);
    CHECK(status_of(line + "no colon\r\n\r\n") == 400);
    CHECK(status_of(line + " folded: 1\r\n\r\n") == 400);
    CHECK(status_of(line + "Content-Length: 1x\r\n\r\n") == 400);
    CHECK(status_of(line + "Content-Length: -1\r\n\r\n") == 400);
    CHECK(status_of(line + "Content-Length: 99999999999999999999\r\n\r\n") == 400);
    CHECK(status_of(line + "Content-Length: 1\r\nContent-Length: 1\r\n\r\n") == 400);
    CHECK(status_of(line + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n") == 400);
    CHECK(status_of(line + "Transfer-Encoding: gzip\r\n\r\n") == 400);
    CHECK(status_of(line + "Transfer-Encoding: chunked\r\n\r\nxyz\r\n") == 400);
    CHECK(status_of(line + "Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n") == 400);
}

void what_is_too_large_is_refused() {
    const std::string line = "POST / HTTP/1.1\r\n";
    const std::string long_value(RequestParser::kMaxHead, 'x');
    CHECK(status_of(line + "X: " + long_value) == 431);
    CHECK(status_of(line + "X: " + long_value + "\r\n\r\n") == 431);
    CHECK(status_of(line + "Content-Length: 67108865\r\n\r\n") == 413);
    CHECK(status_of(line + "Content-Length: 67108864\r\n\r\n") == 0);
    CHECK(status_of(line + "Transfer-Encoding: chunked\r\n\r\n4000001\r\n") == 413);
}

}  // namespace

int main() {
    TELL(any_split_gives_the_same_request);
    TELL(what_follows_a_request_stays);
    TELL(a_connection_is_kept_as_the_version_says);
    TELL(continue_is_wanted_once);
    TELL(what_is_malformed_is_refused);
    TELL(what_is_too_large_is_refused);
}
