// The values that cross the engine's border: what is asked and what came of it.
// All *_ns are CLOCK_MONOTONIC nanoseconds, 0 when the moment never came. No behaviour here.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "sse.h"

namespace ppbench {

struct Transfer {
    std::string id;
    std::string url;
    std::vector<std::string> headers;  // "Name: value"
    std::string body;                  // POST when not empty, else GET
    long timeout_ms = 0;               // from leaving the queue; 0 means no limit
    bool stream = false;               // parse a text/event-stream body
    bool watch = false;                // report Progress
    long idle_ms = 0;                  // silence within a reply that has begun; 0: no limit
};

struct Done {
    std::string id;
    int status = 0;
    std::string error_kind;  // "" connect tls timeout dropped cancelled too_large other
    std::string error;
    std::vector<std::pair<std::string, std::string>> headers;  // lower-case names
    std::string body;
    std::vector<Event> events;
    std::int64_t queued_ns = 0;
    std::int64_t sent_ns = 0;
    std::int64_t headers_ns = 0;
    std::int64_t first_byte_ns = 0;
    std::int64_t last_kernel_ns = 0;  // of the newest bytes of the body; 0: none
    std::int64_t last_user_ns = 0;
    std::int64_t done_ns = 0;
    std::int64_t connect_ns = 0;  // a duration
    std::int64_t tls_ns = 0;      // a duration
    bool reused = false;
    std::string http_version;
    std::int64_t bytes = 0;
    int local_port = 0;
    bool clock_stepped = false;  // the wall clock was set meanwhile: kernel stamps are left out
};

struct Progress {
    std::string id;
    std::vector<Event> events;
    bool taken = false;  // once a reader has it, nothing is appended any more
};

using Report = std::variant<std::shared_ptr<Done>, std::shared_ptr<Progress>>;

}  // namespace ppbench
