// A real public checkpoint, held against what the reference program (llama2.c, temperature 0) printed.

#include <ATen/core/Tensor.h>
#include <catch2/catch.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>

#include "core/engine/session.h"
#include "core/model/model.h"
#include "core/tokenizer/tokenizer.h"

using namespace fovea;

namespace {

const std::filesystem::path kFolder = FOVEA_SOURCE_DIR "/../shared/data/stories260K";
std::atomic<bool> goOn = false;

bool available() {
    if (std::filesystem::exists(kFolder / "stories260K.bin"))
        return true;
    WARN("skipped: no checkpoint at " << (kFolder / "stories260K.bin").lexically_normal().string());
    return false;
}

std::string reference(const char* name) {
    std::ifstream file(kFolder / name, std::ios::binary);
    std::string text{std::istreambuf_iterator<char>(file), {}};
    while (!text.empty() && text.back() == '\n')
        text.pop_back();
    return text;
}

struct Stories {
    std::shared_ptr<const Model> model = loadModel(kFolder / "stories260K.bin");
    std::shared_ptr<const Tokenizer> tokenizer =
        loadTokenizer(kFolder / "stories260K.bin", kFolder / "tok512.bin", model->spec.vocabulary);

    // `positions` counts the prompt's tokens too, as the reference program's -n does.
    Run run(const std::string& prompt, std::int64_t positions, const AttentionPlan& plan,
            Backend backend = Backend::Cpu) const {
        const std::vector<int> tokens = tokenizer->encode(prompt, true);
        GenerateOptions options;
        options.tokens = positions - std::ssize(tokens) + 1;
        options.session.backend = backend;
        return generate(model, plan, tokens, options, nullptr, goOn);
    }
    std::string text(const Run& run) const {
        std::string text;
        for (std::size_t i = 1; i < run.tokens.size() && run.tokens[i] != tokenizer->bos(); ++i)
            text += tokenizer->piece(run.tokens[i - 1], run.tokens[i]);
        while (!text.empty() && text.back() == '\n')
            text.pop_back();
        return text;
    }
};

} // namespace

TEST_CASE("Greedy text is the reference program's, byte for byte", "[core.engine]") {
    if (!available())
        return;
    const Stories stories;
    for (const auto backend : {Backend::Cpu, Backend::Reference}) {
        CHECK(stories.text(stories.run("", 256, {}, backend)) == reference("greedy_256.txt"));
        CHECK(stories.text(stories.run("Tom had a big red ball", 128, {}, backend)) ==
              reference("greedy_tom_128.txt"));
    }
}

TEST_CASE("SparQ of every token and component writes the same story", "[core.engine]") {
    if (!available())
        return;
    const Stories stories;
    AttentionPlan everything;
    everything.read = SparqParams{.components = stories.model->spec.headDim, .tokens = 512, .alpha = false};
    const Run run = stories.run("", 256, everything);
    CHECK(stories.text(run) == reference("greedy_256.txt"));
    for (const StepRecord& step : run.steps)
        REQUIRE(step.formula == step.counted);
}

TEST_CASE("A sparse story counts what the formula says on every step", "[core.engine]") {
    if (!available())
        return;
    const Stories stories;
    AttentionPlan plan;
    plan.read = SparqParams{.components = 4, .tokens = 32};
    for (const auto backend : {Backend::Cpu, Backend::Reference}) {
        const Run run = stories.run("Tom had a big red ball", 128, plan, backend);
        REQUIRE(run.steps.size() > 50);
        for (const StepRecord& step : run.steps) {
            REQUIRE(step.formula == step.counted);
            REQUIRE(step.held.formula == step.held.counted);
        }
    }
}

TEST_CASE("A stream whose window holds the whole story writes the same one", "[core.engine]") {
    if (!available())
        return;
    const Stories stories;
    for (const char* plan :
         {"keep=streaming:window=300", "keep=streaming:window=300,positions=cache", "keep=lm-infinite"})
        CHECK(stories.text(stories.run("", 256, parsePlan(plan))) == reference("greedy_256.txt"));
}

TEST_CASE("A story told in a stream counts what the formula says, and holds no more than sinks and window",
          "[core.engine]") {
    if (!available())
        return;
    const Stories stories;
    for (const char* plan :
         {"keep=streaming:window=60", "keep=streaming:window=60,positions=cache",
          "keep=lm-infinite:sinks=4,window=61", "keep=streaming:window=60 read=sparq:r=4,k=16"}) {
        std::string texts[2];
        for (const auto backend : {Backend::Cpu, Backend::Reference}) {
            INFO(plan);
            const Run run = stories.run("Tom had a big red ball", 200, parsePlan(plan), backend);
            REQUIRE(run.steps.size() > 100);
            const std::int64_t lanes = std::int64_t{run.spec.layers} * run.spec.kvHeads;
            for (const StepRecord& step : run.steps) {
                REQUIRE(step.formula == step.counted);
                REQUIRE(step.held.formula == step.held.counted);
                REQUIRE(step.liveSlots == lanes * std::min<std::int64_t>(step.position + 1, 64));
            }
            texts[static_cast<int>(backend)] = stories.text(run);
        }
        CHECK(texts[0] == texts[1]);
        CHECK(texts[0].find("Tom had a big red ball") == 0);
    }
}
