// The GPU's bench on the host's kernels: what it times, what it says of bytes, and what it lists in place of times.

#include <algorithm>
#include <limits>
#include <stdexcept>

#include "core/bench/device_attention.h"
#include "core/bench/decode_bench.h"
#include "core/bench/device_bench.h"
#include "core/bench/device_suite.h"
#include "core/kernels/cuda/device_memory.h"
#include "tests/support/simt/host_device.h"

#include <catch2/catch.hpp>

using namespace fovea;

namespace {

AttentionPlan planOf(const char* text) {
    return parsePlan(text);
}

DeviceShape tiny(int batch = 2) {
    return {.context = 300, .batch = batch, .heads = 2, .kvHeads = 2, .headDim = 32};
}

// All rows of all kinds, small.
DeviceBenchOptions tinyGrid() {
    DeviceBenchOptions options;
    options.tables.push_back({"grid", {}});
    for (const int batch : {1, 2})
        options.tables.back().cells.push_back(
            {tiny(batch), {planOf("store=f16"), planOf("store=f16 read=sparq:r=8,k=16")}, true});
    options.tables.push_back({"rounded", {}});
    options.tables.back().cells.push_back({tiny(),
                                           {planOf("store=f16"), planOf("store=rtn:bits=8"),
                                            planOf("store=rtn:bits=4"), planOf("store=rtn:bits=2")}});
    options.products.push_back({40, 128, 1, {ElementType::BF16, RtnParams{.bits = 8}, RtnParams{.bits = 4}}});
    options.repeats = 2;
    options.workingSet = 1 << 18;
    return options;
}

// Bytes the device may give out, for as long as this lives.
struct ScarceMemory {
    explicit ScarceMemory(std::size_t bytes) { simt::limitMemory(bytes); }
    ~ScarceMemory() { simt::limitMemory(std::numeric_limits<std::size_t>::max()); }
};

void requireTimes(const DeviceRow& row) {
    INFO(row.whyNot);
    REQUIRE(row.time);
    CHECK(row.whyNot.empty());
    CHECK(row.time->fastest > 0);
    CHECK(row.time->median >= row.time->fastest);
    CHECK(row.time->spread >= 0);
    CHECK(row.gbps() == Approx(static_cast<double>(row.formulaBytes) / row.time->median / 1e9));
}

} // namespace

TEST_CASE("Every cell of the GPU's bench is timed, beside the limit of its own rounds",
          "[core.bench.device]") {
    DeviceBenchOptions options = tinyGrid();
    int last = 0;
    options.progress = [&](int done, int total) {
        CHECK(done == ++last);
        CHECK(total == 4);
    };
    const DeviceBench bench = runDeviceBench(options);
    CHECK(last == 4);
    CHECK(cuda::takenBytes() == 0);
    CHECK(bench.device.multiprocessors > 0);
    CHECK(bench.copyBytes > 0);
    REQUIRE(bench.tables.size() == 2);
    CHECK(bench.tables[0].title == "grid");
    REQUIRE(bench.tables[0].cells.size() == 2);
    REQUIRE(bench.tables[1].cells.size() == 1);
    for (const DeviceCells& table : bench.tables)
        for (const DeviceCell& cell : table.cells) {
            CHECK(cell.copyGbps > 0);
            REQUIRE(cell.rows.size() == cell.question.plans.size());
            for (const DeviceRow& row : cell.rows)
                requireTimes(row);
        }
    REQUIRE(bench.products.size() == 1);
    CHECK(bench.products[0].copyGbps > 0);
    REQUIRE(bench.products[0].rows.size() == 3);
    for (const DeviceRow& row : bench.products[0].rows)
        requireTimes(row);
    // libtorch's column is empty here, and says why.
    for (const DeviceCell& cell : bench.tables[0].cells) {
        REQUIRE(cell.torch);
        CHECK(!cell.torch->time);
        CHECK(!cell.torch->whyNot.empty());
    }
    CHECK(!bench.tables[1].cells[0].torch);
}

TEST_CASE("The bytes of the GPU's bench are those that the method reads", "[core.bench.device]") {
    const std::int64_t S = 300, d = 32, heads = 2 * 2; // tiny(): B·G, and H = G
    CHECK(deviceStepBytes(planOf("store=f16"), tiny()) == heads * 2 * S * d * 2);
    CHECK(deviceStepBytes(planOf("store=f32"), tiny()) == heads * 2 * S * d * 4);
    // Without a store it runs on f16.
    CHECK(deviceStepBytes(planOf("dense"), tiny()) == heads * 2 * S * d * 2);
    // r columns, n rows of K and V, the mean, logits there and back, the list there and back: Eq. of methods/read/sparq.h
    const std::int64_t r = 8, n = 16;
    CHECK(deviceStepBytes(planOf("store=f16 read=sparq:r=8,k=16"), tiny()) ==
          heads * (S * r * 2 + 2 * n * d * 2 + 4 * d + 2 * 4 * S + 2 * 4 * n));
    // A byte, half a byte, a quarter of one each, and 2 + 1 bytes of scale and zero per row.
    CHECK(deviceStepBytes(planOf("store=rtn:bits=8"), tiny()) == heads * 2 * S * (d + 3));
    CHECK(deviceStepBytes(planOf("store=rtn:bits=4"), tiny()) == heads * 2 * S * (d / 2 + 3));
    CHECK(deviceStepBytes(planOf("store=rtn:bits=2"), tiny()) == heads * 2 * S * (d / 4 + 3));
    const DeviceBench bench = runDeviceBench(tinyGrid());
    const std::vector<DeviceRow>& products = bench.products[0].rows;
    CHECK(products[0].formulaBytes == 40 * 128 * 2);
    CHECK(products[1].formulaBytes == 40 * (128 + 2 + 1));
    CHECK(products[2].formulaBytes == 40 * (64 + 2 + 1)); // a zero of 4 bits takes a byte
    CHECK(products[2].neededBytes >= products[2].formulaBytes);
}

TEST_CASE("A cell takes as much of the GPU as it said", "[core.bench.device]") {
    const DeviceShape shape = tiny();
    const cuda::OwnStream stream;
    RandomMemory random(4096, stream.get());
    for (const bool columns : {false, true}) {
        const RowForm form = deviceRowForm(planOf("store=rtn:bits=4"), shape);
        const std::size_t before = cuda::takenBytes();
        const DeviceCache cache(shape, form, columns, 3, random, stream.get());
        CHECK(cuda::takenBytes() - before ==
              3 * static_cast<std::size_t>(DeviceCache::layerBytes(shape, form, columns)));
    }
    const std::size_t before = cuda::takenBytes();
    const DeviceQueries queries(shape, random, stream.get());
    CHECK(cuda::takenBytes() - before == static_cast<std::size_t>(DeviceQueries::bytes(shape)));
}

TEST_CASE("What does not fit the GPU is listed with its bytes, and the rest is timed",
          "[core.bench.device]") {
    DeviceBenchOptions options;
    const AttentionPlan dense = planOf("store=f16"), sparq = planOf("store=f16 read=sparq:r=8,k=16");
    options.tables.push_back({"grid", {{tiny(), {dense, sparq}, true}}});
    options.repeats = 1;
    options.workingSet = 1024;
    const DeviceBench whole = runDeviceBench(options);
    const DeviceCell& fits = whole.tables[0].cells[0];
    requireTimes(fits.rows[1]);
    REQUIRE(fits.rows[1].neededBytes > fits.rows[0].neededBytes);

    // Room for K and V, not for SparQ's copy of K beside them: a twelfth is not the cells'.
    const auto limit =
        static_cast<std::size_t>((fits.rows[0].neededBytes + fits.rows[1].neededBytes) / 2 * 12 / 11);
    {
        const ScarceMemory scarce(limit);
        const DeviceCell cell = runDeviceBench(options).tables[0].cells[0];
        requireTimes(cell.rows[0]);
        CHECK(!cell.rows[1].time);
        CHECK(cell.rows[1].whyNot.find("needs") != std::string::npos);
        CHECK(cell.rows[1].neededBytes == fits.rows[1].neededBytes);
        CHECK(cell.layers == 1);
    }
    {
        const ScarceMemory scarce(static_cast<std::size_t>(fits.rows[0].neededBytes / 2));
        const DeviceCell cell = runDeviceBench(options).tables[0].cells[0];
        CHECK(cell.layers == 0);
        CHECK(cell.copyGbps == 0);
        for (const DeviceRow& row : cell.rows) {
            CHECK(!row.time);
            CHECK(row.whyNot.find("the card has") != std::string::npos);
        }
        REQUIRE(cell.torch);
        CHECK(!cell.torch->time);
    }
    CHECK(cuda::takenBytes() == 0);
}

TEST_CASE("Rows fill the working set with as many layers as that takes", "[core.bench.device]") {
    DeviceBenchOptions options;
    options.tables.push_back({"", {{tiny(), {planOf("store=f16")}}}});
    options.repeats = 1;
    const RowForm form = deviceRowForm(planOf("store=f16"), tiny());
    options.workingSet = 2 * DeviceCache::rowBytes(tiny(), form) + 1;
    CHECK(runDeviceBench(options).tables[0].cells[0].layers == 3);
}

TEST_CASE("The GPU's bench refuses what it cannot time", "[core.bench.device]") {
    DeviceBenchOptions options;
    options.tables.push_back({"", {{tiny(), {}}}});
    CHECK_THROWS_AS(runDeviceBench(options), std::invalid_argument);
    for (const char* plan : {"read=topv:k=4", "keep=streaming", "weights=rtn", "store=kivi"}) {
        INFO(plan);
        options.tables[0].cells[0].plans = {planOf(plan)};
        CHECK_THROWS_WITH(runDeviceBench(options), Catch::Contains("not timed on the GPU"));
    }
    // Kernels' own refusals are a row's affair: 3 does not divide into words.
    options.tables[0].cells[0] = {{.context = 64, .batch = 1, .heads = 1, .kvHeads = 1, .headDim = 3},
                                  {planOf("store=f16")}};
    options.repeats = 1;
    const DeviceBench bench = runDeviceBench(options);
    CHECK(bench.tables[0].cells[0].rows[0].whyNot.find("head width") != std::string::npos);
    CHECK(bench.tables[0].cells[0].copyGbps == 0);
}

TEST_CASE("The suite has the whole grid", "[core.bench.device]") {
    const DeviceBenchOptions suite = deviceSuite();
    REQUIRE(suite.tables.size() == 3);
    const DeviceTable& grid = suite.tables[0];
    CHECK(grid.cells.size() == 3 * 8); // B of 1, 16, 64; S of 1k to 128k
    for (const DeviceQuestion& cell : grid.cells) {
        CHECK(cell.plans.size() == 1 + 3 * 3); // dense; r of 16, 32, 64 by k of 64, 128, 256
        CHECK(cell.torch);
        CHECK(cell.shape.heads == 32);
        CHECK(cell.shape.headDim == 128);
    }
    CHECK(grid.cells.back().shape.context == 131072);
    CHECK(grid.cells.back().shape.batch == 64);
    CHECK(std::count(grid.cells[0].plans.begin(), grid.cells[0].plans.end(),
                     planOf("store=f16 read=sparq:r=32,k=128")) == 1);
    CHECK(!suite.products.empty());
}

TEST_CASE("Whole steps on a GPU are timed beside what it copies", "[core.bench.device]") {
    DecodeBenchOptions options;
    options.shape = {.layers = 1, .queryHeads = 2, .kvHeads = 1, .headDim = 32, .ffn = 64, .vocabulary = 60, .context = 40};
    options.plans = {parsePlan("dense"), parsePlan("weights=rtn:bits=8,group=32")};
    options.backend = Backend::Cuda;
    options.promptTokens = 12;
    options.repeats = 2;
    const DecodeBench bench = runDecodeBench(options);
    CHECK(bench.limitGbps > 0);
    CHECK_FALSE(bench.device.empty());
    REQUIRE(bench.results.size() == 2);
    for (const DecodeBenchResult& result : bench.results) {
        CHECK(result.medianSeconds > result.attentionSeconds);
        CHECK(result.attentionSeconds > 0);
        CHECK(result.promptSeconds > 0);
    }
    CHECK(bench.results[1].weightBytes < bench.results[0].weightBytes);
}
