#include "tests/support/catch/runner.h"

int main(int argc, char** argv) {
    return fovea::test::runCases(argc, argv);
}
