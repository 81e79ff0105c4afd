#include "tests/support/catch/runner.h"

#define CATCH_CONFIG_RUNNER
#include <catch2/catch.hpp>

namespace fovea::test {

int runCases(int argc, char** argv) {
    return Catch::Session().run(argc, argv);
}

} // namespace fovea::test
