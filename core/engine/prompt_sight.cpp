#include "core/engine/prompt_sight.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/stack.h>

#include "core/cache/cache_view_reader.h"
#include "core/cache/kv_cache.h"

namespace fovea {

namespace {

// (T, S): true where the T newest tokens' queries may not see the token of a slot. positions (S).
at::Tensor hiddenFrom(const at::Tensor& positions, std::int64_t T, const KeepRule& keep) {
    const std::int64_t slots = positions.size(0), first = firstOfNewest(positions, T);
    const std::int64_t* const at = positions.data_ptr<std::int64_t>();
    const at::Tensor hidden = at::empty({T, slots}, at::kBool);
    bool* to = hidden.data_ptr<bool>();
    for (std::int64_t p = first; p < first + T; ++p, to += slots) {
        const std::int64_t oldest = keep.oldest(p), // of a width that may grow with the text
            sinks = keep.sinks, reach = keep.reach;
        for (std::int64_t slot = 0; slot < slots; ++slot)
            to[slot] = (at[slot] > p) | ((at[slot] < oldest) & (at[slot] >= sinks)) | (p - at[slot] > reach);
    }
    return hidden;
}

// The same for the heads of KV head g's group.
at::Tensor hiddenFromGroup(const at::Tensor& positions, std::int64_t T, const LayerKeep* keep, int kvHead) {
    if (!keep || keep->same())
        return hiddenFrom(positions, T, keep ? keep->of(0) : KeepRule{});
    std::vector<at::Tensor> heads;
    for (int i = 0; i < keep->group(); ++i)
        heads.push_back(hiddenFrom(positions, T, keep->of(kvHead * keep->group() + i)));
    return at::stack(heads);
}

} // namespace

std::int64_t firstOfNewest(const at::Tensor& positions, std::int64_t T) {
    return positions.max().item<std::int64_t>() - T + 1;
}

std::vector<HeadRows> rowsOfHeads(const KvCache& cache, int layer, std::int64_t T, const LayerKeep* keep) {
    const bool alike = !keep || keep->same();
    std::vector<HeadRows> all;
    for (int head = 0; head < cache.layout().kvHeads; ++head) {
        const at::Tensor positions = CacheViewReader(cache.view(layer, head)).positions();
        const bool asBefore = alike && !all.empty() && at::equal(positions, all.back().positions);
        all.push_back({positions, asBefore ? all.back().hidden : hiddenFromGroup(positions, T, keep, head)});
    }
    return all;
}

} // namespace fovea
