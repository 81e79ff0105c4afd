#include "core/engine/prompt_product.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/linear.h>

#include <vector>

#include "core/engine/parameter.h"
#include "core/engine/session.h"
#include "core/kernels/cpu/tile_product.h"
#include "core/methods/quantise/acts_truth.h"

namespace fovea {

namespace {

// Do tiles lose nothing of the weight, or is it rounded already?
bool goesOnTiles(const Weight& weight) {
    return !weight.isFloats() || Parameter(weight).type() == ElementType::BF16;
}

// x (vectors, in) as tiles take it, and what it is of once it was rounded.
struct TileInput {
    at::Tensor rows;
    std::vector<float> scales;

    TileInput(const at::Tensor& x, std::int64_t vectors, std::int64_t in, const std::optional<ActGrid>& acts)
        : rows(x.contiguous()) {
        if (!acts)
            return;
        const at::Tensor whole = at::empty(rows.sizes(), at::kFloat);
        scales.resize(static_cast<std::size_t>(vectors));
        cpu::roundActs(*acts, rows.data_ptr<float>(), whole.data_ptr<float>(), scales.data(), in, vectors);
        rows = whole;
    }
    cpu::TileVectors vectors() const {
        return {rows.data_ptr<float>(), scales.empty() ? nullptr : scales.data()};
    }
};

at::Tensor onTiles(const at::Tensor& x, const Weight& weight, const std::optional<ActGrid>& acts) {
    if (!goesOnTiles(weight))
        return acts ? at::linear(actsTruth(x, *acts), weight.to(at::kFloat)) : at::Tensor();
    const Parameter w(weight);
    std::vector<std::int64_t> shape = x.sizes().vec();
    const std::int64_t in = shape.back(), vectors = x.numel() / in;
    shape.back() = w.rows();
    const TileInput input(x, vectors, in, acts);
    at::Tensor y = at::empty(shape, at::kFloat);
    cpu::TileRows tiles;
    if (weight.isFloats())
        tiles.bf16 = static_cast<const std::uint16_t*>(w.data());
    else
        tiles.widen = [&](std::int64_t first, std::int64_t count, float* to) {
            w.widenRows(first, count, to, in);
        };
    cpu::tileProduct(tiles, input.vectors(), y.data_ptr<float>(), w.rows(), in, vectors);
    return y;
}

} // namespace

bool multipliesOnTiles(Backend backend, const Model& model) {
    const bool fit = !model.layers.empty() && goesOnTiles(model.layers.front().query.weight);
    return backend == Backend::Cpu && fit && cpu::multipliesTiles();
}

MatrixProduct promptProduct(Backend backend, const Model& model, const Acts& acts) {
    const std::optional<ActGrid> grid = actGrid(acts);
    if (multipliesOnTiles(backend, model))
        return [grid](const at::Tensor& x, const Weight& w) { return onTiles(x, w, grid); };
    if (grid)
        return [grid](const at::Tensor& x, const Weight& w) {
            return at::linear(actsTruth(x, *grid), w.to(at::kFloat));
        };
    return {};
}

} // namespace fovea
