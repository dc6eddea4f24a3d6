// A reply of the paced server as a value, and the bytes it becomes on the wire.
// Pure: knows no socket and no clock.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ppbench {

struct Chunk {
    std::int64_t at_ns = 0;  // when it is to be sent
    std::string bytes;
};

struct Reply {
    int status = 200;
    std::vector<std::pair<std::string, std::string>> headers;
    std::vector<Chunk> chunks;  // ascending in time
    bool close = false;         // end the connection after the reply
    bool abort = false;         // reset it instead of ending the reply
    std::string mark = {};      // where a chunk is to carry the instant of its sending
    bool packed = false;        // chunks of one instant leave in one write, not each alone
};

// Throws std::invalid_argument for a reply that cannot be sent.
void check_reply(const Reply& reply);

// It has a Content-Length: one chunk at most, and not to be broken off.
bool is_sized(const Reply& reply);

std::string status_line(int status);

// What to send for chunk `index`: the head comes with the first one (or alone when there is
// no chunk), the end of a chunked body with the last one. Empty when there is nothing to say.
std::string wire_bytes(const Reply& reply, std::size_t index, bool http11, bool keep_alive);

// Writes the instant over the first `mark` in what is to be sent, as zero-padded decimal
// digits of the same length. Without one nothing is changed.
void write_instant(std::string& wire, std::string_view mark, std::int64_t at_ns) noexcept;

}  // namespace ppbench
