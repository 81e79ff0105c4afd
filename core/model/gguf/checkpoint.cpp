#include "core/model/gguf/checkpoint.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/index_select.h>

#include <set>
#include <string>

#include "core/cache/scalar_type.h"
#include "core/model/gguf.h"
#include "core/model/gguf/read_spec.h"
#include "core/model/parameters.h"
#include "core/model/quoted_name.h"

namespace fovea {

namespace {

std::string text(const std::vector<std::int64_t>& shape) {
    std::string out;
    for (const auto n : shape)
        out.append(out.empty() ? "" : "x").append(std::to_string(n));
    return out;
}

// Takes each tensor that the metadata ask for, as it lies in the file, and at the end knows what nobody took.
class Tensors {
public:
    explicit Tensors(const GgufFile& file) : m_file(file) { m_taken.insert("rope_freqs.weight"); }

    Weight matrix(const std::string& name, std::int64_t rows, std::int64_t columns) {
        const GgufTensor& tensor = take(name, {rows, columns});
        if (tensor.blocks == BlockType::None)
            return Weight(mapped(tensor, {rows, columns}, scalarType(tensor.type)));
        return Weight(mapped(tensor, {rows, blockRowBytes(tensor.blocks, columns)}, at::kByte), tensor.blocks,
                      columns);
    }
    at::Tensor vector(const std::string& name, std::int64_t n) {
        const GgufTensor& tensor = take(name, {n});
        if (tensor.blocks != BlockType::None)
            m_file.refuse("tensor " + quotedName(name) +
                          " is of blocks, which only matrices are; the file is damaged");
        return mapped(tensor, {n}, scalarType(tensor.type));
    }

    // A bias or an adapter left unread would change what the model computes.
    void refuseUnknown() const {
        for (const auto& [name, tensor] : m_file.tensors())
            if (!m_taken.contains(name))
                m_file.refuse("tensor " + quotedName(name) +
                              " is not part of such a model as is known here; this model is not supported");
    }

private:
    const GgufTensor& take(const std::string& name, const std::vector<std::int64_t>& shape) {
        const auto found = m_file.tensors().find(name);
        if (found == m_file.tensors().end())
            m_file.refuse("tensor " + quotedName(name) + " is missing; this is not a whole model");
        if (found->second.shape != shape)
            m_file.refuse("tensor " + quotedName(name) + " is " + text(found->second.shape) +
                          " where the metadata say " + text(shape) + "; the file is damaged, copy it again");
        m_taken.insert(name);
        return found->second;
    }
    at::Tensor mapped(const GgufTensor& tensor, at::IntArrayRef shape, c10::ScalarType type) const {
        // Nothing writes to weights that were loaded; the pages are read-only.
        void* data = const_cast<std::byte*>(m_file.bytes(tensor).data());
        return at::from_blob(
            data, shape, [keep = m_file.mapping()](void*) {}, at::TensorOptions().dtype(type));
    }

    const GgufFile& m_file;
    std::set<std::string, std::less<>> m_taken;
};

class Reader {
public:
    Reader(const GgufFile& file, const GgufSpec& spec)
        : m_tensors(file), m_spec(spec.spec), m_fused(spec.fusedProjections) {}

    void read(Model& model) {
        model.embedding = m_tensors.matrix("token_embd.weight", m_spec.vocabulary, m_spec.width);
        for (int layer = 0; layer < m_spec.layers; ++layer) {
            m_layer = "blk." + std::to_string(layer) + ".";
            model.layers.push_back(readLayer());
        }
        m_layer.clear();
        model.finalNorm = gain("output_norm", m_spec.width);
        model.head = m_spec.tiedEmbedding
                         ? model.embedding
                         : m_tensors.matrix("output.weight", m_spec.vocabulary, m_spec.width);
        m_tensors.refuseUnknown();
    }

private:
    LayerWeights readLayer() {
        const std::int64_t D = m_spec.width, F = m_spec.ffn, d = m_spec.headDim;
        LayerWeights w;
        w.attentionNorm = gain("attn_norm", D);
        projections(w);
        if (m_spec.queryKeyNorm) {
            w.queryNorm = gain("attn_q_norm", d);
            w.keyNorm = gain("attn_k_norm", d);
        }
        w.output = linear("attn_output", D, m_spec.queryHeads * d, m_spec.outputBias);
        w.ffnNorm = gain("ffn_norm", D);
        if (m_spec.gated)
            w.gate = linear("ffn_gate", F, D, m_spec.ffnBias);
        w.up = linear("ffn_up", F, D, m_spec.ffnBias);
        w.down = linear("ffn_down", D, F, m_spec.ffnBias);
        if (m_spec.outputNorms) {
            w.attentionOutputNorm = gain("post_attention_norm", D);
            w.ffnOutputNorm = gain("post_ffw_norm", D);
        }
        return w;
    }

    void projections(LayerWeights& w) {
        const std::int64_t D = m_spec.width, q = std::int64_t{m_spec.queryHeads} * m_spec.headDim,
                           kv = std::int64_t{m_spec.kvHeads} * m_spec.headDim;
        if (!m_fused) {
            w.query = linear("attn_q", q, D, m_spec.projectionBias);
            w.key = linear("attn_k", kv, D, m_spec.projectionBias);
            w.value = linear("attn_v", kv, D, m_spec.projectionBias);
            return;
        }
        const Linear all = linear("attn_qkv", q + 2 * kv, D, m_spec.projectionBias);
        w.query = part(all, 0, q);
        w.key = part(all, q, kv);
        w.value = part(all, q + kv, kv);
    }

    Linear linear(const std::string& name, std::int64_t out, std::int64_t in, bool bias) {
        Linear linear{m_tensors.matrix(m_layer + name + ".weight", out, in)};
        if (bias)
            linear.bias = m_tensors.vector(m_layer + name + ".bias", out);
        return linear;
    }
    Gain gain(const std::string& name, std::int64_t n) {
        Gain gain{m_tensors.vector(m_layer + name + ".weight", n)};
        if (m_spec.norm == Norm::Layer)
            gain.bias = m_tensors.vector(m_layer + name + ".bias", n);
        return gain;
    }
    // Some rows, where they lie.
    static Linear part(const Linear& whole, std::int64_t first, std::int64_t count) {
        const at::Tensor rows = whole.weight.stored().narrow(0, first, count);
        const BlockType blocks = whole.weight.blocks();
        Linear some{blocks == BlockType::None ? Weight(rows) : Weight(rows, blocks, whole.weight.columns())};
        if (whole.bias.defined())
            some.bias = whole.bias.narrow(0, first, count);
        return some;
    }

    Tensors m_tensors;
    const ModelSpec& m_spec;
    bool m_fused;
    std::string m_layer;
};

// Row 2i + j of the components that turn goes to i + j·rotated/2, in every head.
at::Tensor halvesOrder(int heads, int headDim, int rotated) {
    at::Tensor order = at::empty({std::int64_t{heads} * headDim}, at::kLong);
    auto* to = order.data_ptr<std::int64_t>();
    for (int head = 0; head < heads; ++head)
        for (int row = 0; row < headDim; ++row) {
            const int half = rotated / 2;
            const int from = row < rotated ? 2 * (row % half) + row / half : row;
            *to++ = std::int64_t{head} * headDim + from;
        }
    return order;
}

void reorder(Linear& linear, const at::Tensor& order, const MappedFile& file) {
    const at::Tensor mapped = linear.weight.stored();
    const at::Tensor rows = at::index_select(mapped, 0, order);
    file.forget({static_cast<const std::byte*>(mapped.data_ptr()), mapped.nbytes()});
    const BlockType blocks = linear.weight.blocks();
    linear.weight = blocks == BlockType::None ? Weight(rows) : Weight(rows, blocks, linear.weight.columns());
    if (linear.bias.defined())
        linear.bias = at::index_select(linear.bias, 0, order);
}

} // namespace

std::shared_ptr<const Model> readGguf(const std::filesystem::path& path) {
    const GgufFile file(path);
    const GgufSpec found = readGgufSpec(file);
    auto model = std::make_shared<Model>();
    model->spec = found.spec;
    model->origin = path;
    Reader(file, found).read(*model);
    if (found.adjacentPairs) {
        const ModelSpec& s = model->spec;
        const at::Tensor query = halvesOrder(s.queryHeads, s.headDim, s.rotated());
        const at::Tensor key = halvesOrder(s.kvHeads, s.headDim, s.rotated());
        for (LayerWeights& layer : model->layers) {
            reorder(layer.query, query, *file.mapping());
            reorder(layer.key, key, *file.mapping());
        }
    }
    describeParameters(*model);
    return model;
}

} // namespace fovea
