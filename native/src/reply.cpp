// HTTP/1.0 clients get an unframed body that ends with the connection.
#include "reply.h"

#include <algorithm>
#include <charconv>
#include <stdexcept>
#include <string_view>

#include "text.h"

namespace ppbench {
namespace {

constexpr std::size_t kInstantDigits = 19;

std::string_view reason(int status) {
    switch (status) {
        case 100: return "Continue";
        case 200: return "OK";
        case 204: return "No Content";
        case 400: return "Bad Request";
        case 401: return "Unauthorized";
        case 403: return "Forbidden";
        case 404: return "Not Found";
        case 405: return "Method Not Allowed";
        case 408: return "Request Timeout";
        case 413: return "Content Too Large";
        case 422: return "Unprocessable Content";
        case 429: return "Too Many Requests";
        case 431: return "Request Header Fields Too Large";
        case 500: return "Internal Server Error";
        case 502: return "Bad Gateway";
        case 503: return "Service Unavailable";
        case 529: return "Overloaded";
        default: return "Status";
    }
}

bool has_no_body(int status) { return status == 204 || status == 304; }

// These three say how the reply is framed, which is decided here.
bool is_framing(std::string_view name) {
    const std::string key = lower(name);
    return key == "content-length" || key == "transfer-encoding" || key == "connection";
}

std::string hex(std::size_t value) {
    char text[16];
    const auto result = std::to_chars(text, text + sizeof text, value, 16);
    return {text, result.ptr};
}

std::string head(const Reply& reply, bool http11, bool keep_alive) {
    std::string text = status_line(reply.status);
    for (const auto& [name, value] : reply.headers)
        if (!is_framing(name)) text.append(name).append(": ").append(value).append("\r\n");
    if (has_no_body(reply.status)) {
    } else if (is_sized(reply)) {
        const std::size_t size = reply.chunks.empty() ? 0 : reply.chunks.front().bytes.size();
        text += "Content-Length: " + std::to_string(size) + "\r\n";
    } else if (http11) {
        text += "Transfer-Encoding: chunked\r\n";
    }
    if (reply.close || !keep_alive) text += "Connection: close\r\n";
    return text + "\r\n";
}

std::string body(const Reply& reply, std::size_t index, bool http11) {
    if (reply.chunks.empty() || has_no_body(reply.status)) return {};
    const std::string& bytes = reply.chunks[index].bytes;
    if (is_sized(reply) || !http11) return bytes;
    std::string framed;  // an empty chunk would end the body
    if (!bytes.empty()) framed = hex(bytes.size()) + "\r\n" + bytes + "\r\n";
    const bool last = index + 1 == reply.chunks.size();
    return last && !reply.abort ? framed + "0\r\n\r\n" : framed;
}

}  // namespace

void check_reply(const Reply& reply) {
    if (reply.status < 200 || reply.status > 599)
        throw std::invalid_argument("status must be between 200 and 599");
    for (const auto& [name, value] : reply.headers)
        if (name.empty() || has_line_break(name) || has_line_break(value))
            throw std::invalid_argument("a header must have a name and no line break");
    if (!reply.mark.empty() && reply.mark.size() < kInstantDigits)
        throw std::invalid_argument("a mark must have 19 bytes or more, to hold nanoseconds");
    const auto earlier = [](const Chunk& a, const Chunk& b) { return a.at_ns < b.at_ns; };
    if (!std::is_sorted(reply.chunks.begin(), reply.chunks.end(), earlier))
        throw std::invalid_argument("the times of the chunks must not descend");
}

bool is_sized(const Reply& reply) { return reply.chunks.size() <= 1 && !reply.abort; }

std::string status_line(int status) {
    return "HTTP/1.1 " + std::to_string(status) + " " + std::string(reason(status)) + "\r\n";
}

std::string wire_bytes(const Reply& reply, std::size_t index, bool http11, bool keep_alive) {
    if (reply.abort && reply.chunks.empty()) return {};  // broken off before it began
    std::string wire = index == 0 ? head(reply, http11, keep_alive) : std::string();
    return wire + body(reply, index, http11);
}


void write_instant(std::string& wire, std::string_view mark, std::int64_t at_ns) noexcept {
    if (mark.empty()) return;
    const std::size_t at = wire.find(mark);
    if (at == wire.npos) return;
    for (std::size_t place = at + mark.size(); place > at; at_ns /= 10)
        wire[--place] = static_cast<char>('0' + at_ns % 10);
}

}  // namespace ppbench
