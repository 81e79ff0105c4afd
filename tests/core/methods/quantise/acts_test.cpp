// Quantised activations: the truth against vectors worked by hand, and the kernel against the truth.

#include "core/methods/quantise/acts.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/tensor.h>

#include <hwy/targets.h>

#include <cmath>
#include <limits>
#include <vector>

#include "core/kernels/cpu/kernels.h"
#include "core/methods/quantise/acts_truth.h"
#include "core/plan/attention_plan.h"
#include "tests/core/kernels/kv_blocks.h"

#include "tests/support/near_values.h"

using namespace fovea;
using test::floatsOf;
using test::normals;
using test::requireNear;

namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN(),
                kInfinity = std::numeric_limits<float>::infinity();
constexpr ActGrid kGrids[] = {{8, false}, {4, false}, {8, true}, {4, true}};

std::vector<float> truthOf(const std::vector<float>& x, const ActGrid& grid) {
    return floatsOf(actsTruth(at::tensor(x), grid));
}

struct Rounded {
    std::vector<float> whole, scales;
};
Rounded roundedBy(const std::vector<float>& x, const ActGrid& grid, std::int64_t vectors = 1) {
    Rounded r{std::vector<float>(x.size(), kNaN),
              std::vector<float>(static_cast<std::size_t>(vectors), kNaN)};
    cpu::roundActs(grid, x.data(), r.whole.data(), r.scales.data(), std::ssize(x) / vectors, vectors);
    return r;
}

} // namespace

TEST_CASE("Rounded activations are those of the formula, worked by hand", "[core.methods]") {
    // s = 2/15, z = −round(−7.5) = 8 (half to even); codes 0 (0.5 up, to even), 8, 10, 15 (16 is cut).
    requireNear(truthOf({-1, 0, .3f, 1}, {4, false}), {-1.066667, 0, .266667, .933333}, 1e-6);
    // s = 1/7: −7, 0, 2.1 → 2, 7.
    requireNear(truthOf({-1, 0, .3f, 1}, {4, true}), {-1, 0, .285714, 1}, 1e-6);
    // s = 2.55/255 = .01, z = 55: all lie on the grid, and what is more than a byte can say, −55 … 200, is said.
    requireNear(truthOf({-.55f, 0, .01f, 2}, {8, false}), {-.55, 0, .01, 2}, 1e-6);
    // s = 2/127: −34.925 → −35, 0, .635 → 1, 127.
    requireNear(truthOf({-.55f, 0, .01f, 2}, {8, true}), {-35 * 2. / 127, 0, 2. / 127, 2}, 1e-6);
    // A row that does not straddle 0 collapses, as the clamped zero has it: z = 0, s = 1/15, all codes 15.
    requireNear(truthOf({10, 10.5f, 11}, {4, false}), {1, 1, 1}, 1e-6);
}

TEST_CASE("A row of nothing, a constant row and a single value", "[core.methods]") {
    for (const ActGrid& grid : kGrids) {
        INFO(grid.bits << (grid.symmetric ? " sym" : " asym"));
        CHECK(truthOf(std::vector<float>(9, 0.f), grid) == std::vector<float>(9, 0.f));
        for (const float s : roundedBy(std::vector<float>(9, 0.f), grid).scales)
            CHECK(s > 0);
    }
    requireNear(truthOf({.5f, .5f}, {8, true}), {.5, .5}, 1e-6);
    requireNear(truthOf({.5f, .5f}, {8, false}), {1e-5, 1e-5}, 1e-9); // s = 1e-5/255, z = 0, code 255
    requireNear(truthOf({-3}, {4, true}), {-3}, 1e-6);
}

TEST_CASE("The kernel rounds activations as the truth does, each token by itself, on every instruction set",
          "[core.methods]") {
    struct Target {
        explicit Target(std::int64_t target) { hwy::SetSupportedTargetsForTest(target); }
        ~Target() { hwy::SetSupportedTargetsForTest(0); }
    };
    const std::int64_t n = GENERATE(1, 3, 16, 31, 200, 1027), vectors = 3;
    std::vector<float> x = normals(static_cast<std::size_t>(n * vectors), 5);
    for (std::int64_t i = 0; i < n; ++i) {
        x[static_cast<std::size_t>(n + i)] *= 1e-3f;
        x[static_cast<std::size_t>(2 * n + i)] = x[static_cast<std::size_t>(2 * n + i)] * 40 + 17;
    }
    for (const std::int64_t target : hwy::SupportedAndGeneratedTargets())
        for (const ActGrid& grid : kGrids) {
            const Target only(target);
            INFO(grid.bits << (grid.symmetric ? " sym, " : " asym, ") << n << " on "
                           << cpu::instructionSet());
            const Rounded r = roundedBy(x, grid, vectors);
            const std::vector<float> truth =
                floatsOf(actsTruth(at::tensor(x).view({vectors, n}), grid).reshape({-1}));
            for (std::size_t i = 0; i < x.size(); ++i) {
                const float s = r.scales[i / static_cast<std::size_t>(n)], back = r.whole[i] * s;
                REQUIRE(r.whole[i] == std::round(r.whole[i]));
                REQUIRE(std::fabs(r.whole[i]) <= (grid.isWide() ? 255 : 128));
                REQUIRE(std::fabs(back - truth[i]) <= std::fabs(truth[i]) * 2e-7f); // the same X
            }
        }
}

TEST_CASE("A row with what is no number becomes none, and no other row does", "[core.methods]") {
    for (const ActGrid& grid : kGrids)
        for (const float odd : {kNaN, kInfinity, -kInfinity})
            for (const std::size_t at : {std::size_t{40}, std::size_t{44}, std::size_t{77}}) {
                std::vector<float> x = normals(3 * 40, 2);
                x[at] = odd; // of the second row
                const Rounded r = roundedBy(x, grid, 3);
                CHECK(std::isfinite(r.scales[0]));
                CHECK(std::isnan(r.scales[1]));
                CHECK(std::isfinite(r.scales[2]));
                for (std::size_t i = 0; i < x.size(); ++i)
                    REQUIRE(std::isfinite(r.whole[i]));
                const std::vector<float> truth =
                    floatsOf(actsTruth(at::tensor(x).view({3, 40}), grid).reshape({-1}));
                for (std::size_t i = 0; i < x.size(); ++i)
                    REQUIRE(std::isfinite(truth[i]) == (i < 40 || i >= 80));
            }
    // The widest row that there is has a scale.
    CHECK(std::isfinite(roundedBy({3.4e38f, -3.4e38f}, {4, false}).scales[0]));
}

TEST_CASE("How a plan rounds activations", "[core.methods]") {
    CHECK_FALSE(actGrid(parsePlan("dense").acts));
    CHECK(actGrid(parsePlan("acts=rtn").acts) == ActGrid{8, false});
    CHECK(actGrid(parsePlan("acts=rtn:bits=4").acts) == ActGrid{4, false});
    CHECK(actGrid(parsePlan("acts=smooth:bits=4,alpha=.8").acts) == ActGrid{4, true});
    CHECK_FALSE(sameModel(parsePlan("weights=rtn"), parsePlan("weights=rtn acts=rtn")));
    CHECK(sameModel(parsePlan("weights=rtn acts=rtn"), parsePlan("weights=rtn acts=rtn read=topv")));
}
