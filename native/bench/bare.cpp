// A bare HTTP/1.1 client on epoll: what user space can reach on this machine, the limit that
// other clients are held against. No libcurl, no TLS, no JSON, no faults: it gives up on any.
// Reads with recvmsg, so the kernel's stamp costs no call of its own.
//
// Commands come as lines on standard input, answers go to standard output:
//   exchange N, then N lines `chunks gap_us first_us`   all at once; a line for each reply
//   plan N chunks gap_us first_us                       N, and one more when they have ended
//   busy chunks width ms                                keeps `width` in flight; their number
// A reply's line: sent done, then text, kernel's stamp and own stamp of each content chunk. Before
// the replies comes the processor time they took.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "clock.h"
#include "fd.h"
#include "stamps.h"

namespace {

using namespace ppbench;

constexpr std::string_view kContent = "\"content\": \"";
constexpr std::string_view kBlank = "\r\n\r\n";

struct Chunk {
    std::string text;
    std::int64_t kernel_ns, user_ns;
};

struct Connection {
    Fd fd;
    std::string in;    // not understood yet
    std::string body;  // events that are not whole yet
    std::vector<Chunk> chunks;
    std::int64_t sent_ns = 0, done_ns = 0;
    std::size_t left = 0;  // bytes of a sized body
    bool in_body = false, chunked = false;
};

std::string request(const std::string& port, long chunks, long gap_us, long first_us) {
    const std::string body =
        R"({"model": "clock", "stream": true, "messages": [{"role": "user", "content": )"
        R"("{\"chunks\": )" + std::to_string(chunks) + R"(, \"gap_us\": )" +
        std::to_string(gap_us) + R"(, \"first_us\": )" + std::to_string(first_us) +
        R"(}"}], "stream_options": {"include_usage": true}})";
    return "POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:" + port +
           "\r\nContent-Type: application/json\r\nContent-Length: " +
           std::to_string(body.size()) + std::string(kBlank) + body;
}

class Client {
public:
    explicit Client(int port) : port_(port) {}

    void send(std::size_t place, const std::string& bytes) {
        Connection& c = at(place);
        c.chunks.clear();
        c.sent_ns = now_ns();
        if (::send(c.fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) != std::ssize(bytes))
            throw std::runtime_error("a request could not be sent");
    }

    // The connections whose replies ended in this turn.
    const std::vector<std::size_t>& turn() {
        ended_.clear();
        std::array<epoll_event, 128> found{};
        const int count = ::epoll_wait(epoll_.get(), found.data(), std::ssize(found), -1);
        for (int i = 0; i < count; ++i) read(found[static_cast<std::size_t>(i)].data.u64);
        return ended_;
    }

    // Opens connections until there is one at this place.
    Connection& at(std::size_t place) {
        while (connections_.size() <= place) open();
        return *connections_[place];
    }

    std::size_t events = 0;

private:
    void open() {
        auto c = std::make_unique<Connection>();
        c->fd = open_or_throw(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(static_cast<std::uint16_t>(port_));
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        const int on = 1;
        ::setsockopt(c->fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        KernelStamps::enable(c->fd.get());
        if (::connect(c->fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
            throw std::system_error(errno, std::generic_category(), "connect");
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.u64 = connections_.size();
        ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, c->fd.get(), &event);
        connections_.push_back(std::move(c));
    }

    void read(std::size_t place) {
        Connection& c = *connections_[place];
        iovec part{buffer_.data(), buffer_.size()};
        alignas(cmsghdr) char control[256];
        msghdr message{};
        message.msg_iov = &part;
        message.msg_iovlen = 1;
        message.msg_control = control;
        message.msg_controllen = sizeof control;
        const ssize_t got = ::recvmsg(c.fd.get(), &message, MSG_DONTWAIT);
        const std::int64_t now = now_ns();
        if (got < 0 && errno == EAGAIN) return;
        if (got <= 0) throw std::runtime_error("the server closed a connection");
        const std::int64_t kernel = stamp_of(message, now);
        c.in.append(buffer_.data(), static_cast<std::size_t>(got));
        if (!understand(c, kernel, now)) return;
        c.done_ns = now;
        ended_.push_back(place);
    }

    std::int64_t stamp_of(msghdr& message, std::int64_t now) {
        if (now - rebase_.sampled_ns() >= 100'000'000) sample();
        for (cmsghdr* m = CMSG_FIRSTHDR(&message); m != nullptr; m = CMSG_NXTHDR(&message, m)) {
            if (m->cmsg_level != SOL_SOCKET || m->cmsg_type != SCM_TIMESTAMPNS) continue;
            timespec t{};
            std::memcpy(&t, CMSG_DATA(m), sizeof t);
            return t.tv_sec * 1'000'000'000LL + t.tv_nsec - rebase_.offset_ns();
        }
        return 0;
    }

    void sample() {
        Rebase::Sample best{0, 0, std::numeric_limits<std::int64_t>::max()};
        for (int i = 0; i < 5; ++i) {
            const Rebase::Sample one{now_ns(), read_clock(CLOCK_REALTIME), now_ns()};
            if (one.after_ns - one.before_ns < best.after_ns - best.before_ns) best = one;
        }
        rebase_.take(best);
    }

    // True once the reply is whole.
    bool understand(Connection& c, std::int64_t kernel, std::int64_t user) {
        if (!c.in_body && !take_head(c)) return false;
        const bool over = c.chunked ? take_chunks(c) : take_sized(c);
        take_events(c, kernel, user);
        if (over) c.in_body = false;
        return over;
    }

    static bool take_head(Connection& c) {
        const std::size_t end = c.in.find(kBlank);
        if (end == c.in.npos) return false;
        const std::string_view head = std::string_view(c.in).substr(0, end);
        if (!head.starts_with("HTTP/1.1 200")) throw std::runtime_error("not a good reply");
        const std::size_t length = head.find("Content-Length: ");
        c.chunked = length == head.npos;
        if (!c.chunked) c.left = std::strtoul(head.data() + length + 16, nullptr, 10);
        c.in.erase(0, end + kBlank.size());
        c.in_body = true;
        return true;
    }

    static bool take_sized(Connection& c) {
        const std::size_t size = std::min(c.left, c.in.size());
        c.body.append(c.in, 0, size);
        c.in.erase(0, size);
        c.left -= size;
        return c.left == 0;
    }

    static bool take_chunks(Connection& c) {
        std::size_t at = 0;
        for (;;) {
            const std::size_t line = c.in.find("\r\n", at);
            if (line == c.in.npos) break;
            std::size_t size = 0;
            std::from_chars(c.in.data() + at, c.in.data() + line, size, 16);
            if (c.in.size() < line + size + 4) break;
            c.body.append(c.in, line + 2, size);
            at = line + size + 4;
            if (size != 0) continue;
            c.in.erase(0, at);
            return true;
        }
        c.in.erase(0, at);
        return false;
    }

    void take_events(Connection& c, std::int64_t kernel, std::int64_t user) {
        std::size_t at = 0;
        for (std::size_t end = 0; (end = c.body.find("\n\n", at)) != c.body.npos; at = end + 2) {
            const std::string_view event = std::string_view(c.body).substr(at, end - at);
            ++events;
            const std::size_t text = event.find(kContent);
            if (text == event.npos) continue;
            const std::string_view rest = event.substr(text + kContent.size());
            c.chunks.push_back({std::string(rest.substr(0, rest.find('"'))), kernel, user});
        }
        c.body.erase(0, at);
    }

    int port_;
    Fd epoll_{open_or_throw(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1")};
    KernelStamps keeper_;  // keeps stamping switched on
    Rebase rebase_;
    std::vector<std::unique_ptr<Connection>> connections_;
    std::vector<std::size_t> ended_;
    std::vector<char> buffer_ = std::vector<char>(std::size_t{64} << 10);
};

void show(const Connection& c) {
    std::cout << c.sent_ns << ' ' << c.done_ns;
    for (const Chunk& chunk : c.chunks)
        std::cout << ' ' << chunk.text << ' ' << chunk.kernel_ns << ' ' << chunk.user_ns;
    std::cout << '\n';
}

void send_and_wait(Client& client, const std::vector<std::string>& requests) {
    for (std::size_t i = 0; i < requests.size(); ++i) client.at(i);
    for (std::size_t i = 0; i < requests.size(); ++i) client.send(i, requests[i]);
    for (std::size_t done = 0; done < requests.size();) done += client.turn().size();
}

void exchange(Client& client, const std::string& port) {
    std::size_t count = 0;
    std::cin >> count;
    std::vector<std::string> requests;
    for (long chunks = 0, gap = 0, first = 0; requests.size() < count;) {
        std::cin >> chunks >> gap >> first;
        requests.push_back(request(port, chunks, gap, first));
    }
    for (std::size_t i = 0; i < count; ++i) client.at(i);
    const std::int64_t before = read_clock(CLOCK_PROCESS_CPUTIME_ID);
    send_and_wait(client, requests);
    std::cout << read_clock(CLOCK_PROCESS_CPUTIME_ID) - before << '\n';
    for (std::size_t i = 0; i < count; ++i) show(client.at(i));
}

void plan(Client& client, const std::string& port) {
    std::size_t count = 0;
    long chunks = 0, gap = 0, first = 0;
    std::cin >> count >> chunks >> gap >> first;
    const std::string bytes = request(port, chunks, gap, first);
    client.at(count);
    const std::int64_t before = read_clock(CLOCK_PROCESS_CPUTIME_ID);
    send_and_wait(client, std::vector<std::string>(count, bytes));
    client.send(count, bytes);
    while (client.turn().empty()) {
    }
    std::cout << read_clock(CLOCK_PROCESS_CPUTIME_ID) - before << '\n';
    for (std::size_t i = 0; i <= count; ++i) show(client.at(i));
}

void busy(Client& client, const std::string& port) {
    std::size_t width = 0, done = 0;
    long chunks = 0, ms = 0;
    std::cin >> chunks >> width >> ms;
    const std::string bytes = request(port, chunks, 0, 0);
    for (std::size_t i = 0; i < width; ++i) client.send(i, bytes);
    const std::int64_t end = now_ns() + ms * 1'000'000;
    for (std::size_t flying = width; flying > 0;)
        for (const std::size_t place : client.turn()) {
            const bool again = now_ns() < end;
            done += again ? 1 : 0;
            again ? client.send(place, bytes) : static_cast<void>(--flying);
        }
    std::cout << done << '\n';
}

}  // namespace

int main(int count, char** words) {
    if (count != 2) return 2;
    try {
        Client client(std::atoi(words[1]));
        for (std::string command; std::cin >> command; std::cout.flush()) {
            if (command == "exchange") exchange(client, words[1]);
            if (command == "plan") plan(client, words[1]);
            if (command == "busy") busy(client, words[1]);
        }
    } catch (const std::exception& error) {
        std::fprintf(stderr, "bare client: %s\n", error.what());
        return 1;
    }
}
