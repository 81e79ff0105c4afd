#include "core/model/parameters.h"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <map>
#include <string>

#include "core/cache/scalar_type.h"

namespace fovea {

namespace {

// The float type that most of the matrices' elements are of. Where most are blocks, whose values need no more
// than 16 bits, it is f16.
ElementType mostCommonType(const Model& model) {
    std::array<std::int64_t, 3> elements{};
    const auto add = [&](const Weight& w) {
        const auto type =
            w.blocks() == BlockType::None ? elementType(w.stored().scalar_type()) : ElementType::F16;
        if (type)
            elements[static_cast<std::size_t>(*type)] += w.elements();
    };
    forEachStepParameter(model, add, [](const at::Tensor&) {});
    return static_cast<ElementType>(std::max_element(elements.begin(), elements.end()) - elements.begin());
}

// Of key and value, and of the norm that is the keys' alone.
std::int64_t keyValueBytes(const LayerWeights& layer) {
    std::int64_t bytes = 0;
    for (const Linear* part : {&layer.key, &layer.value})
        bytes += (part->weight.defined() ? part->weight.bytes() : 0) +
                 (part->bias.defined() ? static_cast<std::int64_t>(part->bias.nbytes()) : 0);
    return bytes + (layer.keyNorm.gain.defined() ? static_cast<std::int64_t>(layer.keyNorm.gain.nbytes()) : 0);
}

std::int64_t matrixBytes(const LayerWeights& layer, std::initializer_list<const Linear LayerWeights::*> parts) {
    std::int64_t bytes = 0;
    for (const auto part : parts)
        bytes += (layer.*part).weight.defined() ? (layer.*part).weight.bytes() : 0;
    return bytes;
}

} // namespace

void describeParameters(Model& model) {
    ModelSpec& spec = model.spec;
    spec.type = mostCommonType(model);
    spec.parameters = spec.weightBytes = spec.tokenBytes = 0;
    std::map<std::string, HeldOtherwise, std::less<>> others;
    const auto held = [&](std::int64_t elements, std::int64_t bytes) {
        spec.parameters += elements;
        spec.weightBytes += bytes;
    };
    const auto read = [&](const Weight& w, std::int64_t rows) {
        if (w.typeName() == elementName(spec.type))
            return;
        HeldOtherwise& other = others[std::string(w.typeName())];
        other.elements += w.elements() / w.rows() * rows;
        other.bytes += w.rowBytes() * rows;
    };
    const auto whole = [&](const Weight& w) {
        held(w.elements(), w.bytes());
        read(w, w.rows());
    };
    forEachStepParameter(model, whole, [&](const at::Tensor& vector) { whole(Weight(vector)); });
    for (const Weight* table : {&model.embedding, &model.positions})
        if (table->defined()) {
            if (table != &model.embedding || !spec.tiedEmbedding)
                held(table->elements(), table->bytes());
            read(*table, 1);
            spec.tokenBytes += table->rowBytes();
        }
    spec.kvWeightBytes.clear();
    spec.matrixBytes.clear();
    for (const LayerWeights& layer : model.layers) {
        spec.kvWeightBytes.push_back(keyValueBytes(layer));
        spec.matrixBytes.push_back(
            {matrixBytes(layer, {&LayerWeights::key, &LayerWeights::value}),
             matrixBytes(layer, {&LayerWeights::query, &LayerWeights::output, &LayerWeights::gate,
                                 &LayerWeights::up, &LayerWeights::down})});
    }
    spec.heldOtherwise.clear();
    for (auto& [type, other] : others)
        spec.heldOtherwise.push_back({type, other.elements, other.bytes});
}

std::int64_t stepParameterBytes(const Model& model) {
    std::int64_t bytes = model.embedding.rowBytes();
    if (model.positions.defined())
        bytes += model.positions.rowBytes();
    forEachStepParameter(
        model, [&](const Weight& w) { bytes += w.bytes(); },
        [&](const at::Tensor& vector) { bytes += static_cast<std::int64_t>(vector.nbytes()); });
    return bytes;
}

} // namespace fovea
