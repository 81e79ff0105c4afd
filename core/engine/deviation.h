#pragma once
// Two backends' numbers held against each other: how far apart, and where.

#include <cstdint>
#include <span>
#include <string_view>

namespace fovea {

enum class CheckedPart : std::uint8_t { Queries, Keys, Values, Attention, Logits };
inline constexpr int kCheckedParts = 5;
// "q", "k", "v", "attention", "logits"
std::string_view checkedPartName(CheckedPart part);

struct Deviation {
    double relative = 0, absolute = 0; // infinite where only one of the two is a number
    CheckedPart part = CheckedPart::Attention;
    int step = -1; // index into the report's steps, or a position of its prompt; -1: nothing was compared yet
    int layer = -1;             // -1: the logits
    int head = -1;              // query head, KV head of keys and values; -1: the logits
    std::int64_t component = 0; // of the head's vector, or the token's id
    float first = 0, second = 0;
};

// Of one vector, relative to the largest number of `first`; step, layer, head and part are the caller's to fill.
Deviation deviationOf(std::span<const float> first, std::span<const float> second);
void keepLarger(Deviation& largest, const Deviation& other);

} // namespace fovea
