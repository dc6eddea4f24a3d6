// Loading by dlopen. A library that was refused stays mapped: TLS libraries do not survive
// being unloaded in a process with threads.
#include "libcurl.h"

#include <dlfcn.h>

#include <mutex>
#include <stdexcept>

namespace ppbench::curl {
namespace {

template <class Function>
void find(void* handle, const char* name, Function*& slot) {
    slot = reinterpret_cast<Function*>(::dlsym(handle, name));
    if (slot == nullptr) throw std::runtime_error(std::string("has no symbol ") + name);
}

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

std::string file_of(const void* symbol, const std::string& otherwise) {
    Dl_info info{};
    if (::dladdr(symbol, &info) == 0 || info.dli_fname == nullptr) return otherwise;
    return info.dli_fname;
}

Library load_one(const std::string& candidate) {
    void* handle = ::dlopen(candidate.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (handle == nullptr) {
        const char* why = ::dlerror();
        throw std::runtime_error(why != nullptr ? why : "cannot be loaded");
    }
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
    std::string tried;
    for (const std::string& candidate : candidates) {
        try {
            return load_one(candidate);
        } catch (const std::runtime_error& why) {
            tried += "\n  " + candidate + ": " + why.what();
        }
    }
    if (tried.empty()) tried = " none, the list is empty";
    throw std::runtime_error("no usable libcurl; tried:" + tried);
}

}  // namespace ppbench::curl
