// The engine's epoll: which descriptors are watched for what, and which are ready.
// Registration is lazy: a kept-alive socket stays registered between two transfers, which
// saves two system calls for each request. Knows neither libcurl nor HTTP.
#pragma once

#include <sys/epoll.h>

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "fd.h"
#include "stamps.h"

namespace ppbench {

class Sockets {
public:
    struct Ready {
        int fd;
        bool readable;
        bool writable;
        bool failed;
        bool stamped;  // worth asking for a kernel stamp
    };

    explicit Sockets(const Bell& bell);

    void opened(int fd, bool stamped);
    void closed(int fd);
    void want(int fd, bool read, bool write);

    bool stamped(int fd) { return entry(fd).stamped; }

    // What this socket had received when it was looked at last; the reader's to keep.
    KernelStamps::Received& received(int fd) { return entry(fd).received; }

    // Sleeps until something is ready, the bell rings or the time is over (-1: never).
    void wait(int timeout_ms);

    // The next descriptor that was found ready and has not been closed since.
    std::optional<Ready> next();

private:
    struct Entry {
        std::uint32_t generation = 0;  // counts the sockets that had this number
        std::uint32_t wanted = 0;
        std::uint32_t registered = 0;
        bool known = false;  // opened() told of it, so closed() will as well
        bool stamped = false;
        KernelStamps::Received received;
    };

    Entry& entry(int fd);
    void apply(int fd, Entry& entry);

    Fd epoll_;
    const Bell& bell_;
    std::vector<Entry> entries_;  // by descriptor
    std::array<epoll_event, 64> found_{};
    int count_ = 0;
    int at_ = 0;
};

}  // namespace ppbench
