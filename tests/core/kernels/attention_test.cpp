// Dense decode attention on the CPU against the equations.

#include <ATen/Parallel.h>
#include <catch2/catch.hpp>

#include <cmath>
#include <limits>

#include "core/kernels/cpu/attention.h"
#include "tests/core/kernels/attention_reference.h"

using namespace fovea;
using namespace fovea::test;

namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

std::vector<float> attendAllOf(const KvBlocks& cache, const std::vector<float>& q, Ledger& ledger) {
    std::vector<float> out(q.size(), kNaN);
    cpu::AttentionScratch scratch;
    cpu::attendAll(cache.views(), cache.shape().group(), q.data(), out.data(), scratch, ledger);
    return out;
}

std::vector<float> attendAllOf(const KvBlocks& cache, const std::vector<float>& q) {
    Ledger ledger;
    return attendAllOf(cache, q, ledger);
}

std::vector<float> queriesOf(const AttentionShape& shape, std::uint32_t seed) {
    return normals(static_cast<std::size_t>(shape.queryHeads) * static_cast<std::size_t>(shape.headDim), seed);
}

void checkDense(const AttentionShape& shape) {
    INFO(elementName(shape.type) << " H=" << shape.queryHeads << " G=" << shape.kvHeads << " d=" << shape.headDim
                                 << " S=" << shape.slots << " block=" << shape.slotsPerBlock);
    KvBlocks cache(shape);
    cache.fill(static_cast<std::uint32_t>(shape.slots));
    const std::vector<float> q = queriesOf(shape, 5);
    Ledger ledger;
    const std::vector<float> out = attendAllOf(cache, q, ledger);
    for (int h = 0; h < shape.queryHeads; ++h) {
        const Attended truth = attend(cache, h / shape.group(), q.data() + h * shape.headDim, everySlot(cache));
        double worst = 0;
        for (int i = 0; i < shape.headDim; ++i) {
            const double error = std::fabs(out[static_cast<std::size_t>(h * shape.headDim + i)] -
                                           truth.output[static_cast<std::size_t>(i)]);
            worst = std::isnan(error) ? kInfinity : std::max(worst, error);
        }
        INFO("query head " << h);
        REQUIRE(worst <= truth.bound);
    }
    const std::int64_t half = shape.kvHeads * shape.slots * shape.headDim * elementBytes(shape.type);
    Traffic expected;
    expected[Component::Keys] = expected[Component::Values] = half;
    REQUIRE(ledger.take() == expected);
}

}  // namespace

TEST_CASE("Dense attention is the equation for every type, shape and length, and reads each row once",
          "[core.kernels]") {
    const auto type = GENERATE(ElementType::F32, ElementType::F16, ElementType::BF16);
    const auto heads = GENERATE(table<int, int, int>({{1, 1, 32},
                                                      {8, 8, 128},
                                                      {8, 2, 64},
                                                      {4, 2, 32},
                                                      {6, 1, 96},
                                                      {4, 4, 16},
                                                      {2, 1, 8},
                                                      {7, 1, 10},
                                                      {3, 1, 5}}));
    const auto slots = GENERATE(1, 2, 3, 17, 255, 256, 257, 1000, 4099);
    checkDense({std::get<0>(heads), std::get<1>(heads), std::get<2>(heads), slots, type});
}

TEST_CASE("Dense attention serves large groups and blocks of any size", "[core.kernels]") {
    const auto heads = GENERATE(1, 16, 17, 33, 100, 150);
    const auto perBlock = GENERATE(1, 7, 48, 256, 1500);
    const auto type = GENERATE(ElementType::F32, ElementType::BF16);
    checkDense({heads, 1, 32, 777, type, perBlock});
}

TEST_CASE("Dense attention goes through tiles in two streams, whatever is left of the last", "[core.kernels]") {
    const auto type = GENERATE(ElementType::F32, ElementType::BF16);
    const auto heads = GENERATE(1, 3);
    const auto slots = GENERATE(1023, 1024, 1025, 1031, 2047, 3001);
    const auto dims = GENERATE(32, 96, 128);
    checkDense({heads, 1, dims, slots, type, 2048});
}

TEST_CASE("Attention to one token is that token's value", "[core.kernels]") {
    const auto type = GENERATE(ElementType::F32, ElementType::F16, ElementType::BF16);
    KvBlocks cache({4, 2, 64, 1, type});
    cache.fill(3);
    const std::vector<float> out = attendAllOf(cache, queriesOf(cache.shape(), 4));
    for (int h = 0; h < 4; ++h)
        CHECK(std::vector<float>(out.begin() + h * 64, out.begin() + (h + 1) * 64) == cache.value(h / 2, 0));
}

TEST_CASE("Equal scores give the mean of the values", "[core.kernels]") {
    KvBlocks cache({2, 1, 32, 300});
    cache.fill(9);
    const std::vector<float> out = attendAllOf(cache, std::vector<float>(64, 0.f));
    for (std::size_t i = 0; i < 64; ++i)
        CHECK(out[i] == Approx(cache.valueSum(0)[i % 32] / 300).margin(1e-6));
}

TEST_CASE("A token with logit -inf has no weight, and a head without any other attends to nothing",
          "[core.kernels]") {
    KvBlocks cache({1, 1, 16, 40});
    cache.fill(1);
    std::vector<float> q(16, 0.f);
    q[0] = 1;
    std::vector<float> key(16, 0.f);
    key[0] = -kInfinity;
    for (int s = 0; s < 39; ++s)
        cache.setKey(0, s, key);
    SECTION("one token is left") {
        CHECK(attendAllOf(cache, q) == cache.value(0, 39));
    }
    SECTION("the first span sees nothing") {
        KvBlocks longer({1, 1, 16, 3000});
        longer.fill(1);
        for (int s = 0; s < 2999; ++s)
            longer.setKey(0, s, key);
        CHECK(attendAllOf(longer, q) == longer.value(0, 2999));
    }
    SECTION("none is left") {
        cache.setKey(0, 39, key);
        CHECK(attendAllOf(cache, q) == std::vector<float>(16, 0.f));
    }
}

TEST_CASE("Large logits do not overflow", "[core.kernels]") {
    KvBlocks cache({1, 1, 16, 600});
    cache.fill(2);
    std::vector<float> q(16, 0.f), key(16, 0.f);
    q[3] = 1e4f;
    for (int s = 0; s < 600; ++s) {
        key[3] = static_cast<float>(s);  // the maximum moves with every token
        cache.setKey(0, s, key);
    }
    CHECK(attendAllOf(cache, q) == cache.value(0, 599));
}

TEST_CASE("The result does not depend on the number of threads", "[core.kernels]") {
    KvBlocks cache({8, 4, 64, 4099, ElementType::BF16});
    cache.fill(8);
    const std::vector<float> q = queriesOf(cache.shape(), 6);
    const int threads = at::get_num_threads();
    at::set_num_threads(1);
    const std::vector<float> alone = attendAllOf(cache, q);
    at::set_num_threads(3);
    const std::vector<float> together = attendAllOf(cache, q);
    at::set_num_threads(threads);
    CHECK(alone == together);
}
