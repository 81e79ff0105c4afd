// Choices of tokens, wherever machine.h says they are made, against the CPU's Sampler.

#include <algorithm>
#include <cmath>
#include <limits>

#include <catch2/catch.hpp>

#include "tests/core/kernels/cuda/machine.h"
#include "tests/core/kernels/cuda/sampling_case.h"

using namespace fovea;
using namespace fovea::cuda;
using machine::Execution;

namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

// Sums of doubles, rounded once: what another order of adding may move is below the last bits of a float.
bool near(float surprise, float truth) {
    if (std::isnan(truth) || std::isinf(truth))
        return std::isnan(truth) ? std::isnan(surprise) : surprise == truth;
    return std::fabs(surprise - truth) <= 1e-6f * std::max(1.0f, std::fabs(truth));
}

void checkOnce(const SamplingCase& problem) {
    INFO(problem.text());
    const Chosen truth = problem.truth();
    std::vector<float> first;
    for (const Execution& execution : machine::executions()) {
        const Chosen chosen = problem.run(execution.stream);
        CHECK(chosen.tokens == truth.tokens);
        for (std::size_t row = 0; row < truth.surprises.size(); ++row) {
            INFO("text " << row << " " << chosen.surprises[row] << " " << truth.surprises[row]);
            CHECK(near(chosen.surprises[row], truth.surprises[row]));
        }
        if (first.empty())
            first = chosen.surprises;
        CHECK(std::equal(first.begin(), first.end(), chosen.surprises.begin(),
                         [](float a, float b) { return a == b || (std::isnan(a) && std::isnan(b)); }));
    }
}

// Chosen, and then some that are given.
void checkAgainstSampler(SamplingCase problem) {
    checkOnce(problem);
    problem.given = true;
    checkOnce(problem);
}

} // namespace

TEST_CASE("At temperature 0 the first of the largest logits is chosen", "[core.kernels.cuda][sampling]") {
    for (const int vocabulary : {1, 2, 31, 257, 2048, 2049, 9000})
        checkAgainstSampler({{madeUpLogits(vocabulary, 3, 0, 1), madeUpLogits(vocabulary, 1, 0.5f, 2)}});
    checkAgainstSampler({{{kNaN, kNaN},
                          {kNaN, -kInfinity},
                          {-kInfinity, -3},
                          {1, kInfinity},
                          {kInfinity, kInfinity},
                          {-0.0f, 0.0f},
                          {0.0f, -0.0f},
                          {kNaN, 2}}});
}

TEST_CASE("Draws choose the Sampler's token for every width", "[core.kernels.cuda][sampling]") {
    for (const int vocabulary : {1, 2, 33, 1024, 1025, 5000})
        for (const std::uint64_t seed : {1u, 50u})
            checkAgainstSampler({{madeUpLogits(vocabulary, 3, 0, 3), madeUpLogits(vocabulary, 0.1f, 0, 4)},
                                 0.8f,
                                 0,
                                 1,
                                 seed});
}

TEST_CASE("Draws choose the Sampler's token under every limit", "[core.kernels.cuda][sampling]") {
    std::uint64_t seed = 100;
    for (const float temperature : {0.3f, 3.0f})
        for (const int topK : {0, 1, 7, 300})
            for (const float topP : {1.0f, 0.9f, 0.0f})
                for (const float step : {0.0f, 1.0f}) // with ties and without
                    checkAgainstSampler({{madeUpLogits(300, 2, step, static_cast<unsigned>(seed))},
                                         temperature,
                                         topK,
                                         topP,
                                         seed++});
}

TEST_CASE("Many texts are chosen for at once", "[core.kernels.cuda][sampling]") {
    SamplingCase problem{{}, 1.2f, 40, 0.95f, 500};
    for (unsigned row = 0; row < 20; ++row)
        problem.logits.push_back(madeUpLogits(700, 4, row % 2 == 0 ? 0.0f : 0.25f, row));
    checkAgainstSampler(problem);
}

TEST_CASE("Among equal logits each is as likely, in their order", "[core.kernels.cuda][sampling]") {
    SamplingCase problem{{}, 1, 0, 1, 900};
    problem.logits.assign(30, std::vector<float>(1000, 2.5f));
    checkAgainstSampler(problem);
    problem.topK = 10; // the ten first
    checkAgainstSampler(problem);
    problem.topP = 0.5f; // the five first
    for (const int token : problem.run(machine::executions().front().stream).tokens)
        CHECK(token < 5);
    checkAgainstSampler(problem);
}

TEST_CASE("Logits that are not finite are never drawn, unless one is infinite",
          "[core.kernels.cuda][sampling]") {
    for (std::uint64_t seed = 1; seed < 6; ++seed)
        for (const int topK : {0, 3})
            checkAgainstSampler({{{kNaN, 1, -kInfinity, 1.5f, kNaN, 0.5f},
                                  {kNaN, kNaN, kNaN, kNaN, kNaN, kNaN},
                                  {0, 1, kInfinity, kNaN, kInfinity, 2},
                                  {-0.0f, 0.0f, -0.0f, kNaN, -1e-40f, 1e-40f},
                                  {3e38f, -3e38f, 3e38f, 0, kNaN, 1}},
                                 1,
                                 topK,
                                 1,
                                 seed});
}

TEST_CASE("Choices that the kernels cannot make are refused with the reason",
          "[core.kernels.cuda][sampling]") {
    using Catch::Contains;
    alignas(16) float memory[8] = {};
    int token = 0;
    const auto whyNot = [&](const auto& change) {
        ChooseTokens step;
        step.logits = memory, step.vocabulary = 4, step.rows = 1, step.temperature = 1;
        step.draws = memory, step.tokens = &token, step.scratch = memory;
        change(step);
        const std::string why = refusal(step);
        if (!why.empty())
            CHECK_THROWS_AS(chooseTokens(step, machine::executions().front().stream), std::invalid_argument);
        return why;
    };
    CHECK(whyNot([](ChooseTokens&) {}) == "");
    CHECK_THAT(whyNot([](ChooseTokens& step) { step.vocabulary = 0; }), Contains("got 0"));
    CHECK_THAT(whyNot([](ChooseTokens& step) { step.vocabulary = kMostVocabulary + 1; }), Contains("262145"));
    CHECK_THAT(whyNot([](ChooseTokens& step) { step.rows = 70000; }), Contains("70000"));
    CHECK_THAT(whyNot([](ChooseTokens& step) { step.draws = nullptr; }), Contains("draws"));
    CHECK(whyNot([](ChooseTokens& step) { step.draws = nullptr, step.temperature = 0; }) == "");
    CHECK(whyNot([](ChooseTokens& step) { step.draws = nullptr, step.given = true; }) == "");
    CHECK_THAT(whyNot([&](ChooseTokens& step) { step.scratch = memory + 1; }), Contains("aligned"));
}
