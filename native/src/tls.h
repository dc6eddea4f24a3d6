// The server's side of TLS 1.2 and 1.3, between strings: what a client sent goes in, what is
// to be sent comes out. One certificate; clients are not asked for theirs. No sessions are
// resumed and no tickets issued: nothing but handshakes and payload is ever sent.
// Knows no socket and no clock.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "libssl.h"

namespace ppbench {

class TlsSession;

class TlsContext {
public:
    struct Settings {
        std::string certificate;  // PEM files; the chain follows the server's certificate
        std::string key;
        std::vector<std::string> libssl;
    };

    // Throws ssl::NotFound without a usable library, std::invalid_argument for bad files.
    explicit TlsContext(const Settings& settings);

    std::unique_ptr<TlsSession> accept() const;
    const ssl::Library& library() const noexcept { return library_; }

private:
    void use(const Settings& settings);
    std::string reason() const;

    ssl::Library library_;
    std::unique_ptr<ssl::Context, void (*)(ssl::Context*)> context_;
};

// One connection; its context has to outlive it.
class TlsSession {
public:
    TlsSession(const ssl::Api& api, ssl::Context* context);

    // Takes in what was received, the handshake included, and appends what it said to
    // `plain`. Appends to `out` what has to be sent in turn, at the end an alert too. False
    // when the client has ended the session or broken it.
    bool open(std::string_view received, std::string& plain, std::string& out);

    // Appends to `out` the records that carry `plain`, one for each 16 KiB; with `last`, the
    // notice that nothing follows. False when the session does not allow it.
    bool seal(std::string_view plain, bool last, std::string& out);

private:
    void take(std::string& out);

    const ssl::Api& api_;
    std::unique_ptr<ssl::Session, void (*)(ssl::Session*)> session_;
    ssl::Bio* in_ = nullptr;  // owned by the session, as is the next
    ssl::Bio* out_ = nullptr;
};

}  // namespace ppbench
