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

// What the store's codec says, group by group of tokens.
CodeLevels mixedLevels(const at::Tensor& rows, const MixedForm& form, const RowCodec& codec) {
    const std::int64_t T = rows.size(0), d = rows.size(1);
    const LevelGroups of = codec.levelGroups();
    const CodedTokens coded = codedTokens(form.exact, T);
    CodeLevels levels{.firstToken = coded.first,
                      .endToken = coded.end,
                      .tokensPerGroup = of.tokens > 0 ? of.tokens : T,
                      .channels = static_cast<int>(d),
                      .channelsPerGroup = std::min(of.channels, static_cast<int>(d)),
                      .perGroup = of.perGroup,
                      .levels = {}};
    for (std::int64_t first = coded.first; first < coded.end; first += levels.tokensPerGroup) {
        std::vector<UncodedRow> together;
        for (std::int64_t t = first; t < std::min(coded.end, first + levels.tokensPerGroup); ++t)
            together.push_back({rows.data_ptr<float>() + t * d, t, nullptr});
        const std::vector<float> own = codec.levels(together);
        levels.levels.insert(levels.levels.end(), own.begin(), own.end());
    }
    return levels;
}

// Of a store that codes keys before RoPE both sides are looked at there.
StoredRows mixedRows(const Capture& capture, const Store& store, std::int64_t tokens, int layer, int kvHead, KvPart part) {
    const HeadStore form = headStoreOf(capture, store, layer, kvHead);
    const CapturedHead head(capture, store, tokens, layer, kvHead);
    const bool keys = part == KvPart::Keys;
    const at::Tensor by = at::arange(tokens, at::kLong);
    StoredRows rows{.exact = keys ? head.keys.floats : head.values.floats,
                    .held = keys ? head.keys.at(by) : head.values.at(by),
                    .levels = mixedLevels(keys ? head.keys.floats : head.values.floats,
                                          keys ? form.mixed->keys : form.mixed->values,
                                          keys ? *form.codecs->keys.front() : *form.codecs->values.front())};
    if (!keys || !learntStore(store))
        return rows;
    if (const at::Tensor before = keysTurnedBack(capture, tokens, layer, kvHead); before.defined()) {
        rows.exact = before;
        rows.held = RowTurn(capture.spec(), layer).rows(rows.held, -by);
        rows.beforeRope = true;
    }
    return rows;
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
    if (const auto codes = storedCodes(store))
        return {.exact = rows, .held = asStored(rows, *codes), .levels = rtnLevels(rows, *codes)};
    if (mixedStore(store, capture.headDim()))
        return mixedRows(capture, store, tokens, layer, kvHead, part);
    const auto type = scalarType(storedFloats(store, capture.spec().type));
    return {.exact = rows, .held = rows.to(type).to(at::kFloat), .levels = {}};
}

} // namespace fovea
