#pragma once
// SparQ's guess: approximate logits of all slots from the r components in which the query is largest, read from
// the component-major copy of K.
//
//   i1 = topk_r(Σ over the group |q|),  τ = √(d·‖q[i1]‖₁ / ‖q‖₁),  ŝ = softmax(q[i1]·K[:, i1]ᵀ / τ)
//                                                               Ribar et al., arXiv 2312.04985, Algorithm 1
//
// Which components is found by every block anew: d² comparisons in shared memory cost less than a launch does.
//
// scoreColumns<T, kGroup>, grid (spans of kScoreSlots slots, G of each text, tiles of query heads)
//   block    128 threads: one span of one KV head, for up to kGroup of its query heads
//   thread   8 slots: one 16-byte word of each column in f16 and bf16, two in f32; 4 columns in flight
//   shared   columnSharedBytes: |q| per component, who is chosen, q[i1]/τ of the tile; under 11 KiB at d = r = 256
//   reads    r·S elements per tile, once; g·d floats of q per block; 8 bytes of block tables per thread and word; by
//            sight 16 bytes of position per slot, and no word of which nobody sees a slot
//   writes   4·S bytes per query head; (m, l) per query head and span; i1 and τ, by the first span
//   work     2·r·S flops and S exponentials per query head
//   limits   d ≤ 256, slotsPerBlock a multiple of a word; kGroup ≤ 8. nvcc 13.0 takes 48 to 156 registers (sm_90)
//            and spills 40 bytes at most

#include <cstddef>
#include <cstdint>

#include "core/kernels/cuda/head_sight.cuh"
#include "core/kernels/cuda/reduce.cuh"
#include "core/kernels/cuda/row_share.cuh"
#include "core/kernels/cuda/softmax_mass.cuh"
#include "core/kernels/cuda/text_place.cuh"

namespace fovea::cuda {

constexpr int kScoreThreads = 128;
constexpr int kScoreWarps = kScoreThreads / kWarp;
constexpr int kScoreSlots = kScoreThreads * kElements; // of one block
constexpr int kColumnsInFlight = 4;

// reads.h's SparqChoice as the kernel wants it.
struct ColumnArguments {
    const float* q;
    const void* const* columns;
    std::int64_t blocksPerHead;
    const std::int64_t* slots;
    ReadSights sights;
    float* logits;
    std::int64_t stride;
    float2* spanMass; // (H, spans) of (m, l)
    std::int32_t* chosenComponents;
    float* taus;
    float scale, softcap;
    int kvHeads, group, headDim, slotsPerBlock, components;
    bool tau;
    TextBatch batch;
};

// r, rounded up to what is in flight: the rest has weight 0 and is not read.
inline __host__ __device__ int paddedColumns(int components) {
    return (components + kColumnsInFlight - 1) / kColumnsInFlight * kColumnsInFlight;
}

inline std::size_t columnSharedBytes(int headDim, int components, int kGroup) {
    const std::size_t d = static_cast<std::size_t>(headDim), r = static_cast<std::size_t>(components),
                      padded = static_cast<std::size_t>(paddedColumns(components)),
                      g = static_cast<std::size_t>(kGroup);
    const std::size_t each[] = {
        4 * d, 4 * d, 4 * r, 4 * g * padded, 4 * g * kScoreWarps, 4 * g * kScoreWarps};
    std::size_t bytes = 0;
    for (const std::size_t part : each)
        bytes += (part + 15) / 16 * 16;
    return bytes;
}

struct ColumnMemory {
    Shared<float> sizes;              // (d) Σ over the group |q|
    Shared<unsigned> taken;           // (d) is the component chosen?
    Shared<int> components;           // (r) ascending
    Shared<float> weights;            // (kGroup, padded r) q[i1]/τ
    Shared<float> warpTops, warpSums; // (kGroup, warps)
};

__device__ __forceinline__ ColumnMemory takeColumnMemory(const ColumnArguments& a, int kGroup) {
    SharedMemory shared = sharedMemory();
    ColumnMemory memory;
    memory.sizes = shared.take<float>(a.headDim);
    memory.taken = shared.take<unsigned>(a.headDim);
    memory.components = shared.take<int>(a.components);
    memory.weights = shared.take<float>(kGroup * paddedColumns(a.components));
    memory.warpTops = shared.take<float>(kGroup * kScoreWarps);
    memory.warpSums = shared.take<float>(kGroup * kScoreWarps);
    return memory;
}

// Whose slots a block scores: looked up anew by each phase, for registers are wanted by columns.
__device__ __forceinline__ OwnerPlace placeOf(const ColumnArguments& a) {
    return ownerPlace(a.batch, a.kvHeads, static_cast<int>(blockIdx.y));
}

// --- Phase 1: i1 -------------------------------------------------------------------------------------------

// Who is among the r largest: fewer than r come before it, of equals the lower one. A NaN comes last.
__device__ __forceinline__ void chooseComponents(const ColumnArguments& a, const float* q,
                                                 const ColumnMemory& memory) {
    const int thread = static_cast<int>(threadIdx.x);
    for (int c = thread; c < a.headDim; c += kScoreThreads) {
        float size = 0.0f;
        for (int h = 0; h < a.group; ++h)
            size += fabsf(q[static_cast<std::int64_t>(h) * a.headDim + c]);
        memory.sizes[c] = isnan(size) ? -1.0f : size;
    }
    blockSync();
    for (int c = thread; c < a.headDim; c += kScoreThreads) {
        const float size = memory.sizes[c];
        int before = 0;
        for (int other = 0; other < a.headDim; ++other)
            before += memory.sizes[other] > size || (memory.sizes[other] == size && other < c);
        memory.taken[c] = before < a.components;
    }
    blockSync();
    for (int c = thread; c < a.headDim; c += kScoreThreads) {
        int place = 0;
        for (int other = 0; other < c; ++other)
            place += static_cast<int>(memory.taken[other]);
        if (memory.taken[c])
            memory.components[place] = c;
    }
    blockSync();
}

// --- Phase 2: τ and q[i1]/τ, a warp for each query head ------------------------------------------------------

// A head whose chosen components are all 0 has no temperature: its logits are 0.
__device__ __forceinline__ float temperature(const ColumnArguments& a, const float* q,
                                             const ColumnMemory& memory, int lane) {
    const float whole = 1.0f / a.scale;
    if (!a.tau)
        return whole;
    float chosen = 0.0f, all = 0.0f;
    for (int c = lane; c < a.components; c += kWarp)
        chosen += fabsf(q[memory.components[c]]);
    for (int c = lane; c < a.headDim; c += kWarp)
        all += fabsf(q[c]);
    chosen = warpSum(chosen);
    all = warpSum(all);
    return chosen > 0.0f ? whole * sqrtf(chosen / all) : whole;
}

template <int kGroup>
__device__ __forceinline__ void weighColumns(const ColumnArguments& a, const float* q, int firstHead,
                                             int heads, const ColumnMemory& memory) {
    const int thread = static_cast<int>(threadIdx.x), lane = thread % kWarp;
    const int padded = paddedColumns(a.components);
    for (int h = thread / kWarp; h < kGroup; h += kScoreWarps) {
        const float* const own = q + static_cast<std::int64_t>(h) * a.headDim;
        const float tau = h < heads ? temperature(a, own, memory, lane) : 1.0f;
        for (int c = lane; c < padded; c += kWarp)
            memory.weights[h * padded + c] =
                h < heads && c < a.components ? own[memory.components[c]] / tau : 0.0f;
        if (h < heads && lane == 0 && blockIdx.x == 0)
            a.taus[firstHead + h] = tau;
    }
    blockSync();
}

// --- Phase 3: the columns ----------------------------------------------------------------------------------

// Where a thread's words of any column lie: column c is c·slotsPerBlock elements on.
template <class T>
struct ColumnWords {
    const T* first[RowShare<T>::kWords];
    bool live[RowShare<T>::kWords];
};

// Does any of these query heads see any of `count` slots?
__device__ __forceinline__ bool seesAny(const ColumnArguments& a, const OwnerPlace& at, int firstHead,
                                        int heads, std::int64_t first, int count) {
    bool any = a.sights.heads == nullptr;
    for (int i = 0; a.sights.heads && i < count; ++i)
        for (int h = firstHead; h < firstHead + heads; ++h)
            any = any || a.sights.sees(h, at.word(), first + i);
    return any;
}

template <class T>
__device__ __forceinline__ ColumnWords<T> findWords(const ColumnArguments& a, int firstHead, int heads,
                                                    std::int64_t spanBegin, std::int64_t slots) {
    constexpr int kPerWord = RowShare<T>::kPerWord;
    const OwnerPlace at = placeOf(a);
    ColumnWords<T> words;
#pragma unroll
    for (int word = 0; word < RowShare<T>::kWords; ++word) {
        const std::int64_t slot =
            spanBegin + firstComponent<T, kScoreThreads>(static_cast<int>(threadIdx.x), word);
        words.live[word] =
            slot < slots && seesAny(a, at, firstHead, heads, slot,
                                    static_cast<int>(min(std::int64_t{kPerWord}, slots - slot)));
        words.first[word] = nullptr;
        if (words.live[word]) {
            const std::int64_t block = slot / a.slotsPerBlock;
            words.first[word] =
                static_cast<const T*>(a.columns[at.words + at.own * a.blocksPerHead + block]) +
                (slot - block * a.slotsPerBlock);
        }
    }
    return words;
}

template <class T, int kGroup>
__device__ __forceinline__ void addColumns(const ColumnArguments& a, const ColumnWords<T>& words,
                                           const ColumnMemory& memory, float (&logits)[kGroup][kElements]) {
    const int padded = paddedColumns(a.components);
    for (int first = 0; first < padded; first += kColumnsInFlight) {
        RowShare<T> columns[kColumnsInFlight];
#pragma unroll
        for (int i = 0; i < kColumnsInFlight; ++i) {
            const bool read = first + i < a.components;
            const std::int64_t offset =
                read ? static_cast<std::int64_t>(memory.components[first + i]) * a.slotsPerBlock : 0;
#pragma unroll
            for (int word = 0; word < RowShare<T>::kWords; ++word)
                columns[i].words[word] =
                    read && words.live[word]
                        ? loadOnce(reinterpret_cast<const uint4*>(words.first[word] + offset))
                        : make_uint4(0, 0, 0, 0);
        }
#pragma unroll
        for (int i = 0; i < kColumnsInFlight; ++i) {
            float key[kElements];
            widen(columns[i], key);
#pragma unroll
            for (int h = 0; h < kGroup; ++h) {
                const float weight = memory.weights[h * padded + first + i];
#pragma unroll
                for (int e = 0; e < kElements; ++e)
                    logits[h][e] += weight * key[e];
            }
        }
    }
}

// --- Phase 4: out they go, and their softmax's mass ----------------------------------------------------------

template <class T, int kGroup>
__device__ __forceinline__ void writeLogits(const ColumnArguments& a, int firstHead, int heads,
                                            std::int64_t spanBegin, std::int64_t slots,
                                            float (&logits)[kGroup][kElements]) {
    constexpr int kQuads = kElements / 4;
    const std::int64_t row = placeOf(a).word(); // of the table of positions
#pragma unroll
    for (int quad = 0; quad < kQuads; ++quad) {
        const std::int64_t slot =
            spanBegin + component<T, kScoreThreads>(static_cast<int>(threadIdx.x), quad * 4);
#pragma unroll
        for (int h = 0; h < kGroup; ++h) {
            float* const four = &logits[h][quad * 4];
            for (int e = 0; e < 4; ++e) {
                const bool seen =
                    h < heads && slot + e < slots && a.sights.sees(firstHead + h, row, slot + e);
                four[e] = seen ? capped(four[e], a.softcap) : -INFINITY;
            }
            if (h >= heads)
                continue;
            float* const to = a.logits + (firstHead + h) * a.stride + slot;
            if (slot + 4 <= slots)
                *reinterpret_cast<float4*>(to) = make_float4(four[0], four[1], four[2], four[3]);
            else
                for (int e = 0; e < 4; ++e)
                    if (slot + e < slots)
                        to[e] = four[e];
        }
    }
}

template <class T, int kGroup>
__global__ void __launch_bounds__(kScoreThreads) scoreColumns(ColumnArguments a) {
    const OwnerPlace at = placeOf(a);
    const std::int64_t slots = a.slots[at.word()], spanBegin = std::int64_t{blockIdx.x} * kScoreSlots;
    if (spanBegin >= slots && blockIdx.x > 0)
        return; // the whole block: the first span leaves i1 and τ behind, also where nothing is live
    const int firstOfGroup = static_cast<int>(blockIdx.z) * kGroup;
    const int heads = min(kGroup, a.group - firstOfGroup), firstHead = at.owner * a.group + firstOfGroup;
    const float* const groupQ = a.q + static_cast<std::int64_t>(at.owner) * a.group * a.headDim;
    const ColumnMemory memory = takeColumnMemory(a, kGroup);

    chooseComponents(a, groupQ, memory);
    if (blockIdx.x == 0 && blockIdx.z == 0)
        for (int c = static_cast<int>(threadIdx.x); c < a.components; c += kScoreThreads)
            a.chosenComponents[static_cast<std::int64_t>(at.owner) * a.components + c] = memory.components[c];
    weighColumns<kGroup>(a, groupQ + static_cast<std::int64_t>(firstOfGroup) * a.headDim, firstHead, heads,
                         memory);

    float logits[kGroup][kElements] = {};
    addColumns<T, kGroup>(a, findWords<T>(a, firstHead, heads, spanBegin, slots), memory, logits);
    writeLogits<T, kGroup>(a, firstHead, heads, spanBegin, slots, logits);
    float2* const mass = a.spanMass + std::int64_t{firstHead} * gridDim.x + blockIdx.x;
    writeMass<kScoreWarps>(logits, heads, memory.warpTops, memory.warpSums, mass, gridDim.x);
}

} // namespace fovea::cuda
