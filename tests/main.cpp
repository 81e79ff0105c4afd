// Catch2 with our own main: libtorch starts with one thread unless told.
#define CATCH_CONFIG_RUNNER
#include <ATen/Parallel.h>
#include <catch2/catch.hpp>

int main(int argc, char** argv) {
    at::set_num_threads(2);
    return Catch::Session().run(argc, argv);
}
