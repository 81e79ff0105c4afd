// What a new token writes into a cache of mixed rows, and codes of the rows before, by the methods' definitions. The CPU's
// codecs, byte for byte, are held against it in tests/core/engine/device.

#include <catch2/catch.hpp>

#include "tests/core/kernels/cuda/mixed_append_case.h"
#include "tests/core/kernels/cuda/stored_elements.h"

using namespace fovea;
using namespace fovea::cuda;

namespace {

void check(const MixedAppendShape& shape) {
    INFO(shape.text());
    std::vector<unsigned char> first;
    for (const machine::Execution& execution : machine::executions()) {
        INFO(execution.name);
        MixedAppendCase problem(shape);
        problem.append(execution.stream);
        CHECK(problem.difference() == "");
        if (first.empty())
            first = problem.bytes();
        CHECK(problem.bytes() == first); // in any order
    }
}

} // namespace

TEST_CASE("A new token's mixed rows are what their stores make of them", "[core.kernels.cuda.mixed]") {
    for (const MixedShape& rows : mixedShapes())
        for (const int headDim : {32, 48, 96, 256})
            for (const ElementType type : kElementTypes) {
                check({rows, type, headDim, true, 0});
                if (rows.kind != MixedKind::Kivi)
                    check({rows, type, headDim, false, 0});
            }
}

TEST_CASE("Rows whose time is over become codes", "[core.kernels.cuda.mixed]") {
    for (const MixedShape& rows : mixedShapes())
        for (const int headDim : {32, 80, 128})
            for (const int due : {1, 7}) {
                check({rows, ElementType::F32, headDim, true, due});
                check({rows, ElementType::BF16, headDim, true, due, true});
            }
}
