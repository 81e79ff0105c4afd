// What the papers show, in shape, on the bundled model: a few samples, margins of several standard errors. CONTRIBUTING
// has the figures of more samples.

#include <atomic>
#include <filesystem>
#include <string>

#include "../model/small_checkpoint.h"
#include "core/model/model.h"
#include "core/tasks/evaluate.h"
#include "core/tokenizer/tokenizer.h"

// After everything of libtorch, whose logging defines a CHECK of its own.
#include <catch2/catch.hpp>

using namespace fovea;

namespace {

const std::filesystem::path kAssets = FOVEA_SOURCE_DIR "/assets";
const std::atomic<bool> kGoOn = false;

// Plans judged by one task on the starter model, two samples each.
class Judge {
public:
    // `prompt`: of recall, TaskOptions::prompt.
    explicit Judge(const std::string& task, std::int64_t prompt = 0)
        : m_model(loadModel(kAssets / "models/fovea-starter")),
          m_evaluation(m_model, taskOf(task, prompt), {.samples = 2}) {}

    PlanScore of(const std::string& plan) {
        INFO(plan);
        return m_evaluation.evaluate(
            parsePlan(plan), [] {}, kGoOn);
    }

private:
    std::shared_ptr<const Task> taskOf(const std::string& name, std::int64_t prompt) const {
        TaskOptions options;
        options.name = name;
        options.length = 512;
        options.prompt = prompt;
        options.text = test::readAll(kAssets / "texts/evaluation.txt");
        return makeTask(options, m_model->spec,
                        loadTokenizer(kAssets / "models/fovea-starter", {}, m_model->spec.vocabulary));
    }

    std::shared_ptr<const Model> m_model;
    Evaluation m_evaluation;
};

} // namespace

// H2O sums what a prompt's queries give, as its authors' code does: half of the text is the prompt, in which pairs were
// asked for already.
TEST_CASE("SparQ recalls more of fewer bytes than H2O, and H2O than a window", "[core.tasks][shapes]") {
    Judge recall("recall", 256);
    const PlanScore sparq = recall.of("read=sparq:r=8,k=16"), h2o = recall.of("keep=h2o:heavy=112,recent=16"),
                    fewer = recall.of("keep=h2o:heavy=56,recent=8"),
                    window = recall.of("keep=streaming:window=80");
    CHECK(sparq.mean > 0.95);
    CHECK(sparq.moved.counted < 0.8 * h2o.moved.counted);
    CHECK(sparq.mean > h2o.mean + 0.1);
    CHECK(fewer.moved.counted < window.moved.counted);
    CHECK(fewer.mean > window.mean + 0.08);
}

TEST_CASE("From the list alone too H2O recalls more than a window of as many tokens",
          "[core.tasks][shapes]") {
    Judge recall("recall");
    const PlanScore h2o = recall.of("keep=h2o:heavy=112,recent=16"),
                    window = recall.of("keep=streaming:sinks=4,window=124");
    // 128 tokens held by both; H2O's sums of weights come on top, which are 4 bytes beside a row's 128 here.
    CHECK(h2o.held.counted == Approx(window.held.counted * 132 / 128));
    CHECK(h2o.mean > window.mean + 0.04);
}

TEST_CASE("Spans that are long where a head looks far recall what a window of as many bytes does not",
          "[core.tasks][shapes]") {
    Judge recall("recall");
    const std::string blocks = ",sinks=4,block=4,min=16";
    const PlanScore spans = recall.of("keep=moa:file=\"" +
                                      (kAssets / "plans/fovea-starter-recall.json").string() + "\"" + blocks);
    const PlanScore uniform = recall.of("keep=moa:alpha=80,beta=0" + blocks);
    CHECK(spans.moved.counted < uniform.moved.counted);
    CHECK(spans.mean > 0.9);
    CHECK(uniform.mean < 0.7);
}

TEST_CASE("The mean value helps SparQ to write as its choice gets small, and keeps it from recalling",
          "[core.tasks][shapes]") {
    Judge text("text");
    const double with = text.of("read=sparq:r=2,k=8").mean,
                 without = text.of("read=sparq:r=2,k=8,alpha=off").mean;
    CHECK(with < without - 0.03); // bits per character
    Judge recall("recall");
    CHECK(recall.of("read=sparq:r=2,k=8").mean < recall.of("read=sparq:r=2,k=8,alpha=off").mean - 0.05);
}
