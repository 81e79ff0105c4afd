#include "core/model/huggingface/checkpoint.h"

#include <ATen/ops/tensor.h>

#include "core/cache/scalar_type.h"
#include "core/model/huggingface/config.h"
#include "core/model/huggingface/expected_tensors.h"
#include "core/model/huggingface/gptq_tensors.h"
#include "core/model/parameters.h"

namespace fovea {

namespace {

// Where a model's parameters go, by what its spec says it has. What is expected outlives it, and refers to
// the model.
class Places {
public:
    Places(const TensorNames& names, Model& model, ExpectedTensors& tensors, const GptqTensors& gptq)
        : m_names(names), m_model(model), m_spec(model.spec), m_tensors(tensors), m_gptq(gptq) {}

    void all(int unusedPositions) {
        const std::int64_t D = m_spec.width, V = m_spec.vocabulary;
        m_tensors.matrix(m_model.embedding, text(m_names.embedding), V, D);
        if (m_spec.learnedPositions)
            positions(unusedPositions);
        m_model.layers.resize(static_cast<std::size_t>(m_spec.layers));
        for (std::size_t i = 0; i < m_model.layers.size(); ++i)
            layer(m_model.layers[i], text(m_names.layers) + "." + std::to_string(i) + ".");
        norm(m_model.finalNorm, text(m_names.finalNorm));
        if (!m_spec.tiedEmbedding)
            m_tensors.matrix(m_model.head, text(m_names.head), V, D);
    }

private:
    static std::string text(std::string_view name) { return std::string(name); }

    void positions(int unused) {
        const std::int64_t rows = m_spec.context;
        m_tensors.expect(text(m_names.positions) + ".weight", {rows + unused, m_spec.width},
                         [&to = m_model.positions, unused, rows](const at::Tensor& table) {
                             to = table.narrow(0, unused, rows);
                         });
    }

    void norm(Gain& to, const std::string& name, std::int64_t n) {
        m_tensors.vector(to.gain, name + ".weight", n);
        if (m_spec.norm == Norm::Layer)
            m_tensors.vector(to.bias, name + ".bias", n);
    }
    void norm(Gain& to, const std::string& name) { norm(to, name, m_spec.width); }

    void linear(Linear& to, const std::string& name, std::int64_t out, std::int64_t in, bool bias) {
        if (m_gptq.has(name))
            m_gptq.expect(name, out, in, bias, [&to](const Weight& packed) { to.weight = packed; });
        else
            m_tensors.matrix(to.weight, name, out, in);
        if (bias)
            m_tensors.vector(to.bias, name + ".bias", out);
    }

    void layer(LayerWeights& w, const std::string& prefix) {
        const auto named = [&](std::string_view name) { return prefix + std::string(name); };
        const std::int64_t D = m_spec.width, F = m_spec.ffn, d = m_spec.headDim, q = m_spec.queryHeads * d,
                           kv = m_spec.kvHeads * d;
        norm(w.attentionNorm, named(m_names.attentionNorm));
        if (m_names.queryKeyValue.empty()) {
            linear(w.query, named(m_names.query), q, D, m_spec.projectionBias);
            linear(w.key, named(m_names.key), kv, D, m_spec.projectionBias);
            linear(w.value, named(m_names.value), kv, D, m_spec.projectionBias);
        } else {
            fused(w, named(m_names.queryKeyValue));
        }
        if (m_spec.queryKeyNorm) {
            norm(w.queryNorm, named(m_names.queryNorm), d);
            norm(w.keyNorm, named(m_names.keyNorm), d);
        }
        linear(w.output, named(m_names.output), D, q, m_spec.outputBias);
        norm(w.ffnNorm, named(m_names.ffnNorm));
        if (m_spec.gated)
            linear(w.gate, named(m_names.gate), F, D, m_spec.ffnBias);
        linear(w.up, named(m_names.up), F, D, m_spec.ffnBias);
        linear(w.down, named(m_names.down), D, F, m_spec.ffnBias);
        if (m_spec.outputNorms) {
            norm(w.attentionOutputNorm, named(m_names.attentionOutputNorm));
            norm(w.ffnOutputNorm, named(m_names.ffnOutputNorm));
        }
    }

    // (H, 3, d, …) -> three of (H·d, …)
    void fused(LayerWeights& w, const std::string& name) {
        const std::int64_t H = m_spec.queryHeads, d = m_spec.headDim, D = m_spec.width;
        const auto part = [H, d](const at::Tensor& all, std::int64_t i) {
            const at::Tensor heads = all.reshape({H, 3, d, -1}).select(1, i);
            return all.dim() == 1 ? heads.reshape({H * d}) : heads.reshape({H * d, all.size(1)});
        };
        if (m_gptq.has(name))
            m_gptq.expect(name, 3 * H * d, D, m_spec.projectionBias, [&w, part](const Weight& all) {
                const auto rows = [&](std::int64_t i) {
                    return Weight(part(all.stored(), i).contiguous(), all.rtn().value(), all.columns());
                };
                w.query.weight = rows(0);
                w.key.weight = rows(1);
                w.value.weight = rows(2);
            });
        else
            m_tensors.expectCopied(name + ".weight", {3 * H * d, D}, [&w, part](const at::Tensor& all) {
                w.query.weight = part(all, 0);
                w.key.weight = part(all, 1);
                w.value.weight = part(all, 2);
            });
        if (m_spec.projectionBias)
            m_tensors.expectCopied(name + ".bias", {3 * H * d}, [&w, part](const at::Tensor& all) {
                w.query.bias = part(all, 0);
                w.key.bias = part(all, 1);
                w.value.bias = part(all, 2);
            });
    }

    const TensorNames& m_names;
    Model& m_model;
    const ModelSpec& m_spec;
    ExpectedTensors& m_tensors;
    const GptqTensors& m_gptq;
};

std::shared_ptr<const Model> readFolder(const std::filesystem::path& folder, bool unpack) {
    const HuggingFaceConfig config = readHuggingFaceConfig(folder / "config.json");
    const TensorNames& names = config.architecture.names;
    auto model = std::make_shared<Model>();
    model->origin = folder;
    ModelSpec& spec = model->spec = config.spec;
    ExpectedTensors tensors(folder, names.embedding);
    const GptqTensors gptq(tensors, config.gptq, unpack);
    Places(names, *model, tensors, gptq).all(config.architecture.unusedPositions);
    if (spec.tiedEmbedding)
        tensors.ignore(std::string(names.head) + ".weight");
    tensors.read();
    if (spec.tiedEmbedding)
        model->head = model->embedding;
    describeParameters(*model);
    if (spec.embeddingScale != 1) // the scale is a number of the checkpoint's type, as transformers has it
        spec.embeddingScale = at::tensor(spec.embeddingScale)
                                  .to(model->embedding.stored().scalar_type())
                                  .to(at::kFloat)
                                  .item<float>();
    return model;
}

} // namespace

std::shared_ptr<const Model> readHuggingFace(const std::filesystem::path& folder) {
    return readFolder(folder, true);
}

ModelSpec readHuggingFaceHeader(const std::filesystem::path& folder) {
    return readFolder(folder, false)->spec;
}

} // namespace fovea
