// How a fuzzed input is read: the first bytes are settings, the rest is the stream, and where
// it is cut follows from the settings, so that every input can be run again. Knows no parser.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ppbench::fuzz {

struct Input {
    std::uint8_t choice = 0;
    std::uint8_t cut = 0;
    std::string stream;
};

// 0xFF stands for a long run of letters: limits of 64 KiB are then a few bytes away.
inline Input read(const std::uint8_t* data, std::size_t size, std::size_t run) {
    Input input;
    if (size < 2) return input;
    input.choice = data[0];
    input.cut = data[1];
    for (std::size_t i = 2; i < size; ++i)
        data[i] == 0xFF ? input.stream.append(run, 'a')
                        : input.stream.append(1, static_cast<char>(data[i]));
    return input;
}

// The stream in pieces: of one size when `cut` is small, else of sizes that vary.
inline std::vector<std::string_view> pieces(std::string_view stream, std::uint8_t cut) {
    std::vector<std::string_view> result;
    std::uint32_t state = cut;
    while (!stream.empty()) {
        state = state * 1664525U + 1013904223U;
        const std::size_t wanted = cut < 16 ? std::size_t{cut} + 1 : 1 + (state >> 24) % cut;
        // Long runs are not fed bytewise: that would only be slow.
        const std::size_t size = std::max(wanted, stream.size() / 512);
        result.push_back(stream.substr(0, size));
        stream.remove_prefix(std::min(size, stream.size()));
    }
    return result;
}

}  // namespace ppbench::fuzz
