#include "core/bench/device_bench.h"

#include <stdexcept>

#include "core/bench/device_attention.h"
#include "core/bench/device_cell.h"

namespace fovea {

namespace {

// One part in so many is left to what kernels and libtorch take beside what is asked for here.
constexpr std::int64_t kForOthers = 50;
constexpr std::int64_t kPool = std::int64_t{64} << 20; // of random numbers, at most

void check(const DeviceBenchOptions& options) {
    if (options.repeats < 1 || options.workingSet < 1)
        throw std::invalid_argument("rounds and working set must be at least 1");
    for (const DeviceTable& table : options.tables)
        for (const DeviceQuestion& cell : table.cells) {
            const DeviceShape& shape = cell.shape;
            if (shape.context < 1 || shape.batch < 1 || shape.kvHeads < 1 || shape.headDim < 1 ||
                shape.heads % shape.kvHeads != 0 || shape.heads < 1)
                throw std::invalid_argument(
                    "context, batch, heads and head width must be at least 1, and the KV heads "
                    "divide the heads");
            if (cell.plans.empty())
                throw std::invalid_argument("there is no plan to measure");
            for (const AttentionPlan& plan : cell.plans)
                if (const std::string why = deviceRefusal(plan); !why.empty())
                    throw std::invalid_argument(why);
        }
    for (const DeviceProductQuestion& product : options.products)
        if (product.rows < 1 || product.columns < 1 || product.vectors < 1 || product.forms.empty())
            throw std::invalid_argument("a product has rows, columns, vectors and forms");
}

int cellsOf(const DeviceBenchOptions& options) {
    std::size_t cells = options.products.size();
    for (const DeviceTable& table : options.tables)
        cells += table.cells.size();
    return static_cast<int>(cells);
}

} // namespace

DeviceBench runDeviceBench(const DeviceBenchOptions& options) {
    check(options);
    if (!cuda::available())
        throw std::runtime_error(cuda::whyUnavailable());
    DeviceBench bench;
    bench.device = cuda::deviceFacts();
    const auto left = static_cast<std::int64_t>(bench.device.freeMemory);
    // A limit is no limit if it takes the memory of what is held against it.
    const DeviceCopy copy(std::min(options.workingSet, left / 8));
    const cuda::OwnStream stream;
    RandomMemory random(static_cast<std::size_t>(std::min(kPool, left / 16)), stream.get());
    const std::int64_t taken = copy.bytes() + static_cast<std::int64_t>(random.bytes());
    const DeviceBenchRun run{options, stream.get(), left - left / kForOthers - taken, copy, random};
    bench.copyBytes = copy.bytes();
    int done = 0;
    const auto advance = [&] {
        if (options.progress)
            options.progress(++done, cellsOf(options));
    };
    for (const DeviceTable& table : options.tables) {
        bench.tables.push_back({table.title, {}});
        for (const DeviceQuestion& question : table.cells) {
            bench.tables.back().cells.push_back(runCell(question, run));
            advance();
        }
    }
    for (const DeviceProductQuestion& question : options.products) {
        bench.products.push_back(runProducts(question, run));
        advance();
    }
    return bench;
}

} // namespace fovea
