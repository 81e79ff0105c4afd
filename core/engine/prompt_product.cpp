#include "core/engine/prompt_product.h"

#include <ATen/ops/empty.h>

#include "core/engine/parameter.h"
#include "core/engine/session.h"
#include "core/kernels/cpu/tile_product.h"

namespace fovea {

namespace {

// Do tiles lose nothing of the weight, or is it rounded already?
bool goesOnTiles(const Weight& weight) {
    return !weight.isFloats() || Parameter(weight).type() == ElementType::BF16;
}

at::Tensor onTiles(const at::Tensor& x, const Weight& weight) {
    if (!goesOnTiles(weight))
        return {};
    const Parameter w(weight);
    const at::Tensor rows = x.contiguous();
    std::vector<std::int64_t> shape = rows.sizes().vec();
    const std::int64_t in = shape.back(), vectors = rows.numel() / in;
    shape.back() = w.rows();
    at::Tensor y = at::empty(shape, at::kFloat);
    cpu::TileRows tiles;
    if (weight.isFloats())
        tiles.bf16 = static_cast<const std::uint16_t*>(w.data());
    else
        tiles.widen = [&](std::int64_t first, std::int64_t count, float* to) {
            w.widenRows(first, count, to, in);
        };
    cpu::tileProduct(tiles, rows.data_ptr<float>(), y.data_ptr<float>(), w.rows(), in, vectors);
    return y;
}

} // namespace

const MatrixProduct& promptProduct(Backend backend, const Model& model) {
    static const MatrixProduct libtorchs, tiles = onTiles;
    const bool fit = !model.layers.empty() && goesOnTiles(model.layers.front().query.weight);
    return backend == Backend::Cpu && fit && cpu::multipliesTiles() ? tiles : libtorchs;
}

} // namespace fovea
