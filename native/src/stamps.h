// Kernel receive stamps of TCP sockets, on the monotonic clock. Knows sockets and clocks,
// neither libcurl nor HTTP.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "fd.h"

namespace ppbench {

// The difference between the two clocks, sampled by reading the one between two readings of
// the other. Pure: the readings are given to it.
class Rebase {
public:
    struct Sample {
        std::int64_t before_ns;  // monotonic
        std::int64_t wall_ns;
        std::int64_t after_ns;  // monotonic
    };
    void take(const Sample& sample) noexcept;

    // By this sample the wall clock was not set since the last one. False too when it was taken
    // too slowly to tell.
    bool agrees(const Sample& sample) const noexcept;

    std::int64_t offset_ns() const noexcept { return offset_ns_; }  // wall minus monotonic
    std::int64_t sampled_ns() const noexcept { return sampled_ns_; }

    // How often the wall clock was set: it moved further than a clock is slewed.
    std::uint64_t steps() const noexcept { return steps_; }

private:
    bool has_moved(const Sample& sample) const noexcept;

    std::int64_t offset_ns_ = 0;
    std::int64_t sampled_ns_ = 0;  // 0: never
    std::uint64_t steps_ = 0;
};

class KernelStamps {
public:
    KernelStamps();

    // Ask the kernel to stamp what this socket receives. False when it will not.
    static bool enable(int socket) noexcept;

    // Data that a TCP socket has received since it was opened, read or not.
    struct Received {
        std::uint64_t bytes = 0;
        std::uint32_t segments = 0;
    };

    // What the kernel says of the unread bytes of a TCP socket, without reading them.
    struct Arrival {
        std::int64_t first_ns = 0;  // stamp of the oldest byte, or of one that it was joined with
        std::int64_t last_ns = 0;   // of the newest; 0: none
        bool alone = false;         // all of one segment, so that the stamp is that of each byte
        bool overtaken = false;     // the read before took more than was looked at
    };

    // `known` is what the socket had received when it was looked at last; updated. The kernel
    // joins segments that wait to be read and keeps the newest stamp alone, so only their
    // number tells whether a stamp is that of all the bytes.
    Arrival peek(int socket, Received& known) noexcept;

    // After a read: it may have taken bytes that came after the look, which no stamp is for.
    // If nothing is left `known` is brought up to date, so that what comes next is not doubted.
    static bool read_beyond(int socket, Received& known) noexcept;

    // How often the wall clock has been set until now.
    std::uint64_t steps() noexcept;

private:
    struct Peeked {
        std::uint64_t bytes = 0;
        std::int64_t stamp_ns = 0;
    };
    static Received received(int socket) noexcept;
    bool is_on() noexcept;
    Peeked look(int socket, std::size_t bytes) noexcept;
    std::int64_t offset() noexcept;
    void sample() noexcept;

    Fd keeper_;
    std::unique_ptr<char[]> room_;  // nothing is ever written to it
    Rebase rebase_;
};

}  // namespace ppbench
