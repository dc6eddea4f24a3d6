// The parser follows the "event stream interpretation" of the HTML standard, with one
// difference: an event cut off by the end of the stream is delivered by finish().
#include "sse.h"

#include <algorithm>

namespace ppbench {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

// The first CR or LF; two memchr calls are faster than one loop over both.
std::size_t find_line_end(std::string_view bytes) noexcept {
    const std::size_t newline = std::min(bytes.find('\n'), bytes.size());
    return std::min(bytes.substr(0, newline).find('\r'), newline);
}

}  // namespace

bool SseParser::push(std::string_view bytes, const Stamp& stamp, std::vector<Event>& out) {
    stamp_ = stamp;
    while (!bytes.empty()) {
        if (skip_newline_) {
            skip_newline_ = false;
            if (bytes.front() == '\n') {
                bytes.remove_prefix(1);
                continue;
            }
        }
        const std::size_t end = find_line_end(bytes);
        if (line_.size() + end + data_.size() + name_.size() > limit_) return false;
        if (end == bytes.size()) {
            line_.append(bytes);
            return true;
        }
        skip_newline_ = bytes[end] == '\r';
        if (line_.empty()) {
            end_line(bytes.substr(0, end), out);
        } else {
            line_.append(bytes.substr(0, end));
            end_line(line_, out);
            line_.clear();
        }
        bytes.remove_prefix(end + 1);
    }
    return true;
}

void SseParser::finish(std::vector<Event>& out) {
    if (!line_.empty()) end_line(line_, out);
    line_.clear();
    dispatch(out);
}

void SseParser::end_line(std::string_view line, std::vector<Event>& out) {
    if (at_start_ && line.starts_with(kByteOrderMark)) line.remove_prefix(kByteOrderMark.size());
    at_start_ = false;
    if (line.empty()) {
        dispatch(out);
    } else {
        take_field(line);
    }
}

void SseParser::take_field(std::string_view line) {
    const std::size_t colon = line.find(':');
    const std::string_view field = line.substr(0, colon);
    std::string_view value = colon == line.npos ? std::string_view{} : line.substr(colon + 1);
    if (value.starts_with(' ')) value.remove_prefix(1);
    if (field == "data") {
        if (has_data_) data_.push_back('\n');
        data_.append(value);
        has_data_ = true;
    } else if (field == "event") {
        name_.assign(value);
    }  // a comment has an empty field; id and retry serve reconnection, which is not done
}

void SseParser::dispatch(std::vector<Event>& out) {
    if (has_data_) {
        out.push_back({std::move(data_), std::move(name_), stamp_.kernel_ns, stamp_.user_ns,
                       stamp_.waited_ns, stamp_.shared});
    }
    data_.clear();
    name_.clear();
    has_data_ = false;
}

}  // namespace ppbench
