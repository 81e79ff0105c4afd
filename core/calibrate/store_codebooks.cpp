#include "core/calibrate/store_codebooks.h"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/tensor.h>

#include "core/calibrate/level_clusters.h"
#include "core/calibrate/vector_clusters.h"

namespace fovea {

namespace {

std::span<const float> numbersOf(const at::Tensor& x) {
    return {x.data_ptr<float>(), static_cast<std::size_t>(x.numel())};
}

// R of kvquant.h: the levels moved and stretched so that what is read of `scaled` has the mean and deviation it had.
at::Tensor normed(const at::Tensor& scaled, const at::Tensor& levels) {
    const at::Tensor within = scaled.masked_select(scaled.abs() <= 1).to(at::kDouble),
                     wide = levels.to(at::kDouble);
    const at::Tensor read = wide.index_select(0, nearestLevel(within, wide));
    const double deviation = read.std(/*unbiased*/ false).item<double>();
    if (within.numel() == 0 || !(deviation > 0))
        return levels;
    const double stretch = within.std(/*unbiased*/ false).item<double>() / deviation;
    return ((wide - read.mean()) * stretch + within.mean()).to(at::kFloat);
}

// x, weights (N, D); offset and range stretch to it. nuq's objective is the error of x, so that of x' weighs range² more.
KvquantTable kvquantTable(const at::Tensor& x, const at::Tensor& weights, const KvquantRange& of,
                          const KvquantParams& params) {
    const at::Tensor range = of.range.to(at::kFloat);
    const at::Tensor scaled = ((x - of.offset.to(at::kFloat)) / range).contiguous();
    WeighedNumbers numbers;
    if (weights.defined())
        numbers.add(numbersOf(scaled), numbersOf((weights * range.square()).contiguous()));
    else
        numbers.add(numbersOf(scaled), {});
    KvquantTable table;
    table.levels = at::tensor(numbers.levels(params.levels()));
    table.read = params.normed() ? normed(scaled, table.levels) : table.levels;
    return table;
}

at::Tensor flatRows(const at::Tensor& rows) {
    return rows.defined() ? rows.reshape({rows.size(0), -1}) : rows;
}

// (N·G, d): each KV head's rows have ranges of their own.
at::Tensor headRows(const at::Tensor& rows) {
    return rows.defined() ? rows.reshape({-1, rows.size(-1)}) : rows;
}

LayerCodebooks learnLayer(const KvLayerRows& rows, const KvquantParams& params, std::uint64_t /*seed*/,
                          const std::atomic<bool>& /*cancel*/) {
    LayerCodebooks books;
    const at::Tensor keys = flatRows(rows.keys), values = headRows(rows.values);
    const KvquantRange channels = kvquantRange(keys.t(), params); // (D, 1)
    books.keyTable =
        kvquantTable(keys, flatRows(rows.keyWeights), {channels.offset.t(), channels.range.t()}, params);
    const at::IntArrayRef shape = rows.keys.sizes().slice(1);
    books.keyTable.offset = channels.offset.to(at::kFloat).view(shape);
    books.keyTable.range = channels.range.to(at::kFloat).view(shape);
    books.valueTable = kvquantTable(values, headRows(rows.valueWeights), kvquantRange(values, params), params);
    return books;
}

// rows, weights (N, G, d) -> (G, d/c, 2^b, c)
at::Tensor centroids(const at::Tensor& rows, const at::Tensor& weights, const CqParams& params,
                     std::uint64_t seed, const std::atomic<bool>& cancel) {
    const std::int64_t N = rows.size(0), G = rows.size(1), groups = rows.size(2) / params.channels;
    const auto apart = [&](const at::Tensor& x) { return x.view({N, G * groups, params.channels}); };
    at::Tensor all = at::empty({G * groups, params.centroids(), params.channels}, at::kFloat);
    at::parallel_for(0, G * groups, 1, [&](std::int64_t first, std::int64_t last) {
        for (std::int64_t group = first; group < last && !cancel; ++group) {
            const at::Tensor vectors = apart(rows).select(1, group).contiguous();
            const at::Tensor counts =
                weights.defined() ? apart(weights).select(1, group).sum(-1).contiguous() : at::Tensor();
            ClusterTask task{.vectors = numbersOf(vectors),
                             .weights = counts.defined() ? numbersOf(counts) : std::span<const float>(),
                             .width = params.channels,
                             .count = params.centroids(),
                             .seed = seed + static_cast<std::uint64_t>(group)};
            const Clusters found = cluster(task);
            all.select(0, group).copy_(
                at::tensor(found.centroids).view({params.centroids(), params.channels}));
        }
    });
    return all.view({G, groups, params.centroids(), params.channels});
}

LayerCodebooks learnLayer(const KvLayerRows& rows, const CqParams& params, std::uint64_t seed,
                          const std::atomic<bool>& cancel) {
    LayerCodebooks books;
    const std::uint64_t groups =
        static_cast<std::uint64_t>(rows.keys.size(1) * rows.keys.size(2) / params.channels);
    books.keyCentroids = centroids(rows.keys, rows.keyWeights, params, seed, cancel);
    books.valueCentroids = centroids(rows.values, rows.valueWeights, params, seed + groups, cancel);
    return books;
}

} // namespace

KvRowsOptions rowsFor(const LearntStore& store, bool weighted) {
    KvRowsOptions options{.gradients = weighted};
    if (const auto* kvquant = std::get_if<KvquantParams>(&store))
        options.skip = kvquant->exact;
    return options;
}

std::vector<LayerCodebooks> learnCodebooks(const KvRows& rows, const LearntStore& store, std::uint64_t seed,
                                           const CalibrationProgress& progress,
                                           const std::atomic<bool>& cancel) {
    std::vector<LayerCodebooks> all(rows.layers.size());
    for (std::size_t layer = 0; layer < all.size(); ++layer) {
        if (rows.layers[layer].keys.defined())
            // Each layer's groups draw from seeds of their own, far from the next layer's.
            all[layer] = std::visit(
                [&](const auto& params) {
                    return learnLayer(rows.layers[layer], params,
                                      seed + (static_cast<std::uint64_t>(layer) << 32), cancel);
                },
                store);
        if (cancel)
            return {};
        if (progress)
            progress(static_cast<std::int64_t>(layer) + 1, std::ssize(all));
    }
    return all;
}

} // namespace fovea
