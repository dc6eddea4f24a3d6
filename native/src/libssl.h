// OpenSSL's libssl, found at run time: own declarations of the little that a server uses, so
// that neither its headers nor a link to it are needed. Knows the library's binary interface
// (1.1.1 and 3) and nothing about connections. tests/abi_ssl_test.cpp compares it with real
// headers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

namespace ppbench::ssl {

struct Method;
struct Context;
struct Session;
struct Bio;
struct BioMethod;

inline constexpr int kFilePem = 1;
inline constexpr int kCtrlSessionCacheMode = 44;
inline constexpr int kCtrlMinProtocol = 123;
inline constexpr long kSessionCacheOff = 0;
inline constexpr long kTls12 = 0x0303;
inline constexpr std::uint64_t kNoTicket = std::uint64_t{1} << 14;
inline constexpr std::uint64_t kNoRenegotiation = std::uint64_t{1} << 30;
inline constexpr std::uint64_t kNoAtExit = 0x00080000;
inline constexpr int kErrorWantRead = 2;
inline constexpr int kBioCtrlPending = 10;
inline constexpr int kAlpnOk = 0;
inline constexpr int kAlpnRefuse = 2;  // with a fatal alert
inline constexpr int kVersionText = 0;
inline constexpr unsigned long kOldestVersion = 0x10101000;     // 1.1.1
inline constexpr unsigned long kLibreSsl = 0x20000000;          // the only 2: another library
inline constexpr unsigned long kOldestThree = 0x30000000;

using PasswordCallback = int(char* buffer, int size, int writing, void* data);
using AlpnCallback = int(Session*, const unsigned char** chosen, unsigned char* size,
                         const unsigned char* offered, unsigned offered_size, void* data);

struct Api {
    int (*init)(std::uint64_t, const void*);
    const Method* (*server_method)();
    Context* (*context_new)(const Method*);
    void (*context_free)(Context*);
    long (*context_ctrl)(Context*, int, long, void*);
    std::uint64_t (*context_set_options)(Context*, std::uint64_t);
    int (*context_set_num_tickets)(Context*, std::size_t);
    int (*context_use_certificate_chain_file)(Context*, const char*);
    int (*context_use_private_key_file)(Context*, const char*, int);
    int (*context_check_private_key)(const Context*);
    void (*context_set_password_callback)(Context*, PasswordCallback*);
    void (*context_set_alpn_callback)(Context*, AlpnCallback*, void*);
    Session* (*session_new)(Context*);
    void (*session_free)(Session*);
    void (*session_set_bio)(Session*, Bio* in, Bio* out);
    void (*session_set_accept_state)(Session*);
    int (*session_read)(Session*, void*, int);
    int (*session_write)(Session*, const void*, int);
    int (*session_shutdown)(Session*);
    int (*session_get_error)(const Session*, int);
    // These come from libcrypto, which libssl brings along.
    const BioMethod* (*bio_memory)();
    Bio* (*bio_new)(const BioMethod*);
    int (*bio_free)(Bio*);
    int (*bio_read)(Bio*, void*, int);
    int (*bio_write)(Bio*, const void*, int);
    long (*bio_ctrl)(Bio*, int, long, void*);
    void (*error_clear)();
    unsigned long (*error_first)();
    const char* (*error_reason)(unsigned long);
    unsigned long (*version_number)();
    const char* (*version_text)(int);
};

struct Library {
    Api api{};
    std::string path;
    std::string version;
};

struct NotFound : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// The first candidate that loads and is new enough. Throws NotFound that lists each candidate
// with the reason why it was refused. The library is never unloaded.
Library load(const std::vector<std::string>& candidates);

}  // namespace ppbench::ssl
