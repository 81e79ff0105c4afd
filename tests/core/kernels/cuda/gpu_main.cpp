// The attention cases on a GPU. Says why and exits 77, which ctest reports as skipped, where there is none.
#define CATCH_CONFIG_RUNNER
#include <cstdio>

#include <catch2/catch.hpp>

#include "core/kernels/cuda/kernels.h"

int main(int argc, char** argv) {
    if (!fovea::cuda::available()) {
        std::printf("skipped: %s\n", fovea::cuda::whyUnavailable().c_str());
        return 77;
    }
    return Catch::Session().run(argc, argv);
}
