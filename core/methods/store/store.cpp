#include "core/methods/store/store.h"

#include "core/methods/step_shape.h"
#include "core/methods/store/cq_codec.h"
#include "core/methods/store/kivi_codec.h"
#include "core/methods/store/kvquant_codec.h"

namespace fovea {

namespace {

struct RowBytes {
    std::int64_t values = 0, scales = 0;
};

RowBytes rowBytes(const std::optional<RtnParams>& codes, ElementType type, std::int64_t d) {
    if (!codes)
        return {d * elementBytes(type), 0};
    std::int64_t perGroup = 2;
    if (codes->mode == RtnParams::Mode::Asymmetric)
        perGroup += codes->zero == RtnParams::Zero::Free ? 2 : 1;
    return {(codes->bits * d + 7) / 8, (d + codes->group - 1) / codes->group * perGroup};
}

} // namespace

ElementType storedFloats(const Store& store, ElementType own) {
    const auto* type = std::get_if<ElementType>(&store);
    return type ? *type : own;
}

std::optional<RtnParams> storedCodes(const Store& store) {
    const auto* rtn = std::get_if<RtnParams>(&store);
    return rtn ? std::optional(*rtn) : std::nullopt;
}

std::optional<MixedStore> mixedStore(const Store& store, int headDim) {
    if (const auto* kivi = std::get_if<KiviParams>(&store))
        return kiviStore(*kivi, headDim);
    if (const auto* kvquant = std::get_if<KvquantParams>(&store))
        return kvquantStore(*kvquant, headDim);
    if (const auto* cq = std::get_if<CqParams>(&store))
        return cqStore(*cq, headDim);
    return std::nullopt;
}

bool storesCodes(const Store& store) {
    return !std::holds_alternative<OwnStore>(store) && !std::holds_alternative<ElementType>(store);
}

std::optional<LearntStore> learntStore(const Store& store) {
    if (const auto* kvquant = std::get_if<KvquantParams>(&store))
        return *kvquant;
    if (const auto* cq = std::get_if<CqParams>(&store))
        return *cq;
    return std::nullopt;
}

Traffic predictRows(const StepShape& shape, Component rows, std::int64_t n) {
    if (shape.mixed) {
        const RowSizes& sizes = (rows == Component::Keys ? shape.mixed->keys : shape.mixed->values).sizes;
        Traffic coded;
        coded[rows] = n * sizes.codes;
        coded[Component::Scales] = n * (sizes.record() - sizes.codes);
        return coded;
    }
    const RowBytes row = rowBytes(shape.codes, shape.store, shape.headDim);
    Traffic traffic;
    traffic[rows] = n * row.values;
    traffic[Component::Scales] = n * row.scales;
    return traffic;
}

double storedBits(const Store& store, ElementType own, int headDim) {
    return (storedBits(store, own, headDim, Component::Keys) + storedBits(store, own, headDim, Component::Values)) / 2;
}

double storedBits(const Store& store, ElementType own, int headDim, Component rows) {
    if (const auto mixed = mixedStore(store, headDim)) {
        const RowSizes& sizes = (rows == Component::Keys ? mixed->keys : mixed->values).sizes;
        return 8. * (static_cast<double>(sizes.codes) + static_cast<double>(sizes.side) / sizes.sharing) / headDim;
    }
    const RowBytes row = rowBytes(storedCodes(store), storedFloats(store, own), headDim);
    return 8. * static_cast<double>(row.values + row.scales) / headDim;
}

} // namespace fovea
