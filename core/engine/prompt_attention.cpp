#include "core/engine/prompt_attention.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>

#include <atomic>
#include <vector>

#include "core/engine/prefill.h"
#include "core/engine/prompt_sight.h"
#include "core/kernels/cpu/attend_prompt.h"

namespace fovea {

at::Tensor cachedAttentionByKernel(const at::Tensor& q, const KvCache& cache, int layer,
                                   const PrefillSight& sight) {
    if ((sight.keep && sight.keep->of(0).turns()) || q.stride(3) != 1)
        return {};
    const std::vector<HeadRows> held = rowsOfHeads(cache, layer, q.size(2), sight.keep);
    const std::int64_t heads = q.size(1), group = heads / std::ssize(held), T = q.size(2), d = q.size(3);

    std::vector<cpu::KeyPanels> keys(held.size());
    std::vector<at::Tensor> values(held.size());
    std::atomic<bool> finite{true};
    at::parallel_for(0, std::ssize(held), 1, [&](std::int64_t first, std::int64_t last) {
        for (auto head = static_cast<std::size_t>(first); head < static_cast<std::size_t>(last); ++head) {
            const PromptKv rows =
                promptKv(cache, layer, static_cast<int>(head), held[head].positions, sight.rows);
            keys[head] = {rows.keys.data_ptr<float>(), rows.keys.size(0), static_cast<int>(d)};
            values[head] = rows.values;
            if (!cpu::allFinite(
                    {rows.values.data_ptr<float>(), static_cast<std::size_t>(rows.values.numel())}))
                finite = false;
        }
    });
    if (!finite)
        return {};

    const at::Tensor out = at::empty({T, heads, d}, at::kFloat);
    at::parallel_for(0, heads, 1, [&](std::int64_t first, std::int64_t last) {
        for (std::int64_t head = first; head < last; ++head) {
            const auto kvHead = static_cast<std::size_t>(head / group);
            const at::Tensor& hidden = held[kvHead].hidden;
            const std::int64_t masks = hidden.dim() == 3 ? head % group * T * hidden.size(2) : 0;
            cpu::attendPrompt({.keys = &keys[kvHead],
                               .values = values[kvHead].data_ptr<float>(),
                               .hidden = hidden.data_ptr<bool>() + masks,
                               .q = q.data_ptr<float>() + head * q.stride(1),
                               .out = out.data_ptr<float>() + head * d,
                               .tokens = T,
                               .qStride = q.stride(2),
                               .outStride = heads * d,
                               .scale = static_cast<float>(sight.logits.scaleOf(static_cast<int>(d))),
                               .softcap = sight.logits.softcap});
        }
    });
    return out.transpose(0, 1).unsqueeze(0);
}

} // namespace fovea
