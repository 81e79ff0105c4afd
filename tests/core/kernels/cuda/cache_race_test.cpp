// The kernels that write the cache with every access watched, and with each of their barriers forgotten.

#include <catch2/catch.hpp>

#include "tests/core/kernels/cuda/device_cache.h"
#include "tests/core/kernels/cuda/race_watch.h"

using namespace fovea;
using namespace fovea::cuda;

namespace {

// Three tokens of made-up rows.
void appendSome(const CacheGeometry& geometry, Stream stream) {
    const DeviceCache device{CacheModel(geometry)};
    std::vector<float> row(static_cast<std::size_t>(geometry.kvHeads * geometry.headDim));
    for (std::size_t i = 0; i < row.size(); ++i)
        row[i] = static_cast<float>(i * 7 % 13) - 5.0f;
    const std::vector<std::int64_t> positions(static_cast<std::size_t>(geometry.kvHeads), 0);
    for (int token = 0; token < 3; ++token)
        device.append(row, row, positions, stream);
}

} // namespace

TEST_CASE("Writing the cache has no race", "[core.kernels.cuda.races]") {
    for (const ElementType type : {ElementType::F32, ElementType::F16, ElementType::BF16})
        for (const int bits : {0, 8, 4, 3, 2}) {
            const CacheGeometry geometry{type, {bits, 32, 1}, 2, 160};
            INFO(geometry.text());
            CHECK(races([&](Stream stream) { appendSome(geometry, stream); }) == "");
        }
}

TEST_CASE("Writing the cache without one of its barriers has a race", "[core.kernels.cuda.races]") {
    const auto floats = [](Stream stream) { appendSome({ElementType::F32, {}, 1, 160}, stream); };
    checkBarriers(floats, 1, 1);
    const auto codes = [](Stream stream) { appendSome({ElementType::F32, {4, 128, 1}, 1, 160}, stream); };
    checkBarriers(codes, 1, 3);
}
