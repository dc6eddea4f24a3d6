// One clock for everything: CLOCK_MONOTONIC as integer nanoseconds, the clock that
// Python's time.monotonic_ns() reads too. Knows no wall time and no durations.
#pragma once

#include <cstdint>
#include <ctime>

namespace ppbench {

inline std::int64_t read_clock(clockid_t clock) noexcept {
    timespec t{};
    clock_gettime(clock, &t);
    return static_cast<std::int64_t>(t.tv_sec) * 1'000'000'000 + t.tv_nsec;
}

inline std::int64_t now_ns() noexcept { return read_clock(CLOCK_MONOTONIC); }

}  // namespace ppbench
