// Symbols stay local to a library: two copies of one library may be loaded side by side.
#include "shared_library.h"

#include <dlfcn.h>

namespace ppbench {

void* open_library(const std::string& path) {
    void* handle = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (handle != nullptr) return handle;
    const char* why = ::dlerror();
    throw std::runtime_error(why != nullptr ? why : "cannot be loaded");
}

std::string file_of(const void* symbol, const std::string& otherwise) {
    Dl_info info{};
    if (::dladdr(symbol, &info) == 0 || info.dli_fname == nullptr) return otherwise;
    return info.dli_fname;
}

void* find_symbol(void* handle, const char* name) {
    void* symbol = ::dlsym(handle, name);
    if (symbol == nullptr) throw std::runtime_error(std::string("has no symbol ") + name);
    return symbol;
}

}  // namespace ppbench
