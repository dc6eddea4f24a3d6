// What libcurl calls while a transfer is under way. It calls with C conventions: each callback
// catches everything and turns it into a refusal, which ends the transfer with an error.
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "clock.h"
#include "job.h"
#include "text.h"

namespace ppbench {
namespace {

constexpr std::size_t kMaxHeaders = std::size_t{256} << 10;  // libcurl gives up a little later
constexpr std::size_t kEventCost = 2 * sizeof(Event);        // here, and where it is read

}  // namespace

int Job::on_open(void* shop, int fd, int purpose) {
    try {
        auto& own = *static_cast<Shop*>(shop);
        const bool stamped =
            purpose == curl::kPurposeConnection && !own.http2 && KernelStamps::enable(fd);
        own.sockets->opened(fd, stamped);
        return 0;
    } catch (...) {
        return 1;
    }
}

int Job::on_close(void* shop, int fd) {
    try {
        auto& own = *static_cast<Shop*>(shop);
        if (own.reading.fd == fd) check_read(own);  // later there is nobody to ask
        own.sockets->closed(fd);
    } catch (...) {  // the entry is stale then; the descriptor must be closed all the same
    }
    return ::close(fd);
}

// Called again when libcurl is about to repeat a request that a kept-alive connection lost,
// which it does up to five times. The server may have read it, and it may have to be paid
// for: whether it goes out again is for those who keep the record to say.
int Job::on_leave(void* self, char*, char*, int, int) try {
    Job& job = *static_cast<Job*>(self);
    if (job.done_.sent_ns != 0 && !job.warming_) {
        job.fail("dropped", "the connection was closed before a reply came");
        return 1;
    }
    job.done_.sent_ns = now_ns();
    return 0;
} catch (...) {
    return 1;
}

std::size_t Job::on_header(char* text, std::size_t size, std::size_t count, void* self) {
    try {
        return static_cast<Job*>(self)->take_header({text, size * count}) ? size * count : 0;
    } catch (...) {
        return 0;
    }
}

std::size_t Job::on_body(char* bytes, std::size_t size, std::size_t count, void* self) {
    try {
        return static_cast<Job*>(self)->take_body({bytes, size * count}) ? size * count : 0;
    } catch (...) {
        return 0;
    }
}

bool Job::take_header(std::string_view line) {
    heard_ns_ = now_ns();
    enter_read();
    shop_.reading.pieces = 1;  // the head is one, however many lines it has
    header_bytes_ += line.size();
    if (header_bytes_ > kMaxHeaders)
        return fail("too_large", "the headers of the reply are larger than 256 KB");
    read_header(line);
    return true;
}

void Job::read_header(std::string_view line) {
    if (at_status_line_) {  // what came before, if anything, was a 1xx reply
        done_.headers.clear();
        headers_over_ = at_status_line_ = false;
        return;
    }
    if (headers_over_) return;  // trailers
    if (line.starts_with('\r') || line.starts_with('\n')) {  // libcurl's own rule
        headers_over_ = true;
        at_status_line_ = status() < 200;
        done_.headers_ns = now_ns();
        return;
    }
    line = trim(line);
    const std::size_t colon = line.find(':');
    if (colon == line.npos) return;
    done_.headers.emplace_back(lower(trim(line.substr(0, colon))),
                               std::string(trim(line.substr(colon + 1))));
}

int Job::status() const noexcept {
    long value = 0;
    shop_.library.api.easy_getinfo(easy_, curl::kInfoResponseCode, &value);
    return static_cast<int>(value);
}

// One reading of the clock serves all of a read that was looked at: check_read() tells whether
// it took more than that.
std::int64_t Job::read_ns() const noexcept {
    Reading& reading = shop_.reading;
    if (reading.fd != fd_ || reading.arrival.last_ns == 0) return now_ns();
    if (reading.read_ns == 0) reading.read_ns = now_ns();
    return reading.read_ns;
}

Stamp Job::stamp() const noexcept {
    const Reading& reading = shop_.reading;
    Stamp stamp{0, read_ns(), 0, false};
    const std::int64_t kernel = reading.fd == fd_ ? reading.arrival.last_ns : 0;
    // A stamp outside this interval means that the wall clock was stepped.
    if (kernel < done_.sent_ns || kernel > stamp.user_ns || kernel == 0) return stamp;
    stamp.kernel_ns = kernel;
    stamp.shared = !reading.arrival.alone;
    stamp.waited_ns = stamp.user_ns - reading.arrival.first_ns;
    if (stamp.shared) stamp.waited_ns = std::max(stamp.waited_ns, reading.held_up_ns);
    return stamp;
}

void Job::begin_body() {
    const std::string* type = find_header(done_, "content-type");
    if (transfer_->stream && type != nullptr && lower(*type).starts_with("text/event-stream"))
        parser_.emplace(shop_.max_reply_bytes);
}

bool Job::take_body(std::string_view bytes) {
    const Stamp stamp = this->stamp();
    if (warming_) return true;
    if (done_.first_byte_ns == 0) {
        done_.first_byte_ns = stamp.user_ns;
        begin_body();
    }
    heard_ns_ = stamp.user_ns;
    done_.bytes += static_cast<std::int64_t>(bytes.size());
    const std::size_t before = done_.events.size();
    const bool opens = opens_read();
    enter_read();
    done_.last_kernel_ns = stamp.kernel_ns;
    done_.last_user_ns = stamp.user_ns;
    const bool kept = keep(bytes, stamp);
    if (opens && stamp.shared && done_.events.size() > before) {
        Event& first = done_.events[before];
        first.kernel_ns = shop_.reading.arrival.first_ns;
        first.waited_ns = stamp.user_ns - first.kernel_ns;
        first.shared = false;
    }
    const std::size_t made = done_.events.size() - before;
    shop_.reading.pieces += static_cast<int>(std::max<std::size_t>(1, made));
    if (transfer_->watch && made > 0) shop_.reading.touched.push_back(this);
    return kept || fail("too_large", "the reply is larger than max_reply_bytes");
}

// The next event begins with the oldest byte of this read, whose stamp the kernel has kept, and
// was sent in one piece for all that is known: the engine was not held up meanwhile.
bool Job::opens_read() const noexcept {
    const Reading& reading = shop_.reading;
    return touched_by_ != reading.number && parser_ && parser_->between_events() &&
           reading.arrival.first_ns >= done_.sent_ns &&
           reading.arrival.first_ns < reading.arrival.last_ns && reading.held_up_ns == 0;
}

void Job::enter_read() noexcept {
    Reading& reading = shop_.reading;
    reading.reader = this;
    if (touched_by_ == reading.number) return;
    touched_by_ = reading.number;
    read_from_ = done_.events.size();
}

void Job::check_read(Shop& shop) noexcept {
    const Reading& reading = shop.reading;
    Job* reader = std::exchange(shop.reading.reader, nullptr);
    if (reader == nullptr || reading.arrival.last_ns == 0) return;
    if (KernelStamps::read_beyond(reading.fd, shop.sockets->received(reading.fd)))
        reader->doubt_read(now_ns());
}

void Job::doubt_read(std::int64_t by_ns) noexcept {
    done_.last_kernel_ns = 0;
    if (by_ns != 0) done_.last_user_ns = by_ns;
    for (std::size_t i = read_from_; i < done_.events.size(); ++i) {
        Event& event = done_.events[i];
        if (event.kernel_ns == 0) continue;
        if (by_ns != 0) event.waited_ns += by_ns - std::exchange(event.user_ns, by_ns);
        event.kernel_ns = event.user_ns;
        event.shared = true;
    }
}

bool Job::fail(const char* kind, const char* why) {
    failed_as_ = kind;
    done_.error = why;
    return false;
}

// What is kept counts, not what came: an event of one byte costs far more than its byte.
bool Job::keep(std::string_view bytes, const Stamp& stamp) {
    const auto fits = [this] {
        const std::size_t events = done_.events.size() * kEventCost;
        return static_cast<std::size_t>(done_.bytes) + events <= shop_.max_reply_bytes;
    };
    if (!fits()) return false;
    if (parser_) return parser_->push(bytes, stamp, done_.events) && fits();
    done_.body.append(bytes);
    return true;
}

std::int64_t Job::idle_until_ns() const noexcept {
    if (warming_ || transfer_->idle_ms == 0 || heard_ns_ == 0) return 0;
    return heard_ns_ + transfer_->idle_ms * 1'000'000;
}

}  // namespace ppbench
