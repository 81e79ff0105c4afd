#pragma once
// The numbers a closed-form cost depends on, for one layer of one decode step.

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>

#include "core/cache/element_type.h"
#include "core/cache/mixed_count.h"
#include "core/cache/row_codec.h"
#include "core/methods/quantise/rtn.h"

namespace fovea {

class LayerKeep;

struct StepShape {
    std::int64_t tokens =
        0; // S, tokens so far with the current one; a formula of a read takes it for those cached
    int queryHeads = 0;       // H
    int kvHeads = 0;          // G
    int headDim = 0;          // d
    ElementType store = ElementType::F32; // of all that is held as floats
    std::optional<RtnParams> codes = {};  // of the rows of K and V; empty: they are floats, or mixed
    std::optional<MixedStore> mixed = {}; // of rows of which some are exact for a while
    // False on a step before decode-from: rows are read dense, but what the plan keeps beside K and V (a copy of
    // K, a mean) is written all the same.
    bool planned = true;

    // False for a layer that reads another's KV: it appends nothing, holds nothing and evicts nothing.
    bool ownsKv = true;
    int layer = 0;     // which one: spans may differ
    // The layers that read the KV which this one reads, its owner first; empty: itself.
    std::span<const int> readers = {};
    int window = 0;    // the model's own: tokens that a query of this layer sees, itself included; 0: all
    bool keeps = true; // the plan's keep acts: from the first planned step on, for good
    bool takesOver = false; // this is that step: what the plan does not keep leaves before it
    // What happened, all KV heads of the layer together, because no formula can know it: rows that changed
    // slot, values added up again after one that was no number left, and sums written by that.
    std::int64_t moved = 0, resummed = 0, sums = 0;
    int valueSums = 1; // kept per KV head, for a read that wants means; set by predict

    // Of a read by pages, all KV heads together: rows that were the first of their page, heads whose choice has the
    // last page of their slots, heads that have a free slot before a live one after the step. kUnknown: as if no
    // token had ever left.
    static constexpr std::int64_t kUnknown = -1;
    std::int64_t pagesBegun = kUnknown, lastPages = kUnknown, holes = 0;
    // (G) the latter two by KV head, which matters where these hold unequal numbers of rows; empty: unknown.
    std::span<const char> lastPageOf = {}, holeIn = {};
    // What happened to the rows of a mixed store; empty: as if no token had ever left, and of those that a read chooses as
    // many were exact as can be.
    std::optional<MixedCounts> mixedCounts = {};
    // Tokens before the plan acted, which a keep that scores tokens counts from; -1: all but the current one, as if
    // it were the first after its prompt.
    std::int64_t prompt = -1;

    // The rules of this layer, where somebody has made them; null: they are made anew.
    const LayerKeep* keep = nullptr;

    int readerCount() const { return readers.empty() ? 1 : static_cast<int>(readers.size()); }
    // Which of them this layer is.
    int readerPlace() const {
        return static_cast<int>(std::find(readers.begin(), readers.end(), layer) - readers.begin());
    }
    int lastReader() const { return readers.empty() ? layer : readers.back(); }
    int appended() const { return ownsKv ? 1 : 0; } // rows per KV head in this step
    int group() const { return queryHeads / kvHeads; }  // g = H / G
    std::int64_t promptTokens() const { return prompt < 0 ? tokens - 1 : prompt; }
    // How far back the model's own window lets a query see, where there is one.
    std::optional<std::int64_t> ownReach() const {
        return window > 0 ? std::optional<std::int64_t>(window - 1) : std::nullopt;
    }
    std::int64_t reach() const { return ownReach().value_or(std::int64_t{1} << 40); }
};

}  // namespace fovea
