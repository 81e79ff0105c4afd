// What can be said of a cache on the GPU without one: limits. Compiled with or without CUDA.

#include "core/kernels/cuda/cache_writes.h"

namespace fovea::cuda {

namespace {

constexpr int kMostTokens = 32768; // of a chunk: pages of one slot are blocks of a grid's second dimension

std::string number(std::int64_t n) {
    return std::to_string(n);
}

std::string refuseCodes(const RowCodes& codes) {
    const int b = codes.bits;
    if (b != 0 && b != 8 && b != 4 && b != 3 && b != 2)
        return "rows are coded in 8, 4, 3 or 2 bits, not " + number(b);
    if (b == 0)
        return "";
    if (codes.group != 32 && codes.group != 64 && (codes.group < 128 || codes.group % 128 != 0))
        return "groups are of 32, 64 or a multiple of 128 components, not " + number(codes.group);
    if (codes.zeroBytes < 0 || codes.zeroBytes > 2)
        return "a group's zero takes 0, 1 or 2 bytes, not " + number(codes.zeroBytes);
    return "";
}

std::string refuseTables(const CacheBlocks& cache) {
    const SlotTables& slots = cache.slots;
    if (!cache.keys || !cache.values || !slots.live || !slots.next || !slots.positions || !slots.byAge)
        return "a cache needs tables of keys, values and slots, and one of them is null";
    if (slots.capacity < 1 || slots.capacity > cache.blocksPerHead * cache.slotsPerBlock)
        return "a table of " + number(slots.capacity) + " slots does not fit " + number(cache.blocksPerHead) +
               " blocks of " + number(cache.slotsPerBlock);
    if (!cache.bounds)
        return "";
    if (cache.page < 1 || cache.pagesPerBlock < 1 || !cache.pageRows)
        return "bounds of pages need pages of at least one slot, blocks of at least one page, and room for "
               "the rows of "
               "each";
    if (cache.pagesPerHead < (slots.capacity + cache.page - 1) / cache.page ||
        cache.boundBlocksPerHead * cache.pagesPerBlock < (slots.capacity + cache.page - 1) / cache.page)
        return number(slots.capacity) + " slots have more pages than there is room for";
    return "";
}

} // namespace

std::string refusal(const CacheBlocks& cache) {
    if (cache.kvHeads < 1)
        return "a cache needs at least one KV head, got " + number(cache.kvHeads);
    if (cache.headDim < 1 || cache.headDim > kMaxHeadDim)
        return "the CUDA kernels of the cache take heads of 1 to " + number(kMaxHeadDim) +
               " components, got " + number(cache.headDim);
    if (cache.sums < 1)
        return "a KV head has at least one sum of values, got " + number(cache.sums);
    if (cache.slotsPerBlock < 1)
        return "a cache block needs at least one slot, got " + number(cache.slotsPerBlock);
    const std::string codes = refuseCodes(cache.codes);
    return codes.empty() ? refuseTables(cache) : codes;
}

std::string refusal(const CacheAppend& append) {
    const std::string cache = refusal(append.cache);
    if (!cache.empty())
        return cache;
    if (!append.k || !append.v || !append.positions)
        return "a new token needs k, v and its position, and one of them is null";
    if (append.tokens < 1 || append.tokens > kMostTokens)
        return "a chunk has 1 to " + number(kMostTokens) + " new tokens, got " + number(append.tokens);
    if (append.texts < 1 || append.cache.kvHeads % append.texts != 0)
        return number(append.cache.kvHeads) + " KV heads are not of " + number(append.texts) + " texts alike";
    if (append.batch.count < 1 || (!append.batch.places && append.batch.count > 1))
        return "an append to the caches of " + number(append.batch.count) +
               " texts needs to know where each of them lies";
    if (append.batch.places && (append.tokens > 1 || append.counts))
        return "texts that have tables of their own are given one token at a time, got " +
               number(append.tokens);
    if (!append.cache.mixed.any())
        return "";
    if (append.tokens > 1 || append.counts)
        return "of mixed rows one token is written at a time, got " + number(append.tokens);
    if (const std::string why = refuseMixedRows(append.cache.mixed, append.cache.headDim); !why.empty())
        return why;
    for (const MixedPart* part : {&append.cache.mixed.keys, &append.cache.mixed.values})
        if (!part->coming || (append.cache.mixed.kind == MixedKind::Kvquant && !part->chosen))
            return "mixed rows need to know what becomes of them, and KVQuant's the levels to choose among";
    return "";
}

} // namespace fovea::cuda
