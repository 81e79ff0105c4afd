// The attention cases on a GPU. Says why and exits 77, which ctest reports as skipped, where there is none.
#include <cstdio>

#include "core/kernels/cuda/kernels.h"
#include "tests/support/catch/runner.h"

int main(int argc, char** argv) {
    if (!fovea::cuda::available()) {
        std::printf("skipped: %s\n", fovea::cuda::whyUnavailable().c_str());
        return 77;
    }
    return fovea::test::runCases(argc, argv);
}
