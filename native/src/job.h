// One libcurl handle at work on one transfer: sets the options, gathers what comes, and turns
// it into a Done. Stamps are taken here, before any parsing. Knows no queue and no thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libcurl.h"
#include "sockets.h"
#include "sse.h"
#include "stamps.h"
#include "transfer.h"

namespace ppbench {

class Job;

// What the engine is reading just now. A job trusts the kernel stamp only when the socket
// is its own: libcurl also reads from timers, and would then inherit another one's stamp.
struct Reading {
    int fd = -1;
    std::uint64_t number = 0;  // of this read, to tell it from the last one
    KernelStamps::Arrival arrival;
    std::int64_t held_up_ns = 0;  // how late the engine's thread woke up before this read
    Job* reader = nullptr;        // whose reply these bytes are; the last one's if several
    std::int64_t read_ns = 0;     // when its first bytes were handed over; 0: none were
    int pieces = 0;               // that it came in: the head, parts of the body, events in them
    std::vector<Job*> touched;  // watched jobs that have new events
};

// What all jobs of one engine share. Outlives them.
struct Shop {
    curl::Library library;
    std::string ca_file;
    std::string no_proxy;
    std::size_t max_reply_bytes = 0;
    bool http2 = false;
    Sockets* sockets = nullptr;
    KernelStamps* stamps = nullptr;
    Reading reading;
};

// An untimed opening of connections: the jobs of one prewarm() report here.
struct Warming {
    std::string url;
    long timeout_ms = 0;
    int pending = 0;
    int duplicates = 0;      // jobs that found a connection another job had opened
    std::vector<int> ports;  // local ports of the connections held
    bool topped_up = false;
    bool finished = false;  // guarded by the engine's outbox
};

class Job {
public:
    explicit Job(Shop& shop);
    ~Job();
    Job(const Job&) = delete;
    Job& operator=(const Job&) = delete;

    // Prepare a clean handle. False when an option was refused: finish() then tells which.
    [[nodiscard]] bool prepare(std::shared_ptr<const Transfer> transfer, std::int64_t queued_ns);
    [[nodiscard]] bool prepare(std::shared_ptr<Warming> warming, bool fresh);

    // What came of it. `error_kind` overrides libcurl's verdict when not empty.
    Done finish(int code, std::string_view error_kind = {}, std::string_view error = {});

    // Forget everything; the handle must have left the multi handle.
    void clear();

    static Job* of(const curl::Api& api, curl::Easy* easy) noexcept;

    curl::Easy* easy() const noexcept { return easy_; }
    const Transfer& transfer() const noexcept { return *transfer_; }
    const std::shared_ptr<Warming>& warming() const noexcept { return warming_; }
    int socket() const noexcept { return fd_; }
    void at_socket(int fd) noexcept { fd_ = fd; }
    void left_socket(int fd) noexcept {
        if (fd_ == fd) fd_ = -1;
    }
    std::vector<Event> take_new_events();

    // What was just read keeps its stamp unless some of it came after the look at the stamp.
    static void check_read(Shop& shop) noexcept;

    // The newest read took more than was looked at. It was all there when it was read, or by
    // `by_ns` if that is given: of its events no more is known.
    void doubt_read(std::int64_t by_ns = 0) noexcept;

    // When a reply that has begun is given up unless something comes; 0: never, or not yet.
    std::int64_t idle_until_ns() const noexcept;

    std::shared_ptr<Progress> progress;  // the newest one reported

private:
    bool set_common();
    bool set_request();
    template <class Value>
    bool set(curl::Option option, Value value);
    void add_header(const std::string& line);

    bool take_header(std::string_view line);
    void read_header(std::string_view line);
    bool fail(const char* kind, const char* why);
    bool take_body(std::string_view bytes);
    int status() const noexcept;
    bool keep(std::string_view bytes, const Stamp& stamp);
    std::int64_t read_ns() const noexcept;
    Stamp stamp() const noexcept;
    void begin_body();
    void take_timings(Done& done) const;
    void doubt_stamps();
    void enter_read() noexcept;
    bool opens_read() const noexcept;

    static std::size_t on_header(char* text, std::size_t size, std::size_t count, void* self);
    static std::size_t on_body(char* bytes, std::size_t size, std::size_t count, void* self);
    static int on_leave(void* self, char*, char*, int, int);
    static int on_open(void* shop, int fd, int purpose);
    static int on_close(void* shop, int fd);

    Shop& shop_;
    curl::Easy* easy_;
    curl::Slist* headers_ = nullptr;
    std::shared_ptr<const Transfer> transfer_;
    std::shared_ptr<Warming> warming_;
    Done done_;
    std::optional<SseParser> parser_;
    std::size_t told_ = 0;  // events already reported as progress
    int fd_ = -1;
    std::uint64_t touched_by_ = 0;  // the newest read that brought something
    std::size_t read_from_ = 0;     // the first event of that read
    std::int64_t heard_ns_ = 0;    // of the newest byte of the reply
    std::uint64_t steps_ = 0;      // of the wall clock, before this transfer
    curl::Option refused_{};  // the option that libcurl did not take
    bool at_status_line_ = true;  // the next line opens a head, whatever it looks like
    bool headers_over_ = false;
    std::size_t header_bytes_ = 0;
    const char* failed_as_ = nullptr;  // what we ended it for, rather than libcurl
    char error_[curl::kErrorBufferSize] = {};
};

// The value of a header of the reply, or nothing.
const std::string* find_header(const Done& done, std::string_view name);

// The server did not announce that it closes the connection after this reply.
bool kept_alive(const Done& done);

}  // namespace ppbench
