// The kernel stamps with CLOCK_REALTIME; the difference to the monotonic clock drifts and can
// be stepped, so it is sampled anew at least every 100 ms.
#include "stamps.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <thread>
#include <utility>

#include "clock.h"

namespace ppbench {
namespace {

constexpr std::size_t kAllBytes = std::size_t{256} << 10;  // more than libcurl reads at once
constexpr int kCloseWait = 8;                              // tcpi_state: the other side has ended
constexpr int kLooks = 3;                                  // where bytes come faster, they are several
constexpr std::int64_t kSwitchNs = 100'000'000;            // for the kernel to begin stamping
constexpr std::chrono::microseconds kSwitchStep{200};
constexpr std::int64_t kRefreshNs = 100'000'000;
constexpr std::int64_t kFastestSlew = 1'000;  // a thousandth: twice what the kernel allows
constexpr std::int64_t kBlurNs = 50'000;      // the last sample's own error
constexpr std::int64_t kTightNs = 10'000;     // a sample that took longer is doubted

Rebase::Sample read_both() noexcept {
    const std::int64_t before = now_ns();
    const std::int64_t wall = read_clock(CLOCK_REALTIME);
    return {before, wall, now_ns()};
}

std::int64_t middle_of(const Rebase::Sample& sample) noexcept {
    return sample.before_ns + (sample.after_ns - sample.before_ns) / 2;
}

}  // namespace

// The kernel switches stamping on for the whole machine when the first socket asks, a little
// later than it asks: a socket kept for the whole life, and waiting until it is stamped, let
// the first reply have stamps too.
KernelStamps::KernelStamps()
    : keeper_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)), room_(new char[kAllBytes]) {
    sockaddr_in self{};
    self.sin_family = AF_INET;
    self.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof self;
    auto* address = reinterpret_cast<sockaddr*>(&self);
    if (!keeper_ || !enable(keeper_.get()) || ::bind(keeper_.get(), address, size) != 0 ||
        ::getsockname(keeper_.get(), address, &size) != 0 ||
        ::connect(keeper_.get(), address, size) != 0)
        return;
    const std::int64_t until = now_ns() + kSwitchNs;
    while (!is_on() && now_ns() < until) std::this_thread::sleep_for(kSwitchStep);
}

// What a UDP socket reads that was not stamped when it came is stamped when it is read. Where
// nothing is told, waiting would not help.
bool KernelStamps::is_on() noexcept {
    if (::send(keeper_.get(), "", 1, MSG_DONTWAIT) != 1) return true;
    const std::int64_t sent = now_ns();
    const std::int64_t stamp = look(keeper_.get(), 1).stamp_ns;
    char byte = 0;
    while (::recv(keeper_.get(), &byte, 1, MSG_DONTWAIT) == 1) continue;
    return stamp <= sent;
}

bool KernelStamps::enable(int socket) noexcept {
    const int on = 1;
    return ::setsockopt(socket, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on) == 0;
}

// The numbers come first: bytes that are as many as came since the last look, in one segment,
// are then that segment and nothing else. Fewer bytes: the rest was read without a look. More:
// some are left of the last read, or came since the numbers, which have to cover all that was
// looked at, or else a reading of it would seem to take more.
KernelStamps::Arrival KernelStamps::peek(int socket, Received& known) noexcept {
    Received now = received(socket);
    Peeked all = look(socket, kAllBytes);
    for (int i = 0; i < kLooks && all.bytes > now.bytes - known.bytes; ++i) {
        const Received again = received(socket);
        if (again.bytes == now.bytes) break;
        now = again;
        all = look(socket, kAllBytes);
    }
    const std::uint64_t fresh = now.bytes - known.bytes;
    Arrival arrival{all.stamp_ns, all.stamp_ns, false, all.bytes < fresh};
    arrival.alone = now.segments - known.segments == 1 && all.bytes == fresh;
    known = now;
    if (!arrival.alone && all.stamp_ns != 0) arrival.first_ns = look(socket, 1).stamp_ns;
    return arrival;
}

// Nothing when the kernel does not tell, so that no segment is ever alone.
KernelStamps::Received KernelStamps::received(int socket) noexcept {
    tcp_info info{};
    socklen_t size = sizeof info;
    if (::getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return {};
    if (size < offsetof(tcp_info, tcpi_data_segs_in) + sizeof info.tcpi_data_segs_in) return {};
    const std::uint64_t end = info.tcpi_state == kCloseWait ? 1 : 0;  // counts as a byte
    return {info.tcpi_bytes_received - end, info.tcpi_data_segs_in};
}

// What lies unread is asked between two numbers: of the first nothing is left if nothing is
// unread, and by the second at least the unread had come.
bool KernelStamps::read_beyond(int socket, Received& known) noexcept {
    const Received now = received(socket);
    if (now.bytes == known.bytes) return false;
    int unread = 0;
    if (::ioctl(socket, FIONREAD, &unread) != 0) return true;
    const std::uint64_t fresh = received(socket).bytes - known.bytes;
    if (unread == 0) known = now;
    return std::cmp_greater(fresh, unread);
}

// What a read of at most so many bytes would give; the stamp is that of the last segment it
// touches. MSG_TRUNC keeps TCP from copying.
KernelStamps::Peeked KernelStamps::look(int socket, std::size_t bytes) noexcept {
    iovec part{room_.get(), bytes};
    alignas(cmsghdr) char control[256];
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    const ssize_t size = ::recvmsg(socket, &message, MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT);
    if (size <= 0) return {};
    Peeked peeked{static_cast<std::uint64_t>(size), 0};
    for (cmsghdr* c = CMSG_FIRSTHDR(&message); c != nullptr; c = CMSG_NXTHDR(&message, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_TIMESTAMPNS) continue;
        timespec t{};
        std::memcpy(&t, CMSG_DATA(c), sizeof t);
        if (t.tv_sec != 0)
            peeked.stamp_ns =
                static_cast<std::int64_t>(t.tv_sec) * 1'000'000'000 + t.tv_nsec - offset();
    }
    return peeked;
}

std::int64_t KernelStamps::offset() noexcept {
    if (rebase_.sampled_ns() == 0 || now_ns() - rebase_.sampled_ns() >= kRefreshNs) sample();
    return rebase_.offset_ns();
}

// Asked twice for each transfer: one reading tells nearly always that nothing happened.
std::uint64_t KernelStamps::steps() noexcept {
    if (!rebase_.agrees(read_both())) sample();
    return rebase_.steps();
}

// The tightest of five brackets: being put to sleep between two readings spoils a sample.
void KernelStamps::sample() noexcept {
    Rebase::Sample best{0, 0, std::numeric_limits<std::int64_t>::max()};
    for (int i = 0; i < 5; ++i) {
        const Rebase::Sample one = read_both();
        if (one.after_ns - one.before_ns < best.after_ns - best.before_ns) best = one;
    }
    rebase_.take(best);
}

bool Rebase::has_moved(const Sample& sample) const noexcept {
    const std::int64_t middle = middle_of(sample);
    const std::int64_t slewed = (middle - sampled_ns_) / kFastestSlew;
    const std::int64_t blurred = (sample.after_ns - sample.before_ns) / 2 + kBlurNs;
    return std::abs(sample.wall_ns - middle - offset_ns_) > slewed + blurred;
}

bool Rebase::agrees(const Sample& sample) const noexcept {
    return sampled_ns_ != 0 && sample.after_ns - sample.before_ns <= kTightNs &&
           !has_moved(sample);
}

void Rebase::take(const Sample& sample) noexcept {
    if (sampled_ns_ != 0 && has_moved(sample)) ++steps_;
    sampled_ns_ = middle_of(sample);
    offset_ns_ = sample.wall_ns - sampled_ns_;
}

}  // namespace ppbench
