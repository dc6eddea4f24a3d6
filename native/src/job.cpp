// Setting a transfer up, and what came of it. job_receive.cpp is what happens in between.
#include "job.h"

#include <algorithm>
#include <new>
#include <stdexcept>
#include <type_traits>
#include <utility>

#include "clock.h"
#include "text.h"

namespace ppbench {
namespace {

constexpr long kConnectMs = 10'000;  // what takes longer to connect is not there
constexpr int kTimedOut = 28;

// The engine decides these two itself.
bool is_reserved(const std::string& line) {
    const std::string name = lower(trim(std::string_view(line).substr(0, line.find(':'))));
    return name == "accept-encoding" || name == "expect";
}

// libcurl's result codes by what they mean to a caller.
const char* kind_of(int code) {
    switch (code) {
        case 0: return "";
        case 5: case 6: case 7: case 97: return "connect";
        case kTimedOut: return "timeout";
        case 18: case 52: case 55: case 56: return "dropped";
        case 63: case 100: return "too_large";
        case 35: case 51: case 53: case 54: case 58: case 59: case 60: case 64: case 66: case 77:
        case 80: case 82: case 83: case 90: case 91: case 98: return "tls";
        default: return "other";
    }
}

const char* version_name(long version) {
    switch (version) {
        case 1: return "1.0";
        case 2: return "1.1";
        case 3: return "2";
        case 30: return "3";
        default: return "";
    }
}

}  // namespace

Job::Job(Shop& shop) : shop_(shop), easy_(shop.library.api.easy_init()) {
    if (easy_ == nullptr) throw std::bad_alloc();
}

Job::~Job() {
    clear();
    shop_.library.api.easy_cleanup(easy_);
}

Job* Job::of(const curl::Api& api, curl::Easy* easy) noexcept {
    char* self = nullptr;
    api.easy_getinfo(easy, curl::kInfoPrivate, &self);
    return reinterpret_cast<Job*>(self);
}

void Job::clear() {
    shop_.library.api.easy_reset(easy_);
    shop_.library.api.slist_free_all(headers_);
    headers_ = nullptr;
    transfer_.reset();
    warming_.reset();
    progress.reset();
    done_ = {};
    parser_.reset();
    told_ = 0;
    fd_ = -1;
    touched_by_ = 0;
    read_from_ = 0;
    heard_ns_ = 0;
    refused_ = {};
    header_bytes_ = 0;
    headers_over_ = false;
    at_status_line_ = true;
    failed_as_ = nullptr;
    error_[0] = '\0';
}

bool Job::prepare(std::shared_ptr<const Transfer> transfer, std::int64_t queued_ns) {
    transfer_ = std::move(transfer);
    done_.id = transfer_->id;
    done_.queued_ns = queued_ns;
    steps_ = shop_.stamps->steps();
    return set_common() && set_request();
}

// OPTIONS, not HEAD: a server that answers HEAD with a body spoils the connection.
bool Job::prepare(std::shared_ptr<Warming> warming, bool fresh) {
    warming_ = std::move(warming);
    return set_common() && set(curl::kUrl, warming_->url.c_str()) &&
           set(curl::kTimeoutMs, warming_->timeout_ms) && set(curl::kHttpGet, 1L) &&
           set(curl::kCustomRequest, "OPTIONS") && set(curl::kFreshConnect, fresh ? 1L : 0L);
}

template <class Value>
bool Job::set(curl::Option option, Value value) {
    static_assert(std::is_same_v<Value, long> || std::is_same_v<Value, std::int64_t> ||
                  std::is_pointer_v<Value>);
    if (shop_.library.api.easy_setopt(easy_, option, value) == 0) return true;
    refused_ = option;
    return false;
}

bool Job::set_common() {
    const auto set_protocols = [this] {
        return set(curl::kProtocolsStr, "http,https") ||
               set(curl::kProtocols, curl::kProtocolHttp | curl::kProtocolHttps);
    };
    return set(curl::kPrivate, static_cast<void*>(this)) && set(curl::kErrorBuffer, +error_) &&
           set(curl::kNoSignal, 1L) && set(curl::kTcpNoDelay, 1L) && set_protocols() &&
           set(curl::kHttpVersion, shop_.http2 ? curl::kHttp2Tls : curl::kHttp11) &&
           set(curl::kPipeWait, shop_.http2 ? 1L : 0L) && set(curl::kFollowLocation, 0L) &&
           set(curl::kDnsCacheTimeout, curl::kForever) &&
           set(curl::kConnectTimeoutMs, kConnectMs) &&
           set(curl::kSslVerifyPeer, 1L) && set(curl::kSslVerifyHost, 2L) &&
           (shop_.ca_file.empty() || set(curl::kCaInfo, shop_.ca_file.c_str())) &&
           set(curl::kNoProxy, shop_.no_proxy.c_str()) && set(curl::kSuppressConnectHeaders, 1L) &&
           set(curl::kSockoptFunction, &Job::on_open) &&
           set(curl::kSockoptData, static_cast<void*>(&shop_)) &&
           set(curl::kCloseSocketFunction, &Job::on_close) &&
           set(curl::kCloseSocketData, static_cast<void*>(&shop_)) &&
           set(curl::kPrereqFunction, &Job::on_leave) &&
           set(curl::kPrereqData, static_cast<void*>(this)) &&
           set(curl::kHeaderFunction, &Job::on_header) &&
           set(curl::kHeaderData, static_cast<void*>(this)) &&
           set(curl::kWriteFunction, &Job::on_body) &&
           set(curl::kWriteData, static_cast<void*>(this));
}

bool Job::set_request() {
    for (const std::string& line : transfer_->headers)
        if (!is_reserved(line)) add_header(line);
    add_header("Accept-Encoding: identity");
    add_header("Expect:");
    const bool sized =
        transfer_->body.empty()
            ? set(curl::kHttpGet, 1L)
            : set(curl::kPost, 1L) && set(curl::kPostFields, transfer_->body.data()) &&
                  set(curl::kPostFieldSizeLarge, static_cast<std::int64_t>(transfer_->body.size()));
    return sized && set(curl::kUrl, transfer_->url.c_str()) &&
           set(curl::kTimeoutMs, transfer_->timeout_ms) && set(curl::kHttpHeader, headers_);
}

void Job::add_header(const std::string& line) {
    curl::Slist* longer = shop_.library.api.slist_append(headers_, line.c_str());
    if (longer == nullptr) throw std::bad_alloc();
    headers_ = longer;
}

std::vector<Event> Job::take_new_events() {
    const auto from = done_.events.begin() + static_cast<std::ptrdiff_t>(told_);
    told_ = done_.events.size();
    return {from, done_.events.end()};
}

Done Job::finish(int code, std::string_view error_kind, std::string_view error) {
    done_.done_ns = now_ns();
    if (refused_ != curl::kNoOption) {
        error_kind = "other";
        done_.error = "libcurl refused option " + std::to_string(refused_);
    } else if (failed_as_ != nullptr) {
        error_kind = failed_as_;
    } else if (!error.empty()) {
        done_.error = error;
    } else if (code != 0) {
        done_.error = error_[0] != '\0' ? error_ : shop_.library.api.easy_strerror(code);
    }
    done_.error_kind = error_kind.empty() ? kind_of(code) : error_kind;
    if (code == kTimedOut && done_.sent_ns == 0) done_.error_kind = "connect";
    take_timings(done_);
    if (done_.error_kind.empty() && (!headers_over_ || done_.status < 200)) {
        done_.error_kind = "dropped";  // libcurl finds nothing wrong with it
        done_.error = "the connection ended inside the head of the reply";
    }
    if (parser_ && done_.error_kind.empty()) parser_->finish(done_.events);
    doubt_stamps();
    return std::move(done_);
}

// Between the step and the next sample stamps are off by the step, so none is kept.
void Job::doubt_stamps() {
    if (warming_ || shop_.stamps->steps() == steps_) return;
    done_.clock_stepped = true;
    done_.last_kernel_ns = 0;
    for (Event& event : done_.events) event.kernel_ns = 0;
}

void Job::take_timings(Done& done) const {
    const auto number = [this](curl::Info info) {
        long value = 0;
        shop_.library.api.easy_getinfo(easy_, info, &value);
        return value;
    };
    const auto microseconds = [this](curl::Info info) {
        std::int64_t value = 0;
        shop_.library.api.easy_getinfo(easy_, info, &value);
        return value;
    };
    done.status = status();
    done.local_port = static_cast<int>(std::max(0L, number(curl::kInfoLocalPort)));
    done.http_version = version_name(number(curl::kInfoHttpVersion));
    const bool lost = done.error_kind == "dropped" && failed_as_ != nullptr;
    const bool connected = number(curl::kInfoNumConnects) > 0 && !lost;  // lost: for a repetition
    done.reused = !connected && done.sent_ns != 0;
    if (!connected) return;
    const std::int64_t tcp = microseconds(curl::kInfoConnectTime);
    const std::int64_t tls = microseconds(curl::kInfoAppConnectTime);
    if (tcp > 0)
        done.connect_ns =
            1000 * std::max<std::int64_t>(1, tcp - microseconds(curl::kInfoNameLookupTime));
    if (tls > 0) done.tls_ns = 1000 * std::max<std::int64_t>(1, tls - tcp);
}

const std::string* find_header(const Done& done, std::string_view name) {
    for (const auto& [key, value] : done.headers)
        if (key == name) return &value;
    return nullptr;
}

bool kept_alive(const Done& done) {
    const std::string* connection = find_header(done, "connection");
    return connection == nullptr || lower(*connection) != "close";
}

}  // namespace ppbench
