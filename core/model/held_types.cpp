#include "core/model/held_types.h"

#include <algorithm>
#include <map>

#include "core/model/parameters.h"

namespace fovea {

std::vector<HeldType> heldTypes(const Model& model) {
    std::map<std::string, HeldType, std::less<>> byName;
    const auto add = [&](const Weight& weight) {
        HeldType& held = byName[std::string(weight.typeName())];
        held.type = weight.typeName();
        ++held.tensors;
        held.elements += weight.elements();
        held.bytes += weight.bytes();
    };
    forEachStepParameter(model, add, [&](const at::Tensor& vector) { add(Weight(vector)); });
    if (!model.spec.tiedEmbedding)
        add(model.embedding);
    if (model.positions.defined())
        add(model.positions);
    std::vector<HeldType> types;
    for (auto& [name, held] : byName)
        types.push_back(std::move(held));
    std::stable_sort(types.begin(), types.end(),
                     [](const HeldType& a, const HeldType& b) { return a.bytes > b.bytes; });
    return types;
}

} // namespace fovea
