// The event parser against any stream: however it is cut, the same events come, no event
// outgrows the limit, and each stamp is that of the read that completed its event.
#include "sse.h"

#include "../tests/check.h"
#include "input.h"

using namespace ppbench;

namespace {

struct Outcome {
    std::vector<Event> events;
    bool whole = true;  // false: an event outgrew the limit
};

Outcome parse(const std::vector<std::string_view>& pieces, std::size_t limit) {
    Outcome outcome;
    SseParser parser(limit);
    std::int64_t at = 0;
    for (const std::string_view piece : pieces) {
        const std::size_t before = outcome.events.size();
        ++at;
        const Stamp stamp{at, at + 1, at + 2, at % 2 == 0};
        outcome.whole = parser.push(piece, stamp, outcome.events);
        for (std::size_t i = before; i < outcome.events.size(); ++i) {
            CHECK(outcome.events[i].kernel_ns == at);
            CHECK(outcome.events[i].user_ns == at + 1 && outcome.events[i].waited_ns == at + 2);
            CHECK(outcome.events[i].shared == (at % 2 == 0));
        }
        if (!outcome.whole) return outcome;
    }
    parser.finish(outcome.events);
    return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const fuzz::Input input = fuzz::read(data, size, 64);
    const std::size_t limit = input.choice < 128 ? input.choice : 1U << 20;
    const Outcome one = parse({input.stream}, limit);
    const Outcome many = parse(fuzz::pieces(input.stream, input.cut), limit);
    CHECK(one.whole == many.whole);
    CHECK(one.events.size() == many.events.size());
    for (std::size_t i = 0; i < one.events.size(); ++i) {
        CHECK(one.events[i].data == many.events[i].data);
        CHECK(one.events[i].name == many.events[i].name);
        CHECK(one.events[i].data.size() + one.events[i].name.size() <= limit);
    }
    return 0;
}
