#include "core/methods/store/store.h"

#include "core/methods/step_shape.h"

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

Traffic predictRows(const StepShape& shape, Component rows, std::int64_t n) {
    const RowBytes row = rowBytes(shape.codes, shape.store, shape.headDim);
    Traffic traffic;
    traffic[rows] = n * row.values;
    traffic[Component::Scales] = n * row.scales;
    return traffic;
}

double storedBits(const Store& store, ElementType own, int headDim) {
    const RowBytes row = rowBytes(storedCodes(store), storedFloats(store, own), headDim);
    return 8. * static_cast<double>(row.values + row.scales) / headDim;
}

} // namespace fovea
