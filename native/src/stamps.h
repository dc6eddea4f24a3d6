// Kernel receive stamps of TCP sockets, on the monotonic clock. Knows sockets and clocks,
// neither libcurl nor HTTP.
#pragma once

#include <cstdint>

#include "fd.h"

namespace ppbench {

class KernelStamps {
public:
    KernelStamps();

    // Ask the kernel to stamp what this socket receives. False when it will not.
    static bool enable(int socket) noexcept;

    // The stamp of the oldest unread byte, without reading it; 0 when there is none.
    std::int64_t peek(int socket) noexcept;

private:
    std::int64_t offset() noexcept;

    Fd keeper_;
    std::int64_t offset_ns_ = 0;  // realtime minus monotonic
    std::int64_t sampled_ns_ = 0;
};

}  // namespace ppbench
