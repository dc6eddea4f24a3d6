// Events carry the generation of their socket: within one batch a descriptor may be closed
// and its number given to another socket, which must not inherit the event.
#include "sockets.h"

#include <cerrno>

namespace ppbench {
namespace {

std::uint64_t pack(int fd, std::uint32_t generation) noexcept {
    return static_cast<std::uint64_t>(generation) << 32 | static_cast<std::uint32_t>(fd);
}

}  // namespace

Sockets::Sockets(const Bell& bell)
    : epoll_(open_or_throw(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1")), bell_(bell) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = pack(bell.fd(), 0);
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, bell.fd(), &event) != 0)
        throw std::system_error(errno, std::generic_category(), "epoll_ctl");
}

Sockets::Entry& Sockets::entry(int fd) {
    const auto index = static_cast<std::size_t>(fd);
    if (index >= entries_.size()) entries_.resize(index + 64);
    return entries_[index];
}

void Sockets::opened(int fd, bool stamped) {
    Entry& e = entry(fd);
    e = {e.generation + 1, 0, 0, true, stamped, {}};
}

void Sockets::closed(int fd) {
    Entry& e = entry(fd);
    e = {e.generation + 1, 0, 0, false, false, {}};
}

void Sockets::want(int fd, bool read, bool write) {
    Entry& e = entry(fd);
    e.wanted = (read ? EPOLLIN : 0U) | (write ? EPOLLOUT : 0U);
    if (e.wanted == 0 && e.known) return;  // lazy: wait() drops it should it become noisy
    apply(fd, e);
}

void Sockets::apply(int fd, Entry& e) {
    if (e.wanted == e.registered) return;
    epoll_event event{};
    event.events = e.wanted;
    event.data.u64 = pack(fd, e.generation);
    if (e.wanted == 0) {
        ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, &event);
        ++e.generation;
    } else if (::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event) != 0) {
        ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event);
    }
    e.registered = e.wanted;
}

void Sockets::wait(int timeout_ms) {
    at_ = 0;
    count_ = ::epoll_wait(epoll_.get(), found_.data(), static_cast<int>(found_.size()), timeout_ms);
    if (count_ < 0) {
        count_ = 0;
        if (errno != EINTR) throw std::system_error(errno, std::generic_category(), "epoll_wait");
    }
}

std::optional<Sockets::Ready> Sockets::next() {
    while (at_ < count_) {
        const epoll_event& event = found_[static_cast<std::size_t>(at_++)];
        const int fd = static_cast<int>(event.data.u64 & 0xFFFFFFFFU);
        if (fd == bell_.fd()) {
            bell_.quiet();
            continue;
        }
        Entry& e = entry(fd);
        if (event.data.u64 >> 32 != e.generation) continue;
        if (e.wanted == 0) {  // an idle connection was closed by its server
            apply(fd, e);
            continue;
        }
        const bool failed = (event.events & (EPOLLERR | EPOLLHUP)) != 0;
        return Ready{fd, (event.events & EPOLLIN) != 0, (event.events & EPOLLOUT) != 0, failed,
                     e.stamped};
    }
    return std::nullopt;
}

}  // namespace ppbench
