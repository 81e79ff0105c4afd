// What is learnt for KVQuant and CQ, held against what they would have without.

#include "core/calibrate/store_codebooks.h"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/full.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/tensor.h>

#include "core/calibrate/level_clusters.h"
#include "core/methods/store/cq_truth.h"

#include <catch2/catch.hpp>

using namespace fovea;

namespace {

const std::atomic<bool> kGoOn = false;

// Keys whose channels differ in size and place, and of which pairs go together; values of a skewed distribution.
KvRows someRows(std::int64_t n) {
    at::manual_seed(21);
    const at::Tensor size = at::rand({2, 8}) * 5 + .2, place = at::randn({2, 8}) * 4;
    at::Tensor keys = at::randn({n, 2, 8});
    keys = at::where(at::rand({n, 2, 8}) < .02, keys * 8, keys) * size + place;
    keys.select(2, 1).copy_(keys.select(2, 0) * .5 + at::randn({n, 2}) * .05);
    KvRows rows;
    rows.rows = n;
    rows.layers.resize(2); // the second borrows
    rows.layers[0] = {
        .keys = keys, .values = at::randn({n, 2, 8}).pow(3), .keyWeights = {}, .valueWeights = {}};
    return rows;
}

double errorOf(const at::Tensor& read, const at::Tensor& rows) {
    return (read - rows).square().mean().item<double>();
}

} // namespace

TEST_CASE("KVQuant's ranges are percentiles of each channel", "[core.calibrate]") {
    const KvRows rows = someRows(1001);
    const KvquantParams p{.bits = 3, .outliers = .02, .exact = 0};
    const auto books = learnCodebooks(rows, p, 1, {}, kGoOn);
    REQUIRE(books.size() == 2);
    CHECK_FALSE(books[1].keyTable.levels.defined()); // it borrows
    const KvquantTable& table = books[0].keyTable;
    const at::Tensor outside = ((rows.layers[0].keys - table.offset).abs() > table.range * 1.000001);
    // The 1st and 99th percentile of 1001 rows are rows themselves: ten lie below, ten above.
    CHECK((outside.sum(0) == 20).all().item<bool>());
    CHECK_FALSE(books[0].valueTable.offset.defined());
}

TEST_CASE("Levels that were learnt are better than even ones, and outliers kept better still",
          "[core.calibrate]") {
    KvRows rows = someRows(2000);
    rows.layers[0].values = at::randn({2000, 2, 32}).pow(3); // of eight, a range is most of the numbers
    KvquantParams p{.bits = 2, .outliers = .05, .exact = 0, .norm = false};
    const LayerCodebooks books = learnCodebooks(rows, p, 1, {}, kGoOn).front();
    const KvLayerRows& own = rows.layers[0];
    KvquantTable even = books.keyTable, evenValues = books.valueTable;
    even.levels = even.read = evenValues.levels = evenValues.read = at::tensor(evenLevels(4));
    const double keys = errorOf(kvquantKeys(own.keys, p, books.keyTable), own.keys);
    CHECK(keys < .9 * errorOf(kvquantKeys(own.keys, p, even), own.keys));
    CHECK(errorOf(kvquantValues(own.values, p, books.valueTable), own.values) <
          .8 * errorOf(kvquantValues(own.values, p, evenValues), own.values));
    p.outliers = 0;
    const LayerCodebooks without = learnCodebooks(rows, p, 1, {}, kGoOn).front();
    CHECK(keys < .8 * errorOf(kvquantKeys(own.keys, p, without.keyTable), own.keys));
}

TEST_CASE("Q-Norm gives what is read the mean and deviation of what was there", "[core.calibrate]") {
    const KvRows rows = someRows(2000);
    const KvquantParams p{.bits = 2, .outliers = 0, .exact = 0, .norm = true};
    const KvquantTable table = learnCodebooks(rows, p, 1, {}, kGoOn).front().keyTable;
    const at::Tensor& keys = rows.layers[0].keys;
    const at::Tensor there = (keys - table.offset) / table.range;
    const at::Tensor read = (kvquantKeys(keys, p, table) - table.offset) / table.range;
    KvquantTable plain = table;
    plain.read = plain.levels;
    const at::Tensor narrow = (kvquantKeys(keys, p, plain) - table.offset) / table.range;
    CHECK(read.mean().item<double>() == Approx(there.mean().item<double>()).margin(1e-3));
    CHECK(read.std().item<double>() == Approx(there.std().item<double>()).epsilon(1e-3));
    CHECK(narrow.std().item<double>() < .98 * there.std().item<double>()); // centroids lie further in
}

TEST_CASE("CQ's centroids use what channels know of each other", "[core.calibrate]") {
    const KvRows rows = someRows(2000);
    const at::Tensor& keys = rows.layers[0].keys;
    const CqParams pairs{.channels = 2, .bits = 4}, apart{.channels = 1, .bits = 2};
    const double together =
        errorOf(cqRows(keys, pairs, learnCodebooks(rows, pairs, 5, {}, kGoOn)[0].keyCentroids), keys);
    const double alone =
        errorOf(cqRows(keys, apart, learnCodebooks(rows, apart, 5, {}, kGoOn)[0].keyCentroids), keys);
    CHECK(together < .9 * alone);
    const at::Tensor centroids = learnCodebooks(rows, pairs, 5, {}, kGoOn)[0].valueCentroids;
    CHECK(centroids.sizes() == at::IntArrayRef({2, 4, 16, 2}));
}

TEST_CASE("CQ's weights draw centroids to what matters", "[core.calibrate]") {
    KvRows rows = someRows(1000);
    KvLayerRows& own = rows.layers[0];
    // Of the first two channels, only tokens matter in which they are large.
    const at::Tensor first = own.keys.narrow(2, 0, 1);
    own.keyWeights = (first > first.mean(0)).to(at::kFloat).expand_as(own.keys) + 1e-6;
    own.valueWeights = at::full({1000, 2, 8}, 1.f);
    const CqParams p{.channels = 2, .bits = 2};
    const at::Tensor weighted = learnCodebooks(rows, p, 5, {}, kGoOn)[0].keyCentroids;
    const at::Tensor mattering = own.keyWeights;
    own.keyWeights = at::Tensor();
    const at::Tensor plain = learnCodebooks(rows, p, 5, {}, kGoOn)[0].keyCentroids;
    const auto error = [&](const at::Tensor& centroids) {
        return ((cqRows(own.keys, p, centroids) - own.keys).square() * mattering)
            .narrow(2, 0, 2)
            .mean()
            .item<double>();
    };
    CHECK(error(weighted) < .7 * error(plain));
}

TEST_CASE("Learning is the same on any number of threads, and stops when it is told", "[core.calibrate]") {
    const KvRows rows = someRows(300);
    const CqParams p{.channels = 2, .bits = 3};
    const int before = at::get_num_threads();
    at::set_num_threads(1);
    const at::Tensor one = learnCodebooks(rows, p, 5, {}, kGoOn)[0].keyCentroids;
    at::set_num_threads(3);
    const at::Tensor three = learnCodebooks(rows, p, 5, {}, kGoOn)[0].keyCentroids;
    at::set_num_threads(before);
    CHECK(one.equal(three));
    const std::atomic<bool> stop = true;
    CHECK(learnCodebooks(rows, p, 5, {}, stop).empty());
}
