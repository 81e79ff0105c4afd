#include "core/study/statistics_table.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/randint.h>

#include <cmath>
#include <vector>

#include "../model/small_checkpoint.h"
#include "core/calibrate/layer_walk.h"
#include "core/model/layer_matrices.h"

// After everything of libtorch, whose logging defines a CHECK of its own.
#include <catch2/catch.hpp>

using namespace fovea;

namespace {

const std::atomic<bool> kGoOn = false;

const TensorStatistics& find(const std::vector<TensorStatistics>& all, int layer, StudiedTensor tensor,
                             const std::string& part = {}) {
    for (const TensorStatistics& one : all)
        if (one.layer == layer && one.tensor == tensor && one.part == part)
            return one;
    FAIL("there is no row of layer " << layer << " and " << part);
    throw std::logic_error("not reached");
}

} // namespace

TEST_CASE("Moments of a handful of numbers are those of the blackboard", "[core.study]") {
    // 1, 2, 3, 6: μ = 3; off by −2, −1, 0, 3; Σ² = 14, Σ³ = 18, Σ⁴ = 98.
    const std::vector<float> x = {1, 2, 3, 6};
    Moments m;
    m.add(x);
    CHECK(m.count == 4);
    CHECK(m.most == 6);
    CHECK(m.mean == 3);
    CHECK(m.second == 14);
    CHECK(m.third == 18);
    CHECK(m.fourth == 98);
    CHECK(m.deviation() == Approx(std::sqrt(3.5)));
    CHECK(m.kurtosis() == 2); // 4·98/14²

    // In any pieces.
    for (std::size_t cut = 0; cut <= x.size(); ++cut) {
        Moments pieces;
        pieces.add(std::span(x).first(cut));
        pieces.add(std::span(x).subspan(cut));
        CHECK(pieces.count == 4);
        CHECK(pieces.most == 6);
        CHECK(pieces.mean == Approx(3));
        CHECK(pieces.second == Approx(14));
        CHECK(pieces.third == Approx(18));
        CHECK(pieces.fourth == Approx(98));
    }
    Moments negative;
    negative.add(std::vector<float>{-7, 1});
    CHECK(negative.most == 7);
    Moments alike;
    alike.add(std::vector<float>{.5F, .5F});
    CHECK(alike.deviation() == 0);
    CHECK(alike.kurtosis() == 0);
}

TEST_CASE("Moments about a mean that is large beside the spread lose nothing", "[core.study]") {
    // ±1 about 2^20, a thousand pieces of eight: σ = 1, kurtosis = 1. Of x⁴ itself fp64 would keep nothing of it.
    Moments m;
    for (int i = 0; i < 1000; ++i) {
        std::vector<float> run;
        for (int j = 0; j < 8; ++j)
            run.push_back(1048576.F + (j % 2 == 0 ? 1.F : -1.F));
        m.add(run);
    }
    CHECK(m.count == 8000);
    CHECK(m.deviation() == Approx(1).epsilon(1e-12));
    CHECK(m.kurtosis() == Approx(1).epsilon(1e-12));
    m.add(std::vector<float>{1, NAN});
    CHECK(std::isnan(m.most));
    CHECK(std::isnan(m.deviation()));
}

TEST_CASE("Statistics of a model are those of its matrices, of what they are given and of K and V",
          "[core.study]") {
    const Model model = test::smallModel();
    const at::Tensor blocks = at::randint(300, {3, 40}, at::kLong);
    int layers = 0;
    const auto all = tensorStatistics(
        model, blocks, [&](int done, int of) { layers += done == layers + 1 && of == 2; }, kGoOn);
    CHECK(layers == 2);
    LayerWalk walk(model, blocks);
    for (int layer = 0; layer < 2; ++layer) {
        const LayerWeights& w = model.layers[static_cast<std::size_t>(layer)];
        const at::Tensor down = w.down.weight.to(at::kDouble);
        const Moments& own = find(all, layer, StudiedTensor::Weights, "down").moments;
        CHECK(own.count == down.numel());
        CHECK(own.most == Approx(down.abs().max().item<double>()));
        CHECK(own.deviation() == Approx(down.std(/*unbiased=*/false).item<double>()));
        const at::Tensor off = down - down.mean();
        CHECK(own.kurtosis() ==
              Approx((off.pow(4).mean() / off.pow(2).mean().pow(2)).item<double>()).epsilon(1e-6));

        std::int64_t weights = 0;
        for (const LayerMatrix& part : kLayerMatrices)
            weights += (w.*part.matrix).weight.elements();
        CHECK(find(all, layer, StudiedTensor::Weights).moments.count == weights);

        // The calibration's walk sees the same inputs: its largest |x|, and the mean of x² on H's diagonal.
        const LayerInputs inputs = walk.inputs(layer, w, kGoOn);
        const Moments& inner = find(all, layer, StudiedTensor::Activations, "of gate, up").moments;
        const InputSums& sums = inputs[static_cast<std::size_t>(MatrixInput::Inner)];
        CHECK(inner.count == 3 * 40 * 32);
        CHECK(inner.most == Approx(sums.most.max().item<double>()));
        CHECK(inner.second / static_cast<double>(inner.count) + inner.mean * inner.mean ==
              Approx(sums.moment.diagonal().mean().item<double>() / 2).epsilon(1e-5));
        walk.pass(layer, w, kGoOn);

        for (const StudiedTensor tensor : {StudiedTensor::Keys, StudiedTensor::Values})
            CHECK(find(all, layer, tensor).moments.count == 3 * 40 * 2 * 8);
    }
    CHECK(all.size() == 2 * (7 + 1 + 4 + 1 + 1 + 1));
    const std::atomic<bool> cancelled = true;
    CHECK(tensorStatistics(model, blocks, {}, cancelled).empty());
}

TEST_CASE("Layers that borrow their KV have none of their own to tell of", "[core.study]") {
    Model model = test::smallModel();
    model.spec.kvSources = {0, 0};
    model.layers[1].key = model.layers[1].value = {};
    const auto all = tensorStatistics(model, at::randint(300, {1, 16}, at::kLong), {}, kGoOn);
    int keys = 0;
    for (const TensorStatistics& one : all)
        keys += one.tensor == StudiedTensor::Keys;
    CHECK(keys == 1);
}

TEST_CASE("A table of statistics comes back with its figures, or not at all", "[core.study]") {
    StatisticsTable table{.model = "/models/a, b",
                          .text = "t.txt, 9 bytes, 12345678",
                          .blocks = 8,
                          .length = 512,
                          .seed = 18446744073709551615U,
                          .rows = {}};
    Moments m;
    m.add(std::vector<float>{1, 2, 3, 6});
    table.rows = {{0, StudiedTensor::Weights, "query", m}, {1, StudiedTensor::Values, {}, m}};
    const std::string csv = statisticsCsv(table);
    const auto back = readStatisticsCsv(csv);
    REQUIRE(back);
    CHECK(back->sameQuestion(table));
    REQUIRE(back->rows.size() == 2);
    CHECK(back->rows[0].part == "query");
    CHECK(back->rows[1].tensor == StudiedTensor::Values);
    CHECK(back->rows[0].moments.most == 6);
    CHECK(back->rows[0].moments.deviation() == Approx(std::sqrt(3.5)));
    CHECK(back->rows[0].moments.kurtosis() == Approx(2));
    StatisticsTable other = table;
    other.length = 256;
    CHECK_FALSE(back->sameQuestion(other));
    const auto with = [&](const std::string& what, const std::string& by) {
        std::string text = csv;
        const auto at = text.find(what);
        REQUIRE(at != text.npos);
        return text.replace(at, what.size(), by);
    };
    for (const std::string& text :
         {std::string(), std::string("a,b\n"), with("weights", "wights"), with(",512,", ",513,"),
          with(",4,6,", ",0,6,"), with(",4,6,", ",4,-6,"), with(",4,6,", ",4,,"), with(",1.87", ",1e300"),
          csv.substr(0, csv.size() - 9)}) {
        INFO(text.substr(0, 60));
        CHECK_FALSE(readStatisticsCsv(text));
    }
}
