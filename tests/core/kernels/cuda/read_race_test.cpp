// The kernels of reads with every access watched, and with each of their barriers forgotten.

#include <vector>

#include <catch2/catch.hpp>

#include "tests/core/kernels/cuda/quest_case.h"
#include "tests/core/kernels/cuda/race_watch.h"
#include "tests/core/kernels/cuda/sparq_case.h"
#include "tests/core/kernels/cuda/topv_case.h"

using namespace fovea;
using namespace fovea::cuda;

namespace {

// 199 … 0
std::vector<std::int32_t> backwards() {
    std::vector<std::int32_t> slots;
    for (std::int32_t slot = 200; slot-- > 0;)
        slots.push_back(slot);
    return slots;
}

const ElementType kTypes[] = {ElementType::F32, ElementType::F16, ElementType::BF16};

} // namespace

TEST_CASE("The choices of reads have no race", "[core.kernels.cuda.races]") {
    for (const ElementType type : kTypes)
        for (const int group : {1, 3, 9}) {
            const ReadCase problem({type, 2, group, 32, 270});
            INFO(problem.geometry.text());
            CHECK(races([&](Stream stream) { runSparq(problem, {}, stream); }) == "");
            CHECK(races([&](Stream stream) { runQuest(problem, {}, stream); }) == "");
            CHECK(races([&](Stream stream) { runTopv(problem, 16, stream); }) == "");
        }
}

TEST_CASE("Each kernel of SparQ's choice without one of its barriers has a race",
          "[core.kernels.cuda.races]") {
    const ReadCase problem({ElementType::F32, 1, 2, 32, 200});
    SparqSettings settings;
    settings.byAge = {backwards()};
    const auto run = [&](Stream stream) { runSparq(problem, settings, stream); };
    checkBarriers(run, 1, 5);
    checkBarriers(run, 2, 15);
}

TEST_CASE("Each kernel of Quest's choice without one of its barriers has a race",
          "[core.kernels.cuda.races]") {
    const ReadCase problem({ElementType::F32, 1, 2, 32, 200});
    QuestSettings settings;
    settings.byAge = {backwards()};
    const auto run = [&](Stream stream) { runQuest(problem, settings, stream); };
    checkBarriers(run, 1, 0);
    checkBarriers(run, 2, 14);
}

TEST_CASE("Top-k V without one of its barriers has a race", "[core.kernels.cuda.races]") {
    const ReadCase problem({ElementType::F32, 1, 2, 32, 200});
    checkBarriers([&](Stream stream) { runTopv(problem, 16, stream); }, 1, 2);
}

TEST_CASE("Top-k V over codes and with turned queries has no race, and without one of its barriers one",
          "[core.kernels.cuda.races]") {
    for (const RowCodes& codes : {RowCodes{}, RowCodes{8, 32, 1}, RowCodes{4, 128, 2}, RowCodes{3, 32, 0}}) {
        ReadCase problem({ElementType::F32, 1, 3, 32, 270, 64, codes});
        problem.sights.assign(3, {0, 3});
        problem.turned = {0, 1, 2};
        problem.turnedQ.assign(3 * problem.q.size(), 0.5f);
        const auto run = [&](Stream stream) { runTopv(problem, 16, stream); };
        CHECK(races(run) == "");
        checkBarriers(run, 1, 2);
        checkBarriers(run, 2, 0); // warps that never meet
    }
}

TEST_CASE("Choices by what each head sees have no race, and without one of their barriers one",
          "[core.kernels.cuda.races]") {
    ReadCase problem({ElementType::F32, 1, 3, 32, 200});
    problem.sights = {{2, 190}, {2, 150}, {2, 60}};
    SparqSettings settings;
    settings.byAge = {backwards()};
    const auto sparq = [&](Stream stream) { runSparq(problem, settings, stream); };
    CHECK(races(sparq) == "");
    checkBarriers(sparq, 2, 16);
    CHECK(races([&](Stream stream) { runQuest(problem, {}, stream); }) == "");
    CHECK(races([&](Stream stream) { runTopv(problem, 16, stream); }) == "");
}
