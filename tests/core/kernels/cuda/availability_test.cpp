#include <stdexcept>

#include <catch2/catch.hpp>

#include "core/kernels/cuda/attend.h"

using namespace fovea;

TEST_CASE("A machine either has a GPU for the kernels or says in one line why not",
          "[core.kernels.cuda.available]") {
    const std::string why = cuda::whyUnavailable();
    CHECK(cuda::available() == why.empty());
    CHECK((cuda::multiprocessors() > 0) == cuda::available());
    CHECK(why.find('\n') == std::string::npos);
    CHECK(cuda::whyUnavailable() == why);
    if (!cuda::available())
        WARN("no GPU kernels here: " + why);
}

TEST_CASE("Attention on a missing GPU is an error, not a crash", "[core.kernels.cuda.available]") {
    if (cuda::available())
        return;
    alignas(16) static float memory[64] = {};
    const void* block = memory;
    const std::int64_t slots = 1;
    cuda::AttendAll step;
    step.heads = step.kvHeads = 1;
    step.headDim = 8;
    step.q = step.out = memory;
    step.keys = step.values = &block;
    step.slots = &slots;
    REQUIRE(cuda::refusal(step) == "");
    CHECK_THROWS_AS(cuda::attendAll(step, nullptr), std::runtime_error);
}
