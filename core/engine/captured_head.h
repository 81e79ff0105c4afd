#pragma once
// The captured K and V of one KV head as a plan's store holds them: what a replay of that plan attends over. Where a store
// keeps rows exact for a while, each query sees them as they were when it came.

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <optional>

#include "core/cache/row_codec.h"
#include "core/methods/store/store.h"

namespace fovea {

class Capture;
struct AttentionPlan;

// How the rows of one captured KV head are held: as a cache of one layer and one head wants it.
struct HeadStore {
    std::optional<RtnParams> codes;
    std::optional<MixedStore> mixed;
    std::shared_ptr<const StoreCodecs> codecs; // of this head alone
};
// Throws PlanError or CheckpointError where the store's codebooks cannot be read.
HeadStore headStoreOf(const Capture& capture, const Store& store, int layer, int kvHead);

// Rows of K, or of V.
struct HeldRows {
    at::Tensor floats; // (tokens, d) fp32 as they came
    at::Tensor codes;  // as their codes give them back; `floats` where there are none
    std::optional<ExactRows> exact;
    std::int64_t floatsUntil = 0; // queries of tokens before it see floats alone

    // (n, d) of the tokens at `positions` (n) int64 as the last of them sees them.
    at::Tensor at(const at::Tensor& positions) const;
    // (…, n, to): queries (…, n, d) of tokens first, first + 1, … times the rows of tokens 0 … to - 1, each as it sees them.
    at::Tensor products(const at::Tensor& queries, std::int64_t first, std::int64_t to) const;
};

// rows (n, d) fp32 through the codes of RTN.
at::Tensor asStored(const at::Tensor& rows, const RtnParams& codes);

struct CapturedHead {
    HeldRows keys, values;

    // Of the first `tokens`. Where rows are floats these are the captured ones themselves: they must outlive it, and the
    // rounding to two bytes, which a picture would not show, is left out.
    CapturedHead(const Capture& capture, const Store& store, std::int64_t tokens, int layer, int kvHead);
    // The same under a plan, whose prompt, which ends at decodeFrom, may be read in floats.
    CapturedHead(const Capture& capture, const AttentionPlan& plan, std::int64_t tokens, int layer, int kvHead,
                 std::int64_t decodeFrom);
};
// Its first and its last token that are codes once there are `tokens`, of which none has left.
struct CodedTokens {
    std::int64_t first, end;
};
CodedTokens codedTokens(const ExactRows& exact, std::int64_t tokens);
HeldRows capturedKeys(const Capture& capture, const AttentionPlan& plan, std::int64_t tokens, int layer, int kvHead,
                      std::int64_t decodeFrom);

} // namespace fovea
