#include "core/train/train.h"

#include <algorithm>

#include "core/model/model.h"
#include "core/tasks/random.h"
#include "core/tasks/recall.h"
#include "core/tokenizer/sentencepiece_tokenizer.h"
#include "core/train/corpus.h"
#include "core/train/schedule.h"
#include "core/train/sequences.h"
#include "tests/core/train/small_training.h"

// After everything of libtorch, whose logging defines a CHECK of its own.
#include <catch2/catch.hpp>

using namespace fovea;

using test::kGoOn, test::smallOptions, test::smallText;

TEST_CASE("The loss falls, the folder loads, and the same seed gives the same model", "[core.train]") {
    const test::ScratchFolder scratch;
    const TrainOptions options = smallOptions(scratch.path());
    std::vector<double> losses;
    const auto watch = [&](const TrainProgress& p) {
        if (p.step > 0)
            losses.push_back(p.loss);
    };
    const TrainResult first = train(options, watch, kGoOn);
    CHECK(first.steps == 40);
    CHECK(first.tokens == options.tokens);
    REQUIRE(losses.size() == 40);
    CHECK(losses.front() > 5.5); // near ln 420 = 6.04
    CHECK(losses.back() < losses.front() - 1);

    const auto model = loadModel(options.out);
    CHECK(model->spec.name == "tiny");
    CHECK(model->spec.layers == 1);
    CHECK(model->spec.kvHeads == 1);
    CHECK(model->spec.vocabulary == 420);
    CHECK(loadTokenizer(options.out, {}, 420)->bos() == 1);
    CHECK(test::readAll(options.out / "README.md").find("Held-out text") != std::string::npos);

    TrainOptions again = options;
    again.out = scratch.path() / "again";
    CHECK(train(again, {}, kGoOn).loss == first.loss);
    CHECK(test::readAll(again.out / "model.safetensors") == test::readAll(options.out / "model.safetensors"));
    again.seed = 2;
    CHECK(train(again, {}, kGoOn).loss != first.loss);
}

TEST_CASE("A cancelled training saves what there is", "[core.train]") {
    const test::ScratchFolder scratch;
    std::atomic<bool> cancel = false;
    const auto stopAtFive = [&](const TrainProgress& p) { cancel = p.step >= 5; };
    const TrainResult result = train(smallOptions(scratch.path()), stopAtFive, cancel);
    CHECK(result.cancelled);
    CHECK(result.steps == 5);
    CHECK_NOTHROW(loadModel(scratch.path() / "tiny"));
}

TEST_CASE("Options that cannot work are refused in a sentence before anything is done", "[core.train]") {
    const test::ScratchFolder scratch;
    const TrainOptions good = smallOptions(scratch.path());
    const auto refused = [&](auto change) {
        TrainOptions options = good;
        change(options);
        CHECK_THROWS(train(options, {}, kGoOn));
        CHECK_FALSE(std::filesystem::exists(options.out));
    };
    refused([](TrainOptions& o) { o.text.clear(); });
    refused([](TrainOptions& o) { o.text = {"/no/such/text"}; });
    refused([](TrainOptions& o) { o.out = "/proc/no/such/folder"; });
    refused([](TrainOptions& o) { o.heads = 3; });
    refused([](TrainOptions& o) { o.kvHeads = 3; });
    refused([](TrainOptions& o) { o.kvHeads = 0; });
    refused([](TrainOptions& o) { o.context = 100; });
    refused([](TrainOptions& o) { o.vocabulary = 10; });
    refused([](TrainOptions& o) { o.tokens = 0, o.minutes = 0; });
    refused([](TrainOptions& o) { o.learningRate = -1; });
    refused([](TrainOptions& o) { o.accumulate = 0; });
    refused([](TrainOptions& o) { o.accumulate = 9; }); // of 512 tokens, in sequences of 64
    refused([](TrainOptions& o) { o.saveSeconds = -1; });
    refused([](TrainOptions& o) { o.keepBest = true; }); // and nothing to tell the best by
}

TEST_CASE("Made-up sequences grade only what can be known", "[core.train]") {
    const auto tokenizer = parseSentencepiece(test::smallSentencepiece(), "small");
    const std::vector<int> text = tokenizer->encode(smallText(), false);
    SequenceSource source(*tokenizer, text, sampleWords(smallText(), 20), 9);
    int graded = 0, known = 0, textual = 0;
    for (int i = 0; i < 200; ++i) {
        const Sequence s = source.next(128, 1);
        REQUIRE(s.tokens.size() == 129);
        REQUIRE(s.graded.size() == 129);
        CHECK(s.tokens[0] == tokenizer->bos());
        CHECK_FALSE(s.graded[0]);
        for (std::size_t j = 1; j < s.tokens.size(); ++j) {
            CHECK((s.tokens[j] >= 0 && s.tokens[j] < 300));
            if (!s.graded[j])
                continue;
            ++graded;
            known += std::find(s.tokens.begin(), s.tokens.begin() + static_cast<std::ptrdiff_t>(j),
                               s.tokens[j]) != s.tokens.begin() + static_cast<std::ptrdiff_t>(j);
        }
        const Sequence plain = source.next(128, 0);
        textual += std::count(plain.graded.begin(), plain.graded.end(), 1) == 128;
    }
    CHECK(textual == 200);
    // Nearly all that is graded has been seen before in its sequence.
    CHECK(known > graded * 9 / 10);
}

TEST_CASE("The schedule climbs from 64 tokens to the context and the rate comes down", "[core.train]") {
    CHECK(sequenceAt(0, 1024) == 64);
    CHECK(sequenceAt(0.33, 1024) == 64);
    CHECK(sequenceAt(0.4, 1024) == 128);
    CHECK(sequenceAt(0.6, 1024) == 256);
    CHECK(sequenceAt(0.8, 1024) == 512);
    CHECK(sequenceAt(0.95, 1024) == 1024);
    CHECK(sequenceAt(0.8, 128) == 128);
    CHECK(learningRateAt(0, 1) < 0.05);
    CHECK(learningRateAt(0.02, 1) == Approx(1));
    CHECK(learningRateAt(1, 1) == Approx(0.05));
    CHECK(madeUpAt(0.1) >= 0.5);
    CHECK(madeUpAt(0.9) <= 2.0 / 3);
}

TEST_CASE("Lines that an editor wrapped are joined, the author's are kept", "[core.train]") {
    const test::ScratchFolder scratch;
    const std::string wrapped =
        "This line was filled by an editor until it reached the margin,\r\nand went on here.\r\n\r\n"
        "A short line\nand another.\n";
    std::string text;
    while (text.size() < 1200)
        text += wrapped;
    test::writeAll(scratch.path() / "t", text);
    const std::string read = readTrainingText(scratch.path() / "t");
    CHECK(read.find("margin, and went on here.\n\nA short line\nand another.\n") != std::string::npos);
    CHECK(read.find('\r') == std::string::npos);
    test::writeAll(scratch.path() / "t", std::string(2000, '\0'));
    CHECK_THROWS_WITH(readTrainingText(scratch.path() / "t"), Catch::Contains("not a text"));
}
