// The kernels that write the cache with every access watched, and with each of their barriers forgotten.

#include <functional>
#include <limits>

#include <catch2/catch.hpp>

#include "tests/core/kernels/cuda/device_cache.h"
#include "tests/core/kernels/cuda/drop_case.h"
#include "tests/core/kernels/cuda/hear_case.h"
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

// A chunk of made-up rows behind three tokens.
void appendChunk(const CacheGeometry& geometry, int tokens, Stream stream) {
    CacheModel model(geometry);
    std::vector<float> rows(static_cast<std::size_t>(geometry.kvHeads * geometry.headDim * tokens));
    for (std::size_t i = 0; i < rows.size(); ++i)
        rows[i] = static_cast<float>(i * 7 % 13) - 5.0f;
    const std::vector<float> one(rows.begin(), rows.begin() + geometry.kvHeads * geometry.headDim);
    const std::vector<std::int64_t> position(static_cast<std::size_t>(geometry.kvHeads), 3);
    for (int token = 0; token < 3; ++token)
        model.append(one, one, std::vector<std::int64_t>(position.size(), token));
    DeviceCache(model).appendMany(rows, rows, position, tokens, stream);
}

} // namespace

TEST_CASE("Writing a prompt's rows has no race, and without one of its barriers one",
          "[core.kernels.cuda.races]") {
    for (const int bits : {0, 8, 3}) {
        const CacheGeometry geometry{ElementType::F16, {bits, 32, 1}, 2, 160};
        CHECK(races([&](Stream stream) { appendChunk(geometry, 13, stream); }) == "");
    }
    CacheGeometry wide{ElementType::F32, {}, 1, 160, 8};
    wide.page = 4;
    checkBarriers([&](Stream stream) { appendChunk(wide, 5, stream); }, 1, 0);
    checkBarriers([&](Stream stream) { appendChunk(wide, 5, stream); }, 2, 1);
    wide.codes = {4, 128, 1};
    // Token 0 has a page to itself; the other four share one, of which each row has a barrier for K and for V and, but for
    // the first, one before each.
    checkBarriers([&](Stream stream) { appendChunk(wide, 5, stream); }, 1, 15);
}

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

TEST_CASE("Hearing and dropping have no race", "[core.kernels.cuda.races]") {
    for (const int history : {0, 40}) {
        for (const bool listed : {false, true})
            for (const int readers : {1, 3})
                CHECK(races([&](Stream stream) {
                          HearCase({2, 2, {40, 7}, history, listed, false, readers}).run(stream);
                      }) == "");
        for (const int bits : {0, 4})
            CHECK(races([&](Stream stream) {
                      DropCase problem(filledCache({ElementType::F16, {bits, 32, 1}, 2, 40}, 18),
                                       {12, 2, 5, 15, history});
                      problem.dropThere(stream);
                  }) == "");
    }
}

TEST_CASE("Hearing without one of its barriers has a race", "[core.kernels.cuda.races]") {
    const auto hearing = [](int history, int readers) {
        return [=](Stream stream) { HearCase({1, 2, {40}, history, true, false, readers}).run(stream); };
    };
    checkBarriers(hearing(0, 1), 1, 1);
    checkBarriers(hearing(40, 1), 1, 1);
    checkBarriers(hearing(40, 2), 1, 1);
    checkBarriers(hearing(40, 2), 2, 2);
}

namespace {

constexpr int kOfTables = 28; // barriers until rows have moved

// Drops of one KV head: where some leave for their age and some for their score, and others move into their places.
std::function<void(Stream)> dropping(const CacheModel& filled, const DropRule& rule) {
    return [=](Stream stream) { DropCase(filled, rule).dropThere(stream); };
}

} // namespace

TEST_CASE("Dropping without one of its barriers has a race", "[core.kernels.cuda.races]") {
    CacheGeometry wide{ElementType::F32, {}, 1, 8, 64, 8}; // several warps have a part of every list
    wide.page = 0;
    checkBarriers(dropping(filledCache(wide, 500), {300, 20, 250, 450, 40}), 1, kOfTables);
}

TEST_CASE("Following pages without one of the barriers has a race", "[core.kernels.cuda.races]") {
    CacheGeometry geometry{ElementType::F32, {}, 1, 40};
    geometry.page = 100; // one for all, so that each move meets the others'
    const CacheModel filled = filledCache(geometry, 18);
    const DropRule rule{12, 2, 5, 15};
    simt::Executor executor;
    DropCase problem(filled, rule);
    REQUIRE(problem.drop(&executor) == "");
    const int moved = problem.counts[0].moved;
    REQUIRE(moved > 1);
    checkBarriers(dropping(filled, rule), 1, kOfTables + 2 * moved, kOfTables + 1);
}

TEST_CASE("Sums that begin anew without their barrier have a race", "[core.kernels.cuda.races]") {
    CacheGeometry geometry{ElementType::F32, {}, 1, 40};
    geometry.page = 0;
    CacheModel filled(geometry);
    const std::vector<float> row(40, 0.5f), endless(40, std::numeric_limits<float>::infinity());
    for (int token = 0; token < 18; ++token)
        filled.append(row, token == 0 ? endless : row, {token});
    checkBarriers(dropping(filled, {12, 2, 5, 15}), 1, kOfTables + 1, kOfTables + 1);
}
