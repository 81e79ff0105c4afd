// The kernels of mixed rows with every access watched, and with each of their barriers forgotten.

#include <catch2/catch.hpp>

#include "tests/core/kernels/cuda/attention_case.h"
#include "tests/core/kernels/cuda/mixed_append_case.h"
#include "tests/core/kernels/cuda/race_watch.h"
#include "tests/core/kernels/cuda/topv_case.h"

using namespace fovea;
using namespace fovea::cuda;

namespace {

AttentionCase attended(const MixedShape& shape, int splits) {
    AttentionCase problem({ElementType::F16, 2, 4, 64, 70, splits, 32});
    problem.mix(shape);
    return problem;
}

void append(const MixedAppendShape& shape, Stream stream) {
    MixedAppendCase(shape).append(stream);
}

} // namespace

TEST_CASE("Attention over mixed rows has no race", "[core.kernels.cuda.races]") {
    for (const MixedShape& shape : mixedShapes())
        for (const int splits : {1, 3}) {
            INFO(shape.text());
            AttentionCase problem = attended(shape, splits);
            CHECK(races([&](Stream stream) { problem.attend(stream); }) == "");
            problem.reported = true;
            problem.lists = {{1, 5, 6, 33, 69}, {0, 2, 40, 41, 42, 43, 50}};
            CHECK(races([&](Stream stream) { problem.attend(stream); }) == "");
        }
}

TEST_CASE("Attention over mixed rows without one of its barriers has a race", "[core.kernels.cuda.races]") {
    for (const MixedShape& shape : mixedShapes()) {
        INFO(shape.text());
        const AttentionCase problem = attended(shape, 1);
        checkBarriers([&](Stream stream) { problem.attend(stream); }, 1,
                      shape.kind == MixedKind::Kivi ? 2 : 3);
    }
}

TEST_CASE("Turned slots of mixed rows have no race, and without one of their barriers one",
          "[core.kernels.cuda.races]") {
    for (const MixedShape& shape : mixedShapes()) {
        INFO(shape.text());
        AttentionCase problem({ElementType::F16, 1, 3, 64, 70, 1, 32});
        problem.mix(shape);
        problem.sights.assign(3, {0, 3});
        problem.turned = {0, 1, 2};
        problem.turnedQ.assign(3 * problem.q.size(), 0.5f);
        const auto run = [&](Stream stream) { problem.attend(stream); };
        CHECK(races(run) == "");
        // The first slot's queries are written once nobody reads others.
        checkBarriers(run, 2, shape.kind == MixedKind::Kivi ? 0 : 2 * 3 - 1);
    }
}

TEST_CASE("Top-k V over mixed rows has no race, and without one of its barriers one",
          "[core.kernels.cuda.races]") {
    for (const MixedShape& shape : mixedShapes()) {
        INFO(shape.text());
        ReadCase problem({ElementType::F32, 1, 3, 32, 270, 64});
        problem.mix(shape);
        problem.sights.assign(3, {0, 2});
        problem.turned = {0, 1};
        problem.turnedQ.assign(2 * problem.q.size(), 0.5f);
        const auto run = [&](Stream stream) { runTopv(problem, 16, stream); };
        const bool shares = shape.kind != MixedKind::Kivi;
        CHECK(races(run) == "");
        checkBarriers(run, 1, shares ? 3 : 2);
        checkBarriers(run, 2, shares ? 2 * 2 - 1 : 0);
    }
}

TEST_CASE("Writing and coding mixed rows has no race", "[core.kernels.cuda.races]") {
    for (const MixedShape& rows : mixedShapes())
        for (const ElementType type : {ElementType::F32, ElementType::BF16})
            for (const bool exact : {true, false}) {
                if (!exact && rows.kind == MixedKind::Kivi)
                    continue; // whose new rows are always exact
                for (const int due : {0, 7}) {
                    const MixedAppendShape shape{rows, type, 160, exact, due, due > 0};
                    INFO(shape.text());
                    CHECK(races([&](Stream stream) { append(shape, stream); }) == "");
                }
            }
}

TEST_CASE("Writing and coding mixed rows without one of its barriers has a race",
          "[core.kernels.cuda.races]") {
    const auto check = [](const MixedAppendShape& shape, int barriers) {
        INFO(shape.text());
        checkBarriers([&](Stream stream) { append(shape, stream); }, 1, barriers);
    };
    const MixedShape kivi{MixedKind::Kivi, 4, 32};
    check({kivi, ElementType::F32, 160, true, 0}, 1);
    // One group of two keys: one before it, one of each row and one between. Two values: as each is fetched, and its codes.
    check({kivi, ElementType::F32, 160, true, 2, true}, 1 + (1 + 2 + 1) + 2 * 2);
    const MixedShape kvquant{.kind = MixedKind::Kvquant, .bits = 3, .outliers = 2, .half = 16};
    // Of the key as it is there, its codes, and two as it is turned forth; of the value too, and as it is put in order.
    check({kvquant, ElementType::F32, 160, false, 0, true}, (1 + 1 + 2) + (1 + 1 + 1));
    const MixedShape cq{.kind = MixedKind::Cq, .bits = 4, .channels = 4, .half = 16};
    // Of the key as it is there, as it is turned back, and its codes; of the value the first and the last of these.
    check({cq, ElementType::F32, 160, false, 0}, 3 + 2);
    check({cq, ElementType::F32, 160, true, 1}, 1 + 3 + 2);
}
