// Where the grammar leaves room, the strict reading is taken: a request with two lengths, or
// with a length and chunks, is refused, for client and server could disagree on its end.
#include "request.h"

#include <algorithm>
#include <charconv>

#include "text.h"

namespace ppbench {
namespace {

constexpr std::string_view kLineEnd = "\r\n";
constexpr std::string_view kHeadEnd = "\r\n\r\n";
constexpr std::size_t kMaxLine = 4096;

bool is_token(std::string_view text) {
    const auto good = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
    };
    return !text.empty() && std::all_of(text.begin(), text.end(), good);
}

bool parse(std::string_view text, int base, std::size_t& value) {
    const char* begin = text.data();
    const char* end = begin + text.size();
    const auto [stop, error] = std::from_chars(begin, end, value, base);
    return error == std::errc{} && stop == end && !text.empty();
}

// What begins at `at` and ends with `mark` (at `end`, or not yet) is longer than `limit`. The
// answer must not depend on how the bytes came: all but the last byte of the mark may be there.
bool outgrows(std::size_t limit, std::string_view bytes, std::size_t at, std::size_t end,
              std::string_view mark) {
    if (end != bytes.npos) return end - at > limit;
    return bytes.size() - at > limit + mark.size() - 1;
}

}  // namespace

bool RequestParser::wants_continue() noexcept {
    const bool wanted = continue_ && part_ != Part::over;
    continue_ = false;
    return wanted;
}

void RequestParser::fail(int status) noexcept {
    status_ = status;
    part_ = Part::over;
}

RequestParser::State RequestParser::feed(std::string& bytes) {
    std::size_t at = 0;
    while (part_ != Part::over && step(bytes, at)) {}
    bytes.erase(0, at);
    if (status_ != 0) return State::failed;
    return part_ == Part::over ? State::complete : State::more;
}

bool RequestParser::step(std::string& bytes, std::size_t& at) {
    switch (part_) {
        case Part::head: return take_head(bytes, at);
        case Part::sized: return take_data(bytes, at, Part::over);
        case Part::chunk_data: return take_data(bytes, at, Part::chunk_end);
        default: break;
    }
    const std::size_t end = bytes.find(kLineEnd, at);  // chunk_size, chunk_end or trailer
    if (outgrows(kMaxLine, bytes, at, end, kLineEnd)) fail(400);
    if (end == bytes.npos || status_ != 0) return false;
    const std::string_view line = std::string_view(bytes).substr(at, end - at);
    at = end + kLineEnd.size();
    if (part_ == Part::chunk_size) {
        read_chunk_size(line);
    } else if (part_ == Part::chunk_end) {
        part_ = Part::chunk_size;
        if (!line.empty()) fail(400);
    } else if (line.empty()) {
        part_ = Part::over;
    } else {
        trailer_ += line.size();
        if (trailer_ > kMaxHead) fail(431);
    }
    return true;
}

bool RequestParser::take_head(std::string& bytes, std::size_t& at) {
    if (at == 0)  // a line end left over from the request before
        while (std::string_view(bytes).substr(at).starts_with(kLineEnd)) at += kLineEnd.size();
    const std::size_t end = bytes.find(kHeadEnd, at);
    if (outgrows(kMaxHead, bytes, at, end, kHeadEnd)) {
        fail(431);
        return true;
    }
    if (end == bytes.npos) return false;
    read_head(std::string_view(bytes).substr(at, end + kLineEnd.size() - at));
    at = end + kHeadEnd.size();
    if (part_ != Part::over) plan_body();
    return true;
}

void RequestParser::read_head(std::string_view head) {
    bool first = true;
    while (!head.empty() && part_ != Part::over) {
        const std::size_t end = head.find(kLineEnd);
        const std::string_view line = head.substr(0, end);
        first ? read_request_line(line) : read_field(line);
        first = false;
        head.remove_prefix(end + kLineEnd.size());
    }
}

void RequestParser::read_request_line(std::string_view line) {
    const std::size_t first = line.find(' ');
    const std::size_t last = line.rfind(' ');
    if (first == line.npos || last == first) return fail(400);
    const std::string_view version = line.substr(last + 1);
    request_.method = line.substr(0, first);
    request_.path = line.substr(first + 1, last - first - 1);
    request_.http11 = version == "HTTP/1.1";
    request_.keep_alive = request_.http11;
    const bool printable = std::all_of(request_.path.begin(), request_.path.end(),
                                       [](unsigned char c) { return c > ' ' && c != 127; });
    if (!is_token(request_.method) || request_.path.empty() || !printable ||
        (version != "HTTP/1.1" && version != "HTTP/1.0"))
        fail(400);
}

void RequestParser::read_field(std::string_view line) {
    const std::size_t colon = line.find(':');
    if (colon == line.npos || !is_token(line.substr(0, colon))) return fail(400);
    const std::string name = lower(line.substr(0, colon));
    const std::string_view value = trim(line.substr(colon + 1));
    const auto [slot, fresh] = request_.headers.try_emplace(name, value);
    if (fresh) return;
    if (name == "content-length" || name == "transfer-encoding") return fail(400);
    slot->second.append(", ").append(value);
}

void RequestParser::plan_body() {
    const auto value_of = [this](const char* name) {
        const auto found = request_.headers.find(name);
        return found == request_.headers.end() ? std::string{} : lower(found->second);
    };
    const std::string connection = value_of("connection");
    if (connection == "close") request_.keep_alive = false;
    if (connection == "keep-alive") request_.keep_alive = true;
    const bool sized = request_.headers.contains("content-length");
    const bool coded = request_.headers.contains("transfer-encoding");
    if (sized && coded) return fail(400);
    if (coded) {
        part_ = Part::chunk_size;
        if (value_of("transfer-encoding") != "chunked") return fail(400);
    } else if (sized) {
        part_ = Part::sized;
        if (!parse(value_of("content-length"), 10, left_)) return fail(400);
        if (left_ > kMaxBody) return fail(413);
    } else {
        part_ = Part::over;
    }
    continue_ = value_of("expect") == "100-continue";
}

bool RequestParser::take_data(std::string_view bytes, std::size_t& at, Part after) {
    const std::size_t count = std::min(left_, bytes.size() - at);
    request_.body.append(bytes.substr(at, count));
    at += count;
    left_ -= count;
    if (left_ == 0) part_ = after;
    return left_ == 0;
}

void RequestParser::read_chunk_size(std::string_view line) {
    if (!parse(trim(line.substr(0, line.find(';'))), 16, left_)) return fail(400);
    if (left_ > kMaxBody - request_.body.size()) return fail(413);
    part_ = left_ == 0 ? Part::trailer : Part::chunk_data;
}

}  // namespace ppbench
