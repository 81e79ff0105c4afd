#include "core/engine/stored_rows.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>

#include <algorithm>

#include "core/cache/scalar_type.h"
#include "core/engine/capture_reader.h"
#include "core/methods/keep/row_turn.h"
#include "core/methods/quantise/rtn_truth.h"

namespace fovea {

namespace {

// (q − z)·s of every code of every group along d (rtn.h), under scales as held.
CodeLevels rtnLevels(const at::Tensor& rows, const RtnParams& rtn) {
    const std::int64_t T = rows.size(0), d = rows.size(1);
    const at::Tensor wide = rows.to(at::kDouble), codes = at::arange(rtn.levels() + 1, at::kDouble);
    std::vector<at::Tensor> groups;
    for (std::int64_t first = 0; first < d; first += rtn.group) {
        const RtnGrid grid =
            rtnGrid(wide.narrow(1, first, std::min<std::int64_t>(rtn.group, d - first)), rtn, RtnScale::Held);
        groups.push_back(((codes - grid.zero) * grid.scale).to(at::kFloat).unsqueeze(1)); // (T, 1, 2^b)
    }
    const at::Tensor all = at::cat(groups, 1).contiguous();
    const auto* levels = all.data_ptr<float>();
    return {.endToken = T,
            .channels = static_cast<int>(d),
            .channelsPerGroup = static_cast<int>(std::min<std::int64_t>(rtn.group, d)),
            .perGroup = rtn.levels() + 1,
            .levels = {levels, levels + all.numel()}};
}

} // namespace

at::Tensor keysTurnedBack(const Capture& capture, std::int64_t tokens, int layer, int kvHead) {
    const ModelSpec& spec = capture.spec();
    if (spec.rotated() == 0 || spec.ropeOf(layer).scaling.kind == RopeScaling::Kind::Dynamic)
        return {};
    const at::Tensor keys = capturedRows(capture.k(layer, kvHead), tokens, capture.headDim());
    return RowTurn(spec, layer).rows(keys, -at::arange(tokens, at::kLong));
}

StoredRows storedRows(const Capture& capture, const Store& store, std::int64_t tokens, int layer, int kvHead,
                      KvPart part) {
    const float* data = part == KvPart::Keys ? capture.k(layer, kvHead) : capture.v(layer, kvHead);
    const at::Tensor rows = capturedRows(data, tokens, capture.headDim());
    if (const auto* rtn = std::get_if<RtnParams>(&store))
        return {.exact = rows, .held = asStored(rows, store), .levels = rtnLevels(rows, *rtn)};
    if (std::holds_alternative<OwnStore>(store) || std::holds_alternative<ElementType>(store)) {
        const auto type = scalarType(storedFloats(store, capture.spec().type));
        return {.exact = rows, .held = rows.to(type).to(at::kFloat), .levels = {}};
    }
    // Never taken for floats: a store that is not known here by its levels is shown by what a replay attends over.
    const CapturedHead head(capture, store, tokens, layer, kvHead);
    return {.exact = rows, .held = part == KvPart::Keys ? head.keys : head.values, .levels = {}};
}

} // namespace fovea
