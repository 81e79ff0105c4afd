#include "core/engine/prompt_rows.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/clamp_min.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/where.h>

#include "core/model/model_spec.h"

namespace fovea {

PromptRows::PromptRows(const ModelSpec& spec, std::int64_t from)
    : m_from(from), m_kvHeads(spec.kvHeads), m_headDim(spec.headDim), m_keys(static_cast<std::size_t>(spec.layers)),
      m_values(m_keys.size()) {
    for (int layer = 0; layer < spec.layers; ++layer)
        m_owns.push_back(spec.ownsKv(layer));
}

void PromptRows::reserve(std::int64_t tokens) {
    for (auto* const part : {&m_keys, &m_values})
        for (std::size_t layer = 0; layer < part->size(); ++layer)
            if (m_owns[layer])
                (*part)[layer].reserve((*part)[layer].size() + static_cast<std::size_t>(tokens * m_kvHeads * m_headDim));
}

void PromptRows::add(int layer, const float* k, const float* v) {
    const auto at = static_cast<std::size_t>(layer);
    m_keys[at].insert(m_keys[at].end(), k, k + m_kvHeads * m_headDim);
    m_values[at].insert(m_values[at].end(), v, v + m_kvHeads * m_headDim);
}

at::Tensor PromptRows::rows(const std::vector<float>& of, int kvHead, const at::Tensor& positions,
                            const at::Tensor& held) const {
    const auto tokens = static_cast<std::int64_t>(of.size()) / (m_kvHeads * m_headDim);
    if (tokens == 0)
        return held;
    const at::Tensor all =
        at::from_blob(const_cast<float*>(of.data()), {tokens, m_kvHeads, m_headDim}, at::kFloat).select(1, kvHead);
    const at::Tensor asTheyCame = all.index_select(0, at::clamp_min(positions - m_from, 0));
    return at::where((positions >= m_from).unsqueeze(1), asTheyCame, held);
}

at::Tensor PromptRows::keys(int owner, int kvHead, const at::Tensor& positions, const at::Tensor& held) const {
    return rows(m_keys[static_cast<std::size_t>(owner)], kvHead, positions, held);
}

at::Tensor PromptRows::values(int owner, int kvHead, const at::Tensor& positions, const at::Tensor& held) const {
    return rows(m_values[static_cast<std::size_t>(owner)], kvHead, positions, held);
}

} // namespace fovea
