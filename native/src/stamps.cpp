// The kernel stamps with CLOCK_REALTIME; the difference to the monotonic clock drifts and can
// be stepped, so it is sampled anew at least every 100 ms.
#include "stamps.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <cstring>
#include <limits>

#include "clock.h"

namespace ppbench {
namespace {

constexpr std::int64_t kRefreshNs = 100'000'000;

}  // namespace

// The kernel switches stamping on for the whole machine when the first socket asks, a little
// later than it asks: a socket kept for the whole life lets the first reply have stamps too.
KernelStamps::KernelStamps() : keeper_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    if (keeper_) enable(keeper_.get());
}

bool KernelStamps::enable(int socket) noexcept {
    const int on = 1;
    return ::setsockopt(socket, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on) == 0;
}

std::int64_t KernelStamps::peek(int socket) noexcept {
    char byte = 0;
    iovec part{&byte, 1};
    alignas(cmsghdr) char control[256];
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    if (::recvmsg(socket, &message, MSG_PEEK | MSG_DONTWAIT) <= 0) return 0;
    for (cmsghdr* c = CMSG_FIRSTHDR(&message); c != nullptr; c = CMSG_NXTHDR(&message, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_TIMESTAMPNS) continue;
        timespec t{};
        std::memcpy(&t, CMSG_DATA(c), sizeof t);
        if (t.tv_sec == 0) return 0;
        return static_cast<std::int64_t>(t.tv_sec) * 1'000'000'000 + t.tv_nsec - offset();
    }
    return 0;
}

// The tightest of five brackets: being put to sleep between two readings spoils a sample.
std::int64_t KernelStamps::offset() noexcept {
    const std::int64_t now = now_ns();
    if (sampled_ns_ != 0 && now - sampled_ns_ < kRefreshNs) return offset_ns_;
    std::int64_t best = std::numeric_limits<std::int64_t>::max();
    for (int i = 0; i < 5; ++i) {
        const std::int64_t before = now_ns();
        const std::int64_t wall = read_clock(CLOCK_REALTIME);
        const std::int64_t after = now_ns();
        if (after - before >= best) continue;
        best = after - before;
        offset_ns_ = wall - (before + after) / 2;
    }
    sampled_ns_ = now;
    return offset_ns_;
}

}  // namespace ppbench
