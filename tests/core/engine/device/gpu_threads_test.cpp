// Two runs on one GPU at once: each records its steps as graphs while the other takes memory and gives it back.

#include <string>
#include <thread>
#include <vector>

#include "core/engine/session.h"
#include "core/plan/attention_plan.h"

#include "tests/core/engine/device/device_checks.h"

using namespace fovea;
using fovea::test::kGoOn;
using fovea::test::randomTokens;
using fovea::test::smallModel;

TEST_CASE("Two runs on one GPU do not disturb each other", "[core.engine.device.threads]") {
    const auto model = smallModel();
    const auto textOf = [&](const std::string& plan, Backend backend) {
        GenerateOptions options;
        options.tokens = 12;
        options.ignoreEnd = true;
        options.session.backend = backend;
        return generate(model, parsePlan(plan), randomTokens(20), options, {}, kGoOn);
    };
    const std::string plans[] = {"dense", "read=sparq:r=4,k=20"};
    std::vector<Run> runs[2];
    std::vector<std::thread> threads;
    for (int which = 0; which < 2; ++which)
        threads.emplace_back([&, which] {
            for (int again = 0; again < 20; ++again)
                runs[which].push_back(textOf(plans[which], Backend::Cuda));
        });
    for (std::thread& thread : threads)
        thread.join();
    for (int which = 0; which < 2; ++which) {
        const Run cpu = textOf(plans[which], Backend::Cpu);
        REQUIRE(runs[which].size() == 20);
        for (const Run& run : runs[which]) {
            CHECK(run.whyLeft.empty());
            CHECK(run.tokens == cpu.tokens);
        }
    }
}
