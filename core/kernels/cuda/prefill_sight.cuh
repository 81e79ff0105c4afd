#pragma once
// Which positions a query of a prompt sees, and which tiles of slots a tile of queries.

#include <cstdint>

#include <simt.h>

#include "core/kernels/cuda/prefill.h"
#include "core/kernels/cuda/reduce.cuh"

namespace fovea::cuda {

// Of one query; or of all queries of a tile, as the sight of the first with the position of the last, since none sees
// further back than those before it, and together they leave no gap.
struct Sight {
    int position = -1; // of the query; -1: there is none, and nothing is seen
    int oldest = 0;    // of its window
    int reached = 0;   // what is older is not seen, sinks neither
    int sinks = 0;

    __device__ __forceinline__ bool sees(int j) const {
        return j <= position && (j >= oldest || (j < sinks && j >= reached));
    }
    // Any of the positions from … to?
    __device__ __forceinline__ bool seesAny(int from, int to) const {
        const bool sinksSeen = reached < sinks && from < sinks && to >= reached;
        return from <= position && (to >= oldest || sinksSeen);
    }
};

__device__ __forceinline__ int positive32(std::int64_t x) {
    return x <= 0 ? 0 : static_cast<int>(min(x, static_cast<std::int64_t>(0x7fffffff)));
}

__device__ __forceinline__ Sight sightOf(const AttendPrompt& a, int text, int head, int query, int count) {
    Sight sight;
    if (query >= count)
        return sight;
    const std::int64_t position = a.firstPositions[text] + query;
    sight.position = static_cast<int>(position);
    sight.reached = positive32(position - a.reach);
    sight.oldest = sight.reached;
    if (a.spans) {
        sight.sinks = positive32(a.spans[head].sinks);
        sight.oldest = max(sight.oldest, positive32(position - a.spans[head].window));
    }
    if (a.oldest) {
        const std::int64_t row = (static_cast<std::int64_t>(text) * a.heads + head) * a.queries + query;
        sight.oldest = max(sight.reached, positive32(a.oldest[row]));
    }
    return sight;
}

// The slots of one KV head.
struct PromptSlots {
    const void* const* keys;
    const void* const* values;
    const std::int64_t* positions; // null: slot s has position s
    int slots;
    int slotsPerBlock;

    __device__ __forceinline__ int positionOf(int slot) const {
        return positions ? static_cast<int>(positions[slot]) : slot;
    }

    __device__ __forceinline__ int tiles() const { return (slots + kTileSlots - 1) / kTileSlots; }

    // The first tile from `tile` on that is seen, or the number of tiles where none is. Every warp asks for itself, and
    // all get the same answer.
    __device__ __forceinline__ int nextTile(int tile, const Sight& sight) const {
        static_assert(kTileSlots == kWarp, "a lane for each slot of a tile");
        while (tile < tiles()) {
            const int first = tile * kTileSlots;
            if (positions) {
                const int slot = first + static_cast<int>(threadIdx.x) % kWarp;
                if (ballot(slot < slots && sight.sees(positionOf(slot))) != 0)
                    return tile;
                ++tile;
                continue;
            }
            if (sight.seesAny(first, min(first + kTileSlots, slots) - 1))
                return tile;
            // What lies between sinks and window is passed over at once.
            tile = first >= sight.sinks ? max(tile + 1, sight.oldest / kTileSlots) : tile + 1;
            if (first > sight.position)
                return tiles();
        }
        return tiles();
    }
};

} // namespace fovea::cuda
