// Which functions are taken from the library, and which versions of it are refused.
#include "libcurl.h"

#include <mutex>
#include <stdexcept>

#include "shared_library.h"

namespace ppbench::curl {
namespace {

Api find_all(void* handle) {
    Api api{};
    find(handle, "curl_global_init", api.global_init);
    find(handle, "curl_version_info", api.version_info);
    find(handle, "curl_easy_init", api.easy_init);
    find(handle, "curl_easy_cleanup", api.easy_cleanup);
    find(handle, "curl_easy_reset", api.easy_reset);
    find(handle, "curl_easy_setopt", api.easy_setopt);
    find(handle, "curl_easy_getinfo", api.easy_getinfo);
    find(handle, "curl_easy_strerror", api.easy_strerror);
    find(handle, "curl_slist_append", api.slist_append);
    find(handle, "curl_slist_free_all", api.slist_free_all);
    find(handle, "curl_multi_init", api.multi_init);
    find(handle, "curl_multi_cleanup", api.multi_cleanup);
    find(handle, "curl_multi_setopt", api.multi_setopt);
    find(handle, "curl_multi_add_handle", api.multi_add_handle);
    find(handle, "curl_multi_remove_handle", api.multi_remove_handle);
    find(handle, "curl_multi_socket_action", api.multi_socket_action);
    find(handle, "curl_multi_info_read", api.multi_info_read);
    find(handle, "curl_multi_strerror", api.multi_strerror);
    return api;
}

Library load_one(const std::string& candidate) {
    void* handle = open_library(candidate);
    Library library;
    library.api = find_all(handle);
    const VersionInfo* info = library.api.version_info(0);
    library.version = info->version;
    library.path = file_of(reinterpret_cast<const void*>(library.api.easy_init), candidate);
    if (info->number < kOldestVersion)
        throw std::runtime_error("is version " + library.version + ", 7.80 or newer is needed");
    if (library.api.global_init(kGlobalDefault) != 0)
        throw std::runtime_error("failed to initialise");
    return library;
}

}  // namespace

Library load(const std::vector<std::string>& candidates) {
    static std::mutex one_at_a_time;  // global_init is safe across threads only since 7.84
    const std::lock_guard lock(one_at_a_time);
    return first_usable<std::runtime_error>("libcurl", candidates, load_one);
}

}  // namespace ppbench::curl
