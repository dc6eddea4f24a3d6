// A push parser from bytes to server-sent events. It may be fed any split of the stream.
// Pure: knows no socket, no clock and no JSON; the stamps are given to it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ppbench {

// When the bytes of one read came.
struct Stamp {
    std::int64_t kernel_ns = 0;  // of the newest segment of the read; 0: the kernel gave none
    std::int64_t user_ns = 0;
    std::int64_t waited_ns = 0;  // how long the oldest byte lay unread, as far as is known
    bool shared = false;         // several segments, or late ones: some came before kernel_ns
};

// One event with the stamp of the read that completed it.
struct Event {
    std::string data;
    std::string name;
    std::int64_t kernel_ns = 0;
    std::int64_t user_ns = 0;
    std::int64_t waited_ns = 0;
    bool shared = false;
};

class SseParser {
public:
    // `limit`: bytes one event may hold before the stream counts as broken.
    explicit SseParser(std::size_t limit) noexcept : limit_(limit) {}

    // Appends the events that these bytes complete. False when an event outgrew the limit.
    [[nodiscard]] bool push(std::string_view bytes, const Stamp& stamp, std::vector<Event>& out);

    // Between two events: nothing of the next one has come.
    bool between_events() const noexcept {
        return line_.empty() && name_.empty() && !has_data_ && !skip_newline_;
    }

    // The stream ended well: appends a last event that lacked its blank line.
    void finish(std::vector<Event>& out);

private:
    void end_line(std::string_view line, std::vector<Event>& out);
    void take_field(std::string_view line);
    void dispatch(std::vector<Event>& out);

    std::size_t limit_;
    std::string line_;  // an unfinished line
    std::string data_;
    std::string name_;
    bool has_data_ = false;
    bool skip_newline_ = false;  // the last byte was CR: a following LF belongs to it
    bool at_start_ = true;       // a byte order mark may open the first line
    Stamp stamp_;                // of the newest read
};

}  // namespace ppbench
