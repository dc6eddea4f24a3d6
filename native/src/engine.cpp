// The engine as other threads see it: what is asked goes to the inbox, what came is taken from
// the outbox. engine_thread.cpp is the other half.
#include "engine.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <iterator>
#include <stdexcept>

#include "clock.h"

namespace ppbench {
namespace {

constexpr std::size_t kSmallestCache = 64;

std::chrono::steady_clock::time_point time_point(std::int64_t ns) {
    return std::chrono::steady_clock::time_point(std::chrono::nanoseconds(ns));
}

// An option for no_proxy replaces what libcurl reads from the environment, so both are joined.
std::string no_proxy() {
    const char* given = std::getenv("no_proxy");
    if (given == nullptr) given = std::getenv("NO_PROXY");
    std::string rest = given == nullptr ? "" : given;
    if (rest == "*") return rest;
    const std::string loopback = "localhost,127.0.0.1,::1,127.0.0.0/8";
    return rest.empty() ? loopback : loopback + "," + rest;
}

Shop open_shop(const Engine::Settings& settings) {
    if (settings.max_in_flight == 0) throw std::invalid_argument("max_in_flight must be positive");
    if (settings.max_reply_bytes == 0)
        throw std::invalid_argument("max_reply_bytes must be positive");
    return {curl::load(settings.libcurl), settings.ca_file,         no_proxy(),
            settings.max_reply_bytes,     settings.http2,           nullptr,
            nullptr,                      {}};
}

}  // namespace

Engine::Engine(const Settings& settings)
    : shop_(open_shop(settings)),
      max_in_flight_(settings.max_in_flight),
      multi_(shop_.library.api.multi_init(), shop_.library.api.multi_cleanup) {
    if (!multi_) throw std::runtime_error("libcurl: curl_multi_init failed");
    shop_.sockets = &sockets_;
    shop_.stamps = &stamps_;
    const auto set = [this](curl::MultiOption option, auto value) {
        if (shop_.library.api.multi_setopt(multi_.get(), option, value) != 0)
            throw std::runtime_error("libcurl refused multi option " + std::to_string(option));
    };
    set(curl::kSocketFunction, &Engine::on_socket);
    set(curl::kSocketData, static_cast<void*>(this));
    set(curl::kTimerFunction, &Engine::on_timer);
    set(curl::kTimerData, static_cast<void*>(this));
    set(curl::kMaxConnects, static_cast<long>(std::max(max_in_flight_, kSmallestCache)));
    thread_ = std::thread([this] { run(); });
}

Engine::~Engine() { close(); }

void Engine::submit(const std::vector<std::shared_ptr<const Transfer>>& transfers) {
    const std::int64_t now = now_ns();
    std::vector<Order> orders;
    orders.reserve(transfers.size());
    const std::scoped_lock lock(inbox_mutex_, outbox_mutex_);
    if (refusing_) throw std::runtime_error(failure_);
    std::unordered_set<std::string> batch;
    for (const auto& transfer : transfers) {
        if (under_way_.contains(transfer->id) || !batch.insert(transfer->id).second)
            throw std::invalid_argument("id '" + transfer->id + "' is already under way");
        orders.emplace_back(Queued{transfer, now});
    }
    const bool waking = inbox_.empty();  // else the bell has rung for what lies there
    inbox_.insert(inbox_.end(), std::make_move_iterator(orders.begin()),
                  std::make_move_iterator(orders.end()));
    under_way_.merge(batch);
    if (waking) bell_.ring();
}

void Engine::cancel(const std::string& id) {
    const std::lock_guard lock(inbox_mutex_);
    inbox_.emplace_back(Cancel{id});
    bell_.ring();
}

std::optional<Report> Engine::take() {
    const std::lock_guard lock(outbox_mutex_);
    if (outbox_.empty()) return std::nullopt;
    return pop_report();
}

std::optional<Report> Engine::wait(std::int64_t until_ns) {
    std::unique_lock lock(outbox_mutex_);
    const auto ready = [this] { return !outbox_.empty() || over_; };
    if (!arrived_.wait_until(lock, time_point(until_ns), ready) || outbox_.empty())
        return std::nullopt;
    return pop_report();
}

Report Engine::pop_report() {
    Report report = std::move(outbox_.front());
    outbox_.pop_front();
    if (auto* done = std::get_if<std::shared_ptr<Done>>(&report))
        under_way_.erase((*done)->id);
    else
        std::get<std::shared_ptr<Progress>>(report)->taken = true;
    return report;
}

bool Engine::idle() const {
    const std::lock_guard lock(outbox_mutex_);
    return under_way_.empty() && outbox_.empty();
}

bool Engine::closed() const {
    const std::lock_guard lock(outbox_mutex_);
    return over_;
}

std::shared_ptr<Warming> Engine::prewarm(const std::string& url, int connections,
                                         long timeout_ms) {
    auto warming = std::make_shared<Warming>();
    warming->url = url;
    warming->timeout_ms = timeout_ms;
    warming->pending = connections;
    const std::lock_guard lock(inbox_mutex_);
    if (refusing_) throw std::runtime_error(failure_);
    inbox_.emplace_back(warming);
    bell_.ring();
    return warming;
}

std::optional<int> Engine::warmed(const Warming& warming, std::int64_t until_ns) {
    std::unique_lock lock(outbox_mutex_);
    const auto ready = [&] { return warming.finished || over_; };
    if (!arrived_.wait_until(lock, time_point(until_ns), ready)) return std::nullopt;
    return static_cast<int>(warming.ports.size());
}

void Engine::close() {
    const std::lock_guard closing(close_mutex_);
    {
        const std::lock_guard lock(inbox_mutex_);
        stop_asked_ = true;
        if (!refusing_) failure_ = "the engine is closed";
        refusing_ = true;
        bell_.ring();
    }
    if (thread_.joinable()) thread_.join();
}

}  // namespace ppbench
