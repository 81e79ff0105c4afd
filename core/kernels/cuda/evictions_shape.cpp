// What can be said of hearing and dropping without a GPU: limits and scratch. Compiled with or without CUDA.

#include "core/kernels/cuda/evictions.h"
#include "core/kernels/cuda/reads_shape.h"

namespace fovea::cuda {

namespace {

constexpr int kLongestHistory = 4096; // of Scissorhands

std::string number(std::int64_t n) {
    return std::to_string(n);
}

std::string refuseScores(const KeepScores& scores) {
    if ((scores.sums == nullptr) == (scores.below == nullptr))
        return "a keep remembers sums or bits of its tokens: one of the two is needed, and not both";
    if (scores.below && (scores.history < 1 || scores.history > kLongestHistory))
        return "a history is of 1 to " + number(kLongestHistory) + " queries, not " + number(scores.history);
    return "";
}

} // namespace

std::string refusal(const HeardRead& heard) {
    if (heard.kvHeads < 1 || heard.group < 1)
        return "a read is heard of at least one KV head and one query head, got " + number(heard.kvHeads) +
               " and " + number(heard.group);
    if (!heard.slots.live || !heard.slots.positions || !heard.slots.byAge || heard.slots.capacity < 1)
        return "a read is heard by slots, whose tables are missing";
    if (const std::string scores = refuseScores(heard.scores); !scores.empty())
        return scores;
    if (!heard.logits || !heard.tops || !heard.sums)
        return "a read is heard from its logits and their masses, and one of them is null";
    if (heard.listed && !heard.counts)
        return "a list of slots needs the numbers of its entries";
    if (heard.reader < 0 || heard.reader >= heard.readers)
        return "reader " + number(heard.reader) + " is none of " + number(heard.readers);
    if (heard.scores.below && heard.readers > 1 && !heard.stepSums)
        return "Scissorhands hears several layers by way of their sum, for which there is no room";
    return "";
}

std::size_t scratchNumbers(const DropLowest& drop) {
    return static_cast<std::size_t>(drop.cache.kvHeads) * kDropLists *
           static_cast<std::size_t>(drop.cache.slots.capacity);
}

std::string refusal(const DropLowest& drop) {
    if (const std::string cache = refusal(drop.cache); !cache.empty())
        return cache;
    if (const std::string scores = refuseScores(drop.scores); !scores.empty())
        return scores;
    if (drop.cache.sums != 1)
        return "a keep that ranks tokens drops them for all query heads of a group, which have one sum of "
               "values, not " +
               number(drop.cache.sums);
    if (drop.budget < 1 || drop.recent < 0 || drop.stay < 1 || drop.recent > drop.stay || drop.window < 0)
        return "a keep needs a budget of at least one token, of which the recent ones stay, got " +
               number(drop.budget) + ", " + number(drop.recent) + " and " + number(drop.stay);
    if (drop.cache.slots.capacity > kMostBitSlots)
        return "a keep that drops by score holds at most " + number(kMostBitSlots) +
               " slots of a KV head, not " + number(drop.cache.slots.capacity);
    if (!drop.scratch || !drop.counts)
        return "dropping needs scratch and room for counts, and one of them is null";
    return "";
}

} // namespace fovea::cuda
