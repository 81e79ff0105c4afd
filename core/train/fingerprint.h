#pragma once
// A 64-bit sum that tells whether bytes are still the same; against accidents, not against intent.

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace fovea {

// SplitMix64's mixing over words of eight bytes, the last one filled with zeros; `before` chains several
// parts.
inline std::uint64_t fingerprint(std::string_view bytes, std::uint64_t before = 0) {
    std::uint64_t sum = before ^ (bytes.size() * 0x9e3779b97f4a7c15u);
    for (std::size_t at = 0; at < bytes.size(); at += 8) {
        std::uint64_t word = 0;
        std::memcpy(&word, bytes.data() + at, std::min<std::size_t>(8, bytes.size() - at));
        sum = (sum ^ word) * 0xbf58476d1ce4e5b9u;
        sum ^= sum >> 29;
    }
    sum = (sum ^ (sum >> 27)) * 0x94d049bb133111ebu;
    return sum ^ (sum >> 31);
}

} // namespace fovea
