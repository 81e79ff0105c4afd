// What can be said of a prompt's attention without a GPU: limits, and the tiles that it reads.

#include <algorithm>

#include "core/kernels/cuda/coded_rows_shape.h"
#include "core/kernels/cuda/prefill.h"

namespace fovea::cuda {
namespace {

constexpr int kMaxGridYZ = 65535;
// Positions are 32-bit numbers inside the kernel; those of device memory cannot be looked at.
constexpr std::int64_t kMostQueries = std::int64_t{1} << 30;

bool aligned16(const void* pointer) {
    return reinterpret_cast<std::uintptr_t>(pointer) % 16 == 0;
}

std::string refuseFloats(const AttendPrompt& chunk) {
    const int multiple = 16 / elementBytes(chunk.type);
    if (chunk.headDim < 1 || chunk.headDim > kMaxHeadDim || chunk.headDim % multiple != 0)
        return "a prompt's attention reads rows in 16-byte words: head width must be a multiple of " +
               std::to_string(multiple) + " up to " + std::to_string(kMaxHeadDim) + " in " +
               std::string(elementName(chunk.type)) + ", got " + std::to_string(chunk.headDim);
    return "";
}

std::string refuseShape(const AttendPrompt& chunk) {
    if (chunk.heads < 1 || chunk.kvHeads < 1 || chunk.heads % chunk.kvHeads != 0)
        return "attention needs query heads that are a multiple of the KV heads, got " +
               std::to_string(chunk.heads) + " and " + std::to_string(chunk.kvHeads);
    if (chunk.heads > kMaxGridYZ || chunk.texts < 1 || chunk.texts > kMaxGridYZ)
        return "a prompt's attention takes 1 to " + std::to_string(kMaxGridYZ) + " texts and heads, got " +
               std::to_string(chunk.texts) + " and " + std::to_string(chunk.heads);
    if (const std::string why =
            chunk.codes.bits != 0 ? refuseCodedRows(chunk.codes, chunk.headDim) : refuseFloats(chunk);
        !why.empty())
        return why;
    if (chunk.queries < 1 || chunk.queries > kMostQueries)
        return "a chunk of a prompt needs queries, got " + std::to_string(chunk.queries);
    if (chunk.slotsPerBlock < 1)
        return "a cache block needs at least one slot, got " + std::to_string(chunk.slotsPerBlock);
    if (!(chunk.softcap >= 0))
        return "a soft-cap is 0 or more, got " + std::to_string(chunk.softcap);
    if (chunk.reach < 0)
        return "a window reaches back 0 tokens or more, got " + std::to_string(chunk.reach);
    const PromptTurns& turns = chunk.turns;
    if (turns.sinks < 0 || turns.pairs < 0 || 2 * turns.pairs > chunk.headDim)
        return "queries of " + std::to_string(chunk.headDim) +
               " components turn for 0 sinks or more, in pairs of them, got " + std::to_string(turns.sinks) +
               " sinks and " + std::to_string(turns.pairs) + " pairs";
    return "";
}

// Does any query at positions first … last see any slot at positions from … to? Of the first is known how far back it
// sees, and the others see no further.
bool seesAny(std::int64_t first, std::int64_t last, std::int64_t from, std::int64_t to, const HeadSpan* span,
             std::int64_t reach) {
    const std::int64_t reached = std::max<std::int64_t>(0, first - reach);
    const std::int64_t oldest = span ? std::max(reached, first - span->window) : reached;
    const std::int64_t sinks = span ? span->sinks : 0;
    const bool sinksSeen = reached < sinks && from < sinks && to >= reached;
    return from <= last && (to >= oldest || sinksSeen);
}

} // namespace

std::int64_t slotTiles(std::int64_t firstPosition, std::int64_t queries, std::int64_t slots, int headDim,
                       const HeadSpan* span, std::int64_t reach) {
    const int together = queryTileOf(headDim);
    std::int64_t tiles = 0;
    for (std::int64_t query = 0; query < queries; query += together) {
        const std::int64_t first = firstPosition + query;
        const std::int64_t last = firstPosition + std::min(query + together, queries) - 1;
        for (std::int64_t slot = 0; slot < slots; slot += kTileSlots)
            tiles += seesAny(first, last, slot, std::min(slot + kTileSlots, slots) - 1, span, reach) ? 1 : 0;
    }
    return tiles;
}

std::string refusal(const AttendPrompt& chunk) {
    if (const std::string why = refuseShape(chunk); !why.empty())
        return why;
    if (!chunk.q || !chunk.keys || !chunk.values || !chunk.slots || !chunk.firstPositions || !chunk.out)
        return "a prompt's attention needs q, keys, values, slots, firstPositions and out, and one of them "
               "is null";
    if (chunk.turns.sinks > 0 && (!chunk.turns.rows || !chunk.turns.cosines || !chunk.turns.sines))
        return "sinks that are met at another distance need the angles of their queries, and one of the "
               "tables is null";
    if (!aligned16(chunk.q) || !aligned16(chunk.out))
        return "a prompt's attention needs q and out aligned to 16 bytes";
    return "";
}

std::string weighRefusal(const AttendPrompt& chunk, const float* weights, std::int64_t slotsPerRow) {
    if (const std::string why = refusal(chunk); !why.empty())
        return why;
    if (!chunk.softmax || !weights)
        return "the weights of a prompt need what attention left of its softmax, and a place, and one of "
               "them is null";
    if (slotsPerRow < 1 || slotsPerRow > std::int64_t{kMaxGridYZ} * kTileSlots ||
        chunk.texts * chunk.kvHeads > kMaxGridYZ)
        return "the weights of a prompt are of 1 to " +
               std::to_string(std::int64_t{kMaxGridYZ} * kTileSlots) + " slots and up to " +
               std::to_string(kMaxGridYZ) + " KV heads, got " + std::to_string(slotsPerRow) + " and " +
               std::to_string(chunk.texts * chunk.kvHeads);
    return "";
}

} // namespace fovea::cuda
