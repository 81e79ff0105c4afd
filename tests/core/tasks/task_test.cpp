#include "core/tasks/task.h"

#include <cmath>

#include "../model/small_checkpoint.h"
#include "core/engine/run.h"
#include "core/tasks/evaluate.h"
#include "core/tokenizer/sentencepiece_tokenizer.h"
#include "core/tokenizer/tokenizer.h"

// After everything of libtorch, whose logging defines a CHECK of its own.
#include <catch2/catch.hpp>

using namespace fovea;

namespace {

const std::atomic<bool> kGoOn = false;
const std::filesystem::path kAssets = FOVEA_SOURCE_DIR "/assets";

std::string someText() {
    std::string text;
    for (int i = 0; i < 60; ++i)
        text +=
            "the tree " + std::to_string(i * 37 % 101) + " is not the other tree, and there is a tree here. ";
    return text;
}

std::shared_ptr<const Tokenizer> smallTokenizer() {
    return parseSentencepiece(test::smallSentencepiece(), "small");
}

ModelSpec specOf(int context) {
    ModelSpec spec = test::smallModel().spec;
    spec.context = context;
    return spec;
}

// A run in which the model was sure of `said` at every step.
Run sureOf(const TaskSample& sample, std::vector<int> said, int vocabulary) {
    Run run;
    run.spec.vocabulary = vocabulary;
    run.tokens = sample.prompt;
    run.promptTokens = std::ssize(sample.prompt);
    std::vector<float> logits(said.size() * static_cast<std::size_t>(vocabulary), 0.f);
    for (std::size_t i = 0; i < said.size(); ++i) {
        logits[i * static_cast<std::size_t>(vocabulary) + static_cast<std::size_t>(said[i])] = 9;
        run.tokens.push_back(sample.follows.empty() ? said[i] : sample.follows[i]);
        run.steps.push_back({});
    }
    run.logits = std::make_shared<const std::vector<float>>(std::move(logits));
    return run;
}

TaskOptions optionsFor(const char* name, std::int64_t length) {
    TaskOptions options;
    options.name = name;
    options.length = length;
    options.pairs = 4;
    options.text = someText();
    return options;
}

} // namespace

TEST_CASE("A sample is the same each time, others are others", "[core.tasks]") {
    for (const char* name : {"recall", "repetition", "text"}) {
        INFO(name);
        const auto task = makeTask(optionsFor(name, 200), specOf(256), smallTokenizer());
        const auto again = makeTask(optionsFor(name, 200), specOf(256), smallTokenizer());
        CHECK(task->sample(3).prompt == again->sample(3).prompt);
        CHECK(task->sample(3).follows == again->sample(3).follows);
        CHECK(task->sample(3).prompt != task->sample(4).prompt);
        for (int i = 0; i < 20; ++i) {
            const TaskSample sample = task->sample(i);
            CHECK_FALSE(sample.prompt.empty());
            CHECK(sample.steps() > 0);
            CHECK(std::ssize(sample.prompt) + sample.steps() <= 200);
        }
    }
}

TEST_CASE("Recall counts a pair when every token of its value is ranked first", "[core.tasks]") {
    const auto tokenizer = smallTokenizer();
    const auto task = makeTask(optionsFor("recall", 200), specOf(256), tokenizer);
    const TaskSample sample = task->sample(0);
    REQUIRE(sample.answers.size() > 3);
    const int V = 300;
    CHECK(task->score(sample, sureOf(sample, sample.follows, V)) == 1);
    std::vector<int> said = sample.follows;
    const TaskSample::Answer& second = sample.answers[1];
    // One wrong token anywhere in a value loses that pair and no other.
    for (std::int64_t i = second.first; i < second.first + second.count; ++i) {
        said = sample.follows;
        said[static_cast<std::size_t>(i)] = (said[static_cast<std::size_t>(i)] + 1) % V;
        const auto all = static_cast<double>(sample.answers.size());
        CHECK(task->score(sample, sureOf(sample, said, V)) == Approx((all - 1) / all));
    }
    // What is said between the pairs is not graded.
    said = sample.follows;
    said[0] = (said[0] + 1) % V;
    CHECK(task->score(sample, sureOf(sample, said, V)) == 1);
    CHECK(task->facts().figures == "4 pairs in 200 tokens");
}

TEST_CASE("Recall is graded apart by how far the pair lies back, in one run", "[core.tasks]") {
    const auto task = makeTask(optionsFor("recall", 200), specOf(256), smallTokenizer());
    REQUIRE(task->facts().parts == std::vector<std::string>{"up to 25 tokens back", "26 to 50 tokens back",
                                                            "51 to 100 tokens back", "over 100 tokens back"});
    const TaskSample sample = task->sample(0);
    const int V = 300;
    const auto all = task->parts(sample, sureOf(sample, sample.follows, V));
    REQUIRE(all.size() == 4);
    std::int64_t asked = 0;
    for (const PartCount& part : all) {
        CHECK(part.right == part.asked);
        asked += part.asked;
    }
    CHECK(asked == std::ssize(sample.answers));
    // A wrong value is missing where it belongs, and nowhere else.
    const TaskSample::Answer& first = sample.answers.front();
    std::vector<int> said = sample.follows;
    int& wrong = said[static_cast<std::size_t>(first.first)];
    wrong = (wrong + 1) % V;
    const auto some = task->parts(sample, sureOf(sample, said, V));
    for (std::size_t i = 0; i < some.size(); ++i) {
        CHECK(some[i].asked == all[i].asked);
        CHECK(all[i].right - some[i].right == (i == first.part ? 1 : 0));
    }
    CHECK(makeTask(optionsFor("text", 64), specOf(256), smallTokenizer())->facts().parts.empty());
}

TEST_CASE("A share of answers has the spread of samples, not of answers", "[core.tasks]") {
    // p = 6/12; r − p·a: 1, −1, 0 in three samples that asked: √(3/2 · 2) / 12.
    const Spread share = shareOf({{3, 4}, {1, 4}, {2, 4}, {0, 0}});
    CHECK(share.mean == Approx(0.5));
    CHECK(share.standardError == Approx(std::sqrt(3.) / 12));
    // Differences to dense may be below 0: −2/8, off by −1 and 1.
    const Spread change = shareOf({{-2, 4}, {0, 4}});
    CHECK(change.mean == Approx(-0.25));
    CHECK(change.standardError == Approx(2. / 8));
    CHECK(shareOf({{1, 2}}).standardError == 0);
    CHECK(shareOf({{0, 0}}).mean == 0);
}

TEST_CASE("A longer prompt of recall holds the list and the first queries, which are not graded",
          "[core.tasks]") {
    TaskOptions options = optionsFor("recall", 200);
    const auto byList = makeTask(options, specOf(256), smallTokenizer());
    options.prompt = 120;
    const auto task = makeTask(options, specOf(256), smallTokenizer());
    CHECK(task->facts().figures == "4 pairs in 200 tokens, the first 120 its prompt");
    for (int index = 0; index < 5; ++index) {
        const TaskSample whole = byList->sample(index), cut = task->sample(index);
        REQUIRE(std::ssize(cut.prompt) == 120);
        REQUIRE(std::ssize(whole.prompt) < 120);
        // The same text, cut elsewhere.
        std::vector<int> a = whole.prompt, b = cut.prompt;
        a.insert(a.end(), whole.follows.begin(), whole.follows.end());
        b.insert(b.end(), cut.follows.begin(), cut.follows.end());
        CHECK(a == b);
        const std::int64_t later = 120 - std::ssize(whole.prompt);
        REQUIRE_FALSE(cut.answers.empty());
        CHECK(cut.answers.size() < whole.answers.size());
        const auto& first = whole.answers[whole.answers.size() - cut.answers.size()];
        CHECK(cut.answers.front().first == first.first - later);
        CHECK(cut.answers.front().first >= 0);
    }
    // A prompt shorter than the list is the list; one that leaves nothing to ask is refused in one sentence.
    options.prompt = 2;
    CHECK(makeTask(options, specOf(256), smallTokenizer())->sample(1).prompt == byList->sample(1).prompt);
    options.prompt = 200;
    CHECK_THROWS_WITH(makeTask(options, specOf(256), smallTokenizer()), Catch::Contains("shorter prompt"));
}

TEST_CASE("Repetition counts the characters before the first that differs", "[core.tasks]") {
    const auto tokenizer = smallTokenizer();
    const auto task = makeTask(optionsFor("repetition", 0), specOf(1024), tokenizer);
    for (int index = 0; index < 6; ++index) {
        const TaskSample sample = task->sample(index);
        const std::string shown = tokenizer->decode(sample.prompt);
        // The reference stands in the passage, right after what the prompt repeats.
        REQUIRE(sample.reference.size() > 40);
        const std::string prompt = shown.substr(shown.find("\n\n") + 2);
        const auto at = shown.find(prompt + sample.reference);
        CHECK(at < shown.find("\n\n"));
        CHECK(prompt.size() > 20);

        const std::vector<int> right = tokenizer->encode(sample.reference, false);
        const auto scoreOf = [&](std::vector<int> said) {
            return task->score(sample, sureOf(sample, std::move(said), 300));
        };
        // Sentencepiece writes the blank that the reference begins with itself.
        const std::vector<int> body = tokenizer->encode(sample.reference.substr(1), false);
        CHECK(scoreOf(body) == static_cast<double>(sample.reference.size()));
        std::vector<int> wrong = body;
        const std::size_t kept = wrong.size() / 2;
        wrong.resize(kept);
        std::string spelt;
        for (const int token : wrong)
            spelt += tokenizer->piece(5, token);
        wrong.push_back(tokenizer->encode("!", false).back());
        CHECK(scoreOf(wrong) == static_cast<double>(spelt.size()));
        CHECK(scoreOf({}) == 0);
    }
}

TEST_CASE("Repetition says how its figures were scaled", "[core.tasks]") {
    const auto tokenizer = smallTokenizer();
    std::string text;
    while (text.size() < 9000)
        text += someText();
    TaskOptions options = optionsFor("repetition", 0);
    options.text = text;
    // All fit: the published figures.
    CHECK(makeTask(options, specOf(100000), tokenizer)->facts().figures ==
          "context of 6000 characters, prompt 128, reference 256");
    const auto scaled = makeTask(options, specOf(256), tokenizer);
    INFO(scaled->facts().figures);
    CHECK(scaled->facts().figures.find("(published: 6000, 128, 256)") != std::string::npos);
    CHECK(scaled->facts().high <= 256);
    CHECK_THROWS_AS(makeTask(options, specOf(24), tokenizer), std::invalid_argument);
    options.text = "too short";
    CHECK_THROWS_AS(makeTask(options, specOf(1024), tokenizer), std::invalid_argument);
}

TEST_CASE("Bits per character are what the tokens cost over the bytes they spell", "[core.tasks]") {
    const auto tokenizer = smallTokenizer();
    const auto task = makeTask(optionsFor("text", 64), specOf(256), tokenizer);
    CHECK_FALSE(task->facts().higherBetter);
    const TaskSample sample = task->sample(2);
    CHECK(sample.prompt.size() == 32);
    CHECK(sample.follows.size() == 32);
    Run run = sureOf(sample, sample.follows, 300);
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < run.steps.size(); ++i) {
        run.steps[i].surprise = static_cast<float>(std::log(2.) * 3); // 3 bits a token
        bytes += tokenizer->piece(7, sample.follows[i]).size();
    }
    CHECK(task->score(sample, run) == Approx(3. * 32 / static_cast<double>(bytes)).epsilon(1e-6));
}

TEST_CASE("Tasks that cannot be made are refused in a sentence", "[core.tasks]") {
    const auto tokenizer = smallTokenizer();
    CHECK_THROWS_AS(makeTask(optionsFor("needle", 64), specOf(256), tokenizer), std::invalid_argument);
    CHECK_THROWS_AS(makeTask(optionsFor("text", 300), specOf(256), tokenizer), std::invalid_argument);
    CHECK_THROWS_AS(makeTask(optionsFor("recall", 12), specOf(256), tokenizer), std::invalid_argument);
    TaskOptions options = optionsFor("text", 64);
    options.text = "a tree";
    CHECK_THROWS_AS(makeTask(options, specOf(256), tokenizer), std::invalid_argument);
}

TEST_CASE("The mean's standard error is s over the root of n", "[core.tasks]") {
    CHECK(spreadOf({}).standardError == 0);
    CHECK(spreadOf({3}).mean == 3);
    CHECK(spreadOf({3}).standardError == 0);
    // s = 2, n = 4
    const Spread spread = spreadOf({3, 7, 5 + std::sqrt(2.), 5 - std::sqrt(2.)});
    CHECK(spread.mean == Approx(5));
    CHECK(spread.standardError == Approx(std::sqrt(12. / 3) / 2));
}

TEST_CASE("A plan is judged beside dense attention on the same samples", "[core.tasks]") {
    const auto tokenizer = smallTokenizer();
    auto model = std::make_shared<Model>(test::smallModel());
    model->spec.context = 256;
    for (const char* name : {"recall", "repetition", "text"}) {
        INFO(name);
        const std::shared_ptr<const Task> task = makeTask(optionsFor(name, 200), model->spec, tokenizer);
        Evaluation evaluation(model, task, {.samples = 2});
        std::int64_t steps = 0;
        const auto count = [&] { ++steps; };
        const std::int64_t foretold = evaluation.steps({});
        const PlanScore dense = evaluation.evaluate({}, count, kGoOn);
        CHECK(steps == foretold);
        CHECK(dense.scores.size() == 2);
        CHECK(dense.klMax == 0);
        CHECK(dense.agreement == 1);
        CHECK(dense.moved.formula == dense.moved.counted);
        CHECK(dense.held.formula == dense.held.counted);
        CHECK(evaluation.steps({}) == 0); // kept

        steps = 0;
        const AttentionPlan plan = parsePlan("keep=streaming:sinks=2,window=16");
        const std::int64_t more = evaluation.steps(plan);
        const PlanScore streamed = evaluation.evaluate(plan, count, kGoOn);
        CHECK(steps == more);
        CHECK(streamed.klMax > 0);
        CHECK(streamed.klMean <= streamed.klMax);
        CHECK(streamed.moved.formula == streamed.moved.counted);
        CHECK(streamed.held.formula == streamed.held.counted);
        CHECK(streamed.held.counted < dense.held.counted);
        CHECK(streamed.moved.counted < dense.moved.counted);
        CHECK(streamed.steps == dense.steps);
        CHECK(streamed.weights.counted == dense.weights.counted);
        CHECK(streamed.weights.counted > 0);
        CHECK(streamed.weights.formula == streamed.weights.counted);
        CHECK(dense.change.mean == 0);
        CHECK(streamed.change.mean == Approx(streamed.mean - dense.mean).margin(1e-12));
        std::int64_t answers = 0;
        for (const PartScore& part : streamed.parts)
            answers += part.asked;
        CHECK(answers == std::ssize(task->sample(0).answers) + std::ssize(task->sample(1).answers));

        // Nothing is kept: the same numbers, at the price of dense runs.
        Evaluation forgetful(model, task, {.samples = 2, .keptBytes = 0});
        steps = 0;
        const PlanScore again = forgetful.evaluate(plan, count, kGoOn);
        CHECK(again.scores == streamed.scores);
        CHECK(again.klMean == streamed.klMean);
        CHECK(steps == foretold + more);

        const std::atomic<bool> cancelled = true;
        CHECK(evaluation.evaluate(plan, count, cancelled).scores.empty());
        CHECK_THROWS_AS(evaluation.evaluate(parsePlan("read=sparq:r=4096"), count, kGoOn), PlanError);
    }
}

TEST_CASE("A uniform model needs the vocabulary's logarithm for every token under any plan", "[core.tasks]") {
    const auto tokenizer = smallTokenizer();
    auto model = std::make_shared<Model>(test::smallModel());
    model->head = model->head.stored().mul(0);
    const std::shared_ptr<const Task> task = makeTask(optionsFor("text", 64), model->spec, tokenizer);
    Evaluation evaluation(model, task, {.samples = 3});
    const PlanScore score = evaluation.evaluate(
        parsePlan("keep=streaming:sinks=1,window=8"), [] {}, kGoOn);
    double expected = 0;
    for (int i = 0; i < 3; ++i) {
        const TaskSample sample = task->sample(i);
        std::size_t bytes = 0;
        for (const int token : sample.follows)
            bytes += tokenizer->piece(7, token).size();
        expected += std::log2(model->spec.vocabulary) * 32 / static_cast<double>(bytes) / 3;
    }
    CHECK(score.mean == Approx(expected).epsilon(1e-5));
}

TEST_CASE("The starter model recalls every pair densely, and fewer in a short stream", "[core.tasks]") {
    const auto model = loadModel(kAssets / "models/fovea-starter");
    const std::shared_ptr<const Tokenizer> tokenizer =
        loadTokenizer(kAssets / "models/fovea-starter", {}, model->spec.vocabulary);
    TaskOptions options;
    options.text = test::readAll(kAssets / "texts/evaluation.txt");
    const std::shared_ptr<const Task> task = makeTask(options, model->spec, tokenizer);
    CHECK(task->facts().figures == "16 pairs in 512 tokens");
    Evaluation evaluation(model, task, {.samples = 2});
    CHECK(evaluation
              .evaluate(
                  {}, [] {}, kGoOn)
              .mean >= 0.95);
    CHECK(evaluation
              .evaluate(
                  parsePlan("keep=streaming:sinks=4,window=28"), [] {}, kGoOn)
              .mean < 0.8);
    // What is near enough for the stream is recalled, and what is not is lost.
    const PlanScore wide = evaluation.evaluate(
        parsePlan("keep=streaming:sinks=4,window=124"), [] {}, kGoOn);
    REQUIRE(wide.parts.size() == 4);
    CHECK(wide.parts.front().score.mean > 0.9);
    CHECK(wide.parts.back().score.mean < 0.3);
    CHECK(wide.parts.back().change.mean < -0.7);
    CHECK(evaluation
              .evaluate(
                  parsePlan("read=sparq:r=16,k=64"), [] {}, kGoOn)
              .mean > 0.9);
}
