// Stories of the engine against the paced server, both in this process. The libcurl to load
// is $PPBENCH_LIBCURL or the system's; without one the test counts as skipped.
#include "engine.h"

#include <atomic>
#include <map>
#include <set>
#include <stdexcept>

#include "check.h"
#include "clock.h"
#include "server.h"

using namespace ppbench;

namespace {

constexpr std::int64_t kMs = 1'000'000;
constexpr std::int64_t kLong = 20'000 * kMs;
constexpr int kSkipped = 77;

std::vector<std::string> candidates() {
    const char* given = std::getenv("PPBENCH_LIBCURL");
    return {given != nullptr ? given : "libcurl.so.4"};
}

// Answers by path: /once /stream /abort /close /large /teapot /never /stall /slow /tiny /flaky.
class Endpoint {
public:
    Endpoint() : thread_([this] { serve(); }) {}
    ~Endpoint() {
        server_.stop();
        thread_.join();
    }
    std::string url(const std::string& path) const {
        return "http://127.0.0.1:" + std::to_string(server_.port()) + path;
    }

private:
    void serve() {
        while (auto incoming = server_.next(now_ns() + 100 * kMs * 1'000)) answer(*incoming);
    }
    void answer(const Incoming& incoming) {
        const std::string& path = incoming.request.path;
        const std::int64_t now = now_ns();
        Reply reply{200, {{"Content-Type", "text/event-stream"}}, {}, false, false};
        if (path == "/never") return;
        if (path == "/once") {
            CHECK(incoming.request.headers.at("accept-encoding") == "identity");
            CHECK(!incoming.request.headers.contains("expect"));
            reply.headers = {{"Content-Type", "application/json"}, {"X-Seen", "1"}};
            reply.chunks = {{now + 5 * kMs, incoming.request.method + incoming.request.body}};
        } else if (path == "/large") {
            reply.chunks = {{now, std::string(300'000, 'x')}};
        } else if (path == "/stall") {  // two events at once, the third after a long silence
            reply.chunks = {{now, "data: 0\n\n"}, {now, "data: 1\n\n"}};
            reply.chunks.push_back({now + 10'000 * kMs, "data: 2\n\n"});
        } else if (path == "/slow") {  // nothing at all for a while
            reply.chunks = {{now + 300 * kMs, "data: 0\n\n"}};
        } else if (path == "/tiny") {  // events whose book-keeping outweighs their bytes
            std::string many;
            for (int i = 0; i < 20'000; ++i) many += "data:\n\n";
            reply.chunks = {{now, many}};
        } else if (path == "/flaky") {  // every other request is broken off unanswered
            reply.abort = flaky_++ % 2 == 0;
            if (!reply.abort) reply.chunks = {{now, "data: at last\n\n"}};
        } else if (path == "/teapot") {
            reply.status = 418;
            reply.headers = {};
        } else {
            for (int i = 0; i < 10; ++i)
                reply.chunks.push_back({now + i * 10 * kMs, "data: " + std::to_string(i) + "\n\n"});
            reply.abort = path == "/abort";
            reply.close = path == "/close";
        }
        server_.respond(incoming.token, std::move(reply));
    }

    PacedServer server_{"127.0.0.1", 0};
    int flaky_ = 0;
    std::thread thread_;
};

std::shared_ptr<const Transfer> ask(const std::string& id, const std::string& url,
                                    bool watch = false, long timeout_ms = 10'000) {
    return std::make_shared<Transfer>(
        Transfer{id, url, {"Accept-Encoding: gzip"}, "{}", timeout_ms, true, watch});
}

Done next_done(Engine& engine) {
    for (;;) {
        auto report = engine.wait(now_ns() + kLong);
        CHECK(report.has_value());
        if (auto* done = std::get_if<std::shared_ptr<Done>>(&*report)) return **done;
    }
}

Done fetch(Engine& engine, const std::shared_ptr<const Transfer>& transfer) {
    engine.submit({transfer});
    return next_done(engine);
}

Engine::Settings settings(std::size_t max_in_flight = 64) {
    Engine::Settings settings;
    settings.libcurl = candidates();
    settings.max_in_flight = max_in_flight;
    return settings;
}

void check_order(const Done& done) {
    CHECK(done.queued_ns > 0);
    CHECK(done.queued_ns <= done.sent_ns);
    CHECK(done.sent_ns <= done.headers_ns);
    CHECK(done.headers_ns <= done.first_byte_ns);
    CHECK(done.first_byte_ns <= done.done_ns);
    for (const Event& event : done.events) {
        CHECK(event.user_ns >= done.first_byte_ns && event.user_ns <= done.done_ns);
        CHECK(event.kernel_ns == 0 || event.kernel_ns >= done.sent_ns);
        CHECK(event.kernel_ns <= event.user_ns);
    }
}

void check_stream(const Done& done) {
    CHECK(done.error_kind.empty());
    CHECK(done.status == 200);
    CHECK(done.body.empty());
    CHECK(done.events.size() == 10);
    for (int i = 0; i < 10; ++i)
        CHECK(done.events[static_cast<std::size_t>(i)].data == std::to_string(i));
    check_order(done);
}

void a_connection_is_opened_once_and_reused() {
    const Endpoint endpoint;
    Engine engine(settings());
    const Done first = fetch(engine, ask("a", endpoint.url("/once")));
    CHECK(first.error_kind.empty() && first.status == 200 && first.body == "POST{}");
    CHECK(!first.reused && first.connect_ns > 0 && first.tls_ns == 0);
    CHECK(first.http_version == "1.1" && first.bytes == 6);
    CHECK(first.headers[1] == std::pair(std::string("x-seen"), std::string("1")));
    const Done second = fetch(engine, ask("a", endpoint.url("/once")));
    CHECK(second.reused && second.connect_ns == 0);
    CHECK(second.local_port == first.local_port);
    check_order(second);
    engine.submit({std::make_shared<Transfer>(
        Transfer{"get", endpoint.url("/once"), {}, "", 0, false, false})});
    CHECK(next_done(engine).body == "GET");
}

void many_streams_arrive_whole_and_in_order() {
    const Endpoint endpoint;
    Engine engine(settings(256));
    std::vector<std::shared_ptr<const Transfer>> all;
    for (int i = 0; i < 200; ++i) all.push_back(ask(std::to_string(i), endpoint.url("/stream")));
    engine.submit(all);
    std::set<std::string> ids;
    for (int i = 0; i < 200; ++i) {
        const Done done = next_done(engine);
        check_stream(done);
        CHECK(ids.insert(done.id).second);
    }
    CHECK(engine.idle());
}

void what_is_beyond_max_in_flight_waits_its_turn() {
    const Endpoint endpoint;
    Engine engine(settings(2));
    std::vector<std::shared_ptr<const Transfer>> all;
    for (int i = 0; i < 8; ++i) all.push_back(ask(std::to_string(i), endpoint.url("/once")));
    engine.submit(all);
    std::vector<Done> done;
    for (int i = 0; i < 8; ++i) done.push_back(next_done(engine));
    std::map<std::string, std::int64_t> sent;
    for (const Done& one : done) {
        sent[one.id] = one.sent_ns;
        int overlapping = 0;
        for (const Done& other : done)
            overlapping += other.sent_ns <= one.sent_ns && other.done_ns > one.sent_ns;
        CHECK(overlapping <= 2);
    }
    for (int i = 2; i < 8; ++i) CHECK(sent[std::to_string(i)] > sent[std::to_string(i - 2)]);
}

void a_watched_stream_reports_as_it_comes() {
    const Endpoint endpoint;
    Engine engine(settings());
    engine.submit({ask("w", endpoint.url("/stream"), true)});
    std::vector<Event> seen;
    std::int64_t last_progress_ns = 0;
    for (;;) {
        const auto report = engine.wait(now_ns() + kLong);
        CHECK(report.has_value());
        if (const auto* done = std::get_if<std::shared_ptr<Done>>(&*report)) {
            check_stream(**done);
            break;
        }
        const auto& progress = *std::get<std::shared_ptr<Progress>>(*report);
        CHECK(progress.id == "w");
        if (seen.empty()) last_progress_ns = now_ns();
        seen.insert(seen.end(), progress.events.begin(), progress.events.end());
    }
    CHECK(seen.size() == 10);
    for (int i = 0; i < 10; ++i)
        CHECK(seen[static_cast<std::size_t>(i)].data == std::to_string(i));
    CHECK(seen.back().user_ns - last_progress_ns > 20 * kMs);
}

void unread_progress_is_joined() {
    const Endpoint endpoint;
    Engine engine(settings());
    engine.submit({ask("w", endpoint.url("/stream"), true), ask("q", endpoint.url("/stream"))});
    std::this_thread::sleep_for(std::chrono::milliseconds(400));
    auto report = engine.wait(now_ns());
    CHECK(report.has_value());
    CHECK(std::get<std::shared_ptr<Progress>>(*report)->events.size() == 10);
    check_stream(next_done(engine));
    check_stream(next_done(engine));
}

void a_cancelled_stream_keeps_what_came() {
    const Endpoint endpoint;
    Engine engine(settings(1));
    engine.submit({ask("c", endpoint.url("/stream"), true), ask("later", endpoint.url("/once"))});
    const auto progress = engine.wait(now_ns() + kLong);
    CHECK(progress && std::holds_alternative<std::shared_ptr<Progress>>(*progress));
    engine.cancel("later");
    engine.cancel("c");
    engine.cancel("nobody");
    const Done later = next_done(engine);
    CHECK(later.id == "later" && later.error_kind == "cancelled" && later.sent_ns == 0);
    const Done done = next_done(engine);
    CHECK(done.error_kind == "cancelled" && done.status == 200);
    CHECK(!done.events.empty() && done.events.size() < 10);
    engine.cancel("c");
    CHECK(fetch(engine, ask("c", endpoint.url("/once"))).error_kind.empty());
}

void failures_have_their_kind() {
    const Endpoint endpoint;
    Engine::Settings small = settings();
    small.max_reply_bytes = 100'000;
    Engine engine(small);
    const Done late = fetch(engine, ask("t", endpoint.url("/never"), false, 100));
    CHECK(late.error_kind == "timeout" && late.status == 0 && !late.error.empty());
    CHECK(late.done_ns - late.queued_ns >= 99 * kMs);
    const Done refused = fetch(engine, ask("r", "http://127.0.0.1:1/"));
    CHECK(refused.error_kind == "connect" && refused.sent_ns == 0 && !refused.reused);
    const Done dropped = fetch(engine, ask("d", endpoint.url("/abort")));
    CHECK(dropped.error_kind == "dropped" && dropped.events.size() == 10);
    const Done large = fetch(engine, ask("l", endpoint.url("/large")));
    CHECK(large.error_kind == "too_large");
    const Done scheme = fetch(engine, ask("s", "ftp://127.0.0.1/"));
    CHECK(scheme.error_kind == "other" && !scheme.error.empty());
    const Done teapot = fetch(engine, ask("p", endpoint.url("/teapot")));
    CHECK(teapot.error_kind.empty() && teapot.status == 418 && teapot.body.empty());
}

void silence_within_a_reply_ends_it_and_keeps_what_came() {
    const Endpoint endpoint;
    Engine engine(settings());
    auto impatient = [&](const std::string& path) {
        return std::make_shared<Transfer>(
            Transfer{path, endpoint.url(path), {}, "{}", 20'000, true, false, 200});
    };
    const std::int64_t before = now_ns();
    const Done stalled = fetch(engine, impatient("/stall"));
    CHECK(stalled.error_kind == "timeout" && stalled.error == "nothing came for 200 ms");
    CHECK(stalled.events.size() == 2 && stalled.status == 200);
    CHECK(stalled.done_ns - stalled.events.back().user_ns >= 200 * kMs);
    CHECK(now_ns() - before < 9'000 * kMs);  // not the total limit, not the end of the reply
    check_stream(fetch(engine, impatient("/stream")));
    const Done slow = fetch(engine, impatient("/slow"));  // silence before a reply is not idle
    CHECK(slow.error_kind.empty() && slow.events.size() == 1);
    engine.submit({impatient("/stall"), impatient("/stream")});
    check_stream(next_done(engine));
    CHECK(next_done(engine).error_kind == "timeout");
}

void many_tiny_events_are_too_large_as_well() {
    const Endpoint endpoint;
    Engine::Settings small = settings();
    small.max_reply_bytes = std::size_t{400} << 10;  // 160 kB come
    Engine engine(small);
    const Done done = fetch(engine, ask("a", endpoint.url("/tiny")));
    CHECK(done.error_kind == "too_large");
    CHECK(done.events.size() * sizeof(Event) < std::size_t{1} << 20);
    CHECK(fetch(engine, ask("b", endpoint.url("/once"))).error_kind.empty());
}

void a_closed_connection_shows_as_a_new_one() {
    const Endpoint endpoint;
    Engine engine(settings());
    const Done closed = fetch(engine, ask("1", endpoint.url("/close")));
    check_stream(closed);
    const Done again = fetch(engine, ask("2", endpoint.url("/stream")));
    check_stream(again);
    CHECK(!again.reused && again.connect_ns > 0);
}

void a_request_goes_out_once() {
    const Endpoint endpoint;
    Engine engine(settings());
    CHECK(!fetch(engine, ask("1", endpoint.url("/once"))).reused);
    const Done lost = fetch(engine, ask("2", endpoint.url("/flaky")));
    CHECK(lost.error_kind == "dropped" && lost.events.empty() && lost.reused && lost.sent_ns > 0);
    const Done again = fetch(engine, ask("3", endpoint.url("/flaky")));
    CHECK(again.error_kind.empty() && again.events.size() == 1);
    check_order(again);
    Engine fresh(settings());
    const Done once = fetch(fresh, ask("4", endpoint.url("/flaky")));
    CHECK(once.error_kind == "dropped" && once.status == 0);
}

int warm(Engine& engine, const std::string& url, int connections) {
    const auto warming = engine.prewarm(url, connections, 5'000);
    const auto count = engine.warmed(*warming, now_ns() + kLong);
    CHECK(count.has_value());
    return *count;
}

void prewarmed_connections_are_used() {
    const Endpoint endpoint;
    Engine engine(settings());
    CHECK(warm(engine, endpoint.url("/"), 32) == 32);
    CHECK(warm(engine, endpoint.url("/"), 32) == 32);
    CHECK(warm(engine, endpoint.url("/"), 0) == 0);
    CHECK(warm(engine, "http://127.0.0.1:1/", 4) == 0);
    std::vector<std::shared_ptr<const Transfer>> all;
    for (int i = 0; i < 32; ++i) all.push_back(ask(std::to_string(i), endpoint.url("/stream")));
    engine.submit(all);
    for (int i = 0; i < 32; ++i) CHECK(next_done(engine).reused);
}

void an_id_is_taken_until_its_done_was_read() {
    const Endpoint endpoint;
    Engine engine(settings());
    engine.submit({ask("x", endpoint.url("/once"))});
    try {
        engine.submit({ask("y", endpoint.url("/once")), ask("x", endpoint.url("/once"))});
        CHECK(false);
    } catch (const std::invalid_argument&) {
    }
    CHECK(next_done(engine).id == "x");
    CHECK(engine.idle());  // nothing of the refused batch was taken
}

void waiting_ends_at_its_deadline() {
    Engine engine(settings());
    const std::int64_t until = now_ns() + 20 * kMs;
    CHECK(!engine.wait(until).has_value());
    CHECK(now_ns() >= until);
}

void closing_cancels_and_tells() {
    const Endpoint endpoint;
    Engine engine(settings(1));
    engine.submit({ask("a", endpoint.url("/never")), ask("b", endpoint.url("/never"))});
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    engine.close();
    engine.close();
    CHECK(next_done(engine).error_kind == "cancelled");
    CHECK(next_done(engine).error_kind == "cancelled");
    CHECK(engine.closed() && engine.idle());
    CHECK(!engine.wait(now_ns() + kLong).has_value());
    try {
        engine.submit({});
        CHECK(false);
    } catch (const std::runtime_error&) {
    }
    for (int i = 0; i < 50; ++i) Engine(settings()).close();
}

void many_threads_may_use_one_engine() {
    const Endpoint endpoint;
    Engine engine(settings(16));
    std::vector<std::thread> threads;
    std::atomic<int> done{0};
    for (int t = 0; t < 4; ++t)
        threads.emplace_back([&, t] {
            for (int i = 0; i < 25; ++i) {
                const std::string id = std::to_string(t) + "." + std::to_string(i);
                engine.submit({ask(id, endpoint.url("/once"))});
                if (i % 5 == 0) engine.cancel(id);
            }
            while (done < 100)
                if (const auto report = engine.wait(now_ns() + 10 * kMs)) ++done;
        });
    for (std::thread& thread : threads) thread.join();
    CHECK(engine.idle());
}

void a_library_that_cannot_be_used_is_told() {
    Engine::Settings wrong;
    wrong.libcurl = {"/no/such/libcurl.so", "libm.so.6"};
    try {
        const Engine engine(wrong);
        CHECK(false);
    } catch (const std::runtime_error& error) {
        const std::string text = error.what();
        CHECK(text.find("/no/such/libcurl.so") != std::string::npos);
        CHECK(text.find("libm.so.6: has no symbol") != std::string::npos);
    }
}

bool have_libcurl() {
    try {
        const auto library = curl::load(candidates());
        std::printf("libcurl %s, %s\n", library.version.c_str(), library.path.c_str());
        return true;
    } catch (const std::runtime_error& error) {
        std::printf("%s\n", error.what());
        return false;
    }
}

}  // namespace

int main() {
    if (!have_libcurl()) return kSkipped;
    TELL(a_connection_is_opened_once_and_reused);
    TELL(many_streams_arrive_whole_and_in_order);
    TELL(what_is_beyond_max_in_flight_waits_its_turn);
    TELL(a_watched_stream_reports_as_it_comes);
    TELL(unread_progress_is_joined);
    TELL(a_cancelled_stream_keeps_what_came);
    TELL(failures_have_their_kind);
    TELL(silence_within_a_reply_ends_it_and_keeps_what_came);
    TELL(many_tiny_events_are_too_large_as_well);
    TELL(a_closed_connection_shows_as_a_new_one);
    TELL(a_request_goes_out_once);
    TELL(prewarmed_connections_are_used);
    TELL(an_id_is_taken_until_its_done_was_read);
    TELL(waiting_ends_at_its_deadline);
    TELL(closing_cancels_and_tells);
    TELL(many_threads_may_use_one_engine);
    TELL(a_library_that_cannot_be_used_is_told);
}
