#include "core/methods/share/cla.h"

#include <algorithm>

#include "core/model/model_spec.h"

namespace fovea {

namespace {

// Layers [first, end) in groups of s, the first group the smaller one.
void group(std::vector<int>& sources, int first, int end, int s) {
    const int head = (end - first) % s;
    for (int layer = first; layer < end; ++layer) {
        const int beyond = layer - first - head;
        sources[static_cast<std::size_t>(layer)] = beyond < 0 ? first : layer - beyond % s;
    }
}

// KV layers of keep-ends, and so of the other two patterns: both ends, and ⌈(L − 2) / s⌉ between.
int patternedKvLayers(int layers, int s) {
    return std::min(layers, 2) + (std::max(layers - 2, 0) + s - 1) / s;
}

// Bytes of one layer's K and V projections and what belongs to them, as the file holds them: 2·G·d·D, their biases
// 2·G·d, and d where keys are normalised.
std::int64_t ownKvBytes(const ModelSpec& spec, int layer) {
    if (!spec.kvWeightBytes.empty())
        return spec.kvWeightBytes[static_cast<std::size_t>(layer)];
    const std::int64_t rows = 2 * std::int64_t{spec.kvHeads} * spec.headDim;
    return (rows * spec.width + (spec.projectionBias ? rows : 0) + (spec.queryKeyNorm ? spec.headDim : 0)) *
           elementBytes(spec.type);
}

} // namespace

std::vector<int> claSources(const ClaParams& params, int layers) {
    std::vector<int> sources(static_cast<std::size_t>(layers));
    for (int layer = 0; layer < layers; ++layer)
        sources[static_cast<std::size_t>(layer)] = layer;
    const int s = std::clamp(params.factor, 1, std::max(layers, 1)), owners = patternedKvLayers(layers, s);
    const auto read = [&](int from, int end, int source) { // all of [from, end) one layer's
        std::fill(sources.begin() + from, sources.begin() + std::max(from, end), source);
    };
    switch (params.pattern) {
    case ClaParams::Pattern::Even:
        group(sources, 0, layers, s);
        break;
    case ClaParams::Pattern::KeepEnds:
        if (layers > 2)
            group(sources, 1, layers - 1, s);
        break;
    case ClaParams::Pattern::DenseFront:
        if (owners > 1)
            read(owners - 1, layers - 1, owners - 2);
        break;
    case ClaParams::Pattern::DenseBack:
        if (layers > 1)
            read(1, layers - owners + 2, 1);
        break;
    }
    return sources;
}

std::vector<int> kvSources(const Share& share, const ModelSpec& spec) {
    if (const auto* cla = std::get_if<ClaParams>(&share))
        return claSources(*cla, spec.layers);
    const auto* list = std::get_if<LayerSources>(&share);
    return list && !sourcesRefusal(list->sources, spec) ? list->sources : spec.kvSources;
}

ModelSpec sharedSpec(ModelSpec spec, const Share& share) {
    spec.kvSources = kvSources(share, spec);
    return spec;
}

std::vector<int> kvReaders(const ModelSpec& spec, int layer) {
    std::vector<int> readers;
    for (int reader = 0; reader < spec.layers; ++reader)
        if (spec.kvSource(reader) == spec.kvSource(layer))
            readers.push_back(reader);
    return readers;
}

KvConversion conversionOf(const Share& share) {
    if (const auto* cla = std::get_if<ClaParams>(&share))
        return cla->convert;
    const auto* list = std::get_if<LayerSources>(&share);
    return list ? list->convert : KvConversion::First;
}

std::vector<int> convertedLayers(const Share& share, const ModelSpec& spec) {
    std::vector<int> owners;
    if (std::holds_alternative<OwnKv>(share) || conversionOf(share) == KvConversion::First)
        return owners;
    const std::vector<int> sources = kvSources(share, spec);
    for (int layer = 0; layer < std::ssize(sources); ++layer)
        if (std::count(sources.begin(), sources.end(), layer) > 1)
            owners.push_back(layer);
    return owners;
}

std::int64_t predictKvBytesPerToken(const Share& share, const ModelSpec& spec, ElementType store) {
    return 2 * std::int64_t{spec.kvHeads} * spec.headDim * sharedSpec(spec, share).kvLayers() *
           elementBytes(store);
}

std::int64_t predictKvReadPerToken(const ModelSpec& spec, ElementType store) {
    return 2 * std::int64_t{spec.kvHeads} * spec.headDim * spec.layers * elementBytes(store);
}

std::int64_t predictConvertedBytes(const Share& share, const ModelSpec& spec) {
    const std::int64_t rows = 2 * std::int64_t{spec.kvHeads} * spec.headDim;
    const bool bias = spec.projectionBias || spec.norm == Norm::Layer;
    const std::int64_t owner =
        rows * spec.width + (bias ? rows : 0) + (spec.queryKeyNorm ? spec.headDim : 0) + spec.width;
    return std::ssize(convertedLayers(share, spec)) * owner * elementBytes(spec.type);
}

std::int64_t predictSharedWeights(const Share& share, const ModelSpec& spec) {
    if (std::holds_alternative<OwnKv>(share))
        return 0;
    const ModelSpec shared = sharedSpec(spec, share);
    std::int64_t bytes = predictConvertedBytes(share, spec);
    for (int layer = 0; layer < spec.layers; ++layer)
        if (!shared.ownsKv(layer))
            bytes -= ownKvBytes(spec, layer);
    for (const int layer : convertedLayers(share, spec))
        bytes -= ownKvBytes(spec, layer);
    return bytes;
}

std::optional<std::string> sourcesRefusal(const std::vector<int>& sources, const ModelSpec& spec) {
    if (std::ssize(sources) != spec.layers)
        return "names the sources of " + std::to_string(sources.size()) + " layers and this model has " +
               std::to_string(spec.layers) + "; accepted: one source per layer.";
    for (int layer = 0; layer < spec.layers; ++layer) {
        const int source = sources[static_cast<std::size_t>(layer)];
        const auto reads = [&] {
            return "lets layer " + std::to_string(layer) + " read the KV of layer " + std::to_string(source);
        };
        if (source < 0 || source > layer)
            return reads() +
                   ", which is not there yet when it is read; accepted: a source no later than its user.";
        if (const int owner = sources[static_cast<std::size_t>(source)]; owner != source)
            return reads() + ", which itself reads that of layer " + std::to_string(owner) +
                   "; accepted: a source that owns its KV.";
        if (spec.window(source) != spec.window(layer))
            return reads() +
                   ", and the two have different sliding windows; accepted: layers of the same window.";
        if (!(spec.ropeOf(source) == spec.ropeOf(layer)))
            return reads() + ", and the two have different RoPE; accepted: layers of the same RoPE.";
    }
    return std::nullopt;
}

} // namespace fovea
