// The executor itself: kernels with planted bugs must be noticed, or what it says of the real ones is worth
// nothing.

#include <cmath>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include <simt.h>

#include "tests/core/kernels/cuda/attention_case.h"
#include "tests/core/kernels/cuda/planted_bugs.h"

using namespace fovea;
using namespace fovea::cuda;
using Catch::Contains;
using simt::Order;

namespace {

using Kernel = void (*)(float*);

std::vector<float> runIn(Order order, Kernel kernel, unsigned seed = 1) {
    simt::Executor executor(order, seed);
    std::vector<float> out(128, -1.0f);
    launch(kernel, dim3(1), dim3(128), 512, &executor, out.data());
    return out;
}

// What the executor has against the kernel, in each order alike; empty when nothing.
std::string complaint(Kernel kernel) {
    std::string text;
    for (const Order order : {Order::Forward, Order::Reverse, Order::Shuffled}) {
        try {
            runIn(order, kernel);
            return "";
        } catch (const simt::Error& error) {
            text = error.what();
        }
    }
    return text;
}

} // namespace

TEST_CASE("A right kernel runs alike in every order", "[core.kernels.cuda]") {
    for (const Order order : {Order::Forward, Order::Reverse, Order::Shuffled}) {
        const std::vector<float> out = runIn(order, planted::reverseRight);
        for (int i = 0; i < 128; ++i)
            REQUIRE(out[static_cast<std::size_t>(i)] == static_cast<float>(127 - i));
    }
}

TEST_CASE("Lanes hear each other, and a block counts, alike in every order", "[core.kernels.cuda]") {
    for (const Order order : {Order::Forward, Order::Reverse, Order::Shuffled}) {
        const std::vector<float> out = runIn(order, planted::countAtomically);
        for (int i = 0; i < 128; ++i)
            REQUIRE(out[static_cast<std::size_t>(i)] == static_cast<float>(64 + (i + 1) % 32));
    }
}

TEST_CASE("A warp multiplies matrices alike in every order", "[core.kernels.cuda]") {
    for (const Order order : {Order::Forward, Order::Reverse, Order::Shuffled}) {
        const std::vector<float> out = runIn(order, planted::multiplyRight);
        for (int row = 0; row < 16; ++row)
            for (int column = 0; column < 8; ++column) {
                int sum = 0;
                for (int k = 0; k < 16; ++k)
                    sum += (row - k) * (3 * k + column);
                REQUIRE(out[static_cast<std::size_t>(row * 8 + column)] == static_cast<float>(sum));
            }
    }
}

TEST_CASE("A missing barrier shows as NaN from unwritten shared memory", "[core.kernels.cuda]") {
    for (const Order order : {Order::Forward, Order::Reverse, Order::Shuffled}) {
        int unwritten = 0;
        for (const float x : runIn(order, planted::barrierLeftOut))
            unwritten += std::isnan(x);
        CHECK(unwritten > 0);
    }
}

TEST_CASE("A broadcast without a barrier is right in one order and wrong in another", "[core.kernels.cuda]") {
    CHECK(runIn(Order::Forward, planted::broadcastWithoutBarrier)[64] == 7.0f);
    CHECK(std::isnan(runIn(Order::Reverse, planted::broadcastWithoutBarrier)[64]));
}

TEST_CASE("Shared memory that nobody wrote is NaN", "[core.kernels.cuda]") {
    const std::vector<float> out = runIn(Order::Forward, planted::sharedReadUnwritten);
    for (std::size_t i = 0; i < out.size(); ++i)
        CHECK(std::isnan(out[i]) == (i == 5));
}

TEST_CASE("Threads that miss a barrier are reported with its place", "[core.kernels.cuda]") {
    CHECK_THAT(complaint(planted::barrierForHalfTheBlock),
               Contains("64 of 128 have left the kernel") && Contains("64 of 128 wait at the barrier") &&
                   Contains("planted_bugs.cu:") && Contains("barrierForHalfTheBlock"));
    CHECK_THAT(complaint(planted::barrierAfterSomeLeft), Contains("28 of 128 have left the kernel"));
    CHECK_THAT(complaint(planted::twoBarriersForOne), Contains("different barriers"));
}

TEST_CASE("Lanes that miss a shuffle are reported with its place", "[core.kernels.cuda]") {
    CHECK_THAT(complaint(planted::shuffleByHalfAWarp),
               Contains("64 of 128 wait for their warp") && Contains("shuffleByHalfAWarp"));
    CHECK_THAT(complaint(planted::multiplyByHalfAWarp), Contains("multiplyByHalfAWarp"));
}

TEST_CASE("An index outside its shared array is reported, inside the block's memory too",
          "[core.kernels.cuda]") {
    CHECK_THAT(complaint(planted::indexPastTheEnd),
               Contains("index 128 into a shared array of 128") && Contains("indexPastTheEnd"));
    CHECK_THAT(complaint(planted::indexIntoTheNextArray), Contains("into a shared array of 64"));
    CHECK_THAT(complaint(planted::moreSharedThanAskedFor), Contains("516 bytes where 512 bytes"));
}

TEST_CASE("Launches that no GPU would take are refused", "[core.kernels.cuda]") {
    simt::Executor executor;
    float out[128];
    const Kernel kernel = planted::reverseRight;
    CHECK_THROWS_WITH(launch(kernel, dim3(1), dim3(2048), 512, &executor, out), Contains("2048 threads"));
    CHECK_THROWS_WITH(launch(kernel, dim3(1), dim3(100), 512, &executor, out), Contains("100 threads"));
    CHECK_THROWS_WITH(launch(kernel, dim3(0), dim3(128), 512, &executor, out), Contains("0 x 1 x 1"));
    CHECK_THROWS_WITH(launch(kernel, dim3(1), dim3(128), 1 << 20, &executor, out), Contains("shared memory"));
    CHECK_THROWS_WITH(launch(kernel, dim3(1), dim3(128), 512, nullptr, out), Contains("executor"));
}

TEST_CASE("An executor is as good as new after a kernel has failed on it", "[core.kernels.cuda]") {
    for (const Order order : {Order::Forward, Order::Reverse, Order::Shuffled}) {
        simt::Executor executor(order);
        std::vector<float> out(128);
        for (const Kernel bad : {planted::barrierForHalfTheBlock, planted::indexPastTheEnd,
                                 planted::shuffleByHalfAWarp, planted::twoBarriersForOne}) {
            CHECK_THROWS_AS(launch(bad, dim3(2), dim3(128), 512, &executor, out.data()), simt::Error);
            launch(planted::reverseRight, dim3(2), dim3(128), 512, &executor, out.data());
            CHECK(out[0] == 127.0f);
            CHECK(out[127] == 0.0f);
        }
    }
}

TEST_CASE("Each barrier of the attention kernel is missed when it is forgotten", "[core.kernels.cuda]") {
    const AttentionCase problem({ElementType::F32, 1, 2, 64, 200, 1});
    simt::Executor whole;
    const std::vector<float> right = problem.run(&whole);
    REQUIRE(whole.counts().barriers == 2); // one block, two barriers
    for (const int barrier : {1, 2}) {
        bool missed = false;
        for (const Order order : {Order::Forward, Order::Reverse, Order::Shuffled}) {
            simt::Executor forgetful(order);
            forgetful.forgetBarrier(barrier);
            missed = missed || problem.run(&forgetful) != right; // NaN is unequal too
        }
        INFO("barrier " << barrier);
        CHECK(missed);
    }
}
