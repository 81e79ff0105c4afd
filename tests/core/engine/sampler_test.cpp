#include "core/engine/sampler.h"

#include <catch2/catch.hpp>

#include <cmath>
#include <limits>
#include <map>
#include <stdexcept>
#include <vector>

using namespace fovea;

namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInf = std::numeric_limits<float>::infinity();

std::map<int, double> frequencies(const SamplerOptions& options, const std::vector<float>& logits,
                                  int draws) {
    Sampler sampler(options);
    std::map<int, double> share;
    for (int i = 0; i < draws; ++i)
        share[sampler.next(logits)] += 1. / draws;
    return share;
}

} // namespace

TEST_CASE("Greedy takes the largest logit, the lowest id of equals", "[core.engine]") {
    Sampler greedy({.temperature = 0});
    CHECK(greedy.next(std::vector<float>{1, 3, 2, 3}) == 1);
    CHECK(greedy.next(std::vector<float>{-5}) == 0);
    CHECK(greedy.next(std::vector<float>{-kInf, -kInf, -2}) == 2);
    CHECK_THROWS_AS(greedy.next(std::vector<float>{}), std::invalid_argument);
}

TEST_CASE("A logit that is not a number is never chosen", "[core.engine]") {
    for (const float temperature : {0.f, 1.f}) {
        Sampler sampler({.temperature = temperature});
        for (int i = 0; i < 50; ++i) {
            CHECK(sampler.next(std::vector<float>{kNan, 1, kNan, -kInf}) == 1);
            CHECK(sampler.next(std::vector<float>{kNan, kNan}) == 0); // nothing to choose by: the lowest id
            CHECK(sampler.next(std::vector<float>{0, kInf, kInf}) == 1);
        }
    }
}

TEST_CASE("A draw is taken for every token, whatever its logits, and none at temperature 0", "[core.engine]") {
    Sampler one({.temperature = 1}), other({.temperature = 1}), greedy({.temperature = 0});
    for (const std::vector<float>& logits :
         {std::vector<float>{0, kInf}, std::vector<float>{kNan, -kInf}, std::vector<float>{1, 2, 3}})
        CHECK(one.next(logits) == chooseToken(logits, {.temperature = 1}, other.draw()));
    CHECK(one.draw() == other.draw());
    CHECK(greedy.draw() == 0);
}

TEST_CASE("Sampling follows the softmax at its temperature", "[core.engine]") {
    const std::vector<float> logits = {0, 1, 2};
    for (const float temperature : {1.f, .5f, 2.f}) {
        double sum = 0;
        for (const float l : logits)
            sum += std::exp(l / temperature);
        auto share = frequencies({.temperature = temperature, .seed = 5}, logits, 40000);
        for (int id = 0; id < 3; ++id)
            CHECK(share[id] ==
                  Approx(std::exp(logits[static_cast<std::size_t>(id)] / temperature) / sum).margin(.01));
    }
}

TEST_CASE("Top-k and top-p leave out the unlikely", "[core.engine]") {
    // Shares .644, .237, .087, .032
    const std::vector<float> logits = {1, 3, 0, 2};
    auto two = frequencies({.temperature = 1, .topK = 2}, logits, 20000);
    CHECK(two.size() == 2);
    CHECK(two[1] == Approx(1 / (1 + std::exp(-1.))).margin(.015));
    CHECK(two[3] == Approx(1 / (1 + std::exp(1.))).margin(.015));

    CHECK(frequencies({.temperature = 1, .topP = .6f}, logits, 500).size() == 1);
    CHECK(frequencies({.temperature = 1, .topP = .7f}, logits, 500).size() == 2);
    CHECK(frequencies({.temperature = 1, .topP = .95f}, logits, 2000).size() == 3);
    CHECK(frequencies({.temperature = 1, .topP = 1}, logits, 5000).size() == 4);
    CHECK(frequencies({.temperature = 1, .topP = 0}, logits, 500).size() == 1);
    CHECK(frequencies({.temperature = 1, .topK = 1}, logits, 500).size() == 1);
    CHECK(frequencies({.temperature = 1, .topK = 100}, logits, 5000).size() == 4);
}

TEST_CASE("A seed chooses the same tokens everywhere", "[core.engine]") {
    // splitmix64 of 1234567 begins 6457827717110365317, 3203168211198807973, 9817491932198370423,
    // 4593380528125082431, 16408922859458223821; sixteen equal logits show its upper four bits.
    Sampler sampler({.temperature = 1, .seed = 1234567});
    const std::vector<float> equal(16, .5f);
    for (const int expected : {5, 2, 8, 3, 14})
        CHECK(sampler.next(equal) == expected);
}
