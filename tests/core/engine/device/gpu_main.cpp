// The backend's cases on a GPU, but for those that need a host in its place. Says why and exits 77, which ctest reports as
// skipped, where there is none.
#include <cstdio>

#include "core/kernels/cuda/kernels.h"
#include "tests/support/catch/runner.h"

int main(int argc, char** argv) {
    if (!fovea::cuda::available()) {
        std::printf("skipped: %s\n", fovea::cuda::whyUnavailable().c_str());
        return 77;
    }
    if (argc > 1)
        return fovea::test::runCases(argc, argv);
    char cases[] = "~[host]";
    char* arguments[] = {argv[0], cases, nullptr};
    return fovea::test::runCases(2, arguments);
}
