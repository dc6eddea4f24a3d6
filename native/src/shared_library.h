// Shared libraries found at run time: the first candidate that loads and suits. A library
// that was refused stays mapped: TLS libraries do not survive being unloaded in a process
// with threads. Knows no library by name.
#pragma once

#include <stdexcept>
#include <string>
#include <vector>

namespace ppbench {

// Throws std::runtime_error with the loader's own words.
void* open_library(const std::string& path);

// The file that holds `symbol`, `otherwise` when the loader cannot tell.
std::string file_of(const void* symbol, const std::string& otherwise);

// Like dlsym, and throws std::runtime_error instead of giving null.
void* find_symbol(void* handle, const char* name);

template <class Function>
void find(void* handle, const char* name, Function*& slot) {
    slot = reinterpret_cast<Function*>(find_symbol(handle, name));
}

// What `load_one(candidate)` gives for the first candidate that it does not refuse with a
// std::runtime_error. Throws `Fault` that lists each candidate with the reason.
template <class Fault, class Load>
auto first_usable(const std::string& name, const std::vector<std::string>& candidates,
                  Load load_one) {
    std::string tried;
    for (const std::string& candidate : candidates) {
        try {
            return load_one(candidate);
        } catch (const std::runtime_error& why) {
            tried += "\n  " + candidate + ": " + why.what();
        }
    }
    if (tried.empty()) tried = " none, the list is empty";
    throw Fault("no usable " + name + "; tried:" + tried);
}

}  // namespace ppbench
