#include "core/plan/store_text.h"

#include "core/cache/row_form.h"
#include "core/model/model_spec.h"
#include "core/plan/rtn_text.h"

namespace fovea {

namespace {

constexpr ElementType kFloats[] = {ElementType::F32, ElementType::F16, ElementType::BF16};

} // namespace

std::optional<Store> parseStoreMethod(const PlanWord& word) {
    if (word.value == "rtn")
        return parseRtn(word);
    for (const ElementType type : kFloats)
        if (word.value == elementName(type) && !word.hasParameters)
            return type;
    return std::nullopt;
}

std::string storeText(const Store& store) {
    if (std::holds_alternative<OwnStore>(store))
        return {};
    return "store=" + storeName(store, ElementType::F32);
}

std::string storeName(const Store& store, ElementType own) {
    if (const auto* rtn = std::get_if<RtnParams>(&store))
        return rtnText(*rtn);
    return std::string(elementName(storedFloats(store, own)));
}

std::optional<std::string> storeRefusal(const Store& store, const ModelSpec& spec) {
    const auto* rtn = std::get_if<RtnParams>(&store);
    if (!rtn)
        return std::nullopt;
    if (spec.headDim > kMostRowCodes)
        return storeText(store) + " codes rows of at most " + std::to_string(kMostRowCodes) +
               " components, and this model's heads have " + std::to_string(spec.headDim) +
               "; accepted: store=f32, f16 or bf16.";
    return rtnRefusal(storeText(store), *rtn);
}

} // namespace fovea
