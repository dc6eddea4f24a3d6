// The client: one thread, one libcurl multi handle, an inbox and an outbox. Requests beyond
// `max_in_flight` wait here, first come first served, never inside libcurl.
// Knows bytes and time: no JSON, no retries, no policy.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <limits>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <unordered_map>
#include <unordered_set>
#include <variant>
#include <vector>

#include "fd.h"
#include "job.h"
#include "sockets.h"
#include "stamps.h"
#include "transfer.h"

namespace ppbench {

class Engine {
public:
    struct Settings {
        std::vector<std::string> libcurl;
        std::string ca_file;
        std::size_t max_in_flight = 64;
        std::size_t max_reply_bytes = std::size_t{64} << 20;
        bool http2 = false;  // where the server takes it (ALPN); no kernel stamps then
    };

    explicit Engine(const Settings& settings);
    ~Engine();
    Engine(const Engine&) = delete;
    Engine& operator=(const Engine&) = delete;

    const curl::Library& library() const noexcept { return shop_.library; }

    // All or nothing. Throws std::invalid_argument for an id that is still under way and
    // std::runtime_error when the engine is closed.
    void submit(const std::vector<std::shared_ptr<const Transfer>>& transfers);
    void cancel(const std::string& id);

    // The next report if there is one already.
    std::optional<Report> take();

    // The next report, or nothing at the deadline or once a closed engine is empty.
    std::optional<Report> wait(std::int64_t until_ns);

    // Nothing is under way and nothing is left to read.
    bool idle() const;
    bool closed() const;

    // Opens connections; `warmed` waits for them and returns their number.
    std::shared_ptr<Warming> prewarm(const std::string& url, int connections, long timeout_ms);
    std::optional<int> warmed(const Warming& warming, std::int64_t until_ns);

    // Idempotent. What is under way ends as "cancelled" and can still be read.
    void close();

private:
    static constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

    struct Queued {
        std::shared_ptr<const Transfer> transfer;
        std::int64_t queued_ns;
    };
    struct Cancel {
        std::string id;
    };
    using Order = std::variant<Queued, Cancel, std::shared_ptr<Warming>>;

    // On the thread.
    void run() noexcept;
    void turn();
    void take_inbox();
    void obey(Queued queued);
    void obey(const Cancel& cancel);
    void obey(const std::shared_ptr<Warming>& warming);
    void start_some();
    void start(Queued queued);
    void start(const std::shared_ptr<Warming>& warming, int connections, bool fresh);
    void run_timer();
    void end_idle();
    void watch_silence(std::int64_t until_ns);
    void act(const Sockets::Ready& ready);
    void drive(int fd, int mask, const KernelStamps::Arrival& arrival);
    void sleep();
    void collect();
    void publish_progress(Job& job);
    void end(Job& job, int code, std::string_view kind = {}, std::string_view error = {});
    void end_warming(Job& job, const Done& done);
    void end_all(std::string_view kind, std::string_view error) noexcept;
    void finish(const std::shared_ptr<Warming>& warming);
    void post(Done done);
    void call_readers();
    std::unique_ptr<Job> take_job();
    int patience() const;
    void settle(int fd) noexcept;
    Report pop_report();

    static int on_socket(curl::Easy* easy, int fd, int what, void* self, void*);
    static int on_timer(curl::Multi*, long timeout_ms, void* self);

    // The thread's own, until the next mutex. `shop_` comes first: jobs and libcurl refer to
    // it until the end.
    Shop shop_;
    Bell bell_;
    Sockets sockets_{bell_};
    KernelStamps stamps_;
    const std::size_t max_in_flight_;
    std::optional<std::int64_t> timer_ns_;
    std::int64_t idle_check_ns_ = kNever;  // no transfer can have been silent too long before
    std::unique_ptr<curl::Multi, int (*)(curl::Multi*)> multi_;
    std::deque<Queued> queue_;
    std::vector<std::unique_ptr<Job>> spare_;
    std::unordered_map<curl::Easy*, std::unique_ptr<Job>> jobs_;
    std::size_t in_flight_ = 0;  // jobs_ without the warming ones
    std::int64_t looked_up_ns_ = 0;  // its thread last came back from waiting
    bool stopping_ = false;
    bool news_ = false;  // in the outbox, and readers were not called yet

    mutable std::mutex inbox_mutex_;
    std::vector<Order> inbox_;  // obeyed in this order: an id may be used again after its Done
    bool stop_asked_ = false;
    bool refusing_ = false;
    std::string failure_;  // why it refuses

    mutable std::mutex outbox_mutex_;
    std::condition_variable arrived_;
    std::deque<Report> outbox_;
    std::unordered_set<std::string> under_way_;  // ids whose Done has not been read
    bool over_ = false;                          // the thread has ended

    std::mutex close_mutex_;
    std::thread thread_;  // last: it starts when all else exists
};

}  // namespace ppbench
