#include "core/calibrate/calibrated_tensors.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/stack.h>

#include <map>
#include <string>

#include "core/methods/quantise/coded_rows.h"
#include "core/model/huggingface/config.h"
#include "core/model/huggingface/gptq_words.h"
#include "core/model/huggingface/shards.h"

namespace fovea {

namespace {

struct NamedMatrix {
    std::string name; // without what stands behind the last dot
    Weight weight;
};

// The parts of a model that a calibration may change, by their names.
class ChangedParts {
public:
    ChangedParts(const TensorNames& names, const Model& model, const Model& made)
        : m_names(names), m_spec(model.spec) {
        for (std::size_t i = 0; i < made.layers.size(); ++i)
            layer(model.layers[i], made.layers[i], std::string(names.layers) + "." + std::to_string(i) + ".");
    }

    const std::vector<NamedMatrix>& matrices() const { return m_matrices; }
    const std::map<std::string, at::Tensor>& vectors() const { return m_vectors; }

private:
    void layer(const LayerWeights& was, const LayerWeights& is, const std::string& prefix) {
        const auto named = [&](std::string_view name) { return prefix + std::string(name); };
        norm(was.attentionNorm, is.attentionNorm, named(m_names.attentionNorm));
        norm(was.ffnNorm, is.ffnNorm, named(m_names.ffnNorm));
        if (m_names.queryKeyValue.empty()) {
            linear(was.query, is.query, named(m_names.query));
            linear(was.key, is.key, named(m_names.key));
            linear(was.value, is.value, named(m_names.value));
        } else {
            fused(was, is, named(m_names.queryKeyValue));
        }
        linear(was.output, is.output, named(m_names.output));
        linear(was.gate, is.gate, named(m_names.gate));
        linear(was.up, is.up, named(m_names.up));
        linear(was.down, is.down, named(m_names.down));
    }

    void norm(const Gain& was, const Gain& is, const std::string& name) {
        vector(was.gain, is.gain, name + ".weight");
        vector(was.bias, is.bias, name + ".bias");
    }
    void vector(const at::Tensor& was, const at::Tensor& is, const std::string& name) {
        if (is.defined() && !is.is_same(was))
            m_vectors.emplace(name, is);
    }
    void linear(const Linear& was, const Linear& is, const std::string& name) {
        if (is.weight.defined() && !is.weight.stored().is_same(was.weight.stored()))
            m_matrices.push_back({name, is.weight});
        vector(was.bias, is.bias, name + ".bias");
    }

    // Three of (H·d, …) -> (H, 3, d, …): a matrix of them changes as a whole.
    void fused(const LayerWeights& was, const LayerWeights& is, const std::string& name) {
        const auto joined = [&](const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
            const std::int64_t H = m_spec.queryHeads, d = m_spec.headDim;
            const auto heads = [&](const at::Tensor& part) {
                return part.dim() == 1 ? part.reshape({H, d}) : part.reshape({H, d, part.size(1)});
            };
            const at::Tensor all = at::stack({heads(q), heads(k), heads(v)}, 1);
            return q.dim() == 1 ? all.reshape({3 * H * d}) : all.reshape({3 * H * d, q.size(1)});
        };
        if (!is.query.weight.stored().is_same(was.query.weight.stored())) {
            const at::Tensor rows =
                joined(is.query.weight.stored(), is.key.weight.stored(), is.value.weight.stored());
            m_matrices.push_back(
                {name, is.query.weight.rtn()
                           ? Weight(rows, *is.query.weight.rtn(), is.query.weight.columns())
                           : Weight(rows)});
        }
        // AWQ folds scales into the bias of value alone.
        if (is.value.bias.defined() && !is.value.bias.is_same(was.value.bias))
            m_vectors.emplace(name + ".bias", joined(is.query.bias.to(at::kFloat), is.key.bias.to(at::kFloat),
                                                     is.value.bias));
    }

    const TensorNames& m_names;
    const ModelSpec& m_spec;
    std::vector<NamedMatrix> m_matrices;
    std::map<std::string, at::Tensor> m_vectors;
};

// A name as the files have it: a checkpoint of the model without its head lacks the first word of every name.
std::string inFile(const FolderTensors& files, const std::string& name, const char* ending) {
    const std::string shorter = name.substr(name.find('.') + 1);
    return files.fileOf(name + ending) == nullptr && files.fileOf(shorter + ending) != nullptr ? shorter : name;
}

void addPacked(std::vector<NamedTensor>& all, const std::string& name, const CodedRows& rows, bool lessOne) {
    const GptqWords words = gptqWords(rows, lessOne);
    all.push_back({name + ".qweight", words.weights});
    all.push_back({name + ".qzeros", words.zeros});
    all.push_back({name + ".scales", words.scales});
    all.push_back({name + ".g_idx", words.groups});
}

bool anyZeroOfNone(const std::vector<NamedMatrix>& matrices) {
    for (const NamedMatrix& matrix : matrices)
        if (matrix.weight.rtn() && hasZeroOfNone(takeApart(matrix.weight)))
            return true;
    return false;
}

} // namespace

CalibratedTensors calibratedTensors(const Model& model, const Model& made) {
    const HuggingFaceConfig config = readHuggingFaceConfig(model.origin / "config.json");
    const ChangedParts changed(config.architecture.names, model, made);
    const FolderTensors files(model.origin);
    CalibratedTensors result;
    result.zerosLessOne = !anyZeroOfNone(changed.matrices());
    std::map<std::string, at::Tensor> others;
    for (const NamedMatrix& matrix : changed.matrices()) {
        const std::string name = inFile(files, matrix.name, ".weight");
        others.emplace(name + ".weight", at::Tensor()); // is not copied
        if (matrix.weight.rtn())
            addPacked(result.all, name, takeApart(matrix.weight), result.zerosLessOne);
        else
            result.all.push_back({name + ".weight", matrix.weight.stored()});
    }
    for (const auto& [name, tensor] : changed.vectors()) {
        const std::string found = inFile(files, name, "");
        others.emplace(found, at::Tensor());
        result.all.push_back({found, tensor});
    }
    for (const auto& [name, file] : files.files())
        if (!others.contains(name) && file->entries().at(name).type != c10::ScalarType::Undefined)
            result.all.push_back({name, file->map(name)});
    return result;
}

} // namespace fovea
