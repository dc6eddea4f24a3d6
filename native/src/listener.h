// A listening socket that hands out its connections ready for pacing: non-blocking, without
// Nagle's delay. Knows nothing of what is said on them.
#pragma once

#include <string>

#include "fd.h"

namespace ppbench {

class Listener {
public:
    // Port 0 takes a free one. Throws std::runtime_error when it cannot listen.
    Listener(const std::string& host, int port);

    int fd() const noexcept { return fd_.get(); }
    int port() const noexcept { return port_; }

    Fd accept();  // empty when nobody waits
    void close() noexcept { fd_.reset(); }

private:
    void refuse_one();

    Fd fd_;
    Fd reserve_;  // given up for a moment when descriptors run out
    int port_ = 0;
};

}  // namespace ppbench
