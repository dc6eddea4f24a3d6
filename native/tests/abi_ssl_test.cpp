// Compares our declarations of libssl with its real headers, at compile time. Built only
// where the headers are present.
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <type_traits>

#include "libssl.h"

namespace ours = ppbench::ssl;

#define SAME(mine, theirs) \
    static_assert(static_cast<std::uint64_t>(ours::mine) == static_cast<std::uint64_t>(theirs))

SAME(kFilePem, SSL_FILETYPE_PEM);
SAME(kCtrlSessionCacheMode, SSL_CTRL_SET_SESS_CACHE_MODE);
SAME(kCtrlMinProtocol, SSL_CTRL_SET_MIN_PROTO_VERSION);
SAME(kSessionCacheOff, SSL_SESS_CACHE_OFF);
SAME(kTls12, TLS1_2_VERSION);
SAME(kNoTicket, SSL_OP_NO_TICKET);
SAME(kNoRenegotiation, SSL_OP_NO_RENEGOTIATION);
SAME(kNoAtExit, OPENSSL_INIT_NO_ATEXIT);
SAME(kErrorWantRead, SSL_ERROR_WANT_READ);
SAME(kBioCtrlPending, BIO_CTRL_PENDING);
SAME(kAlpnOk, SSL_TLSEXT_ERR_OK);
SAME(kAlpnRefuse, SSL_TLSEXT_ERR_ALERT_FATAL);
SAME(kVersionText, OPENSSL_VERSION);

// What a type of theirs is called here.
template <class T>
struct Renamed {
    using type = T;
};
template <class T>
struct Renamed<T*> {
    using type = typename Renamed<T>::type*;
};
template <class T>
struct Renamed<const T> {
    using type = const typename Renamed<T>::type;
};
#define CALLED(theirs, mine)   \
    template <>                \
    struct Renamed<theirs> {   \
        using type = ours::mine; \
    }
CALLED(SSL_METHOD, Method);
CALLED(SSL_CTX, Context);
CALLED(SSL, Session);
CALLED(BIO, Bio);
CALLED(BIO_METHOD, BioMethod);
template <>
struct Renamed<OPENSSL_INIT_SETTINGS> {
    using type = void;
};
template <class R, class... A>
struct Renamed<R(A...)> {
    using type = typename Renamed<R>::type(typename Renamed<A>::type...);
};

#define TAKES(mine, theirs)                                                                  \
    static_assert(std::is_same_v<decltype(ours::Api::mine),                                  \
                                 Renamed<std::remove_reference_t<decltype(theirs)>>::type*>, \
                  #theirs)

TAKES(init, OPENSSL_init_ssl);
TAKES(server_method, TLS_server_method);
TAKES(context_new, SSL_CTX_new);
TAKES(context_free, SSL_CTX_free);
TAKES(context_ctrl, SSL_CTX_ctrl);
TAKES(context_set_options, SSL_CTX_set_options);
TAKES(context_set_num_tickets, SSL_CTX_set_num_tickets);
TAKES(context_use_certificate_chain_file, SSL_CTX_use_certificate_chain_file);
TAKES(context_use_private_key_file, SSL_CTX_use_PrivateKey_file);
TAKES(context_check_private_key, SSL_CTX_check_private_key);
TAKES(context_set_password_callback, SSL_CTX_set_default_passwd_cb);
TAKES(context_set_alpn_callback, SSL_CTX_set_alpn_select_cb);
TAKES(session_new, SSL_new);
TAKES(session_free, SSL_free);
TAKES(session_set_bio, SSL_set_bio);
TAKES(session_set_accept_state, SSL_set_accept_state);
TAKES(session_read, SSL_read);
TAKES(session_write, SSL_write);
TAKES(session_shutdown, SSL_shutdown);
TAKES(session_get_error, SSL_get_error);
TAKES(bio_memory, BIO_s_mem);
TAKES(bio_new, BIO_new);
TAKES(bio_free, BIO_free);
TAKES(bio_read, BIO_read);
TAKES(bio_write, BIO_write);
TAKES(bio_ctrl, BIO_ctrl);
TAKES(error_clear, ERR_clear_error);
TAKES(error_first, ERR_peek_error);
TAKES(error_reason, ERR_reason_error_string);
TAKES(version_number, OpenSSL_version_num);
TAKES(version_text, OpenSSL_version);

int main() {}
