// A push parser for HTTP/1.x requests with sized and chunked bodies, strict and bounded.
// Pure: knows no socket and no clock.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>

namespace ppbench {

struct Request {
    std::string method;
    std::string path;
    std::map<std::string, std::string> headers;  // lower-case names, repeated ones joined
    std::string body;
    bool http11 = true;
    bool keep_alive = true;
};

class RequestParser {
public:
    static constexpr std::size_t kMaxHead = std::size_t{64} << 10;
    static constexpr std::size_t kMaxBody = std::size_t{64} << 20;

    enum class State { more, complete, failed };

    // Takes from the front of `bytes` what belongs to this request.
    State feed(std::string& bytes);

    Request& request() noexcept { return request_; }

    // After `failed`: the status to answer with, 400, 413 or 431.
    int status() const noexcept { return status_; }

    // The client waits for "100 Continue" before it sends the body. True once.
    bool wants_continue() noexcept;

private:
    enum class Part { head, sized, chunk_size, chunk_data, chunk_end, trailer, over };

    bool step(std::string& bytes, std::size_t& at);  // false: more bytes are needed
    bool take_head(std::string& bytes, std::size_t& at);
    void read_head(std::string_view head);
    void read_request_line(std::string_view line);
    void read_field(std::string_view line);
    void plan_body();
    bool take_data(std::string_view bytes, std::size_t& at, Part after);
    void read_chunk_size(std::string_view line);
    void fail(int status) noexcept;

    Request request_;
    Part part_ = Part::head;
    std::size_t left_ = 0;     // bytes of the body or of the chunk still to come
    std::size_t trailer_ = 0;  // bytes of trailers seen
    int status_ = 0;
    bool continue_ = false;
};

}  // namespace ppbench
