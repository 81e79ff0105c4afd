#include "core/engine/captured_head.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/where.h>

#include <algorithm>
#include <vector>

#include "core/cache/row_form.h"
#include "core/engine/capture_reader.h"
#include "core/plan/attention_plan.h"
#include "core/plan/plan_prefill.h"

namespace fovea {

namespace {

// All that will ever be codes, as if no token had left before it was coded; the others as they are.
at::Tensor coded(const at::Tensor& rows, const MixedForm& form, const RowCodec& codec) {
    const std::int64_t d = rows.size(1), sharing = form.sizes.sharing, tokens = rows.size(0);
    const at::Tensor held = rows.clone();
    std::vector<std::byte> side(static_cast<std::size_t>(form.sizes.side));
    std::vector<std::byte> codes(static_cast<std::size_t>(form.sizes.codes * sharing));
    const std::int64_t last = form.exact.bulk > 0 ? tokens - tokens % form.exact.bulk : tokens;
    for (std::int64_t t = std::min(form.exact.first, tokens); t < last; t += sharing) {
        std::vector<UncodedRow> together;
        std::vector<CodedRow> back;
        for (std::int64_t i = 0; i < std::min(sharing, last - t); ++i) {
            std::byte* const row = codes.data() + i * form.sizes.codes;
            together.push_back({rows.data_ptr<float>() + (t + i) * d, t + i, row});
            back.push_back({row, side.data(), t + i, held.data_ptr<float>() + (t + i) * d});
        }
        codec.write(together, side.data());
        codec.read(back);
    }
    return held;
}

// The prompt's last token is the first that is decoded.
std::int64_t promptInFloats(const AttentionPlan& plan, std::int64_t decodeFrom) {
    return readsPromptInFloats(plan) ? std::max<std::int64_t>(decodeFrom - 1, 0) : 0;
}

HeldRows stored(const float* captured, std::int64_t tokens, const Capture& capture, const HeadStore& store, bool keys) {
    HeldRows rows;
    rows.codes = rows.floats = capturedRows(captured, tokens, capture.headDim());
    if (store.codes)
        rows.codes = asStored(rows.floats, *store.codes);
    if (!store.mixed)
        return rows;
    const MixedForm& form = keys ? store.mixed->keys : store.mixed->values;
    rows.codes = coded(rows.floats, form, *(keys ? store.codecs->keys : store.codecs->values).front());
    rows.exact = form.exact;
    return rows;
}

} // namespace

at::Tensor asStored(const at::Tensor& rows, const RtnParams& codes) {
    const auto d = static_cast<int>(rows.size(1));
    const RowForm form{.dims = d, .rows = 1, .codes = codes};
    std::vector<std::byte> block(static_cast<std::size_t>(form.blockBytes()));
    const at::Tensor held = at::empty(rows.sizes());
    for (std::int64_t row = 0; row < rows.size(0); ++row) {
        form.write(block.data(), 0, rows.data_ptr<float>() + row * d);
        form.read(block.data(), 0, 1, held.data_ptr<float>() + row * d);
    }
    return held;
}

HeadStore headStoreOf(const Capture& capture, const Store& store, int layer, int kvHead) {
    const ModelSpec& spec = capture.spec();
    HeadStore head{.codes = storedCodes(store), .mixed = mixedStore(store, capture.headDim()), .codecs = {}};
    if (!head.mixed)
        return head;
    const auto all = capture.codecsOf(store);
    if (!all)
        throw PlanError("the store's codebooks are not known to this capture");
    const auto at = static_cast<std::size_t>(spec.kvSource(layer) * capture.kvHeads() + kvHead);
    head.codecs = std::make_shared<StoreCodecs>(StoreCodecs{.keys = {all->keys.at(at)}, .values = {all->values.at(at)}});
    return head;
}

at::Tensor HeldRows::at(const at::Tensor& positions) const {
    const std::int64_t last = positions[-1].item<std::int64_t>();
    const bool all = positions.size(0) == last + 1; // nothing is copied where every row is there
    const auto chosen = [&](const at::Tensor& rows) {
        return all ? rows.narrow(0, 0, last + 1) : rows.index_select(0, positions);
    };
    if (last < floatsUntil)
        return chosen(floats);
    if (!exact)
        return chosen(codes);
    const at::Tensor asTheyCame = at::empty(positions.sizes(), at::kBool);
    for (std::int64_t i = 0; i < positions.size(0); ++i)
        asTheyCame.data_ptr<bool>()[i] = exact->keep(positions.data_ptr<std::int64_t>()[i], last + 1);
    return at::where(asTheyCame.unsqueeze(1), chosen(floats), chosen(codes));
}

at::Tensor HeldRows::products(const at::Tensor& queries, std::int64_t first, std::int64_t to) const {
    const std::int64_t n = queries.size(-2);
    if (first + n <= floatsUntil)
        return at::matmul(queries, floats.narrow(0, 0, to).t());
    const at::Tensor ofCodes = at::matmul(queries, codes.narrow(0, 0, to).t());
    if (!exact && first >= floatsUntil)
        return ofCodes;
    const at::Tensor asTheyCame = at::empty({n, to}, at::kBool);
    for (std::int64_t i = 0; i < n; ++i)
        for (std::int64_t j = 0; j < to; ++j)
            asTheyCame.data_ptr<bool>()[i * to + j] = first + i < floatsUntil || (exact && exact->keep(j, first + i + 1));
    return at::where(asTheyCame, at::matmul(queries, floats.narrow(0, 0, to).t()), ofCodes);
}

CodedTokens codedTokens(const ExactRows& exact, std::int64_t tokens) {
    const std::int64_t late = exact.newest + (exact.bulk > 0 ? tokens % exact.bulk : 0);
    const std::int64_t first = std::min(exact.first, tokens);
    return {first, std::max(first, tokens - late)};
}

HeldRows capturedKeys(const Capture& capture, const AttentionPlan& plan, std::int64_t tokens, int layer, int kvHead,
                      std::int64_t decodeFrom) {
    const HeadStore form = headStoreOf(capture, plan.store, layer, kvHead);
    HeldRows keys = stored(capture.k(layer, kvHead), tokens, capture, form, true);
    keys.floatsUntil = promptInFloats(plan, decodeFrom);
    return keys;
}

CapturedHead::CapturedHead(const Capture& capture, const AttentionPlan& plan, std::int64_t tokens, int layer,
                           int kvHead, std::int64_t decodeFrom)
    : CapturedHead(capture, plan.store, tokens, layer, kvHead) {
    keys.floatsUntil = values.floatsUntil = promptInFloats(plan, decodeFrom);
}

CapturedHead::CapturedHead(const Capture& capture, const Store& store, std::int64_t tokens, int layer, int kvHead) {
    const HeadStore form = headStoreOf(capture, store, layer, kvHead);
    keys = stored(capture.k(layer, kvHead), tokens, capture, form, true);
    values = stored(capture.v(layer, kvHead), tokens, capture, form, false);
}

} // namespace fovea
