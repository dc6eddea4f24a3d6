// Compares our declarations of libcurl with its real headers, at compile time. Built only
// where the headers are present.
#include <curl/curl.h>

#include <cstddef>

#include "libcurl.h"

namespace ours = ppbench::curl;

#define SAME(mine, theirs) static_assert(static_cast<long>(ours::mine) == static_cast<long>(theirs))

SAME(kWriteData, CURLOPT_WRITEDATA);
SAME(kUrl, CURLOPT_URL);
SAME(kErrorBuffer, CURLOPT_ERRORBUFFER);
SAME(kWriteFunction, CURLOPT_WRITEFUNCTION);
SAME(kPostFields, CURLOPT_POSTFIELDS);
SAME(kHttpHeader, CURLOPT_HTTPHEADER);
SAME(kHeaderData, CURLOPT_HEADERDATA);
SAME(kCustomRequest, CURLOPT_CUSTOMREQUEST);
SAME(kPost, CURLOPT_POST);
SAME(kFollowLocation, CURLOPT_FOLLOWLOCATION);
SAME(kSslVerifyPeer, CURLOPT_SSL_VERIFYPEER);
SAME(kDnsCacheTimeout, CURLOPT_DNS_CACHE_TIMEOUT);
SAME(kCaInfo, CURLOPT_CAINFO);
SAME(kFreshConnect, CURLOPT_FRESH_CONNECT);
SAME(kHeaderFunction, CURLOPT_HEADERFUNCTION);
SAME(kHttpGet, CURLOPT_HTTPGET);
SAME(kSslVerifyHost, CURLOPT_SSL_VERIFYHOST);
SAME(kHttpVersion, CURLOPT_HTTP_VERSION);
SAME(kNoSignal, CURLOPT_NOSIGNAL);
SAME(kPrivate, CURLOPT_PRIVATE);
SAME(kPostFieldSizeLarge, CURLOPT_POSTFIELDSIZE_LARGE);
SAME(kTcpNoDelay, CURLOPT_TCP_NODELAY);
SAME(kSockoptFunction, CURLOPT_SOCKOPTFUNCTION);
SAME(kSockoptData, CURLOPT_SOCKOPTDATA);
SAME(kTimeoutMs, CURLOPT_TIMEOUT_MS);
SAME(kConnectTimeoutMs, CURLOPT_CONNECTTIMEOUT_MS);
SAME(kNoProxy, CURLOPT_NOPROXY);
SAME(kProtocols, 181);  // deprecated: the name would warn
SAME(kCloseSocketFunction, CURLOPT_CLOSESOCKETFUNCTION);
SAME(kCloseSocketData, CURLOPT_CLOSESOCKETDATA);
SAME(kPipeWait, CURLOPT_PIPEWAIT);
SAME(kSuppressConnectHeaders, CURLOPT_SUPPRESS_CONNECT_HEADERS);
SAME(kPrereqFunction, CURLOPT_PREREQFUNCTION);
SAME(kPrereqData, CURLOPT_PREREQDATA);
#if LIBCURL_VERSION_NUM >= 0x075500
SAME(kProtocolsStr, CURLOPT_PROTOCOLS_STR);
#endif

SAME(kSocketFunction, CURLMOPT_SOCKETFUNCTION);
SAME(kSocketData, CURLMOPT_SOCKETDATA);
SAME(kTimerFunction, CURLMOPT_TIMERFUNCTION);
SAME(kTimerData, CURLMOPT_TIMERDATA);
SAME(kMaxConnects, CURLMOPT_MAXCONNECTS);

SAME(kInfoResponseCode, CURLINFO_RESPONSE_CODE);
SAME(kInfoPrivate, CURLINFO_PRIVATE);
SAME(kInfoNumConnects, CURLINFO_NUM_CONNECTS);
SAME(kInfoLocalPort, CURLINFO_LOCAL_PORT);
SAME(kInfoHttpVersion, CURLINFO_HTTP_VERSION);
SAME(kInfoNameLookupTime, CURLINFO_NAMELOOKUP_TIME_T);
SAME(kInfoConnectTime, CURLINFO_CONNECT_TIME_T);
SAME(kInfoAppConnectTime, CURLINFO_APPCONNECT_TIME_T);

SAME(kHttp11, CURL_HTTP_VERSION_1_1);
SAME(kProtocolHttp, CURLPROTO_HTTP);
SAME(kProtocolHttps, CURLPROTO_HTTPS);
SAME(kErrorBufferSize, CURL_ERROR_SIZE);
SAME(kSocketTimeout, CURL_SOCKET_TIMEOUT);
SAME(kSelectIn, CURL_CSELECT_IN);
SAME(kSelectOut, CURL_CSELECT_OUT);
SAME(kSelectErr, CURL_CSELECT_ERR);
SAME(kWatchIn, CURL_POLL_IN);
SAME(kWatchOut, CURL_POLL_OUT);
SAME(kWatchInOut, CURL_POLL_INOUT);
SAME(kWatchRemove, CURL_POLL_REMOVE);
SAME(kPurposeConnection, CURLSOCKTYPE_IPCXN);
SAME(kMessageDone, CURLMSG_DONE);
SAME(kGlobalDefault, CURL_GLOBAL_DEFAULT);

static_assert(sizeof(ours::Message) == sizeof(CURLMsg));
static_assert(offsetof(ours::Message, easy) == offsetof(CURLMsg, easy_handle));
static_assert(offsetof(ours::Message, data) == offsetof(CURLMsg, data));
static_assert(offsetof(ours::VersionInfo, version) == offsetof(curl_version_info_data, version));
static_assert(offsetof(ours::VersionInfo, number) ==
              offsetof(curl_version_info_data, version_num));
static_assert(sizeof(curl_off_t) == sizeof(std::int64_t));

int main() {}
