// The bench's server: PacedServer with answers made from a template, in a process of its own,
// since one whose answers are made in Python would cap requests and events a second.
// Speaks as much of the chat-completions dialect as clients need, and reads no JSON: a request
// is a metronome's beat, {"chunks": 32, "gap_us": 20000, "first_us": 50000}, found by its names.
//
// Every content chunk holds 40 digits: when it was sent, then (in the first) when its request
// arrived. It prints one line of JSON, its address, and serves until its standard input ends.
#include "server.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <optional>
#include <string>

#include "clock.h"

namespace {

using namespace ppbench;

constexpr std::size_t kDigits = 20;
constexpr int kEventsAWrite = 64;  // of a beat without gaps
const std::string kMark(kDigits, '@');

struct Beat {
    long chunks, gap_us, first_us;
};

// The number behind a name, whatever quotes and escapes stand between them.
long number(const std::string& body, const char* name) {
    const std::size_t at = body.find(name);
    const std::size_t digit = at == body.npos ? at : body.find_first_of("0123456789", at);
    return digit == body.npos ? -1 : std::atol(body.c_str() + digit);
}

std::string event(const std::string& choices, const std::string& more = {}) {
    return R"(data: {"id": "beat", "object": "chat.completion.chunk", "created": 0, )"
           R"("model": "clock", "choices": [)" + choices + "]" + more + "}\n\n";
}

std::string content(const std::string& text) {
    return event(R"({"index": 0, "delta": {"content": ")" + text + R"("}, "finish_reason": null})");
}

std::vector<std::string> ending(long chunks) {
    const std::string out = std::to_string(chunks);
    return {event(R"({"index": 0, "delta": {}, "finish_reason": "stop"})"),
            event("", R"(, "usage": {"prompt_tokens": 1, "completion_tokens": )" + out + "}"),
            "data: [DONE]\n\n"};
}

std::string padded(std::int64_t number) {
    const std::string digits = std::to_string(number);
    return std::string(kDigits - digits.size(), '0') + digits;
}

// Events at their instants, each a chunk of its own, as servers of models send them; the last one
// takes the end along. Without gaps many chunks go in a write, to see how many a client can take.
std::vector<Chunk> chunks_of(const Beat& beat, std::int64_t arrived_ns) {
    static const std::string later = content(kMark + std::string(kDigits, '0'));
    std::vector<Chunk> made;
    made.reserve(static_cast<std::size_t>(beat.chunks) + 3);
    const std::int64_t first = arrived_ns + beat.first_us * 1000;
    for (long k = 0; k < beat.chunks; ++k) {
        const std::int64_t after = beat.gap_us > 0 ? k * beat.gap_us * 1000 : k / kEventsAWrite;
        made.push_back({first + after, k == 0 ? content(kMark + padded(arrived_ns)) : later});
    }
    for (std::string& last : ending(beat.chunks)) made.push_back({made.back().at_ns, last});
    return made;
}

Reply answer(const Incoming& incoming) {
    const std::string& body = incoming.request.body;
    const Beat beat{number(body, "chunks"), number(body, "gap_us"), number(body, "first_us")};
    if (beat.chunks < 1 || beat.gap_us < 0 || beat.first_us < 0)
        return {400, {}, {{0, "no beat"}}, false, false, {}};
    return {200, {{"content-type", "text/event-stream"}}, chunks_of(beat, incoming.arrived_ns),
            false, false, kMark, true};
}

}  // namespace

int main(int count, char** words) {
    try {
        std::optional<TlsContext::Settings> tls;
        if (count > 3) tls = {words[1], words[2], {words + 3, words + count}};
        PacedServer server("127.0.0.1", 0, tls, answer);
        std::printf("{\"url\": \"http%s://127.0.0.1:%d\"}\n", tls ? "s" : "", server.port());
        std::fflush(stdout);
        char byte = 0;
        while (::read(STDIN_FILENO, &byte, 1) > 0) {
        }
    } catch (const std::exception& error) {
        std::fprintf(stderr, "bench server: %s\n", error.what());
        return 1;
    }
}
