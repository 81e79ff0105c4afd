#include "core/tasks/stored_attention.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/where.h>

#include <algorithm>
#include <limits>
#include <memory>

#include "core/methods/keep/row_turn.h"
#include "core/methods/quantise/rtn_truth.h"
#include "core/methods/store/cq_truth.h"
#include "core/methods/store/kivi_truth.h"

namespace fovea {

namespace {

constexpr std::int64_t kQueryRows = 256; // of queries scored at once, as in causalAttention

// (T, G, d) of the n-th row at position n, turned by as many positions, forward or back.
at::Tensor turned(const ModelSpec& spec, int layer, const at::Tensor& rows, int direction) {
    if (spec.rotated() == 0)
        return rows;
    const at::Tensor by = at::arange(rows.size(0), at::kLong) * direction;
    return RowTurn(spec, layer).rows(rows.transpose(0, 1), by).transpose(0, 1);
}

using ExactRows = std::function<std::int64_t(std::int64_t tokens)>;

// (rows, T) bool: does the query first + i see row j as it is? The newest `exact` of its first + i + 1 tokens.
at::Tensor asTheyAre(const ExactRows& exact, std::int64_t first, std::int64_t rows, std::int64_t tokens) {
    std::vector<std::int64_t> from;
    for (std::int64_t i = first; i < first + rows; ++i)
        from.push_back(i + 1 - (exact ? exact(i + 1) : 0));
    return at::arange(tokens, at::kLong).unsqueeze(0) >= at::tensor(from, at::kLong).unsqueeze(1);
}

// (rows, T) bool: may the query first + i not see row j?
at::Tensor hidden(std::int64_t first, std::int64_t rows, std::int64_t tokens, int window) {
    const at::Tensor ahead =
        at::arange(tokens, at::kLong).unsqueeze(0) - at::arange(first, first + rows, at::kLong).unsqueeze(1);
    return window > 0 ? (ahead > 0) | (ahead <= -window) : ahead > 0;
}

// The rows of one layer in the order that products want, (G, T, d).
struct SeenRows {
    at::Tensor keys, values, readKeys, readValues;
};

// q (H, T, d) -> (H, T, d)
at::Tensor attend(const at::Tensor& q, const SeenRows& rows, const StoreReading& reading,
                  const LogitRule& rule, int window) {
    const std::int64_t T = q.size(1), d = q.size(2), G = rows.keys.size(0), group = q.size(0) / G;
    const at::Tensor grouped = q.reshape({G, group, T, d});
    const auto products = [](const at::Tensor& mine, const at::Tensor& keys) {
        return at::matmul(mine, keys.unsqueeze(1).transpose(-2, -1));
    };
    std::vector<at::Tensor> blocks;
    for (std::int64_t first = 0; first < T; first += kQueryRows) {
        const std::int64_t n = std::min(kQueryRows, T - first);
        const at::Tensor mine = grouped.narrow(2, first, n);
        const at::Tensor scores = at::where(asTheyAre(reading.exactKeys, first, n, T),
                                            products(mine, rows.keys), products(mine, rows.readKeys));
        const at::Tensor logits =
            attentionLogits(scores, rule, static_cast<int>(d))
                .masked_fill(hidden(first, n, T, window), -std::numeric_limits<float>::infinity());
        const at::Tensor weights = at::softmax(logits, -1),
                         exact = asTheyAre(reading.exactValues, first, n, T);
        blocks.push_back(at::matmul(weights.masked_fill(exact, 0), rows.readValues.unsqueeze(1)) +
                         at::matmul(weights.masked_fill(exact.logical_not(), 0), rows.values.unsqueeze(1)));
    }
    return at::cat(blocks, 2).reshape({G * group, T, d});
}

} // namespace

StoreReading rtnReading(const RtnParams& params) {
    return {.read = [params](int, const KvPair& rows) {
        return KvPair{rtnTruth(rows.keys, params, RtnScale::Held),
                      rtnTruth(rows.values, params, RtnScale::Held)};
    }};
}

StoreReading kiviReading(const KiviParams& params) {
    return {.read =
                [params](int, const KvPair& rows) {
                    return KvPair{kiviKeys(rows.keys, params, RtnScale::Held),
                                  kiviValues(rows.values, params, RtnScale::Held)};
                },
            .exactKeys = [params](std::int64_t tokens) { return kiviExactKeys(params, tokens); },
            .exactValues = [params](std::int64_t tokens) { return kiviExactValues(params, tokens); }};
}

StoreReading learntReading(const ModelSpec& spec, const StoreCodebooks& books) {
    if (const auto* p = std::get_if<KvquantParams>(&books.store))
        return {.read = [&spec, &books, params = *p](int layer, const KvPair& rows) {
            const LayerCodebooks& own = books.layers[static_cast<std::size_t>(layer)];
            const at::Tensor keys =
                kvquantKeys(turned(spec, layer, rows.keys, -1), params, own.keyTable, RtnScale::Held);
            return KvPair{turned(spec, layer, keys, 1),
                          kvquantValues(rows.values, params, own.valueTable, RtnScale::Held)};
        }};
    const auto params = std::get<CqParams>(books.store);
    const auto exact = [params](std::int64_t tokens) { return cqExactRows(params, tokens); };
    return {.read =
                [&spec, &books, params](int layer, const KvPair& rows) {
                    const LayerCodebooks& own = books.layers[static_cast<std::size_t>(layer)];
                    const at::Tensor keys =
                        cqRows(turned(spec, layer, rows.keys, -1), params, own.keyCentroids, RtnScale::Held);
                    return KvPair{turned(spec, layer, keys, 1),
                                  cqRows(rows.values, params, own.valueCentroids, RtnScale::Held)};
                },
            .exactKeys = exact,
            .exactValues = exact};
}

StoreReading keysBeforeRope(const ModelSpec& spec,
                            std::function<at::Tensor(int layer, const at::Tensor& keys)> read) {
    return {.read = [&spec, read = std::move(read)](int layer, const KvPair& rows) {
        return KvPair{turned(spec, layer, read(layer, turned(spec, layer, rows.keys, -1)), 1), rows.values};
    }};
}

AttentionFunction storedAttentionOf(const ModelSpec& spec, StoreReading reading) {
    return [&spec, reading = std::move(reading),
            owned = std::make_shared<std::vector<SeenRows>>(static_cast<std::size_t>(spec.layers))](
               int layer, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
        SeenRows& rows = (*owned)[static_cast<std::size_t>(spec.kvSource(layer))];
        if (spec.ownsKv(layer)) {
            rows = {k.squeeze(0), v.squeeze(0), {}, {}};
            const KvPair read = reading.read(layer, {rows.keys.transpose(0, 1), rows.values.transpose(0, 1)});
            rows.readKeys = read.keys.transpose(0, 1);
            rows.readValues = read.values.transpose(0, 1);
        }
        return attend(q.squeeze(0), rows, reading, spec.logitRule(), spec.window(layer)).unsqueeze(0);
    };
}

} // namespace fovea
