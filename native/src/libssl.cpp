// Which functions are taken from the library, and which versions of it are refused.
#include "libssl.h"

#include "shared_library.h"

namespace ppbench::ssl {
namespace {

Api find_all(void* handle) {
    Api api{};
    find(handle, "OpenSSL_version_num", api.version_number);
    find(handle, "OpenSSL_version", api.version_text);
    find(handle, "OPENSSL_init_ssl", api.init);
    find(handle, "TLS_server_method", api.server_method);
    find(handle, "SSL_CTX_new", api.context_new);
    find(handle, "SSL_CTX_free", api.context_free);
    find(handle, "SSL_CTX_ctrl", api.context_ctrl);
    find(handle, "SSL_CTX_set_options", api.context_set_options);
    find(handle, "SSL_CTX_set_num_tickets", api.context_set_num_tickets);
    find(handle, "SSL_CTX_use_certificate_chain_file", api.context_use_certificate_chain_file);
    find(handle, "SSL_CTX_use_PrivateKey_file", api.context_use_private_key_file);
    find(handle, "SSL_CTX_check_private_key", api.context_check_private_key);
    find(handle, "SSL_CTX_set_default_passwd_cb", api.context_set_password_callback);
    find(handle, "SSL_CTX_set_alpn_select_cb", api.context_set_alpn_callback);
    find(handle, "SSL_new", api.session_new);
    find(handle, "SSL_free", api.session_free);
    find(handle, "SSL_set_bio", api.session_set_bio);
    find(handle, "SSL_set_accept_state", api.session_set_accept_state);
    find(handle, "SSL_read", api.session_read);
    find(handle, "SSL_write", api.session_write);
    find(handle, "SSL_shutdown", api.session_shutdown);
    find(handle, "SSL_get_error", api.session_get_error);
    find(handle, "BIO_s_mem", api.bio_memory);
    find(handle, "BIO_new", api.bio_new);
    find(handle, "BIO_free", api.bio_free);
    find(handle, "BIO_read", api.bio_read);
    find(handle, "BIO_write", api.bio_write);
    find(handle, "BIO_ctrl", api.bio_ctrl);
    find(handle, "ERR_clear_error", api.error_clear);
    find(handle, "ERR_peek_error", api.error_first);
    find(handle, "ERR_reason_error_string", api.error_reason);
    return api;
}

Library load_one(const std::string& candidate) {
    void* handle = open_library(candidate);
    Library library;
    library.api = find_all(handle);
    library.path =
        file_of(reinterpret_cast<const void*>(library.api.session_new), candidate);
    library.version = library.api.version_text(kVersionText);
    const unsigned long number = library.api.version_number();
    if (number < kOldestVersion || (number >= kLibreSsl && number < kOldestThree))
        throw std::runtime_error("is " + library.version + ", OpenSSL 1.1.1 or 3 is needed");
    // Its clean-up at exit would pull the library from under a server that still runs.
    if (library.api.init(kNoAtExit, nullptr) != 1)
        throw std::runtime_error("failed to initialise");
    return library;
}

}  // namespace

Library load(const std::vector<std::string>& candidates) {
    return first_usable<NotFound>("libssl", candidates, load_one);
}

}  // namespace ppbench::ssl
