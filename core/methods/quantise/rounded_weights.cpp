#include "core/methods/quantise/rounded_weights.h"

#include <ATen/Parallel.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "core/methods/quantise/rtn_pack.h"
#include "core/model/layer_matrices.h"
#include "core/model/model.h"
#include "core/model/weight_memory.h"
#include "core/plan/attention_plan.h"
#include "core/plan/weights_text.h"

namespace fovea {

namespace {

constexpr std::int64_t kAtOnce = 1 << 22; // weights that are there in fp32 beside the packed ones

[[noreturn]] void refuse(const Model& model, const RtnParams& rtn, std::size_t layer, std::string_view part,
                         RtnFault fault) {
    throw PlanError(weightsText(rtn) + " cannot round " + model.spec.name + ": layer " +
                    std::to_string(layer) + "'s " + std::string(part) + " has " +
                    (fault == RtnFault::NotFinite ? "weights that are no finite numbers"
                                                  : "a group wider than a scale in 16 bits can say") +
                    "; accepted: weights=own.");
}

// rows x columns of a layer's matrices, key and value for one that owns its KV.
template <class Visit>
void forEachShape(const ModelSpec& spec, bool ownsKv, const Visit& visit) {
    const std::int64_t D = spec.width, F = spec.ffn, d = spec.headDim;
    visit(spec.queryHeads * d, D);
    visit(D, spec.queryHeads * d);
    if (ownsKv)
        for (int i = 0; i < 2; ++i)
            visit(spec.kvHeads * d, D);
    for (int i = 0; i < (spec.gated ? 2 : 1); ++i)
        visit(F, D);
    visit(D, F);
}

// Bytes of a layer's matrices before they are rounded, as it is under `share`. Converted ones are of the spec's type.
std::int64_t heldBytes(const ModelSpec& spec, int layer, bool ownsKv, bool converted) {
    if (spec.matrixBytes.empty() || (ownsKv && converted)) {
        std::int64_t all = 0, withoutKv = 0;
        forEachShape(spec, ownsKv, [&](std::int64_t rows, std::int64_t columns) { all += rows * columns; });
        forEachShape(spec, false,
                     [&](std::int64_t rows, std::int64_t columns) { withoutKv += rows * columns; });
        if (spec.matrixBytes.empty())
            return all * elementBytes(spec.type);
        return (all - withoutKv) * elementBytes(spec.type) +
               spec.matrixBytes[static_cast<std::size_t>(layer)].others;
    }
    const MatrixBytes& held = spec.matrixBytes[static_cast<std::size_t>(layer)];
    return held.others + (ownsKv ? held.keyValue : 0);
}

} // namespace

Weight roundMatrix(const Weight& weight, const RtnParams& rtn, const std::atomic<bool>& cancel, RtnFault& fault,
                   WeightMemory* memory) {
    const std::int64_t columns = weight.columns(), rows = weight.rows(), bytes = rtnRow(rtn, columns).bytes;
    const at::Tensor result =
        memory ? memory->take(rows, bytes, at::kByte) : at::empty({rows, bytes}, at::kByte);
    auto* const to = result.data_ptr<std::uint8_t>();
    const std::int64_t step = std::max<std::int64_t>(1, kAtOnce / std::max<std::int64_t>(1, columns));
    std::atomic<RtnFault> found = RtnFault::None;
    for (std::int64_t first = 0; first < rows; first += step) {
        if (cancel)
            return {};
        const std::int64_t count = std::min(step, rows - first);
        const at::Tensor values = weight.rows(first, count, at::kFloat).contiguous();
        const float* const from = values.data_ptr<float>();
        at::parallel_for(0, count, 8, [&](std::int64_t begin, std::int64_t end) {
            for (std::int64_t row = begin; row < end; ++row)
                if (const RtnFault one =
                        packRtn(rtn, from + row * columns, columns, to + (first + row) * bytes);
                    one != RtnFault::None)
                    found = one;
        });
        fault = found;
        if (fault != RtnFault::None)
            return {};
    }
    return Weight(result, rtn, columns);
}

std::shared_ptr<const Model> roundWeights(const Model& model, const RtnParams& rtn,
                                          const RoundingProgress& progress, const std::atomic<bool>& cancel) {
    const c10::NoGradGuard noGrad;
    auto rounded = std::make_shared<Model>(model);
    WeightMemory memory;
    const int all = matrixCount(model);
    int done = 0;
    for (std::size_t i = 0; i < rounded->layers.size(); ++i)
        for (const LayerMatrix& part : kLayerMatrices) {
            Weight& weight = (rounded->layers[i].*part.matrix).weight;
            if (!weight.defined())
                continue;
            RtnFault fault = RtnFault::None;
            weight = roundMatrix(weight, rtn, cancel, fault, &memory);
            if (fault != RtnFault::None)
                refuse(model, rtn, i, part.name, fault);
            if (!weight.defined())
                return nullptr;
            if (progress)
                progress(++done, all);
        }
    return rounded;
}

std::int64_t predictRoundedBytes(const WeightCodes& weights, const Share& share, const ModelSpec& spec) {
    const std::optional<RtnParams> rtn = packedRows(weights);
    if (!rtn)
        return 0;
    const ModelSpec shared = sharedSpec(spec, share);
    std::int64_t bytes = 0;
    for (int layer = 0; layer < spec.layers; ++layer)
        forEachShape(spec, shared.ownsKv(layer), [&](std::int64_t rows, std::int64_t columns) {
            bytes += predictRtnBytes(*rtn, rows, columns);
        });
    return bytes;
}

std::int64_t predictRoundedWeights(const WeightCodes& weights, const Share& share, const ModelSpec& spec) {
    if (std::holds_alternative<OwnWeights>(weights))
        return 0;
    const ModelSpec shared = sharedSpec(spec, share);
    const std::vector<int> converted = convertedLayers(share, spec);
    std::int64_t bytes = predictRoundedBytes(weights, share, spec);
    for (int layer = 0; layer < spec.layers; ++layer)
        bytes -= heldBytes(spec, layer, shared.ownsKv(layer),
                           std::find(converted.begin(), converted.end(), layer) != converted.end());
    return bytes;
}

} // namespace fovea
