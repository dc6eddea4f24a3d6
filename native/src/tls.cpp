// The library keeps errors in a queue of the thread: it is emptied before each call whose
// result is asked for, or an old error would be taken for a new one. Its buffers are kept
// between records: releasing them saves little and makes malloc tidy up, now and then, for a
// millisecond at a thousand connections.
#include "tls.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <new>
#include <stdexcept>
#include <system_error>

namespace ppbench {
namespace {

constexpr std::size_t kRecord = 16384;  // the largest that the protocol has
constexpr std::string_view kProtocol = "\x08http/1.1";

int no_password(char*, int, int, void*) { return 0; }  // else it asks at the terminal

// The client offers names, each after a byte that tells its length.
int choose_protocol(ssl::Session*, const unsigned char** chosen, unsigned char* size,
                    const unsigned char* offered, unsigned offered_size, void*) {
    std::string_view left(reinterpret_cast<const char*>(offered), offered_size);
    while (!left.empty()) {
        if (left.starts_with(kProtocol)) {
            *chosen = reinterpret_cast<const unsigned char*>(kProtocol.data()) + 1;
            *size = static_cast<unsigned char>(kProtocol.size() - 1);
            return ssl::kAlpnOk;
        }
        const std::size_t length = static_cast<unsigned char>(left.front());
        left.remove_prefix(std::min(left.size(), length + 1));
    }
    return ssl::kAlpnRefuse;
}

// The library's own words for a file that is not there are about its insides.
void check_readable(const std::string& what, const std::string& path) {
    if (::access(path.c_str(), R_OK) == 0) return;
    throw std::invalid_argument("cannot read the " + what + " " + path + ": " +
                                std::generic_category().message(errno));
}

}  // namespace

TlsContext::TlsContext(const Settings& settings)
    : library_(ssl::load(settings.libssl)),
      context_(library_.api.context_new(library_.api.server_method()),
               library_.api.context_free) {
    if (!context_) throw std::runtime_error("libssl gives no context: " + reason());
    const ssl::Api& api = library_.api;
    api.context_ctrl(context_.get(), ssl::kCtrlMinProtocol, ssl::kTls12, nullptr);
    api.context_ctrl(context_.get(), ssl::kCtrlSessionCacheMode, ssl::kSessionCacheOff, nullptr);
    api.context_set_options(context_.get(), ssl::kNoTicket | ssl::kNoRenegotiation);
    api.context_set_num_tickets(context_.get(), 0);
    api.context_set_password_callback(context_.get(), no_password);
    api.context_set_alpn_callback(context_.get(), choose_protocol, nullptr);
    use(settings);
}

void TlsContext::use(const Settings& settings) {
    const ssl::Api& api = library_.api;
    check_readable("certificate", settings.certificate);
    check_readable("key", settings.key);
    api.error_clear();
    if (api.context_use_certificate_chain_file(context_.get(), settings.certificate.c_str()) != 1)
        throw std::invalid_argument("cannot use the certificate " + settings.certificate + ": " +
                                    reason() + "; give a PEM file that begins with the server's " +
                                    "certificate, followed by its chain");
    const char* key = settings.key.c_str();
    if (api.context_use_private_key_file(context_.get(), key, ssl::kFilePem) != 1 ||
        api.context_check_private_key(context_.get()) != 1)
        throw std::invalid_argument("cannot use the key " + settings.key + ": " + reason() +
                                    "; give the PEM file, without a passphrase, of the key that " +
                                    settings.certificate + " was made for");
}

std::string TlsContext::reason() const {
    const char* text = library_.api.error_reason(library_.api.error_first());
    return text != nullptr ? text : "unknown reason";
}

std::unique_ptr<TlsSession> TlsContext::accept() const {
    return std::make_unique<TlsSession>(library_.api, context_.get());
}

TlsSession::TlsSession(const ssl::Api& api, ssl::Context* context)
    : api_(api), session_(api.session_new(context), api.session_free) {
    in_ = api.bio_new(api.bio_memory());
    out_ = api.bio_new(api.bio_memory());
    if (!session_ || in_ == nullptr || out_ == nullptr) {
        api.bio_free(in_);
        api.bio_free(out_);
        throw std::bad_alloc();
    }
    api.session_set_bio(session_.get(), in_, out_);
    api.session_set_accept_state(session_.get());
}

// Reads until nothing is left inside: the socket will not tell of what was taken from it.
bool TlsSession::open(std::string_view received, std::string& plain, std::string& out) {
    const int size = static_cast<int>(received.size());
    if (api_.bio_write(in_, received.data(), size) != size) return false;
    std::array<char, kRecord> record;
    for (;;) {
        api_.error_clear();
        const int got = api_.session_read(session_.get(), record.data(), kRecord);
        if (got > 0) {
            plain.append(record.data(), static_cast<std::size_t>(got));
            continue;
        }
        const int why = api_.session_get_error(session_.get(), got);
        take(out);
        return why == ssl::kErrorWantRead;
    }
}

bool TlsSession::seal(std::string_view plain, bool last, std::string& out) {
    while (!plain.empty()) {  // record by record, so that the library's buffer stays small
        const std::string_view part = plain.substr(0, kRecord);
        const int size = static_cast<int>(part.size());
        api_.error_clear();
        if (api_.session_write(session_.get(), part.data(), size) != size) return false;
        take(out);
        plain.remove_prefix(part.size());
    }
    if (last) {
        api_.error_clear();
        if (api_.session_shutdown(session_.get()) < 0) return false;
        take(out);
    }
    return true;
}

void TlsSession::take(std::string& out) {
    const long pending = api_.bio_ctrl(out_, ssl::kBioCtrlPending, 0, nullptr);
    if (pending <= 0) return;
    const std::size_t before = out.size();
    out.resize(before + static_cast<std::size_t>(pending));
    api_.bio_read(out_, out.data() + before, static_cast<int>(pending));
}

}  // namespace ppbench
