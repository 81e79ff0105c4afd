// Texts of a batch on the GPU's backend: ragged ones that come and go are given what each is given alone, bit for bit, and
// their number is no number of launches.

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/engine/batch.h"
#include "core/engine/session.h"
#include "core/plan/attention_plan.h"
#include "tests/support/simt/host_device.h"
#include "tests/support/simt/launches.h"

#include "tests/core/engine/device/batch_checks.h"
#include "tests/core/engine/device/device_checks.h"

using namespace fovea;
using fovea::test::kGoOn;
using fovea::test::promptsOf;
using fovea::test::randomModel;
using fovea::test::randomTokens;
using fovea::test::requireRagged;
using fovea::test::smallModel;

namespace {

const std::string kParted =
    "keep=moa:spans=2x4/6+0N/14+0N/20+0N/34+.2N/9+0N*2/3+0.5N/12+0N,sinks=2,block=1,min=1";

// Some shorter than what a keep holds, one of no token yet.
const std::vector<std::vector<int>> kRagged = {
    randomTokens(7, 50, 1), randomTokens(77, 50, 2), {}, randomTokens(41, 50, 3)};

} // namespace

TEST_CASE("Ragged texts that come and go on the GPU are what each is alone", "[core.engine.device.batch]") {
    const auto model = smallModel();
    for (const std::string& text :
         {std::string("dense"), std::string("store=bf16 read=sparq:r=4,k=300"),
          std::string("read=quest:page=4,pages=3,skip=1"), std::string("store=f16 read=topv:k=7"),
          std::string("store=rtn:bits=4,group=32 read=topv:k=7,renormalise=on"),
          std::string("store=rtn:bits=8,group=32 keep=h2o:heavy=9,recent=12 read=sparq:r=4,k=6"),
          std::string("keep=h2o:heavy=8,recent=9 read=quest:page=4,pages=2,skip=0"),
          std::string("keep=scissorhands:budget=16,history=12,recent=4,drop=3"),
          std::string("store=rtn:bits=3,group=32 keep=snapkv:budget=10,window=4,pool=3"),
          std::string(
              "keep=streaming:sinks=2,window=9,positions=original store=rtn:bits=2,group=32,zero=free"),
          std::string("keep=streaming:sinks=3,window=20,positions=cache store=bf16"),
          std::string("keep=lm-infinite:sinks=3,window=30 read=topv:k=5"), kParted,
          kParted + " read=sparq:r=4,k=6", kParted + " read=quest:page=4,pages=3,skip=0",
          kParted + " read=topv:k=5", std::string("share=cla:2 read=sparq:r=4,k=6")}) {
        INFO(text);
        requireRagged(model, parsePlan(text), kRagged);
    }
}

// Lengths on both sides of the first room that tables have, and of what SparQ would choose of the longest.
TEST_CASE("Texts whose tables are of other sizes are what each is alone", "[core.engine.device.batch]") {
    const auto model = smallModel();
    const std::vector<std::vector<int>> prompts = {
        randomTokens(252, 50, 1), randomTokens(270, 50, 2), {}, randomTokens(41, 50, 3)};
    for (const char* const text :
         {"dense", "store=bf16 read=sparq:r=4,k=300", "read=quest:page=4,pages=70,skip=1"}) {
        INFO(text);
        requireRagged(model, parsePlan(text), prompts);
    }
}

// 270 tokens are shared out among eight thread blocks, 530 among twelve: in one launch each has its own number.
TEST_CASE("Texts of one launch are split as each is alone", "[core.engine.device.batch]") {
    at::manual_seed(5);
    const auto model =
        randomModel({.layers = 1, .queryHeads = 2, .kvHeads = 1, .headDim = 32, .ffn = 32, .context = 600});
    const std::vector<std::vector<int>> prompts = {
        randomTokens(270, 50, 1), randomTokens(530, 50, 2), {}, randomTokens(300, 50, 3)};
    for (const char* const text : {"dense", "store=f16 read=sparq:r=4,k=550"}) {
        INFO(text);
        requireRagged(model, parsePlan(text), prompts);
    }
}

TEST_CASE("Texts at once are the same in every order of threads", "[core.engine.device.batch][host]") {
    const auto model = smallModel();
    for (const simt::Order order : {simt::Order::Reverse, simt::Order::Shuffled}) {
        simt::executeIn(order, 7);
        requireRagged(model, parsePlan("store=f16 keep=h2o:heavy=8,recent=9 read=sparq:r=4,k=6"), kRagged);
    }
    simt::executeIn(simt::Order::Forward);
}

TEST_CASE("A step of a batch has as many launches as a text's alone", "[core.engine.device.batch][host]") {
    const auto model = smallModel();
    for (const std::string& text :
         {std::string("dense"), std::string("store=bf16 read=sparq:r=4,k=6"),
          std::string("store=rtn:bits=4,group=32 read=topv:k=7"),
          std::string("read=quest:page=4,pages=3,skip=1"),
          std::string("keep=h2o:heavy=8,recent=9 read=sparq:r=4,k=6"),
          std::string("keep=streaming:sinks=2,window=9,positions=original"), kParted}) {
        INFO(text);
        std::vector<std::uint64_t> launches;
        for (const int texts : {1, 2, 5}) {
            const auto prompts = promptsOf(texts, 30, 9);
            Batch batch(model, parsePlan(text), texts, 0, Backend::Cuda);
            std::vector<Batch::Fed> fed;
            for (int i = 0; i < texts; ++i) {
                REQUIRE(batch.prefill(i, prompts[static_cast<std::size_t>(i)], kGoOn));
                fed.push_back({i, 3 + i});
            }
            std::uint64_t before = 0;
            for (int step = 0; step < 4; ++step) {
                before = simt::executedLaunches();
                batch.step(fed, step > 0);
            }
            launches.push_back(simt::executedLaunches() - before);
        }
        INFO(launches[0] << ", " << launches[1] << ", " << launches[2]);
        CHECK(launches[0] > 0);
        for (const std::uint64_t of : launches)
            CHECK(of == launches[0]);
    }
}

TEST_CASE("One graph serves the steps of a batch, and another when a text has left",
          "[core.engine.device.batch][host]") {
    const auto model = smallModel();
    Batch batch(model, parsePlan("store=f16 read=sparq:r=4,k=6"), 3, 0, Backend::Cuda);
    const auto prompts = promptsOf(3, 60, 9);
    for (int i = 0; i < 3; ++i)
        REQUIRE(batch.prefill(i, prompts[static_cast<std::size_t>(i)], kGoOn));
    const auto graphsOf = [&](int steps, const std::vector<Batch::Fed>& fed) {
        const std::size_t before = simt::recordedGraphs();
        for (int step = 0; step < steps; ++step)
            batch.step(fed, true);
        return simt::recordedGraphs() - before;
    };
    CHECK(graphsOf(20, {{0, 3}, {1, 4}, {2, 5}}) == 1);
    CHECK(graphsOf(20, {{0, 3}, {2, 5}}) == 1);
}
