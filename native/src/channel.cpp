// TLS works in memory and only here bytes meet the socket: a dead one raises no signal, and
// what belongs together leaves together.
#include "channel.h"

#include <sys/socket.h>

#include <cerrno>
#include <cstddef>

namespace ppbench {
namespace {

// How many bytes the socket took, -1 when it is broken.
ssize_t push(int fd, std::string_view bytes) noexcept {
    const ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
    return sent;
}

}  // namespace

bool Channel::understand(std::string_view received, std::string& in) {
    if (!tls_) {
        in.append(received);
        return true;
    }
    const bool idle = out_.empty();
    const bool going_on = tls_->open(received, in, out_);
    return (!idle || flush()) && going_on;
}

bool Channel::send(std::string_view bytes, bool last) {
    const bool idle = out_.empty();
    if (tls_) return tls_->seal(bytes, last, out_) && (!idle || flush());
    if (idle && !bytes.empty()) {
        const ssize_t sent = push(fd_.get(), bytes);
        if (sent < 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    out_.append(bytes);
    return true;
}

bool Channel::flush() {
    if (out_.empty()) return true;
    const ssize_t sent = push(fd_.get(), out_);
    if (sent < 0) return false;
    out_.erase(0, static_cast<std::size_t>(sent));
    return true;
}

void Channel::end_sending() noexcept { ::shutdown(fd_.get(), SHUT_WR); }

void Channel::close(bool reset) noexcept {
    if (reset) {
        const linger now{1, 0};
        ::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
    }
    fd_.reset();
}

}  // namespace ppbench
