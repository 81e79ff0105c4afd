// Each barrier of the model's kernels is missed when it is forgotten, also by results alone.

#include <catch2/catch.hpp>

#include "tests/core/kernels/cuda/model_kernel_cases.h"
#include "tests/core/kernels/cuda/stored_elements.h"
#include "tests/support/simt/executor.h"

using namespace fovea;
using namespace fovea::cuda;
using simt::Order;

namespace {

// Does any order of execution give other bits when the barrier is forgotten?
template <class Run>
bool missed(const Run& run, int barrier) {
    simt::Executor whole;
    const std::vector<float> right = run(&whole);
    for (const Order order : {Order::Forward, Order::Reverse, Order::Shuffled}) {
        simt::Executor forgetful(order);
        forgetful.forgetBarrier(barrier);
        if (!sameBits(run(&forgetful), right))
            return true;
    }
    return false;
}

} // namespace

TEST_CASE("Each barrier of a norm is missed when it is forgotten", "[core.kernels.cuda][model]") {
    for (const bool centred : {false, true}) {
        const NormCase problem{centred, ElementType::F32, 700, 1};
        for (int barrier = 1; barrier <= (centred ? 2 : 1); ++barrier)
            CHECK(missed([&](Stream stream) { return problem.run(stream); }, barrier));
    }
}
