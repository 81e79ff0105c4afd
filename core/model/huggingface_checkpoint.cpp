#include "core/model/huggingface_checkpoint.h"

#include <functional>
#include <set>
#include <string>

#include "core/model/huggingface_config.h"
#include "core/model/parameters.h"
#include "core/model/safetensors.h"

namespace fovea {

namespace {

std::string text(const std::vector<std::int64_t>& shape) {
    std::string out;
    for (const auto n : shape)
        out.append(out.empty() ? "" : "x").append(std::to_string(n));
    return out;
}

// Checks every tensor the config asks for, then reads them. One type for all: bytes per step are counted by
// it.
class Weights {
public:
    explicit Weights(const SafetensorsFile& file) : m_file(file) {}

    void expect(Linear& to, const std::string& name, std::vector<std::int64_t> shape) {
        expect([&to](at::Tensor read) { to = {std::move(read)}; }, name, std::move(shape));
    }
    void expect(Gain& to, const std::string& name, std::vector<std::int64_t> shape) {
        expect([&to](at::Tensor read) { to = {std::move(read)}; }, name, std::move(shape));
    }
    void expect(Weight& to, const std::string& name, std::vector<std::int64_t> shape) {
        expect([&to](at::Tensor read) { to = std::move(read); }, name, std::move(shape));
    }
    void expect(std::function<void(at::Tensor)> to, const std::string& name,
                std::vector<std::int64_t> shape) {
        const auto found = m_file.entries().find(name);
        if (found == m_file.entries().end())
            refuse("tensor '" + name + "' is missing; this is not a whole Llama checkpoint");
        if (found->second.shape != shape)
            refuse("tensor '" + name + "' is " + text(found->second.shape) + " where config.json says " +
                   text(shape) + "; the two files do not belong together");
        if (!m_wanted.empty() && found->second.type != m_type)
            refuse("tensor '" + name +
                   "' is of another type than the rest; convert the checkpoint to one type");
        m_type = found->second.type;
        m_wanted.push_back({std::move(to), name});
        m_names.insert(name);
    }

    // A bias or an adapter left unread would change what the model computes.
    void refuseUnknown(bool tied) const {
        for (const auto& [name, entry] : m_file.entries()) {
            const bool known = m_names.contains(name) || name.ends_with("rotary_emb.inv_freq") ||
                               (tied && name == "lm_head.weight");
            if (!known)
                refuse("tensor '" + name.substr(0, 80) +
                       "' is not part of a Llama; this model is not supported");
        }
    }

    void read() {
        for (const auto& [to, name] : m_wanted)
            to(m_file.read(name));
    }

private:
    [[noreturn]] void refuse(const std::string& what) const {
        throw CheckpointError(m_file.path().string() + ": " + what);
    }

    const SafetensorsFile& m_file;
    std::vector<std::pair<std::function<void(at::Tensor)>, std::string>> m_wanted;
    std::set<std::string> m_names;
    c10::ScalarType m_type = at::kFloat;
};

void expectAll(Weights& weights, Model& model) {
    const ModelSpec& s = model.spec;
    const std::int64_t D = s.width, F = s.ffn, q = std::int64_t{s.queryHeads} * s.headDim,
                       kv = std::int64_t{s.kvHeads} * s.headDim;
    weights.expect(model.embedding, "model.embed_tokens.weight", {s.vocabulary, D});
    for (std::size_t i = 0; i < model.layers.size(); ++i) {
        LayerWeights& w = model.layers[i];
        const std::string layer = "model.layers." + std::to_string(i) + ".";
        weights.expect(w.attentionNorm, layer + "input_layernorm.weight", {D});
        weights.expect(w.query, layer + "self_attn.q_proj.weight", {q, D});
        weights.expect(w.key, layer + "self_attn.k_proj.weight", {kv, D});
        weights.expect(w.value, layer + "self_attn.v_proj.weight", {kv, D});
        weights.expect(w.output, layer + "self_attn.o_proj.weight", {D, q});
        weights.expect(w.ffnNorm, layer + "post_attention_layernorm.weight", {D});
        weights.expect(w.gate, layer + "mlp.gate_proj.weight", {F, D});
        weights.expect(w.up, layer + "mlp.up_proj.weight", {F, D});
        weights.expect(w.down, layer + "mlp.down_proj.weight", {D, F});
    }
    weights.expect(model.finalNorm, "model.norm.weight", {D});
    if (!s.tiedEmbedding)
        weights.expect(model.head, "lm_head.weight", {s.vocabulary, D});
}

} // namespace

std::shared_ptr<const Model> readHuggingFace(const std::filesystem::path& folder) {
    auto model = std::make_shared<Model>();
    model->spec = readHuggingFaceConfig(folder / "config.json");
    if (!std::filesystem::exists(folder / "model.safetensors") &&
        std::filesystem::exists(folder / "model.safetensors.index.json"))
        throw CheckpointError(folder.string() +
                              ": a checkpoint in several files; merge it into one model.safetensors");
    const SafetensorsFile file(folder / "model.safetensors");
    model->layers.resize(static_cast<std::size_t>(model->spec.layers));
    Weights weights(file);
    expectAll(weights, *model);
    weights.refuseUnknown(model->spec.tiedEmbedding);
    weights.read();
    if (model->spec.tiedEmbedding)
        model->head = model->embedding;
    describeParameters(*model);
    return model;
}

} // namespace fovea
