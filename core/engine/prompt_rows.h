#pragma once
// A prompt's K and V in floats while it is read, where its queries see rows as they come (prefill=dense) and the store
// makes codes of them. Gone with the first step.
//
// It takes 4·2·d bytes per KV head of every owner and token, beside the cache. A program that reads a prompt layer by layer
// needs that of one layer alone; here a prompt goes through all layers in chunks, so that a long one can be stopped.

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace fovea {

struct ModelSpec;

class PromptRows {
public:
    // Of tokens from position `from` on, in order.
    PromptRows(const ModelSpec& spec, std::int64_t from);

    // Room for so many tokens more.
    void reserve(std::int64_t tokens);
    // k, v (G, d) of the next token of an owner.
    void add(int layer, const float* k, const float* v);
    // rows (S, d) of KV head `kvHead` of an owner's tokens at `positions` (S) int64: those of `held` before the first one.
    at::Tensor keys(int owner, int kvHead, const at::Tensor& positions, const at::Tensor& held) const;
    at::Tensor values(int owner, int kvHead, const at::Tensor& positions, const at::Tensor& held) const;

private:
    at::Tensor rows(const std::vector<float>& of, int kvHead, const at::Tensor& positions, const at::Tensor& held) const;

    std::int64_t m_from, m_kvHeads, m_headDim;
    std::vector<bool> m_owns; // (layers)
    std::vector<std::vector<float>> m_keys, m_values; // (layers) (T, G, d)
};

} // namespace fovea
