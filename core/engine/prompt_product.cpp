#include "core/engine/prompt_product.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/linear.h>

#include <memory>
#include <optional>
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

// x (…, in) as tiles take it, rounded before where `acts` says so.
class TileInput {
public:
    TileInput(const at::Tensor& x, const std::optional<ActGrid>& acts) : m_of(x) {
        const std::int64_t in = x.size(-1), vectors = x.numel() / in;
        at::Tensor rows = x.contiguous();
        if (acts) {
            const at::Tensor whole = at::empty(rows.sizes(), at::kFloat);
            m_scales.resize(static_cast<std::size_t>(vectors));
            cpu::roundActs(*acts, rows.data_ptr<float>(), whole.data_ptr<float>(), m_scales.data(), in,
                           vectors);
            rows = whole;
        }
        m_tiles = cpu::tiledVectors({rows.data_ptr<float>(), m_scales.empty() ? nullptr : m_scales.data()},
                                    in, vectors);
    }
    bool isOf(const at::Tensor& x) const { return m_of.is_same(x); }
    const cpu::TiledVectors& tiles() const { return *m_tiles; }

private:
    at::Tensor m_of; // held, so that no other tensor can be taken for it
    std::vector<float> m_scales;
    std::shared_ptr<const cpu::TiledVectors> m_tiles;
};

// Products on tiles. What several matrices in turn are given (q, k and v; gate and up) is made ready once.
class TileProducts {
public:
    explicit TileProducts(const std::optional<ActGrid>& acts) : m_acts(acts) {}

    at::Tensor operator()(const at::Tensor& x, const Weight& weight) {
        if (!goesOnTiles(weight))
            return m_acts ? at::linear(actsTruth(x, *m_acts), weight.to(at::kFloat)) : at::Tensor();
        if (!m_input || !m_input->isOf(x))
            m_input = std::make_shared<const TileInput>(x, m_acts);
        const Parameter w(weight);
        std::vector<std::int64_t> shape = x.sizes().vec();
        const std::int64_t in = shape.back();
        shape.back() = w.rows();
        at::Tensor y = at::empty(shape, at::kFloat);
        cpu::TileRows tiles;
        if (weight.isFloats())
            tiles.bf16 = static_cast<const std::uint16_t*>(w.data());
        else
            tiles.widen = [&](std::int64_t first, std::int64_t count, float* to) {
                w.widenRows(first, count, to, in);
            };
        cpu::tileProduct(tiles, m_input->tiles(), y.data_ptr<float>(), w.rows());
        return y;
    }

private:
    std::optional<ActGrid> m_acts;
    std::shared_ptr<const TileInput> m_input; // the last one
};

} // namespace

bool multipliesOnTiles(Backend backend, const Model& model) {
    const bool fit = !model.layers.empty() && goesOnTiles(model.layers.front().query.weight);
    return backend == Backend::Cpu && fit && cpu::multipliesTiles();
}

MatrixProduct promptProduct(Backend backend, const Model& model, const Acts& acts) {
    const std::optional<ActGrid> grid = actGrid(acts);
    if (multipliesOnTiles(backend, model))
        return TileProducts(grid);
    if (grid)
        return [grid](const at::Tensor& x, const Weight& w) {
            return at::linear(actsTruth(x, *grid), w.to(at::kFloat));
        };
    return {};
}

} // namespace fovea
