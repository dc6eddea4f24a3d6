// libcurl, found at run time: own declarations of the little that is used, so that neither
// its headers nor a link to it are needed. Knows the library's binary interface (stable since
// 7.16) and nothing about transfers. tests/abi_test.cpp compares it with real headers.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace ppbench::curl {

using Easy = void;
using Multi = void;
struct Slist;

enum Option : int {
    kNoOption = 0,
    kWriteData = 10001,
    kUrl = 10002,
    kErrorBuffer = 10010,
    kWriteFunction = 20011,
    kPostFields = 10015,
    kHttpHeader = 10023,
    kHeaderData = 10029,
    kCustomRequest = 10036,
    kPost = 47,
    kFollowLocation = 52,
    kSslVerifyPeer = 64,
    kDnsCacheTimeout = 92,
    kCaInfo = 10065,
    kFreshConnect = 74,
    kHeaderFunction = 20079,
    kHttpGet = 80,
    kSslVerifyHost = 81,
    kHttpVersion = 84,
    kNoSignal = 99,
    kPrivate = 10103,
    kPostFieldSizeLarge = 30120,
    kTcpNoDelay = 121,
    kSockoptFunction = 20148,
    kSockoptData = 10149,
    kTimeoutMs = 155,
    kConnectTimeoutMs = 156,
    kNoProxy = 10177,
    kProtocols = 181,
    kCloseSocketFunction = 20208,
    kCloseSocketData = 10209,
    kPipeWait = 237,
    kSuppressConnectHeaders = 265,
    kPrereqFunction = 20312,
    kPrereqData = 10313,
    kProtocolsStr = 10318,
};

enum MultiOption : int {
    kSocketFunction = 20001,
    kSocketData = 10002,
    kTimerFunction = 20004,
    kTimerData = 10005,
    kMaxConnects = 6,
};

enum Info : int {
    kInfoResponseCode = 0x200002,
    kInfoPrivate = 0x100015,
    kInfoNumConnects = 0x20001A,
    kInfoLocalPort = 0x20002A,
    kInfoHttpVersion = 0x20002E,
    kInfoNameLookupTime = 0x600033,
    kInfoConnectTime = 0x600034,
    kInfoAppConnectTime = 0x600038,
};

inline constexpr long kHttp11 = 2;
inline constexpr long kHttp2Tls = 4;  // by ALPN; plain http stays 1.1
inline constexpr long kForever = -1;
inline constexpr long kProtocolHttp = 1;
inline constexpr long kProtocolHttps = 2;
inline constexpr int kErrorBufferSize = 256;
inline constexpr int kSocketTimeout = -1;
inline constexpr int kSelectIn = 1;
inline constexpr int kSelectOut = 2;
inline constexpr int kSelectErr = 4;
inline constexpr int kWatchIn = 1;  // the library's CURL_POLL_*, renamed: <signal.h> has POLL_IN
inline constexpr int kWatchOut = 2;
inline constexpr int kWatchInOut = 3;
inline constexpr int kWatchRemove = 4;
inline constexpr int kPurposeConnection = 0;
inline constexpr int kMessageDone = 1;
inline constexpr long kGlobalDefault = 3;
inline constexpr unsigned kOldestVersion = 0x075000;  // 7.80.0: CURLOPT_PREREQFUNCTION

struct Message {
    int kind;
    Easy* easy;
    union {
        void* whatever;
        int result;
    } data;
};

struct VersionInfo {  // only the fields that every version has
    int age;
    const char* version;
    unsigned number;
};

// setopt and getinfo are variadic in the library and must be called as such: some platforms
// pass variadic arguments differently. Numbers are `long`, *_LARGE are std::int64_t.
struct Api {
    int (*global_init)(long);
    VersionInfo* (*version_info)(int);
    Easy* (*easy_init)();
    void (*easy_cleanup)(Easy*);
    void (*easy_reset)(Easy*);
    int (*easy_setopt)(Easy*, int, ...);
    int (*easy_getinfo)(Easy*, int, ...);
    const char* (*easy_strerror)(int);
    Slist* (*slist_append)(Slist*, const char*);
    void (*slist_free_all)(Slist*);
    Multi* (*multi_init)();
    int (*multi_cleanup)(Multi*);
    int (*multi_setopt)(Multi*, int, ...);
    int (*multi_add_handle)(Multi*, Easy*);
    int (*multi_remove_handle)(Multi*, Easy*);
    int (*multi_socket_action)(Multi*, int, int, int*);
    Message* (*multi_info_read)(Multi*, int*);
    const char* (*multi_strerror)(int);
};

struct Library {
    Api api{};
    std::string path;
    std::string version;
};

// The first candidate that loads and is new enough. Throws std::runtime_error that lists
// each candidate with the reason why it was refused. The library is never unloaded.
Library load(const std::vector<std::string>& candidates);

}  // namespace ppbench::curl
