// Stories of the paced server over TLS, told by the engine and by plain sockets. The certificate
// is made by the `openssl` command; without it, or without libcurl or libssl, the test counts as
// skipped.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "check.h"
#include "clock.h"
#include "engine.h"
#include "server.h"

using namespace ppbench;

namespace {

constexpr std::int64_t kMs = 1'000'000;
constexpr std::int64_t kLong = 20'000 * kMs;
constexpr int kSkipped = 77;
constexpr int kChunks = 10;

std::vector<std::string> named(const char* variable, std::vector<std::string> otherwise) {
    const char* given = std::getenv(variable);
    return given != nullptr ? std::vector<std::string>{given} : std::move(otherwise);
}
const auto kLibcurl = named("PPBENCH_LIBCURL", {"libcurl.so.4"});
const auto kLibssl = named("PPBENCH_LIBSSL", {"libssl.so.3", "libssl.so.1.1"});

// A folder with a self-signed certificate, cert.pem and key.pem, for 127.0.0.1.
class Papers {
public:
    Papers() {
        folder_ = std::filesystem::temp_directory_path() / "ppbench-tls-XXXXXX";
        if (::mkdtemp(folder_.data()) == nullptr) std::exit(kSkipped);
        const std::string command =
            "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
            "-subj /CN=localhost -addext subjectAltName=IP:127.0.0.1 -keyout " +
            path("key.pem") + " -out " + path("cert.pem") + " 2>/dev/null";
        made_ = std::system(command.c_str()) == 0;
    }
    ~Papers() { std::filesystem::remove_all(folder_); }
    Papers(const Papers&) = delete;
    Papers& operator=(const Papers&) = delete;
    bool made() const { return made_; }
    std::string path(const std::string& name) const { return folder_ + "/" + name; }
    TlsContext::Settings tls() const { return {path("cert.pem"), path("key.pem"), kLibssl}; }

private:
    std::string folder_;
    bool made_ = false;
};
const Papers* papers = nullptr;

// Answers by path: /stream /abort /close /large, and all else with one short chunk.
class Endpoint {
public:
    Endpoint() : thread_([this] { serve(); }) {}
    ~Endpoint() {
        server_.stop();
        thread_.join();
    }
    int port() const { return server_.port(); }
    std::string url(const std::string& path) const {
        return "https://127.0.0.1:" + std::to_string(port()) + path;
    }

private:
    void serve() {
        while (auto incoming = server_.next(now_ns() + 100 * kMs * 1'000)) {
            const std::string& path = incoming->request.path;
            const std::int64_t now = now_ns();
            Reply reply{200, {{"Content-Type", "text/event-stream"}}, {}, false, false};
            const bool large = path == "/large";
            const std::string text = large ? std::string(1'000'000, 'x') : "x";
            const int count = path == "/once" ? 1 : kChunks;
            const std::int64_t gap = large ? 0 : 10 * kMs;
            for (int i = 0; i < count; ++i)
                reply.chunks.push_back({now + i * gap, "data: " + text + "\n\n"});
            reply.abort = path == "/abort";
            reply.close = path == "/close" || large;
            server_.respond(incoming->token, std::move(reply));
        }
    }

    PacedServer server_{"127.0.0.1", 0, papers->tls()};
    std::thread thread_;
};

Engine::Settings settings(std::size_t max_in_flight = 64) {
    Engine::Settings settings;
    settings.libcurl = kLibcurl;
    settings.ca_file = papers->path("cert.pem");
    settings.max_in_flight = max_in_flight;
    return settings;
}

std::shared_ptr<const Transfer> ask(const std::string& id, const std::string& url,
                                    std::string body = "{}") {
    return std::make_shared<Transfer>(Transfer{id, url, {}, std::move(body), 15'000, true, false});
}

Done next_done(Engine& engine) {
    auto report = engine.wait(now_ns() + kLong);
    CHECK(report.has_value());
    return *std::get<std::shared_ptr<Done>>(*report);
}

Done fetch(Engine& engine, const std::string& url, std::string body = "{}") {
    engine.submit({ask("a", url, std::move(body))});
    return next_done(engine);
}

void check_whole(const Done& done) {
    CHECK(done.error_kind.empty() && done.status == 200);
    CHECK(done.events.size() == kChunks);
    for (const Event& event : done.events) CHECK(event.data == "x");
}

class PlainClient {
public:
    explicit PlainClient(int port) : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(static_cast<std::uint16_t>(port));
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        CHECK(::connect(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
        const timeval limit{10, 0};
        ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    }
    void send(std::string_view bytes) const {
        CHECK(::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) > 0);
    }
    // The server has closed or reset: no more than a short alert came before.
    bool dropped() const {
        char bytes[64];
        ssize_t got = ::recv(fd_.get(), bytes, sizeof bytes, 0);
        if (got > 0) got = ::recv(fd_.get(), bytes, sizeof bytes, 0);
        return got == 0 || errno == ECONNRESET;
    }

private:
    Fd fd_;
};

void a_connection_shakes_hands_once_and_is_reused() {
    const Endpoint endpoint;
    Engine engine(settings());
    const Done first = fetch(engine, endpoint.url("/stream"));
    check_whole(first);
    CHECK(!first.reused && first.tls_ns > 0);
    const Done second = fetch(engine, endpoint.url("/stream"));
    check_whole(second);
    CHECK(second.reused && second.tls_ns == 0 && second.local_port == first.local_port);
}

void a_reply_may_close_or_break_the_session() {
    const Endpoint endpoint;
    Engine engine(settings());
    check_whole(fetch(engine, endpoint.url("/close")));
    const Done broken = fetch(engine, endpoint.url("/abort"));
    CHECK(broken.error_kind == "dropped" && !broken.reused);
    CHECK(broken.events.size() == kChunks);
    check_whole(fetch(engine, endpoint.url("/stream")));
}

void large_requests_and_replies_come_through_whole() {
    const Endpoint endpoint;
    Engine engine(settings());
    const Done done = fetch(engine, endpoint.url("/large"), std::string(3'000'000, 'q'));
    CHECK(done.error_kind.empty() && done.events.size() == kChunks);
    for (const Event& event : done.events) CHECK(event.data == std::string(1'000'000, 'x'));
}

void many_streams_run_at_once() {
    constexpr int kMany = 200;
    const Endpoint endpoint;
    Engine engine(settings(kMany));
    CHECK(engine.warmed(*engine.prewarm(endpoint.url("/"), kMany, 20'000), now_ns() + kLong) ==
          kMany);
    std::vector<std::shared_ptr<const Transfer>> all;
    for (int i = 0; i < kMany; ++i) all.push_back(ask(std::to_string(i), endpoint.url("/stream")));
    engine.submit(all);
    std::set<int> ports;
    for (int i = 0; i < kMany; ++i) {
        const Done done = next_done(engine);
        check_whole(done);
        CHECK(done.reused);
        ports.insert(done.local_port);
    }
    // On a slow machine the first streams end before the last ones leave, which then take over
    // their connections.
    CHECK(ports.size() > kMany / 2);
}

void a_certificate_that_is_not_trusted_is_refused() {
    const Papers others;
    const Endpoint endpoint;
    Engine::Settings wary = settings();
    wary.ca_file = others.path("cert.pem");
    Engine engine(wary);
    CHECK(fetch(engine, endpoint.url("/stream")).error_kind == "tls");
}

void who_speaks_no_tls_is_dropped_and_others_are_served() {
    const Endpoint endpoint;
    const PlainClient silent(endpoint.port());
    const PlainClient half(endpoint.port());
    half.send("\x16\x03\x01");
    const PlainClient plain(endpoint.port());
    plain.send("GET / HTTP/1.1\r\n\r\n");
    CHECK(plain.dropped());
    const PlainClient noise(endpoint.port());
    noise.send(std::string(5'000, '\x80'));
    CHECK(noise.dropped());
    Engine engine(settings());
    check_whole(fetch(engine, endpoint.url("/stream")));
}

template <class Error>
std::string refusal(const TlsContext::Settings& tls) {
    try {
        const PacedServer server("127.0.0.1", 0, tls);
        return "";
    } catch (const Error& error) {
        return error.what();
    }
}

void files_and_libraries_that_cannot_be_used_are_told() {
    const auto says = [](const std::string& text, const std::string& part) {
        return text.find(part) != std::string::npos;
    };
    const Papers others;
    TlsContext::Settings tls = papers->tls();
    tls.certificate = papers->path("none.pem");
    CHECK(says(refusal<std::invalid_argument>(tls), "none.pem: No such file"));
    std::ofstream(papers->path("bad.pem")) << "no certificate\n";
    tls.certificate = papers->path("bad.pem");
    CHECK(says(refusal<std::invalid_argument>(tls), "bad.pem: "));
    tls = papers->tls();
    tls.key = others.path("key.pem");
    CHECK(says(refusal<std::invalid_argument>(tls), "mismatch"));
    tls.libssl = {"libno-such.so", "libc.so.6"};
    const std::string tried = refusal<ssl::NotFound>(tls);
    CHECK(says(tried, "libno-such.so: ") && says(tried, "libc.so.6: has no symbol"));
    tls.libssl = {};
    CHECK(says(refusal<ssl::NotFound>(tls), "the list is empty"));
}

bool can_run() {
    try {
        const PacedServer server("127.0.0.1", 0, papers->tls());
        const Engine engine(settings());
        return true;
    } catch (const std::runtime_error& error) {
        std::printf("skipped: %s\n", error.what());
        return false;
    }
}

}  // namespace

int main() {
    const Papers made;
    if (!made.made()) {
        std::printf("skipped: no `openssl` command makes a certificate\n");
        return kSkipped;
    }
    papers = &made;
    if (!can_run()) return kSkipped;
    TELL(a_connection_shakes_hands_once_and_is_reused);
    TELL(a_reply_may_close_or_break_the_session);
    TELL(large_requests_and_replies_come_through_whole);
    TELL(many_streams_run_at_once);
    TELL(a_certificate_that_is_not_trusted_is_refused);
    TELL(who_speaks_no_tls_is_dropped_and_others_are_served);
    TELL(files_and_libraries_that_cannot_be_used_are_told);
}
