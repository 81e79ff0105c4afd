// The quantiser against the study's vectors, and what is held against the quantiser.

#include "core/methods/quantise/rtn.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/tensor.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "core/kernels/cpu/kernels.h"
#include "core/methods/quantise/code_run.h"
#include "core/methods/quantise/rtn_pack.h"
#include "core/methods/quantise/rtn_truth.h"
#include "core/plan/attention_plan.h"

#include "tests/support/near_values.h"

using namespace fovea;
using test::floatsOf;
using test::requireNear;

namespace {

RtnParams rtn(const std::string& switches) {
    return std::get<RtnParams>(parsePlan("weights=rtn" + switches).weights);
}

std::vector<float> truthOf(const std::vector<float>& x, const RtnParams& p,
                           RtnScale scale = RtnScale::Exact) {
    return floatsOf(rtnTruth(at::tensor(x), p, scale));
}

std::vector<RtnParams> allForms() {
    std::vector<RtnParams> all;
    for (const int bits : kRtnBits)
        for (const int group : {32, 64, 128, 256})
            for (const char* mode : {"", ",mode=sym", ",zero=free"})
                all.push_back(
                    rtn(":bits=" + std::to_string(bits) + ",group=" + std::to_string(group) + mode));
    return all;
}

// Rows as different as a file may hold: around 0, far from it, constant, tiny, 0.
std::vector<float> someRow(std::int64_t n, unsigned seed) {
    std::mt19937 random(seed);
    std::normal_distribution<float> normal;
    std::vector<float> row(static_cast<std::size_t>(n));
    const float scale[] = {1, .02f, 3, 0, 1e-7f, 40}, shift[] = {0, 0, 10, -7, 0, 1e-3f};
    for (std::int64_t i = 0; i < n; ++i) {
        const auto kind = static_cast<std::size_t>(i / 32 + seed) % 6;
        row[static_cast<std::size_t>(i)] = normal(random) * scale[kind] + shift[kind];
    }
    return row;
}

} // namespace

TEST_CASE("RTN gives the study's vectors", "[core.methods]") {
    const std::vector<float> x = {-1, 0, .3f, 1};
    requireNear(truthOf(x, rtn("")), {-1.066667, 0, .266667, .933333}, 1e-6);
    requireNear(truthOf(x, rtn(":mode=sym")), {-1, 0, .285714, 1}, 1e-6);
    // By hand at 2 bits: s = 2/3, z = round(1.5) = 2 (half to even), codes 0, 2, 2, 3.
    requireNear(truthOf(x, rtn(":bits=2")), {-1.333333, 0, 0, .666667}, 1e-6);
    // At 3 bits, symmetric: s = 1/3.
    requireNear(truthOf(x, rtn(":bits=3,mode=sym")), {-1, 0, .333333, 1}, 1e-6);
}

TEST_CASE("A clamped zero collapses a group beside 0, as in the study; a free one does not",
          "[core.methods]") {
    const std::vector<float> x = {10, 10.5f, 11};
    requireNear(truthOf(x, rtn("")), {1, 1, 1}, 1e-6);
    requireNear(truthOf(x, rtn(":zero=free")), {10, 10.533333, 11}, 1e-5); // 157.5 steps: a tie, to 158
    requireNear(truthOf({-11, -10.5f, -10}, rtn("")), {-1, -1, -1}, 1e-6);
}

TEST_CASE("A group in which all is alike comes back under a free zero, and as the formula says under others",
          "[core.methods]") {
    const std::vector<float> x(40, .7f);
    for (const RtnScale scale : {RtnScale::Exact, RtnScale::Held})
        for (const float v : truthOf(x, rtn(":group=32,zero=free,bits=2"), scale))
            REQUIRE(std::abs(v - .7f) <= .7f / 40000);
    requireNear(truthOf(x, rtn(":group=32")), std::vector<double>(40, 1e-5),
                1e-9); // s = 1e-5/15, z = 0, q = 15
    requireNear(truthOf(x, rtn(":group=32,mode=sym")), std::vector<double>(40, .7), 1e-6);
    requireNear(truthOf(std::vector<float>(5, 0.f), rtn("")), std::vector<double>(5, 0.), 0);
}

TEST_CASE("Groups are quantised by themselves, and the last one may be shorter", "[core.methods]") {
    const std::vector<float> x = someRow(150, 0);
    const RtnParams p = rtn(":group=64,bits=3");
    std::vector<float> apart;
    for (std::size_t first = 0; first < x.size(); first += 64) {
        const std::vector<float> group(x.begin() + static_cast<std::ptrdiff_t>(first),
                                       x.begin() +
                                           static_cast<std::ptrdiff_t>(std::min(x.size(), first + 64)));
        for (const float v : truthOf(group, p))
            apart.push_back(v);
    }
    CHECK(truthOf(x, p) == apart);
}

TEST_CASE("Codes come back from their bits, in as few bytes as they need", "[core.methods]") {
    std::mt19937 random(5);
    for (const int bits : kRtnBits)
        for (const std::int64_t n : {0, 1, 5, 8, 31, 32, 33, 64, 95, 96, 127, 128, 129, 224, 257, 1000}) {
            INFO(bits << " bits, " << n << " codes");
            REQUIRE(codeBytes(bits, n) == (n * bits + 7) / 8);
            std::vector<std::uint8_t> codes(static_cast<std::size_t>(n)), back(codes.size());
            for (std::uint8_t& code : codes)
                code = static_cast<std::uint8_t>(random() & ((1u << bits) - 1));
            std::vector<std::uint8_t> bytes(static_cast<std::size_t>(codeBytes(bits, n)) + 1, 0xA5);
            packCodes(bits, codes.data(), n, bytes.data());
            CHECK(bytes.back() == 0xA5); // nothing beyond
            unpackCodes(bits, bytes.data(), n, back.data());
            REQUIRE(back == codes);
        }
}

TEST_CASE("What is packed is the truth with a scale as held, bit for bit, to the kernel too",
          "[core.methods]") {
    for (const RtnParams& p : allForms())
        for (const std::int64_t n : {1, 7, 32, 40, 64, 127, 128, 200, 344, 700}) {
            const std::vector<float> x = someRow(n, static_cast<unsigned>(n) % 6);
            INFO(toText({.weights = p}) << ", " << n << " wide");
            std::vector<std::uint8_t> row(static_cast<std::size_t>(rtnRow(p, n).bytes));
            REQUIRE(packRtn(p, x.data(), n, row.data()) == RtnFault::None);
            std::vector<float> unpacked(x.size()), widened(x.size());
            unpackRtn(p, row.data(), unpacked.data(), n);
            REQUIRE(unpacked == truthOf(x, p, RtnScale::Held));
            cpu::widen(p, row.data(), widened.data(), 1, n);
            REQUIRE(widened == unpacked);
        }
}

TEST_CASE("A scale in binary16 moves no value further than a step", "[core.methods]") {
    const std::vector<float> x = someRow(512, 1);
    for (const RtnParams& p : allForms()) {
        INFO(toText({.weights = p}));
        const std::vector<float> exact = truthOf(x, p), held = truthOf(x, p, RtnScale::Held);
        for (std::size_t first = 0; first < x.size(); first += static_cast<std::size_t>(p.group)) {
            const auto begin = x.begin() + static_cast<std::ptrdiff_t>(first);
            const auto end = x.begin() + static_cast<std::ptrdiff_t>(
                                             std::min(x.size(), first + static_cast<std::size_t>(p.group)));
            const float least = *std::min_element(begin, end), most = *std::max_element(begin, end);
            const float size = std::max(std::abs(least), std::abs(most));
            const double step = p.mode == RtnParams::Mode::Symmetric
                                    ? std::max<double>(size, kLeastRange) / (p.middle() - 1)
                                    : std::max<double>(most - least, kLeastRange) / p.levels();
            const double within = 1.1 * std::max({step, size / kMostFreeZero, 6e-8});
            for (std::size_t i = first; i < std::min(x.size(), first + static_cast<std::size_t>(p.group));
                 ++i)
                REQUIRE(std::abs(exact[i] - held[i]) <= within);
        }
    }
}

TEST_CASE("Effective bits count the metadata", "[core.methods]") {
    CHECK(effectiveBits(rtn(""), 4096) == 4 + (16. + 4) / 128);
    CHECK(effectiveBits(rtn(":bits=3"), 4096) == 3 + (16. + 3) / 128);
    CHECK(effectiveBits(rtn(":bits=2,group=32"), 4096) == 2 + (16. + 2) / 32);
    CHECK(effectiveBits(rtn(":zero=free"), 4096) == 4 + 32. / 128);
    CHECK(effectiveBits(rtn(":bits=8,mode=sym"), 4096) == 8 + 16. / 128);
    // 344 = 2·128 + 88: three scales, three zeros of 4 bits in two bytes, 172 bytes of codes.
    CHECK(predictRtnBytes(rtn(""), 5, 344) == 5 * (6 + 2 + 172));
    CHECK(predictRtnBytes(rtn(":bits=3,mode=sym"), 1, 20) == 2 + 8);
}

TEST_CASE("Values that no code stands for are refused; the formula passes them on", "[core.methods]") {
    std::vector<std::uint8_t> row(100);
    for (const RtnParams& p : allForms()) {
        std::vector<float> x(33, 1.f);
        for (const float bad :
             {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
              -std::numeric_limits<float>::infinity()}) {
            x[32] = bad;
            REQUIRE(packRtn(p, x.data(), 33, row.data()) == RtnFault::NotFinite);
        }
        x[32] = 3e38f;
        x[31] = -3e38f;
        REQUIRE(packRtn(p, x.data(), 33, row.data()) == RtnFault::TooWide);
    }
    const std::vector<float> passed =
        truthOf({1, std::numeric_limits<float>::quiet_NaN(), 2}, rtn(":group=32"));
    CHECK(std::isnan(passed[1]));
}

TEST_CASE("The text of weights=rtn says what it does not take for granted", "[core.plan]") {
    CHECK(toText(parsePlan("weights=rtn:bits=4,group=128,mode=asym,zero=clamped")) == "weights=rtn");
    CHECK(toText(parsePlan("weights=own")) == "dense");
    const char* const all = "share=cla:2 store=bf16 read=topv weights=rtn:bits=3,group=64,zero=free";
    CHECK(toText(parsePlan(all)) == all);
    CHECK(toText(parsePlan("weights=rtn:mode=sym,bits=2")) == "weights=rtn:bits=2,mode=sym");
    CHECK(sameModel(parsePlan("weights=rtn read=topv"), parsePlan("store=f16 weights=rtn")));
    CHECK_FALSE(sameModel(parsePlan("weights=rtn"), parsePlan("weights=rtn:bits=3")));
    CHECK_FALSE(sameModel(parsePlan("share=cla:2"), parsePlan("dense")));
}
