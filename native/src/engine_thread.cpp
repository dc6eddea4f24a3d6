// The engine's own thread. Four rules keep the kernel stamps true: a thread that nothing in
// Python can hold up; no stamp while libcurl works off a timer; no stamp taken for exact when a
// read held several segments (stamps.h); HTTP/1.1, so that a socket carries one reply at a time.
#include <algorithm>
#include <iterator>
#include <stdexcept>
#include <utility>

#include "clock.h"
#include "engine.h"
#include "thread.h"

namespace ppbench {
namespace {

constexpr int kStartsPerTurn = 16;  // starting many at once would hold up those that stream
constexpr int kLookUpMs = 2;
constexpr std::int64_t kOnTimeNs = 500'000;  // timers of the kernel are up to so late by themselves
constexpr std::int64_t kLongestSleepMs = 60'000;
// Waking a reader for each reply makes two switches of threads of it where both share a core.
constexpr int kActsPerCall = 8;

}  // namespace

void Engine::run() noexcept {
    settle_thread("ppbench-engine");
    std::string failure = "the engine is closed";
    const char* kind = "cancelled";
    try {
        while (!stopping_) turn();
    } catch (const std::exception& error) {
        kind = "other";
        failure = std::string("the engine failed: ") + error.what();
    }
    try {
        const std::lock_guard lock(inbox_mutex_);
        refusing_ = true;
        failure_ = failure;
        for (Order& order : inbox_)
            if (auto* queued = std::get_if<Queued>(&order)) queue_.push_back(std::move(*queued));
        inbox_.clear();
    } catch (const std::exception&) {  // no memory: those transfers are lost, the rest is told
    }
    end_all(kind, failure);
    const std::lock_guard lock(outbox_mutex_);
    over_ = true;
    arrived_.notify_all();
}

void Engine::turn() {
    take_inbox();
    if (stopping_) return;
    start_some();
    run_timer();
    call_readers();
    sleep();
    for (int acts = 1; const auto ready = sockets_.next(); ++acts) {
        act(*ready);
        if (acts % kActsPerCall == 0) call_readers();
    }
    end_idle();  // after the sockets: what waited to be read is no silence
    call_readers();
}

// While replies are under way it looks up every so often, and notes by how much it did so too
// late: what is read together after that may have waited as long, which no stamp would tell.
void Engine::sleep() {
    const int patience = this->patience();
    const bool looks_up = in_flight_ > 0 && (patience < 0 || patience > kLookUpMs);
    sockets_.wait(looks_up ? kLookUpMs : patience);
    const std::int64_t before = std::exchange(looked_up_ns_, now_ns());
    const std::int64_t late = looked_up_ns_ - before - kLookUpMs * std::int64_t{1'000'000};
    shop_.reading.held_up_ns = in_flight_ > 0 && late > kOnTimeNs ? late : 0;
}

void Engine::call_readers() {
    if (std::exchange(news_, false)) arrived_.notify_all();
}

void Engine::take_inbox() {
    std::vector<Order> orders;
    {
        const std::lock_guard lock(inbox_mutex_);
        orders.swap(inbox_);
        stopping_ = stop_asked_;
    }
    for (Order& order : orders)
        std::visit([this](auto& what) { obey(std::move(what)); }, order);
}

void Engine::obey(Queued queued) { queue_.push_back(std::move(queued)); }

void Engine::obey(const std::shared_ptr<Warming>& warming) {
    start(warming, warming->pending, false);
}

void Engine::start_some() {
    for (int i = 0; i < kStartsPerTurn && !queue_.empty() && in_flight_ < max_in_flight_; ++i) {
        Queued queued = std::move(queue_.front());
        queue_.pop_front();
        start(std::move(queued));
    }
}

std::unique_ptr<Job> Engine::take_job() {
    if (spare_.empty()) return std::make_unique<Job>(shop_);
    auto job = std::move(spare_.back());
    spare_.pop_back();
    return job;
}

void Engine::start(Queued queued) {
    auto owner = take_job();
    Job& job = *owner;
    jobs_.emplace(job.easy(), std::move(owner));
    ++in_flight_;
    if (const long idle_ms = queued.transfer->idle_ms; idle_ms != 0)
        watch_silence(now_ns() + idle_ms * 1'000'000);
    if (!job.prepare(std::move(queued.transfer), queued.queued_ns)) {
        end(job, 0);
    } else if (const int code = shop_.library.api.multi_add_handle(multi_.get(), job.easy())) {
        end(job, 0, "other", shop_.library.api.multi_strerror(code));
    }
}

// All are added before libcurl works on any, so that no job can find a connection that
// another one has already finished with.
void Engine::start(const std::shared_ptr<Warming>& warming, int connections, bool fresh) {
    std::vector<Job*> failed;
    warming->pending = connections;
    for (int i = 0; i < connections; ++i) {
        auto owner = take_job();
        Job& job = *owner;
        jobs_.emplace(job.easy(), std::move(owner));
        if (!job.prepare(warming, fresh) ||
            shop_.library.api.multi_add_handle(multi_.get(), job.easy()) != 0)
            failed.push_back(&job);
    }
    for (Job* job : failed) end(*job, 0, "other");
    if (connections <= 0) finish(warming);
}

void Engine::run_timer() {
    if (!timer_ns_ || now_ns() < *timer_ns_) return;
    timer_ns_.reset();
    drive(curl::kSocketTimeout, 0, {});
}

// Libcurl counts silence in whole seconds and from the start; this is from the first byte.
void Engine::end_idle() {
    const std::int64_t now = now_ns();
    if (now < idle_check_ns_) return;
    idle_check_ns_ = kNever;
    std::vector<Job*> silent;
    for (auto& [easy, job] : jobs_) {
        if (job->warming() || job->transfer().idle_ms == 0) continue;
        const std::int64_t until = job->idle_until_ns();
        if (until != 0 && until <= now)
            silent.push_back(job.get());
        else
            watch_silence(until != 0 ? until : now + job->transfer().idle_ms * 1'000'000);
    }
    for (Job* job : silent)
        end(*job, 0, "timeout",
            "nothing came for " + std::to_string(job->transfer().idle_ms) + " ms");
}

void Engine::watch_silence(std::int64_t until_ns) {
    idle_check_ns_ = std::min(idle_check_ns_, until_ns);
}

int Engine::patience() const {
    if (!queue_.empty() && in_flight_ < max_in_flight_) return 0;
    const std::int64_t at = std::min(timer_ns_.value_or(kNever), idle_check_ns_);
    if (at == kNever) return -1;
    const std::int64_t left = at - now_ns();
    if (left <= 0) return 0;
    return static_cast<int>(std::min(left / 1'000'000 + 1, kLongestSleepMs));  // never early
}

void Engine::act(const Sockets::Ready& ready) {
    const int mask = (ready.readable ? curl::kSelectIn : 0) |
                     (ready.writable ? curl::kSelectOut : 0) |
                     (ready.failed ? curl::kSelectErr : 0);
    KernelStamps::Arrival arrival;
    if (ready.readable && ready.stamped)
        arrival = stamps_.peek(ready.fd, sockets_.received(ready.fd));
    if (arrival.overtaken)
        for (auto& [easy, job] : jobs_)
            if (job->socket() == ready.fd) job->doubt_read();
    drive(ready.fd, mask, arrival);
}

void Engine::drive(int fd, int mask, const KernelStamps::Arrival& arrival) {
    Reading& reading = shop_.reading;
    reading.fd = fd;
    reading.arrival = arrival;
    ++reading.number;
    reading.reader = nullptr;
    reading.read_ns = 0;
    reading.pieces = 0;
    int running = 0;
    const int code = shop_.library.api.multi_socket_action(multi_.get(), fd, mask, &running);
    // Of one piece the next look tells whether it was overtaken; after the last there is none.
    if (reading.pieces > 1 || std::cmp_less(running, jobs_.size())) Job::check_read(shop_);
    if (reading.pieces == 0) settle(fd);
    reading.fd = -1;
    reading.arrival = {};
    for (Job* job : reading.touched) publish_progress(*job);
    reading.touched.clear();
    if (code != 0) throw std::runtime_error(shop_.library.api.multi_strerror(code));
    collect();
}

// Bytes that were read without a look and were no part of a reply, as those of a handshake, are
// not to be taken for bytes of the next reply.
void Engine::settle(int fd) noexcept {
    if (fd >= 0 && sockets_.stamped(fd)) KernelStamps::read_beyond(fd, sockets_.received(fd));
}

void Engine::collect() {
    int left = 0;
    while (const curl::Message* message =
               shop_.library.api.multi_info_read(multi_.get(), &left)) {
        if (message->kind != curl::kMessageDone) continue;
        const int code = message->data.result;  // removing the handle frees the message
        end(*jobs_.at(message->easy), code);
    }
}

void Engine::publish_progress(Job& job) {
    std::vector<Event> events = job.take_new_events();
    if (events.empty()) return;
    const std::lock_guard lock(outbox_mutex_);
    if (job.progress && !job.progress->taken) {
        std::move(events.begin(), events.end(), std::back_inserter(job.progress->events));
        return;
    }
    job.progress = std::make_shared<Progress>(Progress{job.transfer().id, std::move(events)});
    outbox_.emplace_back(job.progress);
    news_ = true;
}

void Engine::obey(const Cancel& cancel) {
    const std::string& id = cancel.id;
    const auto queued = std::find_if(queue_.begin(), queue_.end(),
                                     [&](const Queued& q) { return q.transfer->id == id; });
    if (queued != queue_.end()) {
        Done done;
        done.id = id;
        done.error_kind = "cancelled";
        done.error = "cancelled before it was sent";
        done.queued_ns = queued->queued_ns;
        done.done_ns = now_ns();
        queue_.erase(queued);
        return post(std::move(done));
    }
    for (auto& [easy, job] : jobs_)
        if (!job->warming() && job->transfer().id == id)
            return end(*job, 0, "cancelled", "cancelled under way");
}

void Engine::end(Job& job, int code, std::string_view kind, std::string_view error) {
    Done done = job.finish(code, kind, error);
    shop_.library.api.multi_remove_handle(multi_.get(), job.easy());
    if (job.warming()) {
        end_warming(job, done);
    } else {
        --in_flight_;
        post(std::move(done));
    }
    job.clear();
    spare_.push_back(std::move(jobs_.extract(job.easy()).mapped()));
}

void Engine::end_warming(Job& job, const Done& done) {
    const std::shared_ptr<Warming>& warming = job.warming();
    auto& ports = warming->ports;
    if (done.status != 0 && done.error_kind.empty() && kept_alive(done)) {
        if (std::find(ports.begin(), ports.end(), done.local_port) == ports.end())
            ports.push_back(done.local_port);
        else
            ++warming->duplicates;
    }
    if (--warming->pending > 0) return;
    if (warming->duplicates > 0 && !std::exchange(warming->topped_up, true))
        return start(warming, warming->duplicates, true);
    finish(warming);
}

void Engine::finish(const std::shared_ptr<Warming>& warming) {
    const std::lock_guard lock(outbox_mutex_);
    warming->finished = true;
    arrived_.notify_all();
}

void Engine::post(Done done) {
    auto report = std::make_shared<Done>(std::move(done));
    const std::lock_guard lock(outbox_mutex_);
    outbox_.emplace_back(std::move(report));
    news_ = true;
}

void Engine::end_all(std::string_view kind, std::string_view error) noexcept {
    try {
        while (!jobs_.empty()) end(*jobs_.begin()->second, 0, kind, error);
        for (const Queued& queued : queue_) {
            Done done;
            done.id = queued.transfer->id;
            done.error_kind = kind;
            done.error = error;
            done.queued_ns = queued.queued_ns;
            done.done_ns = now_ns();
            post(std::move(done));
        }
    } catch (const std::exception&) {  // no memory: what is left is not told
    }
    jobs_.clear();
    queue_.clear();
    spare_.clear();
}

int Engine::on_socket(curl::Easy* easy, int fd, int what, void* self, void*) {
    auto& engine = *static_cast<Engine*>(self);
    try {
        Job* job = Job::of(engine.shop_.library.api, easy);
        if (what == curl::kWatchRemove) {
            if (job != nullptr) job->left_socket(fd);
            engine.sockets_.want(fd, false, false);
        } else {
            if (job != nullptr && job->socket() != fd) {
                job->at_socket(fd);
                engine.settle(fd);  // the last reply here may have been read off a timer
            }
            engine.sockets_.want(fd, (what & curl::kWatchIn) != 0, (what & curl::kWatchOut) != 0);
        }
        return 0;
    } catch (...) {
        return -1;
    }
}

int Engine::on_timer(curl::Multi*, long timeout_ms, void* self) {
    auto& engine = *static_cast<Engine*>(self);
    if (timeout_ms < 0)
        engine.timer_ns_.reset();
    else
        engine.timer_ns_ = now_ns() + std::int64_t{timeout_ms} * 1'000'000;
    return 0;
}

}  // namespace ppbench
