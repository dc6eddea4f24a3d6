// Stories of the paced server, told by a plain blocking socket so that every byte is seen.
#include "server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>

#include "check.h"
#include "clock.h"

using namespace ppbench;

namespace {

constexpr std::int64_t kMs = 1'000'000;
constexpr std::int64_t kLong = 5'000 * kMs;

class Client {
public:
    explicit Client(const PacedServer& server) : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(static_cast<std::uint16_t>(server.port()));
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        CHECK(::connect(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
        const timeval limit{5, 0};
        ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    }
    void send(std::string_view bytes) const {
        while (!bytes.empty()) {
            const ssize_t sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (sent < 0) return;  // the server may close before it has read all
            bytes.remove_prefix(static_cast<std::size_t>(sent));
        }
    }
    // One read; empty at the end of the stream, "reset" for a reset.
    std::string receive() const {
        char bytes[65536];
        const ssize_t got = ::recv(fd_.get(), bytes, sizeof bytes, 0);
        if (got < 0) return errno == ECONNRESET ? "reset" : std::strerror(errno);
        return {bytes, static_cast<std::size_t>(got)};
    }
    std::string receive_until(std::string_view end) const {
        std::string all;
        while (!all.ends_with(end)) {
            const std::string more = receive();
            if (more.empty() || more == "reset") return all + "<" + more + ">";
            all += more;
        }
        return all;
    }
    void close() { fd_.reset(); }

private:
    Fd fd_;
};

Incoming next(PacedServer& server) {
    auto incoming = server.next(now_ns() + kLong);
    CHECK(incoming.has_value());
    return std::move(*incoming);
}

void a_connection_serves_request_after_request() {
    PacedServer server("127.0.0.1", 0);
    const Client client(server);
    for (int i = 0; i < 3; ++i) {
        const std::int64_t before = now_ns();
        client.send("POST /p HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi");
        const Incoming incoming = next(server);
        CHECK(incoming.request.body == "hi");
        CHECK(incoming.arrived_ns >= before && incoming.arrived_ns <= now_ns());
        server.respond(incoming.token, {200, {{"X-A", "b"}}, {{now_ns(), "yes"}}, false, false});
        CHECK(client.receive() == "HTTP/1.1 200 OK\r\nX-A: b\r\nContent-Length: 3\r\n\r\nyes");
    }
}

void chunks_leave_on_time_and_alone() {
    PacedServer server("127.0.0.1", 0);
    const Client client(server);
    client.send("GET / HTTP/1.1\r\n\r\n");
    const Incoming incoming = next(server);
    const std::int64_t start = now_ns() + 20 * kMs;
    Reply reply{200, {}, {}, false, false};
    for (int i = 0; i < 5; ++i) reply.chunks.push_back({start + i * 20 * kMs, "chunk"});
    server.respond(incoming.token, reply);
    for (int i = 0; i < 5; ++i) {
        const std::string got = client.receive();
        CHECK(now_ns() >= start + i * 20 * kMs);
        CHECK(got.starts_with(i == 0 ? "HTTP/1.1 200" : "5\r\nchunk\r\n"));
        CHECK(got.ends_with(i == 4 ? "5\r\nchunk\r\n0\r\n\r\n" : "5\r\nchunk\r\n"));
    }
}

void a_mark_becomes_the_instant_of_sending() {
    PacedServer server("127.0.0.1", 0);
    const Client client(server);
    client.send("GET / HTTP/1.1\r\n\r\n");
    const Incoming incoming = next(server);
    const std::string mark(20, '@');
    Reply reply{200, {}, {}, false, false, mark};
    const std::int64_t start = now_ns() + 20 * kMs;
    for (int i = 0; i < 5; ++i) reply.chunks.push_back({start + i * 5 * kMs, "<" + mark + ">"});
    reply.chunks.push_back({start + 25 * kMs, "none"});
    server.respond(incoming.token, reply);
    const std::string got = client.receive_until("0\r\n\r\n");
    const std::int64_t end = now_ns();
    CHECK(got.find('@') == got.npos && got.ends_with("none\r\n0\r\n\r\n"));
    std::size_t at = 0;
    for (int i = 0; i < 5; ++i) {
        at = got.find('<', at) + 1;
        const std::int64_t sent = std::stoll(got.substr(at, 20));
        CHECK(got[at + 20] == '>');
        CHECK(sent >= start + i * 5 * kMs && sent <= end);  // late if it must be, never early
    }
}

void options_and_head_are_answered_at_once() {
    PacedServer server("127.0.0.1", 0);
    const Client client(server);
    client.send("OPTIONS / HTTP/1.1\r\n\r\n");
    CHECK(client.receive() == "HTTP/1.1 204 No Content\r\n\r\n");
    client.send("HEAD / HTTP/1.1\r\n\r\nOPTIONS / HTTP/1.1\r\n\r\n");
    const std::string one = "HTTP/1.1 204 No Content\r\n\r\n";
    std::string both;
    while (both.size() < 2 * one.size()) both += client.receive();
    CHECK(both == one + one);
    CHECK(!server.next(now_ns()).has_value());
}

void many_pipelined_requests_are_answered_one_by_one() {
    PacedServer server("127.0.0.1", 0);
    const Client client(server);
    std::string many;
    for (int i = 0; i < 2000; ++i) many += "OPTIONS / HTTP/1.1\r\n\r\n";
    client.send(many);
    std::size_t got = 0;
    const std::size_t expected = 2000 * std::string_view("HTTP/1.1 204 No Content\r\n\r\n").size();
    while (got < expected) got += client.receive().size();
    CHECK(got == expected);
}

void bad_requests_are_refused_and_closed() {
    PacedServer server("127.0.0.1", 0);
    const auto answer = [&](std::string_view bytes) {
        const Client client(server);
        client.send(bytes);
        const std::string got = client.receive_until("\r\n\r\n");
        CHECK(client.receive().empty());
        return got.substr(0, 12);
    };
    CHECK(answer("nonsense\r\n\r\n") == "HTTP/1.1 400");
    CHECK(answer("GET / HTTP/1.1\r\nX: " + std::string(70'000, 'x')) == "HTTP/1.1 431");
    CHECK(answer("POST / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n") == "HTTP/1.1 413");
}

void a_reply_may_close_or_break_the_connection() {
    PacedServer server("127.0.0.1", 0);
    const Client polite(server);
    polite.send("GET / HTTP/1.1\r\n\r\n");
    server.respond(next(server).token, {200, {}, {{0, "bye"}}, true, false});
    CHECK(polite.receive_until("bye").find("Connection: close\r\n") != std::string::npos);
    CHECK(polite.receive().empty());

    const Client rude(server);
    rude.send("GET / HTTP/1.1\r\n\r\n");
    server.respond(next(server).token, {200, {}, {{0, "half"}}, false, true});
    CHECK(rude.receive_until("<reset>").ends_with("4\r\nhalf\r\n<reset>"));
}

void a_client_that_leaves_takes_its_schedule_along() {
    PacedServer server("127.0.0.1", 0);
    Client client(server);
    client.send("GET / HTTP/1.1\r\n\r\n");
    const Incoming incoming = next(server);
    const std::int64_t now = now_ns();
    const std::vector<Chunk> chunks{{now, "a"}, {now + 30 * kMs, "b"}, {now + kLong, "c"}};
    server.respond(incoming.token, {200, {}, chunks, false, false});
    CHECK(client.receive_until("a\r\n").ends_with("a\r\n"));
    client.close();
    server.respond(incoming.token, {200, {}, {}, false, false});  // answered before: ignored
    const Client other(server);
    other.send("GET /other HTTP/1.1\r\n\r\n");
    const Incoming second = next(server);
    server.respond(second.token, {200, {}, {{now + 60 * kMs, "x"}}, false, false});
    CHECK(other.receive_until("x").ends_with("\r\n\r\nx"));
}

void a_large_reply_waits_for_a_slow_reader() {
    PacedServer server("127.0.0.1", 0);
    const Client client(server);
    client.send("GET / HTTP/1.1\r\n\r\n");
    const std::string megabytes(std::size_t{16} << 20, 'm');
    server.respond(next(server).token, {200, {}, {{0, megabytes}, {0, "end"}}, true, false});
    std::size_t got = 0;
    for (std::string more = client.receive(); !more.empty(); more = client.receive()) {
        CHECK(more != "reset");
        got += more.size();
    }
    CHECK(got > megabytes.size());
}

void what_cannot_be_sent_is_refused() {
    PacedServer server("127.0.0.1", 0);
    const auto refused = [&](const Reply& reply) {
        try {
            server.respond(1, reply);
            return false;
        } catch (const std::invalid_argument&) {
            return true;
        }
    };
    CHECK(refused({99, {}, {}, false, false}));
    CHECK(refused({200, {{"a", "b\r\nc: d"}}, {}, false, false}));
    CHECK(refused({200, {}, {{2, "a"}, {1, "b"}}, false, false}));
    CHECK(refused({200, {}, {{1, "a"}}, false, false, "short"}));
}

void a_port_in_use_is_told() {
    const PacedServer server("127.0.0.1", 0);
    try {
        const PacedServer second("127.0.0.1", server.port());
        CHECK(false);
    } catch (const std::runtime_error& error) {
        CHECK(std::string(error.what()).find("in use") != std::string::npos);
    }
}

void an_answer_is_given_in_place_and_may_leave_in_one_write() {
    const auto answer = [](const Incoming& incoming) {
        const std::int64_t at = incoming.arrived_ns;
        return Reply{200, {}, {{at, "a"}, {at, "b"}, {at + 20 * kMs, incoming.request.body}},
                     false, false, {}, true};
    };
    PacedServer server("127.0.0.1", 0, {}, answer);
    const Client client(server);
    for (int i = 0; i < 2; ++i) {
        const std::int64_t before = now_ns();
        client.send("POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi");
        CHECK(client.receive().ends_with("\r\n\r\n1\r\na\r\n1\r\nb\r\n"));
        CHECK(client.receive() == "2\r\nhi\r\n0\r\n\r\n");
        CHECK(now_ns() >= before + 20 * kMs);
    }
    CHECK(!server.next(now_ns()).has_value());
}

void stop_ends_waiting() {
    PacedServer server("127.0.0.1", 0);
    std::thread stopper([&] { server.stop(); });
    CHECK(!server.next(now_ns() + kLong).has_value());
    stopper.join();
    server.stop();
    CHECK(server.stopped());
}

}  // namespace

int main() {
    TELL(a_connection_serves_request_after_request);
    TELL(chunks_leave_on_time_and_alone);
    TELL(a_mark_becomes_the_instant_of_sending);
    TELL(options_and_head_are_answered_at_once);
    TELL(many_pipelined_requests_are_answered_one_by_one);
    TELL(bad_requests_are_refused_and_closed);
    TELL(a_reply_may_close_or_break_the_connection);
    TELL(a_client_that_leaves_takes_its_schedule_along);
    TELL(a_large_reply_waits_for_a_slow_reader);
    TELL(what_cannot_be_sent_is_refused);
    TELL(a_port_in_use_is_told);
    TELL(an_answer_is_given_in_place_and_may_leave_in_one_write);
    TELL(stop_ends_waiting);
}
