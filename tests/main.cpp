// libtorch starts with one thread unless told.
#include <ATen/Parallel.h>

#include "tests/support/catch/runner.h"

int main(int argc, char** argv) {
    at::set_num_threads(2);
    return fovea::test::runCases(argc, argv);
}
