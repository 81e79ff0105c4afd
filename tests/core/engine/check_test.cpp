#include "core/engine/check.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/randn.h>

#include <cmath>
#include <limits>
#include <stdexcept>

#include "core/engine/attention_tap.h"
#include "tests/support/random_model.h"

// After everything of libtorch, whose logging defines a CHECK of its own.
#include <catch2/catch.hpp>

using namespace fovea;
using fovea::test::randomModel;

namespace {

const std::atomic<bool> kGoOn = false;
const std::vector<int> kPrompt = {1, 7, 3, 20, 11, 4, 4, 31, 17, 9};

CheckReport check(const std::string& plan, CheckOptions options = {}, const test::RandomShape& shape = {},
                  const std::atomic<bool>& cancel = kGoOn) {
    at::manual_seed(11);
    return checkBackends(randomModel(shape), parsePlan(plan), kPrompt, options, nullptr, cancel);
}

// Adds to one component of one head of one layer, from a step on.
struct Fault final : AttentionTap {
    CheckedPart part = CheckedPart::Attention;
    int layer = 1, head = 2, component = 5, fromStep = 0, width = 8;
    float added = 1;
    int step = -1;

    void plant(CheckedPart at, int in, float* data) const {
        if (at == part && in == layer && step >= fromStep)
            data[head * width + component] += added;
    }
    void enter(int in, float* q, float* k, float* v) override {
        step += in == 0;
        plant(CheckedPart::Queries, in, q);
        plant(CheckedPart::Keys, in, k);
        plant(CheckedPart::Values, in, v);
    }
    void leave(int in, float* output) override { plant(CheckedPart::Attention, in, output); }
};

} // namespace

TEST_CASE("Both backends agree on every plan, at every step, in every layer", "[core.engine]") {
    for (const char* plan :
         {"dense", "store=bf16", "store=f16 read=sparq:r=4,k=6", "read=sparq:r=2,k=4,alpha=off",
          "keep=streaming:sinks=2,window=6", "keep=lm-infinite:sinks=2,window=5",
          "keep=streaming:sinks=2,window=6 read=sparq:r=4,k=4",
          "keep=moa:alpha=4,beta=0.25,sinks=2,block=2,min=4", "share=cla:2 read=sparq:r=4,k=6"}) {
        INFO(plan);
        const CheckReport report = check(plan);
        REQUIRE(report.steps.size() == 16);
        CHECK(report.backends[0] == "reference");
        CHECK(report.backends[1] == "cpu");
        CHECK(report.within());
        CHECK(report.agreeing == 16);
        CHECK(report.largest.relative < report.tolerance);
        CHECK(report.steps[0].position == 9);
        CHECK(report.steps[0].fed == 9);
        CHECK(report.steps[1].fed == report.steps[0].chosen[0]);
        // Something was compared everywhere.
        for (const Deviation& d : report.heads)
            CHECK(d.step >= 0);
        for (const Deviation& d : report.parts)
            CHECK(d.step >= 0);
    }
}

// A prompt of such a model may be multiplied otherwise by one backend than by the other: the check is of what follows it.
TEST_CASE("Backends that are checked begin with the same rows in a model of bf16 weights too", "[core.engine]") {
    for (const char* plan : {"dense", "weights=rtn", "read=sparq:r=4,k=6", "store=rtn", "store=rtn:bits=2 read=topv:k=5"}) {
        INFO(plan);
        const CheckReport report = check(plan, {}, {.headDim = 32, .type = ElementType::BF16});
        CHECK(report.steps[0].position == 9);
        CHECK(report.parts[static_cast<std::size_t>(CheckedPart::Attention)].relative < report.tolerance);
        CHECK(report.steps.size() == 16);
    }
}

TEST_CASE("A fault is found in the layer, head, component and step where it was planted", "[core.engine]") {
    for (const CheckedPart part :
         {CheckedPart::Queries, CheckedPart::Keys, CheckedPart::Values, CheckedPart::Attention}) {
        const bool kv = part == CheckedPart::Keys || part == CheckedPart::Values;
        for (const int layer : {0, 1})
            for (const int head : {0, 1, kv ? 1 : 3}) {
                Fault fault;
                fault.part = part;
                fault.layer = layer;
                fault.head = head;
                fault.fromStep = 4;
                fault.added = 0.05f;
                CheckOptions options;
                options.onSecond = &fault;
                const CheckReport report = check("read=sparq:r=4,k=6", options);
                INFO(checkedPartName(part) << " of layer " << layer << ", head " << head);
                REQUIRE(report.firstBeyond);
                CHECK_FALSE(report.within());
                const Deviation& d = *report.firstBeyond;
                CHECK(d.part == part);
                CHECK(d.layer == layer);
                CHECK(d.head == head);
                CHECK(d.component == 5);
                CHECK(d.step == 4);
                CHECK(d.second - d.first == Approx(0.05).margin(1e-4));
                CHECK(d.absolute == Approx(0.05).margin(1e-4));
                CHECK(report.largest.part == part);
                CHECK(report.largest.layer == layer);
                CHECK(report.largest.head == head);
                if (part != CheckedPart::Attention)
                    continue;
                // What follows in the layers after it is no fault of theirs.
                for (int h = 0; h < 4; ++h)
                    CHECK((report.heads[static_cast<std::size_t>(layer * 4 + h)].relative >
                           report.tolerance) == (h == head));
                CHECK(report.steps[3].layers[static_cast<std::size_t>(layer)].relative < report.tolerance);
                CHECK(report.steps[4].layers[static_cast<std::size_t>(layer)].head == head);
            }
    }
}

TEST_CASE("A number on one side alone is beyond every tolerance", "[core.engine]") {
    Fault fault;
    fault.added = std::numeric_limits<float>::quiet_NaN();
    CheckOptions options;
    options.tolerance = 1e30;
    options.onSecond = &fault;
    const CheckReport report = check("dense", options);
    REQUIRE(report.firstBeyond);
    CHECK(report.firstBeyond->head == 2);
    CHECK(std::isinf(report.firstBeyond->relative));
}

TEST_CASE("A check ends when it is told to, and keeps what was found", "[core.engine]") {
    at::manual_seed(11);
    int heard = 0;
    const CheckReport three = checkBackends(
        randomModel(), {}, kPrompt, {}, [&](const CheckReport&) { return ++heard < 3; }, kGoOn);
    CHECK(three.steps.size() == 3);
    const std::atomic<bool> cancelled = true;
    CHECK(check("dense", {}, {}, cancelled).steps.empty());
    CheckOptions same;
    same.backends[0] = Backend::Cpu;
    CHECK_THROWS_AS(check("dense", same), std::invalid_argument);
    CHECK_THROWS_AS(check("read=sparq:r=9"), PlanError);
}

TEST_CASE("The tolerance follows the store unless it is given", "[core.engine]") {
    CHECK(check("store=bf16").tolerance == checkTolerance(ElementType::BF16));
    CHECK(check("dense").tolerance == checkTolerance(ElementType::F32));
    CheckOptions options;
    options.tolerance = 1e-12;
    CHECK_FALSE(check("dense", options).within());
}
