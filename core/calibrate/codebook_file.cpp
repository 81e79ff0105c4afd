#include "core/calibrate/codebook_file.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/isfinite.h>

#include <algorithm>
#include <charconv>
#include <string_view>

#include "core/model/model.h"
#include "core/model/quoted_name.h"
#include "core/model/safetensors.h"
#include "core/plan/attention_plan.h"
#include "core/plan/learnt_store_text.h"
#include "core/train/fingerprint.h"

namespace fovea {

namespace {

constexpr const char* kFormat = "codebooks 2";
constexpr const char* kAdvice = "; make it again with fovea calibrate";
constexpr std::int64_t kFingerprintRows = 4;

[[noreturn]] void refuse(const std::filesystem::path& file, const std::string& what) {
    throw CheckpointError(file.string() + ": " + what + kAdvice);
}

// A tensor of the file, and where it is kept in memory.
struct Part {
    std::string name;
    std::vector<std::int64_t> shape;
    at::Tensor* tensor;
};

std::vector<Part> partsOf(LayerCodebooks& books, const std::string& layer, const KvquantParams& p,
                          const ModelSpec& spec) {
    const std::vector<std::int64_t> channels = {spec.kvHeads, spec.headDim}, levels = {p.levels()};
    return {{layer + "keys.offset", channels, &books.keyTable.offset},
            {layer + "keys.range", channels, &books.keyTable.range},
            {layer + "keys.levels", levels, &books.keyTable.levels},
            {layer + "keys.read", levels, &books.keyTable.read},
            {layer + "values.levels", levels, &books.valueTable.levels},
            {layer + "values.read", levels, &books.valueTable.read}};
}

std::vector<Part> partsOf(LayerCodebooks& books, const std::string& layer, const CqParams& p,
                          const ModelSpec& spec) {
    const std::vector<std::int64_t> shape = {spec.kvHeads, spec.headDim / p.channels, p.centroids(),
                                             p.channels};
    return {{layer + "keys.centroids", shape, &books.keyCentroids},
            {layer + "values.centroids", shape, &books.valueCentroids}};
}

// What a file for `spec` has to hold, each part with its place in `books`.
std::vector<Part> partsOf(StoreCodebooks& books, const ModelSpec& spec) {
    books.layers.resize(static_cast<std::size_t>(spec.layers));
    std::vector<Part> all;
    for (int layer = 0; layer < spec.layers; ++layer)
        if (spec.ownsKv(layer))
            for (Part& part : std::visit(
                     [&](const auto& p) {
                         return partsOf(books.layers[static_cast<std::size_t>(layer)],
                                        "layers." + std::to_string(layer) + ".", p, spec);
                     },
                     books.store))
                all.push_back(std::move(part));
    return all;
}

void requireParts(const SafetensorsFile& file, const std::vector<Part>& parts) {
    for (const Part& part : parts) {
        const auto found = file.entries().find(part.name);
        if (found == file.entries().end())
            refuse(file.path(), "tensor " + part.name + " is missing");
        if (found->second.type != at::kFloat)
            refuse(file.path(),
                   "tensor " + part.name + " is of type " + quotedName(found->second.typeName) + ", not F32");
        if (found->second.shape != part.shape)
            refuse(file.path(), "tensor " + part.name + " has not the shape that this model and store need");
    }
    if (file.entries().size() != parts.size())
        refuse(file.path(), "it holds " + std::to_string(file.entries().size()) + " tensors, not " +
                                std::to_string(parts.size()));
}

void requireNumbers(const std::filesystem::path& file, const Part& part) {
    const at::Tensor& x = *part.tensor;
    if (!at::isfinite(x).all().item<bool>())
        refuse(file, "tensor " + part.name + " has numbers that are not finite");
    if (part.name.ends_with(".range") && !(x > 0).all().item<bool>())
        refuse(file, "tensor " + part.name + " has a range that is not above 0");
    const auto levels = x.numel();
    if (part.name.ends_with(".levels") &&
        !(x.narrow(0, 1, levels - 1) >= x.narrow(0, 0, levels - 1)).all().item<bool>())
        refuse(file, "tensor " + part.name + " does not ascend");
}

std::string hexOf(std::uint64_t number) {
    std::string digits(16, '0');
    for (std::size_t i = 16; i-- > 0; number >>= 4)
        digits[i] = "0123456789abcdef"[number & 15];
    return digits;
}

const std::string& textIn(const SafetensorsFile& file, const std::string& name) {
    const auto found = file.metadata().find(name);
    if (found == file.metadata().end())
        refuse(file.path(), "its metadata has no " + name);
    return found->second;
}

template <typename Number>
Number numberIn(const SafetensorsFile& file, const std::string& name, int base = 10) {
    const std::string& text = textIn(file, name);
    Number number{};
    const char* const end = text.data() + text.size();
    const auto [at, error] = std::from_chars(text.data(), end, number, base);
    if (error != std::errc() || at != end)
        refuse(file.path(), "its metadata's " + name + " " + quotedName(text) + " is no number");
    return number;
}

LearntStore storeIn(const SafetensorsFile& file, const ModelSpec& spec) {
    if (const auto format = file.metadata().find("fovea");
        format == file.metadata().end() || format->second != kFormat)
        refuse(file.path(), "it is no file of codebooks");
    const std::string& text = textIn(file, "store");
    try {
        const LearntStore store = parseLearntStore(text);
        if (!learntStoreRefusal(store, spec))
            return store;
    } catch (const PlanError&) {
        // Said below, by the file's name.
    }
    refuse(file.path(), "its store " + quotedName(text) + " is none that this model can have");
}

CodebookOrigin originIn(const SafetensorsFile& file) {
    CodebookOrigin origin;
    origin.model = textIn(file, "model");
    origin.text = textIn(file, "text");
    origin.modelFingerprint = numberIn<std::uint64_t>(file, "model_fingerprint", 16);
    origin.textFingerprint = numberIn<std::uint64_t>(file, "text_fingerprint", 16);
    origin.tokens = numberIn<std::int64_t>(file, "tokens");
    origin.seed = numberIn<std::uint64_t>(file, "seed");
    origin.weighted = textIn(file, "weights") == "gradients";
    origin.program = textIn(file, "program");
    return origin;
}

} // namespace

std::uint64_t modelFingerprint(const Model& model) {
    const ModelSpec& spec = model.spec;
    const std::int64_t shape[] = {spec.layers,  spec.width,   spec.queryHeads,
                                  spec.kvHeads, spec.headDim, spec.vocabulary};
    std::uint64_t sum = fingerprint({reinterpret_cast<const char*>(shape), sizeof shape});
    for (int layer = 0; layer < spec.layers; ++layer) {
        if (!spec.ownsKv(layer))
            continue;
        const LayerWeights& w = model.layers[static_cast<std::size_t>(layer)];
        for (const Weight* weight : {&w.key.weight, &w.value.weight}) {
            const at::Tensor rows =
                weight->rows(0, std::min(kFingerprintRows, weight->rows()), at::kFloat).contiguous();
            sum = fingerprint({static_cast<const char*>(rows.data_ptr()), rows.nbytes()}, sum);
        }
    }
    return sum;
}

std::filesystem::path codebooksPath(const std::filesystem::path& model, const LearntStore& store) {
    std::string name = learntStoreText(store);
    std::erase(name, '=');
    std::replace_if(
        name.begin(), name.end(), [](char c) { return c == ':' || c == ','; }, '-');
    name += ".codebooks.safetensors";
    if (std::filesystem::is_directory(model))
        return model / name;
    return model.parent_path() / (model.filename().string() + "." + name);
}

void writeCodebooks(const std::filesystem::path& file, const StoreCodebooks& books) {
    std::vector<NamedTensor> tensors;
    for (std::size_t layer = 0; layer < books.layers.size(); ++layer) {
        const LayerCodebooks& own = books.layers[layer];
        const auto add = [&](const char* name, const at::Tensor& tensor) {
            if (tensor.defined())
                tensors.push_back({"layers." + std::to_string(layer) + "." + name, tensor.contiguous()});
        };
        add("keys.offset", own.keyTable.offset);
        add("keys.range", own.keyTable.range);
        add("keys.levels", own.keyTable.levels);
        add("keys.read", own.keyTable.read);
        add("values.levels", own.valueTable.levels);
        add("values.read", own.valueTable.read);
        add("keys.centroids", own.keyCentroids);
        add("values.centroids", own.valueCentroids);
    }
    const CodebookOrigin& o = books.origin;
    writeSafetensors(file, tensors,
                     {{"fovea", kFormat},
                      {"store", learntStoreText(books.store)},
                      {"model", o.model},
                      {"model_fingerprint", hexOf(o.modelFingerprint)},
                      {"text", o.text},
                      {"text_fingerprint", hexOf(o.textFingerprint)},
                      {"tokens", std::to_string(o.tokens)},
                      {"seed", std::to_string(o.seed)},
                      {"weights", o.weighted ? "gradients" : "none"},
                      {"program", o.program}});
}

StoreCodebooks readCodebooks(const std::filesystem::path& path, const Model& model) {
    const SafetensorsFile file(path);
    StoreCodebooks books{.store = storeIn(file, model.spec), .layers = {}, .origin = originIn(file)};
    if (books.origin.modelFingerprint != modelFingerprint(model))
        refuse(path, "it was learnt from another model");
    const std::vector<Part> parts = partsOf(books, model.spec);
    requireParts(file, parts);
    for (const Part& part : parts) {
        *part.tensor = file.read(part.name);
        requireNumbers(path, part);
    }
    return books;
}

} // namespace fovea
