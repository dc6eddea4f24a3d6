// Stories of the kernel's stamps: how they are brought to the monotonic clock, told with numbers,
// and what a real socket gives.
#include "stamps.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <chrono>
#include <thread>

#include "check.h"
#include "clock.h"

using namespace ppbench;

namespace {

constexpr std::int64_t kMs = 1'000'000;
constexpr std::int64_t kWall = 1'700'000'000'000'000'000;

Rebase::Sample at(std::int64_t mono_ns, std::int64_t offset_ns, std::int64_t width_ns = 100) {
    return {mono_ns, mono_ns + width_ns / 2 + offset_ns, mono_ns + width_ns};
}

void the_offset_is_the_newest_sample() {
    Rebase rebase;
    CHECK(rebase.sampled_ns() == 0);
    rebase.take(at(1000 * kMs, kWall));
    CHECK(rebase.offset_ns() == kWall && rebase.steps() == 0);
    rebase.take(at(1100 * kMs, kWall + 30'000));
    CHECK(rebase.offset_ns() == kWall + 30'000);
}

void a_slewed_clock_is_no_step() {
    Rebase rebase;
    std::int64_t offset = kWall;
    for (int i = 1; i < 100; ++i, offset += 50'000)  // 500 ppm, the fastest that a kernel slews
        rebase.take(at(i * 100 * kMs, offset));
    rebase.take(at(60'000 * kMs, offset + 25 * kMs));  // a long pause may drift far
    CHECK(rebase.steps() == 0);
}

void a_step_in_either_direction_is_counted() {
    Rebase rebase;
    rebase.take(at(1000 * kMs, kWall));
    rebase.take(at(1100 * kMs, kWall + 2 * kMs));
    CHECK(rebase.steps() == 1);
    rebase.take(at(1200 * kMs, kWall));
    CHECK(rebase.steps() == 2);
    rebase.take(at(1300 * kMs, kWall));
    CHECK(rebase.steps() == 2);
}

void a_blurred_sample_is_no_step() {
    Rebase rebase;
    rebase.take(at(1000 * kMs, kWall));
    Rebase::Sample blurred = at(1100 * kMs, kWall, 4 * kMs);
    blurred.wall_ns += 2 * kMs;  // the true reading lay at the bracket's end
    rebase.take(blurred);
    CHECK(rebase.steps() == 0);
}

// A connected pair of loopback sockets; stamps are made for TCP, not for a socketpair.
struct Pair {
    Fd near, far;
    Pair() {
        const Fd listener(::socket(AF_INET, SOCK_STREAM, 0));
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        auto* plain = reinterpret_cast<sockaddr*>(&address);
        CHECK(::bind(listener.get(), plain, size) == 0 && ::listen(listener.get(), 1) == 0);
        CHECK(::getsockname(listener.get(), plain, &size) == 0);
        near.reset(::socket(AF_INET, SOCK_STREAM, 0));
        CHECK(::connect(near.get(), plain, size) == 0);
        far.reset(::accept(listener.get(), nullptr, nullptr));
        CHECK(static_cast<bool>(far));
    }
};

void one_reading_agrees_unless_it_is_off_or_slow() {
    Rebase rebase;
    CHECK(!rebase.agrees(at(1000 * kMs, kWall)));  // nothing to agree with
    rebase.take(at(1000 * kMs, kWall));
    CHECK(rebase.agrees(at(1001 * kMs, kWall)));
    CHECK(!rebase.agrees(at(1001 * kMs, kWall + kMs)));
    CHECK(!rebase.agrees(at(1001 * kMs, kWall - kMs)));
    CHECK(!rebase.agrees(at(1001 * kMs, kWall, kMs)));  // too slow to tell
    CHECK(rebase.steps() == 0);
}

constexpr std::int64_t kSampling = 20'000;  // of the two clocks against each other

// Sends one byte and says between which instants. A pause lets it be a segment of its own.
struct Sent {
    std::int64_t before, after;
    explicit Sent(const Fd& fd) {
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
        before = now_ns();
        CHECK(::send(fd.get(), "x", 1, 0) == 1);
        after = now_ns();
    }
    bool covers(std::int64_t stamp) const {
        return stamp >= before - kSampling && stamp <= after + kSampling;
    }
};

void the_first_segment_has_a_stamp() {
    for (int i = 0; i < 5; ++i) {  // the kernel switches stamping off when nobody asks any more
        KernelStamps stamps;
        const Pair pair;
        KernelStamps::Received known;
        CHECK(KernelStamps::enable(pair.near.get()));
        const Sent sent(pair.far);
        const KernelStamps::Arrival arrival = stamps.peek(pair.near.get(), known);
        CHECK(arrival.alone && sent.covers(arrival.last_ns));
    }
}

// False where the kernel makes no stamps at all.
bool warm(KernelStamps& stamps, const Pair& pair, KernelStamps::Received& known) {
    for (int i = 0; i < 50; ++i) {
        const Sent sent(pair.far);
        char byte = 0;
        const bool stamped = stamps.peek(pair.near.get(), known).last_ns != 0;
        CHECK(::recv(pair.near.get(), &byte, 1, 0) == 1);
        if (stamped) return true;
    }
    std::puts("  (no kernel stamps here)");
    return false;
}

void a_segment_alone_has_its_own_stamp() {
    KernelStamps stamps;
    const Pair pair;
    KernelStamps::Received known;
    CHECK(KernelStamps::enable(pair.near.get()));
    CHECK(stamps.peek(pair.near.get(), known).last_ns == 0);
    if (!warm(stamps, pair, known)) return;
    for (int i = 0; i < 5; ++i) {
        const Sent sent(pair.far);
        const KernelStamps::Arrival arrival = stamps.peek(pair.near.get(), known);
        CHECK(arrival.alone && arrival.first_ns == arrival.last_ns && sent.covers(arrival.last_ns));
        char byte = 0;
        CHECK(::recv(pair.near.get(), &byte, 1, 0) == 1);
    }
}

// Whether the kernel has joined them or not, and whichever stamp it kept.
void of_several_segments_the_newest_stamp_is_told_and_that_they_are_several() {
    KernelStamps stamps;
    const Pair pair;
    KernelStamps::Received known;
    CHECK(KernelStamps::enable(pair.near.get()));
    if (!warm(stamps, pair, known)) return;
    for (int i = 0; i < 5; ++i) {
        const Sent first(pair.far);
        const Sent last(pair.far);
        const KernelStamps::Arrival arrival = stamps.peek(pair.near.get(), known);
        CHECK(!arrival.alone && last.covers(arrival.last_ns));
        CHECK(first.covers(arrival.first_ns) || last.covers(arrival.first_ns));
        char two[2];
        CHECK(::recv(pair.near.get(), two, 2, MSG_WAITALL) == 2);
    }
    const Sent sent(pair.far);
    CHECK(stamps.peek(pair.near.get(), known).alone);
}

void read(const Pair& pair, std::size_t count) {
    char bytes[16];
    CHECK(::recv(pair.near.get(), bytes, count, MSG_WAITALL) == static_cast<ssize_t>(count));
}

void a_read_without_a_look_is_told_by_the_next_look() {
    KernelStamps stamps;
    const Pair pair;
    KernelStamps::Received known;
    CHECK(KernelStamps::enable(pair.near.get()));
    if (!warm(stamps, pair, known)) return;
    const Sent looked_at(pair.far);
    CHECK(stamps.peek(pair.near.get(), known).alone);
    CHECK(!KernelStamps::read_beyond(pair.near.get(), known));
    const Sent late(pair.far);
    CHECK(!KernelStamps::read_beyond(pair.near.get(), known));  // it has come, and lies unread
    read(pair, 2);
    KernelStamps::Received unsettled = known;
    CHECK(KernelStamps::read_beyond(pair.near.get(), known));
    CHECK(!KernelStamps::read_beyond(pair.near.get(), known));  // it is told once
    const Sent next(pair.far);
    const KernelStamps::Arrival settled = stamps.peek(pair.near.get(), known);
    CHECK(!settled.overtaken && settled.alone && next.covers(settled.last_ns));
    const KernelStamps::Arrival arrival = stamps.peek(pair.near.get(), unsettled);
    CHECK(arrival.overtaken && !arrival.alone && next.covers(arrival.last_ns));
    read(pair, 1);
    const Sent last(pair.far);
    const KernelStamps::Arrival calm = stamps.peek(pair.near.get(), known);
    CHECK(!calm.overtaken && calm.alone && last.covers(calm.last_ns));
}

void what_a_read_has_left_is_not_alone() {
    KernelStamps stamps;
    const Pair pair;
    KernelStamps::Received known;
    CHECK(KernelStamps::enable(pair.near.get()));
    if (!warm(stamps, pair, known)) return;
    const Sent first(pair.far);
    const Sent second(pair.far);
    CHECK(!stamps.peek(pair.near.get(), known).alone);
    read(pair, 1);
    CHECK(!KernelStamps::read_beyond(pair.near.get(), known));
    CHECK(!stamps.peek(pair.near.get(), known).alone);  // though nothing has come since
    const Sent third(pair.far);
    const KernelStamps::Arrival arrival = stamps.peek(pair.near.get(), known);
    CHECK(!arrival.alone && !arrival.overtaken && third.covers(arrival.last_ns));
    read(pair, 2);
    const Sent fourth(pair.far);
    CHECK(stamps.peek(pair.near.get(), known).alone);
}

void the_end_of_a_stream_is_no_byte() {
    KernelStamps stamps;
    Pair pair;
    KernelStamps::Received known;
    CHECK(KernelStamps::enable(pair.near.get()));
    if (!warm(stamps, pair, known)) return;
    const Sent sent(pair.far);
    pair.far.reset();
    const KernelStamps::Arrival arrival = stamps.peek(pair.near.get(), known);
    CHECK(arrival.alone && !arrival.overtaken && sent.covers(arrival.last_ns));
    read(pair, 1);
    CHECK(!KernelStamps::read_beyond(pair.near.get(), known));
    CHECK(!stamps.peek(pair.near.get(), known).overtaken);
}

}  // namespace

int main() {
    TELL(the_offset_is_the_newest_sample);
    TELL(a_slewed_clock_is_no_step);
    TELL(a_step_in_either_direction_is_counted);
    TELL(a_blurred_sample_is_no_step);
    TELL(one_reading_agrees_unless_it_is_off_or_slow);
    TELL(the_first_segment_has_a_stamp);
    TELL(a_segment_alone_has_its_own_stamp);
    TELL(of_several_segments_the_newest_stamp_is_told_and_that_they_are_several);
    TELL(a_read_without_a_look_is_told_by_the_next_look);
    TELL(what_a_read_has_left_is_not_alone);
    TELL(the_end_of_a_stream_is_no_byte);
}
