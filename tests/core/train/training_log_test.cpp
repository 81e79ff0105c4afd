#include <catch2/catch.hpp>

#include <fstream>

#include "core/trace/file_writer.h"
#include "core/train/training_log.h"
#include "tests/support/temporary_folder.h"

using namespace fovea;
using Kind = TrainingEntry::Kind;

namespace {

TrainingEntry begun() {
    TrainingEntry e;
    e.kind = Kind::Begun;
    e.model = "tiny \"quoted\"";
    e.parameters = 1072;
    e.totalTokens = 20480;
    return e;
}

TrainingEntry stepAt(std::int64_t step, double loss) {
    TrainingEntry e;
    e.step = step;
    e.tokens = step * 512;
    e.seconds = 0.1 * static_cast<double>(step);
    e.loss = loss;
    e.done = 0.25;
    e.rate = 1e-3;
    e.sequence = 64;
    e.tokensPerSecond = 5120;
    return e;
}

std::string failureOf(TrainingLogReader& reader) {
    try {
        reader.poll();
    } catch (const std::runtime_error& error) {
        return error.what();
    }
    return {};
}

} // namespace

TEST_CASE("What goes into the log comes out of it", "[core.train]") {
    TrainingEntry heldOut = stepAt(20, 4.8);
    heldOut.kind = Kind::HeldOut;
    heldOut.best = true;
    TrainingEntry ended = stepAt(40, 0);
    ended.kind = Kind::Ended;
    ended.early = true;
    for (const TrainingEntry& e : {begun(), stepAt(10, 0.1 + 0.2), heldOut, ended}) {
        const std::string line = toJsonLine(e);
        CHECK(line.find('\n') == line.npos);
        const TrainingEntry back = parseTrainingEntry(line);
        CHECK(toJsonLine(back) == line);
        CHECK(back.kind == e.kind);
    }
    CHECK(parseTrainingEntry(toJsonLine(stepAt(10, 0.1 + 0.2))).loss == 0.1 + 0.2);
    for (const char* bad :
         {"", "{}", "[]", "{\"kind\":\"step\"}", "{\"kind\":7}", "{\"kind\":\"other\"}",
          "{\"kind\":\"begun\"}", "{\"kind\":\"ended\",\"step\":1,\"tokens\":2,\"seconds\":1,\"early\":1}",
          "{\"kind\":\"ended\",\"step\":-1,\"tokens\":2,\"seconds\":1,\"early\":true}",
          "{\"kind\":\"ended\",\"step\":1e300,\"tokens\":2,\"seconds\":1,\"early\":true}",
          "{\"kind\":\"ended\",\"step\":null,\"tokens\":2,\"seconds\":1,\"early\":true}"}) {
        INFO(bad);
        CHECK_THROWS_AS(parseTrainingEntry(bad), std::runtime_error);
    }
}

TEST_CASE("A log is followed while it grows, is cut, and is begun anew", "[core.train]") {
    const TemporaryFolder folder;
    const auto file = trainingLogIn(folder.path());
    TrainingLogReader reader(file);
    CHECK(failureOf(reader).find("cannot be read") != std::string::npos);
    TrainingLog log(file);
    CHECK_FALSE(reader.poll());
    log.add(toJsonLine(begun()));
    log.add(toJsonLine(stepAt(10, 5)));
    const std::int64_t saved = log.length();
    CHECK(reader.poll());
    CHECK_FALSE(reader.poll());
    REQUIRE(reader.entries().size() == 2);
    CHECK(reader.entries()[1].loss == 5);

    log.add(toJsonLine(stepAt(20, 4)));
    CHECK(reader.poll());
    CHECK(reader.entries().size() == 3);
    // Resumed from before that line, and already beyond it.
    REQUIRE(log.cutTo(saved));
    log.add(toJsonLine(stepAt(20, 4.5)));
    log.add(toJsonLine(stepAt(30, 3)));
    CHECK(reader.poll());
    REQUIRE(reader.entries().size() == 4);
    CHECK(reader.entries()[2].loss == 4.5);

    REQUIRE(log.cutTo(0));
    CHECK(reader.poll());
    CHECK(reader.entries().empty());
    log.add(toJsonLine(begun()));
    CHECK(reader.poll());
    CHECK(reader.entries().size() == 1);
    CHECK_FALSE(log.cutTo(1 << 20));
}

TEST_CASE("A line that is not whole yet is waited for", "[core.train]") {
    const TemporaryFolder folder;
    const auto file = trainingLogIn(folder.path());
    const std::string line = toJsonLine(begun()) + "\n";
    TrainingLogReader reader(file);
    for (std::size_t end : {std::size_t{0}, line.size() / 2, line.size() - 1}) {
        putContent(file, line.substr(0, end));
        CHECK_FALSE(reader.poll());
    }
    putContent(file, line);
    CHECK(reader.poll());
}

TEST_CASE("A log of something else is refused in one line", "[core.train]") {
    const TemporaryFolder folder;
    const auto file = folder / "training.jsonl";
    const std::string good = toJsonLine(begun()) + "\n" + toJsonLine(stepAt(10, 5)) + "\n";
    const auto refused = [&](const std::string& content, const std::string& why) {
        putContent(file, content);
        TrainingLogReader reader(file);
        const std::string line = failureOf(reader);
        INFO(line);
        CHECK(line.starts_with(file.string()));
        CHECK(line.find(why) != line.npos);
        CHECK(line.find('\n') == line.npos);
    };
    refused("step,loss\n", "line 1");
    refused(toJsonLine(stepAt(10, 5)) + "\n", "first line");
    refused(good + "{}\n", "line 3");
    refused(std::string(100000, 'x'), "too long");
    refused(std::string(100000, '\0'), "too long");
    TrainingLogReader directory(folder.path());
    CHECK(failureOf(directory).find("cannot be read") != std::string::npos);
}

TEST_CASE("Only one writes, and anybody can see that", "[core.train]") {
    const TemporaryFolder folder;
    const auto file = trainingLogIn(folder.path());
    CHECK_FALSE(isTrainingLogWritten(file));
    {
        const TrainingLog log(file);
        CHECK(isTrainingLogWritten(file));
        CHECK_THROWS_AS(TrainingLog(file), ExportError);
    }
    CHECK_FALSE(isTrainingLogWritten(file));
    CHECK_NOTHROW(TrainingLog(file));
    CHECK_THROWS_AS(TrainingLog(folder / "none" / "training.jsonl"), ExportError);
}
