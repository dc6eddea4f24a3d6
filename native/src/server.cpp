// A chunk goes out with its own send(), the status line and headers together with the first
// one, the end of the reply together with the last one: one packet, one instant.
#include "server.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <stdexcept>

#include "clock.h"
#include "thread.h"

namespace ppbench {
namespace {

constexpr std::uint64_t kBell = 0, kListener = 1, kTimer = 2, kFirstSerial = 16;
constexpr std::size_t kReadSize = std::size_t{64} << 10;
constexpr std::size_t kMaxAhead = std::size_t{1} << 20;  // sent while the reply still runs
constexpr int kAcceptedAtOnce = 8;  // due chunks have to wait meanwhile
constexpr std::int64_t kDrainNs = 1'000'000'000;

void add_to(const Fd& epoll, int fd, std::uint64_t serial, std::uint32_t events, int action) {
    epoll_event event{};
    event.events = events;
    event.data.u64 = serial;
    if (::epoll_ctl(epoll.get(), action, fd, &event) != 0)
        throw std::system_error(errno, std::generic_category(), "epoll_ctl");
}

}  // namespace

PacedServer::PacedServer(const std::string& host, int port,
                         const std::optional<TlsContext::Settings>& tls, Answer answer)
    : epoll_(open_or_throw(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1")),
      timer_(open_or_throw(::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC),
                           "timerfd_create")),
      answer_(std::move(answer)),
      tls_(tls ? std::make_unique<TlsContext>(*tls) : nullptr),
      listener_(host, port),
      last_serial_(kFirstSerial),
      buffer_(kReadSize) {
    add_to(epoll_, bell_.fd(), kBell, EPOLLIN, EPOLL_CTL_ADD);
    add_to(epoll_, listener_.fd(), kListener, EPOLLIN, EPOLL_CTL_ADD);
    add_to(epoll_, timer_.get(), kTimer, EPOLLIN, EPOLL_CTL_ADD);
    thread_ = std::thread([this] { run(); });
}

PacedServer::~PacedServer() { stop(); }

std::optional<Incoming> PacedServer::next(std::int64_t until_ns) {
    std::unique_lock lock(mutex_);
    const std::chrono::steady_clock::time_point until{std::chrono::nanoseconds(until_ns)};
    const auto ready = [this] { return !incoming_.empty() || stopping_; };
    if (!arrived_.wait_until(lock, until, ready) || stopping_) return std::nullopt;
    Incoming incoming = std::move(incoming_.front());
    incoming_.pop_front();
    return incoming;
}

bool PacedServer::stopped() const {
    const std::lock_guard lock(mutex_);
    return stopping_;
}

void PacedServer::respond(std::uint64_t token, Reply reply) {
    check_reply(reply);
    const std::lock_guard lock(mutex_);
    replies_.emplace_back(token, std::move(reply));
    bell_.ring();
}

void PacedServer::stop() {
    const std::lock_guard stopping(stop_mutex_);
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
        bell_.ring();
        arrived_.notify_all();
    }
    if (thread_.joinable()) thread_.join();
}

void PacedServer::run() noexcept {
    settle_thread("ppbench-server");
    try {
        while (!stopped()) turn();
    } catch (const std::exception&) {  // nobody to tell: clients see closed connections
    }
    connections_.clear();
    gone_.clear();
    listener_.close();
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    arrived_.notify_all();
}

void PacedServer::turn() {
    std::array<epoll_event, 64> found{};
    set_timer();
    const int count = ::epoll_wait(epoll_.get(), found.data(), static_cast<int>(found.size()), -1);
    if (count < 0 && errno != EINTR)
        throw std::system_error(errno, std::generic_category(), "epoll_wait");
    run_due();
    for (int i = 0; i < count; ++i) {
        const epoll_event& event = found[static_cast<std::size_t>(i)];
        if (event.data.u64 == kBell)
            bell_.quiet();
        else if (event.data.u64 == kListener)
            accept_some();
        else if (event.data.u64 != kTimer)
            on_ready(event.data.u64, event.events);
        run_due();
    }
    take_replies();
    run_due();
    gone_.clear();
}

void PacedServer::take_replies() {
    std::vector<std::pair<std::uint64_t, Reply>> replies;
    {
        const std::lock_guard lock(mutex_);
        replies.swap(replies_);
    }
    for (auto& [token, reply] : replies) {
        const auto serial = serial_of_.find(token);
        if (serial == serial_of_.end()) continue;
        Connection& c = *connections_.at(serial->second);
        serial_of_.erase(serial);
        begin(c, std::move(reply));
    }
}

// Those who still wait wake the thread again.
void PacedServer::accept_some() {
    for (int i = 0; i < kAcceptedAtOnce; ++i) {
        Fd fd = listener_.accept();
        if (!fd) return;
        auto c = std::make_unique<Connection>();
        c->serial = ++last_serial_;
        c->channel = Channel(std::move(fd), tls_ ? tls_->accept() : nullptr);
        c->watched = EPOLLIN;
        add_to(epoll_, c->channel.fd(), c->serial, c->watched, EPOLL_CTL_ADD);
        connections_.emplace(c->serial, std::move(c));
    }
}

void PacedServer::on_ready(std::uint64_t serial, std::uint32_t events) {
    const auto found = connections_.find(serial);
    if (found == connections_.end()) return;
    Connection& c = *found->second;
    if ((events & EPOLLERR) != 0) return drop(c);
    if ((events & EPOLLOUT) != 0) flush(c);
    if (c.channel.is_open() && (events & (EPOLLIN | EPOLLHUP)) != 0) read_some(c);
}

void PacedServer::read_some(Connection& c) {
    const ssize_t got = ::recv(c.channel.fd(), buffer_.data(), buffer_.size(), 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    const std::int64_t read_ns = now_ns();
    if (got <= 0) return drop(c);
    if (c.draining) return;
    const std::size_t before = c.in.size();
    const std::string_view received(buffer_.data(), static_cast<std::size_t>(got));
    if (!c.channel.understand(received, c.in)) return drop(c);
    watch(c);
    if (c.in.size() == before) return;
    if (c.token == 0) return parse(c, read_ns);
    if (c.in.size() > kMaxAhead) drop(c);
}

void PacedServer::parse(Connection& c, std::int64_t read_ns) {
    switch (c.parser.feed(c.in)) {
        case RequestParser::State::failed: return answer_now(c, c.parser.status(), true);
        case RequestParser::State::complete: return hand_out(c, read_ns);
        case RequestParser::State::more:
            if (c.parser.wants_continue()) write(c, status_line(100) + "\r\n");
    }
}

void PacedServer::hand_out(Connection& c, std::int64_t read_ns) {
    Request request = std::move(c.parser.request());
    c.parser = {};
    c.keep_alive = request.keep_alive;
    c.http11 = request.http11;
    if (request.method == "OPTIONS" || request.method == "HEAD") return answer_now(c, 204, false);
    c.token = ++last_token_;
    if (answer_) {
        Reply reply = answer_({c.token, std::move(request), read_ns});
        check_reply(reply);
        return begin(c, std::move(reply));
    }
    serial_of_.emplace(c.token, c.serial);
    const std::lock_guard lock(mutex_);
    incoming_.push_back({c.token, std::move(request), read_ns});
    arrived_.notify_one();
}

void PacedServer::answer_now(Connection& c, int status, bool close) {
    c.token = ++last_token_;
    begin(c, {status, {}, {}, close, false, {}});
}

void PacedServer::begin(Connection& c, Reply reply) {
    c.reply = std::move(reply);
    c.sent = 0;
    if (!c.http11 && !is_sized(*c.reply)) c.keep_alive = false;  // its end is the close
    if (c.reply->chunks.empty())
        send_chunk(c);
    else
        schedule(c.reply->chunks.front().at_ns, c, c.token);
}

void PacedServer::schedule(std::int64_t at_ns, const Connection& c, std::uint64_t token) {
    due_.push({at_ns, ++last_order_, c.serial, token});
}

// Only what is due on entry: a server that is always late still has to read.
void PacedServer::run_due() {
    const std::int64_t now = now_ns();
    while (!due_.empty() && due_.top().at_ns <= now) {
        const Due due = due_.top();
        due_.pop();
        const auto found = connections_.find(due.serial);
        if (found == connections_.end()) continue;
        Connection& c = *found->second;
        if (due.token != 0 && due.token == c.token)
            send_chunk(c);
        else if (due.token == 0 && c.draining)
            drop(c);
        else if (due.token == 0 && c.token == 0)
            parse(c, now_ns());
    }
}

void PacedServer::set_timer() {
    const std::int64_t at = due_.empty() ? 0 : std::max<std::int64_t>(due_.top().at_ns, 1);
    if (at == timer_set_ns_ && (at == 0 || at > now_ns())) return;
    itimerspec setting{};
    setting.it_value.tv_sec = at / 1'000'000'000;
    setting.it_value.tv_nsec = at % 1'000'000'000;
    ::timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &setting, nullptr);
    timer_set_ns_ = at;
}

void PacedServer::send_chunk(Connection& c) {
    const Reply& reply = *c.reply;
    const auto instant = [&] { return reply.chunks[c.sent].at_ns; };
    const std::int64_t at_ns = reply.chunks.empty() ? 0 : instant();
    std::string wire;
    do {
        wire += wire_bytes(reply, c.sent, c.http11, c.keep_alive);
        ++c.sent;
    } while (reply.packed && c.sent < reply.chunks.size() && instant() == at_ns);
    c.ending = c.sent >= reply.chunks.size();
    if (!c.ending) schedule(reply.chunks[c.sent].at_ns, c, c.token);
    write_instant(wire, reply.mark, now_ns());
    write(c, wire);
}

void PacedServer::write(Connection& c, std::string_view bytes) {
    const bool last = c.ending && !c.reply->abort && c.closes();
    if (!c.channel.send(bytes, last)) return drop(c);
    settle(c);
}

void PacedServer::flush(Connection& c) {
    if (!c.channel.flush()) return drop(c);
    settle(c);
}

void PacedServer::settle(Connection& c) {
    watch(c);
    if (c.ending && !c.channel.waiting()) end_reply(c);
}

void PacedServer::end_reply(Connection& c) {
    if (c.reply->abort) return drop(c, true);
    const bool close = c.closes();
    c.reply.reset();
    c.token = 0;
    c.ending = false;
    if (!close) {  // not parsed here: a client that pipelines would make this recurse
        if (!c.in.empty()) schedule(now_ns(), c, 0);
        return;
    }
    // Closing with unread bytes would reset the connection and could destroy the reply.
    c.draining = true;
    c.channel.end_sending();
    schedule(now_ns() + kDrainNs, c, 0);
}

void PacedServer::watch(Connection& c) {
    const std::uint32_t events = c.channel.waiting() ? EPOLLIN | EPOLLOUT : EPOLLIN;
    if (events == c.watched) return;
    add_to(epoll_, c.channel.fd(), c.serial, events, EPOLL_CTL_MOD);
    c.watched = events;
}

void PacedServer::drop(Connection& c, bool reset) {
    serial_of_.erase(c.token);
    c.channel.close(reset);
    gone_.push_back(std::move(connections_.extract(c.serial).mapped()));
}

}  // namespace ppbench
