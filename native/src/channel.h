// One client's socket, with TLS or without: bytes go out at once as far as the socket takes
// them, the rest waits. Knows no HTTP and no schedule.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "fd.h"
#include "tls.h"

namespace ppbench {

class Channel {
public:
    Channel() = default;
    Channel(Fd fd, std::unique_ptr<TlsSession> tls) : fd_(std::move(fd)), tls_(std::move(tls)) {}

    int fd() const noexcept { return fd_.get(); }
    bool is_open() const noexcept { return static_cast<bool>(fd_); }

    // Something was sent that the socket has not taken yet: watch it, and flush().
    bool waiting() const noexcept { return !out_.empty(); }

    // Appends to `in` what the bytes read from the socket say. Answers a handshake.
    // False when there is nothing more to be had from the client: close().
    bool understand(std::string_view received, std::string& in);

    // One send() for all of `bytes`. `last` says that the client is to be told that nothing
    // follows; with it, nothing may. False when the connection is broken: close().
    bool send(std::string_view bytes, bool last = false);
    bool flush();

    void end_sending() noexcept;     // after the last bytes were taken
    void close(bool reset) noexcept;

private:
    Fd fd_;
    std::unique_ptr<TlsSession> tls_;  // none for plain TCP
    std::string out_;                  // what the socket did not take yet, sealed
};

}  // namespace ppbench
