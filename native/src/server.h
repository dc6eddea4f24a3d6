// A paced HTTP/1.1 server: hands requests out, and sends each chunk of a reply at its
// appointed instant, late if it must be, never early. Over TLS when it is given a certificate.
// One thread, epoll, one timer.
// Knows nothing of what the bytes mean.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <queue>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "channel.h"
#include "fd.h"
#include "listener.h"
#include "reply.h"
#include "request.h"
#include "tls.h"

namespace ppbench {

struct Incoming {
    std::uint64_t token = 0;
    Request request;
    std::int64_t arrived_ns = 0;  // its last byte was read
};

class PacedServer {
public:
    using Answer = std::function<Reply(const Incoming&)>;

    // Throws std::runtime_error when it cannot listen, and what TlsContext throws. With
    // `answer` requests are not handed out: it is called for each on the server's own thread,
    // which it holds up. What it throws, a reply that cannot be sent too, ends the server.
    PacedServer(const std::string& host, int port,
                const std::optional<TlsContext::Settings>& tls = {}, Answer answer = {});
    ~PacedServer();
    PacedServer(const PacedServer&) = delete;
    PacedServer& operator=(const PacedServer&) = delete;

    int port() const noexcept { return listener_.port(); }
    const TlsContext* tls() const noexcept { return tls_.get(); }  // null for plain HTTP

    // The next request, or nothing at the deadline or after stop().
    std::optional<Incoming> next(std::int64_t until_ns);
    bool stopped() const;

    // Throws std::invalid_argument for a reply that cannot be sent. A token whose client is
    // gone, or that was answered before, is ignored.
    void respond(std::uint64_t token, Reply reply);

    void stop();  // idempotent

private:
    struct Connection {
        std::uint64_t serial = 0;
        Channel channel;
        RequestParser parser;
        std::string in;
        std::uint64_t token = 0;  // the request handed out, 0 when none
        std::optional<Reply> reply;
        std::size_t sent = 0;  // chunks of the reply
        std::uint32_t watched = 0;
        bool keep_alive = true;
        bool http11 = true;
        bool ending = false;    // all of the reply is written, or waits in the channel
        bool draining = false;  // our side is shut: only waiting for the client's
        bool closes() const noexcept { return reply->close || !keep_alive; }
    };
    struct Due {
        std::int64_t at_ns;
        std::uint64_t order;
        std::uint64_t serial;
        std::uint64_t token;  // 0: see to a connection that drains or has read ahead
        bool operator>(const Due& other) const noexcept {
            return std::pair(at_ns, order) > std::pair(other.at_ns, other.order);
        }
    };

    void run() noexcept;
    void turn();
    void take_replies();
    void accept_some();
    void on_ready(std::uint64_t serial, std::uint32_t events);
    void read_some(Connection& c);
    void parse(Connection& c, std::int64_t read_ns);
    void hand_out(Connection& c, std::int64_t read_ns);
    void begin(Connection& c, Reply reply);
    void run_due();
    void send_chunk(Connection& c);
    void answer_now(Connection& c, int status, bool close);
    void write(Connection& c, std::string_view bytes);
    void flush(Connection& c);
    void settle(Connection& c);
    void end_reply(Connection& c);
    void watch(Connection& c);
    void drop(Connection& c, bool reset = false);
    void schedule(std::int64_t at_ns, const Connection& c, std::uint64_t token);
    void set_timer();

    Bell bell_;
    Fd epoll_;
    Fd timer_;
    const Answer answer_;
    std::unique_ptr<TlsContext> tls_;  // before the connections, which refer to it
    Listener listener_;
    std::uint64_t last_serial_;
    std::uint64_t last_token_ = 0;
    std::uint64_t last_order_ = 0;
    std::unordered_map<std::uint64_t, std::unique_ptr<Connection>> connections_;
    std::unordered_map<std::uint64_t, std::uint64_t> serial_of_;  // by token
    std::vector<std::unique_ptr<Connection>> gone_;               // freed at the end of a turn
    std::priority_queue<Due, std::vector<Due>, std::greater<>> due_;
    std::int64_t timer_set_ns_ = 0;
    std::vector<char> buffer_;

    mutable std::mutex mutex_;
    std::condition_variable arrived_;
    std::deque<Incoming> incoming_;                          // guarded by mutex_
    std::vector<std::pair<std::uint64_t, Reply>> replies_;  // guarded by mutex_
    bool stopping_ = false;                                  // guarded by mutex_

    std::mutex stop_mutex_;
    std::thread thread_;
};

}  // namespace ppbench
