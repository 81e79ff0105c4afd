// What a new token writes into the cache, wherever machine.h says it runs, byte for byte against the CPU's encoder.

#include <limits>
#include <random>
#include <stdexcept>

#include <catch2/catch.hpp>

#include "tests/core/kernels/cuda/device_cache.h"

using namespace fovea;
using namespace fovea::cuda;
using Catch::Contains;

namespace {

const ElementType kTypes[] = {ElementType::F32, ElementType::F16, ElementType::BF16};
constexpr float kInfinity = std::numeric_limits<float>::infinity();

// Rows of G heads, off centre, so that zeros are not in the middle.
std::vector<float> made(const CacheGeometry& g, std::mt19937& random) {
    std::normal_distribution<float> normal(0.3f, 1.0f);
    std::vector<float> rows(static_cast<std::size_t>(g.kvHeads * g.headDim));
    for (float& x : rows)
        x = normal(random);
    return rows;
}

// Tokens one after the other, the cache compared after the last of them.
void check(const CacheGeometry& geometry, int tokens = 11) {
    INFO(geometry.text());
    for (const machine::Execution& execution : machine::executions()) {
        INFO(execution.name);
        std::mt19937 random(3);
        CacheModel model(geometry);
        const DeviceCache device(model);
        for (int token = 0; token < tokens; ++token) {
            const std::vector<float> k = made(geometry, random), v = made(geometry, random);
            std::vector<std::int64_t> positions;
            for (int head = 0; head < geometry.kvHeads; ++head)
                positions.push_back(token * 2 + head);
            model.append(k, v, positions);
            device.append(k, v, positions, execution.stream);
        }
        CHECK(device.difference(model) == "");
    }
}

} // namespace

TEST_CASE("A new token's rows of floats are the CPU's, with columns, bounds and sums",
          "[core.kernels.cuda]") {
    for (const ElementType type : kTypes)
        for (const int headDim : {1, 8, 33, 128, 256})
            check({type, {}, 2, headDim});
}

TEST_CASE("A new token's rows of codes are the CPU's, byte for byte", "[core.kernels.cuda]") {
    for (const int bits : {8, 4, 3, 2})
        for (const int group : {32, 64, 128})
            for (const int zeroBytes : {0, 1, 2})
                for (const int headDim : {32, 96, 128, 200, 256})
                    check({ElementType::F16, {bits, group, zeroBytes}, 1, headDim}, 3);
}

TEST_CASE("Runs of codes of any length are packed as the CPU packs them", "[core.kernels.cuda]") {
    for (const int bits : {8, 4, 3, 2})
        for (const int headDim : {1, 7, 31, 33, 63, 65, 127, 129, 161, 225, 255})
            check({ElementType::F32, {bits, 128, 1}, 1, headDim}, 2);
}

TEST_CASE("A cache keeps beside its rows what it was asked to", "[core.kernels.cuda]") {
    for (const int bits : {0, 4}) {
        CacheGeometry geometry{ElementType::BF16, {bits, 32, 1}, 3, 64};
        geometry.keyColumns = false;
        check(geometry);
        geometry.valueSums = false;
        check(geometry);
        geometry.page = 0;
        check(geometry);
        geometry.keyColumns = true;
        check(geometry);
    }
}

TEST_CASE("Each query head of a group may have a sum of values of its own", "[core.kernels.cuda]") {
    for (const int bits : {0, 3})
        for (const int sums : {2, 5}) {
            CacheGeometry geometry{ElementType::F16, {bits, 32, 1}, 3, 160};
            geometry.sums = sums;
            check(geometry);
        }
}

TEST_CASE("Pages of any size get their bounds", "[core.kernels.cuda]") {
    for (const int page : {1, 4, 7, 100})
        for (const int perBlock : {1, 3}) {
            CacheGeometry geometry{ElementType::F16};
            geometry.page = page;
            geometry.pagesPerBlock = perBlock;
            check(geometry, 20);
        }
}

TEST_CASE("Rows that no code can hold are the CPU's NaN", "[core.kernels.cuda]") {
    for (const int zeroBytes : {0, 1, 2})
        for (const float odd :
             {kInfinity, -kInfinity, std::numeric_limits<float>::quiet_NaN(), 3e38f, 0.0f, 1e-30f}) {
            CacheGeometry geometry{ElementType::F32, {4, 32, zeroBytes}, 1, 96};
            geometry.valueSums = false; // a NaN's bits are nobody's
            geometry.page = 0;
            geometry.keyColumns = false;
            CacheModel model(geometry);
            const DeviceCache device(model);
            std::mt19937 random(4);
            std::vector<float> row = made(geometry, random);
            row[40] = odd;
            if (odd == 0.0f || odd == 1e-30f)
                std::fill(row.begin() + 32, row.begin() + 64, odd); // a group of one value
            model.append(row, row, {0});
            device.append(row, row, {0}, machine::executions().front().stream);
            CHECK(device.difference(model) == "");
        }
}

TEST_CASE("Values that lie between two codes go to the even one, as on the CPU", "[core.kernels.cuda]") {
    CacheGeometry geometry{ElementType::F32, {4, 32, 1}, 1, 32};
    CacheModel model(geometry);
    const DeviceCache device(model);
    std::vector<float> row(32);
    for (int c = 0; c < 32; ++c)
        row[static_cast<std::size_t>(c)] =
            static_cast<float>(c - 16) * 0.5f; // a scale of about 1: halves are ties
    row[31] = -0.5f;
    model.append(row, row, {0});
    device.append(row, row, {0}, machine::executions().front().stream);
    CHECK(device.difference(model) == "");
}

TEST_CASE("A cache that the kernels cannot take is refused with the reason", "[core.kernels.cuda]") {
    const CacheModel model({ElementType::F32});
    const DeviceCache device(model);
    const float row[64] = {};
    const std::int64_t positions[2] = {};
    const auto refusalAfter = [&](const auto& change) {
        CacheAppend append{device.blocks(), row, row, positions};
        change(append);
        const std::string why = refusal(append);
        if (!why.empty())
            CHECK_THROWS_AS(appendRows(append, machine::executions().front().stream), std::invalid_argument);
        return why;
    };
    CHECK(refusal(CacheAppend{device.blocks(), row, row, positions}) == "");
    CHECK_THAT(refusalAfter([](CacheAppend& a) { a.cache.kvHeads = 0; }), Contains("at least one KV head"));
    CHECK_THAT(refusalAfter([](CacheAppend& a) { a.cache.headDim = 257; }), Contains("got 257"));
    CHECK_THAT(refusalAfter([](CacheAppend& a) { a.cache.sums = 0; }), Contains("at least one sum"));
    CHECK_THAT(refusalAfter([](CacheAppend& a) { a.cache.slotsPerBlock = 0; }),
               Contains("at least one slot"));
    CHECK_THAT(refusalAfter([](CacheAppend& a) { a.cache.codes.bits = 5; }), Contains("not 5"));
    CHECK_THAT(refusalAfter([](CacheAppend& a) { a.cache.codes = {4, 48, 1}; }), Contains("not 48"));
    CHECK_THAT(refusalAfter([](CacheAppend& a) { a.cache.codes = {4, 32, 3}; }), Contains("not 3"));
    CHECK_THAT(refusalAfter([](CacheAppend& a) { a.cache.values = nullptr; }), Contains("null"));
    CHECK_THAT(refusalAfter([](CacheAppend& a) { a.cache.slots.next = nullptr; }), Contains("null"));
    CHECK_THAT(refusalAfter([](CacheAppend& a) { a.cache.slots.capacity = 21; }),
               Contains("does not fit 5 blocks"));
    CHECK_THAT(refusalAfter([](CacheAppend& a) { a.cache.page = 0; }),
               Contains("pages of at least one slot"));
    CHECK_THAT(refusalAfter([](CacheAppend& a) { a.cache.boundBlocksPerHead = 3; }), Contains("more pages"));
    CHECK_THAT(refusalAfter([](CacheAppend& a) { a.k = nullptr; }), Contains("null"));
}
