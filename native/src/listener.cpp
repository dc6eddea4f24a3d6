// Connections that nobody has a descriptor for are closed: left waiting, they would wake the
// server again and again.
#include "listener.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <memory>
#include <stdexcept>

namespace ppbench {
namespace {

constexpr int kBacklog = 4096;  // a short one costs clients one-second retries

Fd listen_on(const std::string& host, int port) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
    addrinfo* found = nullptr;
    const std::string where = host + ":" + std::to_string(port);
    const int code = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
    const std::string what = "cannot listen on " + where;
    if (code != 0) throw std::runtime_error(what + ": " + gai_strerror(code));
    const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(found, ::freeaddrinfo);
    Fd fd = open_or_throw(
        ::socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), what.c_str());
    const int on = 1;
    ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (::bind(fd.get(), found->ai_addr, found->ai_addrlen) != 0 ||
        ::listen(fd.get(), kBacklog) != 0)
        throw std::system_error(errno, std::generic_category(), what);
    return fd;
}

int port_of(const Fd& fd) {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size);
    return ntohs(address.ss_family == AF_INET6
                     ? reinterpret_cast<const sockaddr_in6&>(address).sin6_port
                     : reinterpret_cast<const sockaddr_in&>(address).sin_port);
}

}  // namespace

Listener::Listener(const std::string& host, int port)
    : fd_(listen_on(host, port)),
      reserve_(::open("/dev/null", O_RDONLY | O_CLOEXEC)),
      port_(port_of(fd_)) {}

Fd Listener::accept() {
    for (;;) {
        Fd fd(::accept4(fd_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
        if (fd) {
            const int on = 1;
            ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
            return fd;
        }
        if (errno == ECONNABORTED || errno == EINTR) continue;
        if (errno == EMFILE || errno == ENFILE) refuse_one();
        return {};
    }
}

void Listener::refuse_one() {
    reserve_.reset();
    Fd(::accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC)).reset();
    reserve_.reset(::open("/dev/null", O_RDONLY | O_CLOEXEC));
}

}  // namespace ppbench
