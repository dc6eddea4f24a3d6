// A job under the real libcurl against any reply: the bytes of a server that writes and closes,
// over a pair of sockets and on one thread, so that each input runs the same way each time.
// However they are cut, the same comes of them, within the limit and with stamps in order, and
// the headers are those that libcurl itself has kept.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/socket.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <stdexcept>

#include "../tests/check.h"
#include "clock.h"
#include "input.h"
#include "job.h"
#include "text.h"

using namespace ppbench;

namespace {

constexpr int kOpenSocketFunction = 20163, kOpenSocketData = 10164, kForbidReuse = 75;
constexpr int kAlreadyConnected = 2;
constexpr int kPatience = 1000;
constexpr int kSkipped = 77;

// libcurl's own record of the headers, to compare with ours.
struct Header {
    char* name;
    char* value;
    std::size_t amount;
    std::size_t index;
    unsigned origin;
    void* anchor;
};
using NextHeader = Header* (*)(curl::Easy*, unsigned origin, int request, Header* previous);
constexpr unsigned kFromHead = 1;
constexpr int kLastRequest = -1;

class Bench {
public:
    Bench() : sockets_(bell_) {
        shop_.library = load();
        shop_.no_proxy.assign(1, '*');
        shop_.sockets = &sockets_;
        shop_.stamps = &stamps_;
        next_header_ = reinterpret_cast<NextHeader>(find("curl_easy_nextheader"));
        multi_ = shop_.library.api.multi_init();
        shop_.library.api.multi_setopt(multi_, curl::kSocketFunction, &Bench::on_socket);
        job_ = std::make_unique<Job>(shop_);
        const auto any = std::make_shared<const Transfer>(Transfer{"id", "http://127.0.0.1/", {}, "{}"});
        if (run(any, 1U << 20, {"HTTP/1.1 204 No Content\r\n\r\n"}).error_kind == "connect") {
            std::fprintf(stderr, "libcurl %s takes no socket that is connected already\n",
                         shop_.library.version.c_str());
            std::exit(kSkipped);
        }
    }

    Done run(const std::shared_ptr<const Transfer>& transfer, std::size_t limit,
             const std::vector<std::string_view>& pieces) {
        const curl::Api& api = shop_.library.api;
        shop_.max_reply_bytes = limit;
        result_ = -1;
        told_.clear();
        CHECK(job_->prepare(transfer, now_ns()));
        api.easy_setopt(job_->easy(), kOpenSocketFunction, &Bench::on_open);
        api.easy_setopt(job_->easy(), kOpenSocketData, this);
        api.easy_setopt(job_->easy(), curl::kSockoptFunction, &Bench::on_option);
        api.easy_setopt(job_->easy(), kForbidReuse, 1L);
        CHECK(api.multi_add_handle(multi_, job_->easy()) == 0);
        for (int i = 0; i < kPatience && result_ < 0 && !asked(); ++i) act();
        for (const std::string_view piece : pieces) {
            send(piece);
            act();
        }
        if (theirs_) ::shutdown(theirs_.get(), SHUT_WR);
        for (int i = 0; i < kPatience && result_ < 0; ++i) act();
        CHECK(result_ >= 0);
        Done done = job_->finish(result_);
        if (done.error_kind.empty()) compare_headers(done);
        api.multi_remove_handle(multi_, job_->easy());
        job_->clear();
        theirs_.reset();
        return done;
    }

    // What a watcher was told, event by event.
    const std::vector<Event>& told() const noexcept { return told_; }

private:
    static curl::Library load() {
        const char* given = std::getenv("PPBENCH_LIBCURL");
        try {
            return curl::load({given != nullptr ? given : "libcurl.so.4"});
        } catch (const std::runtime_error& why) {
            std::fprintf(stderr, "%s\n", why.what());
            std::exit(kSkipped);
        }
    }
    void* find(const char* name) const {
        void* handle = ::dlopen(shop_.library.path.c_str(), RTLD_NOW | RTLD_NOLOAD);
        return handle == nullptr ? nullptr : ::dlsym(handle, name);
    }
    bool asked() const {
        char bytes[4096];
        return theirs_ && ::recv(theirs_.get(), bytes, sizeof bytes, MSG_DONTWAIT) > 0;
    }
    void send(std::string_view piece) {
        while (result_ < 0 && theirs_ && !piece.empty()) {
            const ssize_t sent =
                ::send(theirs_.get(), piece.data(), piece.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
            if (sent < 0 && errno != EAGAIN) return;
            if (sent > 0) piece.remove_prefix(static_cast<std::size_t>(sent));
            if (!piece.empty()) act();  // the buffer is full
        }
    }
    void act() {
        const curl::Api& api = shop_.library.api;
        int count = 0;
        api.multi_socket_action(multi_, curl::kSocketTimeout, 0, &count);
        if (ours_ >= 0)
            api.multi_socket_action(multi_, ours_, curl::kSelectIn | curl::kSelectOut, &count);
        for (Job* job : shop_.reading.touched)
            for (Event& event : job->take_new_events()) told_.push_back(std::move(event));
        shop_.reading.touched.clear();
        while (const curl::Message* message = api.multi_info_read(multi_, &count))
            if (message->kind == curl::kMessageDone) result_ = message->data.result;
    }
    void compare_headers(const Done& done) const {
        if (next_header_ == nullptr) return;
        Header* header = nullptr;
        for (const auto& [name, value] : done.headers) {
            header = next_header_(job_->easy(), kFromHead, kLastRequest, header);
            CHECK(header != nullptr);
            CHECK(name == lower(trim(header->name)) && value == trim(header->value));
        }
        CHECK(next_header_(job_->easy(), kFromHead, kLastRequest, header) == nullptr);
    }

    static int on_open(void* self, int, void*) {
        auto& bench = *static_cast<Bench*>(self);
        int pair[2];
        CHECK(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
        ::fcntl(pair[0], F_SETFL, O_NONBLOCK);
        bench.theirs_.reset(pair[1]);
        bench.ours_ = pair[0];
        return pair[0];
    }
    static int on_option(void*, int, int) { return kAlreadyConnected; }
    static int on_socket(curl::Easy*, int, int, void*, void*) { return 0; }

    Bell bell_;
    Sockets sockets_;
    KernelStamps stamps_;
    Shop shop_;
    NextHeader next_header_ = nullptr;
    curl::Multi* multi_ = nullptr;
    std::unique_ptr<Job> job_;
    Fd theirs_;
    int ours_ = -1;
    int result_ = -1;
    std::vector<Event> told_;
};

void check(const Done& done, std::size_t limit) {
    std::size_t held = done.body.size();
    std::int64_t before = done.first_byte_ns;
    for (const Event& event : done.events) {
        held += event.data.size() + event.name.size();
        CHECK(before <= event.user_ns && event.user_ns <= done.done_ns);
        before = event.user_ns;
    }
    CHECK(held <= limit);
    if (done.error_kind.empty()) CHECK(done.status >= 200 && done.headers_ns != 0);
    CHECK(done.queued_ns <= done.sent_ns && done.sent_ns <= done.done_ns);
    if (done.headers_ns != 0) CHECK(done.sent_ns <= done.headers_ns);
    if (done.first_byte_ns != 0)
        CHECK(done.headers_ns != 0 && done.headers_ns <= done.first_byte_ns);
}

void same(const std::vector<Event>& a, const std::vector<Event>& b) {
    CHECK(a.size() == b.size());
    for (std::size_t i = 0; i < a.size(); ++i)
        CHECK(a[i].data == b[i].data && a[i].name == b[i].name);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static auto& bench = *new Bench;  // never destroyed: libcurl has its own end of process
    const fuzz::Input input = fuzz::read(data, size, 512);
    const std::size_t limit = input.choice < 32   ? 1U + input.choice
                              : input.choice < 64 ? 16U * input.choice
                                                  : 1U << 20;
    const bool watch = (input.choice & 1) != 0;
    const auto transfer = std::make_shared<const Transfer>(
        Transfer{"id", "http://127.0.0.1/", {}, "{}", 0, (input.choice & 2) == 0, watch});
    const Done one = bench.run(transfer, limit, {input.stream});
    check(one, limit);
    const Done many = bench.run(transfer, limit, fuzz::pieces(input.stream, input.cut));
    check(many, limit);
    CHECK(one.error_kind.empty() == many.error_kind.empty());
    if (one.error_kind.empty()) {  // how much libcurl hands on of a broken reply may differ
        CHECK(one.status == many.status);
        CHECK(one.headers == many.headers);
        CHECK(one.body == many.body);
        same(one.events, many.events);
    }
    if (watch && !many.events.empty()) {  // told of all but the one that only the end completed
        CHECK(bench.told().size() + 1 >= many.events.size());
        same(bench.told(), {many.events.begin(), many.events.begin() + std::ssize(bench.told())});
    }
    return 0;
}
