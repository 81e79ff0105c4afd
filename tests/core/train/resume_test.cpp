#include <ATen/core/Tensor.h>
#include <ATen/ops/equal.h>

#include <nlohmann/json.hpp>

#include "core/model/model.h"
#include "core/model/safetensors.h"
#include "core/train/state.h"
#include "core/train/training_log.h"
#include "tests/core/train/small_training.h"

// After everything of libtorch, whose logging defines a CHECK of its own.
#include <catch2/catch.hpp>

using namespace fovea;
using test::kGoOn, test::readAll, test::smallOptions;

namespace {

struct Killed {};

// Trains until the steps are made, then leaves as a killed process does: nothing of it runs any more.
void trainAndDie(const TrainOptions& options, std::int64_t steps) {
    const auto dieThere = [&](const TrainProgress& p) {
        if (p.step >= steps)
            throw Killed{};
    };
    CHECK_THROWS_AS(train(options, dieThere, kGoOn), Killed);
}

TrainOptions resumed(TrainOptions options) {
    options.begin = Begin::Resume;
    return options;
}

// Both losses, which do not depend on the clock.
std::vector<std::string> lossesOf(const std::filesystem::path& out) {
    TrainingLogReader log(trainingLogIn(out));
    log.poll();
    std::vector<std::string> losses;
    for (TrainingEntry e : log.entries()) {
        if (e.kind == TrainingEntry::Kind::Resumed || e.kind == TrainingEntry::Kind::Begun)
            continue;
        e.seconds = e.tokensPerSecond = e.secondsLeft = 0;
        losses.push_back(toJsonLine(e));
    }
    return losses;
}

std::string refusalOf(const TrainOptions& options) {
    try {
        train(options, {}, kGoOn);
    } catch (const std::exception& error) {
        return error.what();
    }
    return {};
}

} // namespace

TEST_CASE("A training that is killed twice and resumed ends in the same weights, bit for bit",
          "[core.train]") {
    const test::ScratchFolder scratch;
    TrainOptions options = smallOptions(scratch.path());
    options.saveSeconds = 0;
    options.validateEvery = 7;
    options.keepBest = GENERATE(false, true);
    const TrainResult whole = train(options, {}, kGoOn);
    CHECK(whole.sittings == 1);
    CHECK_FALSE(std::filesystem::exists(trainingStateIn(options.out)));

    TrainOptions killed = options;
    killed.out = scratch.path() / "other" / "tiny";
    trainAndDie(killed, 14); // after the step and the log, before validation and state
    trainAndDie(resumed(killed), 28);
    const TrainResult last = train(resumed(killed), {}, kGoOn);
    CHECK(last.sittings == 3);
    CHECK(last.steps == whole.steps);
    CHECK(last.loss == whole.loss);
    REQUIRE(last.best);
    CHECK(last.best->loss == whole.best->loss);
    CHECK(readAll(killed.out / "model.safetensors") == readAll(options.out / "model.safetensors"));
    CHECK(readAll(killed.out / "tokenizer.model") == readAll(options.out / "tokenizer.model"));
    CHECK(lossesOf(killed.out) == lossesOf(options.out));
    CHECK(lossesOf(killed.out).size() == 5 + 6 + 1); // steps 1, 10 … 40; held out at 7 … 35 and 40; the end
    CHECK_FALSE(std::filesystem::exists(trainingStateIn(killed.out)));
    CHECK(readAll(killed.out / "README.md").find("3 sittings") != std::string::npos);
}

TEST_CASE("The weights of the lowest held-out loss are kept, over a kill too", "[core.train]") {
    const test::ScratchFolder scratch;
    TrainOptions options = smallOptions(scratch.path());
    options.saveSeconds = 0;
    options.validateEvery = 4;
    options.learningRate = 3; // far too much: it only gets worse
    const TrainResult last = train(options, {}, kGoOn);
    REQUIRE(last.best);
    REQUIRE(last.best->step < 30);
    REQUIRE(last.best->loss < last.heldOut->loss - 0.1);

    TrainOptions best = options;
    best.keepBest = true;
    best.out = scratch.path() / "best";
    trainAndDie(best, 35);
    const TrainResult kept = train(resumed(best), {}, kGoOn);
    CHECK(kept.best->loss == last.best->loss);
    CHECK(kept.heldOut->loss == last.heldOut->loss); // the same training, other weights kept
    const auto heldOutBits = [](const std::filesystem::path& out) {
        const std::string card = readAll(out / "README.md"), before = "Held-out text: ";
        const auto at = card.find(before);
        REQUIRE(at != card.npos);
        return std::stod(card.substr(at + before.size()));
    };
    CHECK(heldOutBits(best.out) < heldOutBits(options.out));

    // They are those of a training that ends there.
    TrainOptions thereOnly = options;
    thereOnly.out = scratch.path() / "there";
    std::atomic<bool> cancel = false;
    const auto stop = [&](const TrainProgress& p) { cancel = cancel || p.step >= last.best->step; };
    train(thereOnly, stop, cancel);
    CHECK(readAll(thereOnly.out / "model.safetensors") == readAll(best.out / "model.safetensors"));
}

TEST_CASE("A cancelled training is resumed too, with more threads if asked", "[core.train]") {
    const test::ScratchFolder scratch;
    TrainOptions options = smallOptions(scratch.path());
    std::atomic<bool> cancel = false;
    const auto stopAtFive = [&](const TrainProgress& p) { cancel = cancel || p.step >= 5; };
    CHECK(train(options, stopAtFive, cancel).cancelled);
    options.threads = 2;
    options.saveSeconds = 1e5;
    const TrainResult result = train(resumed(options), {}, kGoOn);
    CHECK(result.steps == 40);
    CHECK_FALSE(result.cancelled);
}

TEST_CASE("An unfinished training is neither lost nor continued by accident", "[core.train]") {
    const test::ScratchFolder scratch;
    const TrainOptions options = smallOptions(scratch.path());
    CHECK(refusalOf(resumed(options)).find("no unfinished training") != std::string::npos);
    CHECK_FALSE(unfinishedTraining(options.out));
    trainAndDie(options, 3);
    CHECK(refusalOf(options).find("--resume") != std::string::npos);
    REQUIRE(unfinishedTraining(options.out));
    CHECK(unfinishedTraining(options.out)->width == 32);
    CHECK(unfinishedTraining(options.out)->out == options.out);

    const auto refused = [&](const char* name, auto change) {
        TrainOptions changed = resumed(options);
        change(changed);
        const std::string line = refusalOf(changed);
        INFO(line);
        CHECK(line.find(std::string("--") + name) != std::string::npos);
        CHECK(line.find('\n') == std::string::npos);
    };
    refused("width", [](TrainOptions& o) { o.width = 64; });
    refused("seed", [](TrainOptions& o) { o.seed = 2; });
    refused("tokens", [](TrainOptions& o) { o.tokens += 512; });
    refused("rate", [](TrainOptions& o) { o.learningRate = 2e-2; });
    refused("accumulate", [](TrainOptions& o) { o.accumulate = 2; });
    refused("validate-every", [](TrainOptions& o) { o.validateEvery = 10; });
    refused("text", [&](TrainOptions& o) {
        test::writeAll(scratch.path() / "other.txt", test::smallText() + "the end\n");
        o.text = {scratch.path() / "other.txt"};
    });
    TrainOptions fresh = options;
    fresh.begin = Begin::Fresh;
    fresh.seed = 2;
    CHECK(train(fresh, {}, kGoOn).sittings == 1);
}

TEST_CASE("A state that is damaged, newer, or something else is refused in one line", "[core.train]") {
    const test::ScratchFolder scratch;
    const TrainOptions options = smallOptions(scratch.path());
    trainAndDie(options, 2);
    const auto file = trainingStateIn(options.out);
    const std::string good = readAll(file);
    const auto refused = [&](const std::string& bytes, const std::string& why) {
        test::writeAll(file, bytes);
        const std::string line = refusalOf(resumed(options));
        INFO(line);
        CHECK(line.starts_with(file.string() + ": "));
        CHECK(line.find(why) != std::string::npos);
        CHECK(line.find("--fresh") != std::string::npos);
        CHECK(line.find('\n') == std::string::npos);
        CHECK(readAll(file) == bytes); // and nothing was done to it
    };
    const auto replaced = [&](std::string from, const std::string& to) {
        std::string bytes = good;
        REQUIRE(from.size() == to.size()); // lengths are part of the container
        REQUIRE(bytes.find(from) != bytes.npos);
        return bytes.replace(bytes.find(from), from.size(), to);
    };
    refused("", "not a whole state");
    refused(good.substr(0, good.size() / 2), "not a whole state");
    refused(good + "x", "not a whole state");
    std::string flipped = good;
    flipped[flipped.size() - 100] = static_cast<char>(flipped[flipped.size() - 100] ^ 1);
    refused(flipped, "not those that were written");
    refused(replaced("fovea.training", "fovea.trainink"), "not the state of a training");
    refused(replaced("\\\"format\\\":1", "\\\"format\\\":2"), "newer");
    refused(replaced("\\\"steps\\\":", "\\\"stept\\\":"), "makes no sense");
    refused(replaced("\\\"width\\\":32", "\\\"width\\\":3 "), "makes no sense");
    refused(replaced("adam.first.model.norm", "adam.first.model.morn"), "model.norm");
    // Every one of the header's first bytes, turned over: refused, or it did not matter. Never a crash.
    for (std::size_t at = 0; at < 3000; at += 13) {
        std::string bytes = good;
        bytes[at] = static_cast<char>(bytes[at] ^ 0x15);
        test::writeAll(file, bytes);
        try {
            TrainingStateFile{file};
        } catch (const CheckpointError& error) {
            CHECK(std::string(error.what()).find('\n') == std::string::npos);
        }
    }
    test::writeAll(file, good);
    CHECK(refusalOf(resumed(options)).empty());
}

TEST_CASE("A full disk costs the state that did not fit, not the one before and not the training",
          "[core.train]") {
    const test::ScratchFolder scratch;
    TrainOptions options = smallOptions(scratch.path());
    options.saveSeconds = 0;
    std::string trouble;
    const auto file = trainingStateIn(options.out);
    const auto fillAtThree = [&](const TrainProgress& p) {
        // What is to be replaced is a folder now, which no rename can.
        if (p.step == 3 && p.entry.empty()) {
            std::filesystem::rename(file, scratch.path() / "kept");
            std::filesystem::create_directory(file);
        }
        if (p.step == 4)
            std::filesystem::remove(file), std::filesystem::rename(scratch.path() / "kept", file);
        if (p.note.find("goes on") != std::string::npos)
            trouble = p.note;
        if (p.step == 6)
            throw Killed{};
    };
    CHECK_THROWS_AS(train(options, fillAtThree, kGoOn), Killed);
    CHECK(trouble.find("training.state") != std::string::npos);
    CHECK(train(resumed(options), {}, kGoOn).steps == 40);
}

TEST_CASE("Two trainings do not share a folder", "[core.train]") {
    const test::ScratchFolder scratch;
    TrainOptions options = smallOptions(scratch.path());
    options.saveSeconds = 0;
    std::string second;
    const auto startAnother = [&](const TrainProgress& p) {
        if (p.step == 2) {
            CHECK(isTrainingLogWritten(trainingLogIn(options.out)));
            second = refusalOf(resumed(options));
            throw Killed{};
        }
    };
    CHECK_THROWS_AS(train(options, startAnother, kGoOn), Killed);
    CHECK(second.find("a training is running") != std::string::npos);
    CHECK_FALSE(isTrainingLogWritten(trainingLogIn(options.out)));
}

TEST_CASE("A log that is gone costs the losses, not the training", "[core.train]") {
    const test::ScratchFolder scratch;
    TrainOptions options = smallOptions(scratch.path());
    options.saveSeconds = 0;
    trainAndDie(options, 12);
    std::filesystem::remove(trainingLogIn(options.out));
    CHECK(train(resumed(options), {}, kGoOn).steps == 40);
}
