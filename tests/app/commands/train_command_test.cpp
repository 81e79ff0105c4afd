#include <catch2/catch.hpp>

#include <sstream>

#include "tests/app/commands/program.h"
#include "tests/app/commands/refusal.h"
#include "tests/app/commands/small_text.h"
#include "tests/support/temporary_folder.h"

using namespace fovea;
using nlohmann::json;

namespace {

std::vector<std::string> with(std::vector<std::string> arguments, const std::vector<std::string>& more) {
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
}

std::vector<json> linesOf(const std::string& text) {
    std::vector<json> lines;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);)
        lines.push_back(json::parse(line));
    return lines;
}

} // namespace

TEST_CASE("train --json: progress as lines on stderr, the result on stdout", "[app.commands]") {
    const TemporaryFolder folder;
    putContent(folder / "text.txt", smallTrainingText());
    const std::string out = (folder / "tiny").string();
    const ProcessResult r =
        fovea::fovea(with(smallTraining((folder / "text.txt").string(), out, 20), {"--json"}));
    INFO(r.err);
    REQUIRE(r.status == 0);
    const json result = json::parse(r.out);
    CHECK(result.at("steps") == 20);
    CHECK(result.at("sittings") == 1);
    CHECK(result.at("held_out").at("step") == 20);
    std::vector<json> progress = linesOf(r.err);
    CHECK(std::erase_if(progress, [](const json& line) { return line.at("kind") == "note"; }) > 0);
    CHECK(progress.front().at("kind") == "begun");
    CHECK(progress.back().at("kind") == "ended");
    CHECK(linesOf(contentOf(folder / "tiny/training.jsonl")) == progress);
    CHECK_FALSE(std::filesystem::exists(folder / "tiny/training.state"));
}

TEST_CASE("Ctrl-C saves, and --resume needs nothing but the folder", "[app.commands]") {
    const TemporaryFolder folder;
    putContent(folder / "text.txt", smallTrainingText());
    const std::string out = (folder / "tiny").string(), whole = (folder / "whole").string();
    const auto text = (folder / "text.txt").string();
    const ProcessResult stopped = fovea::fovea(
        with(smallTraining(text, out, 40), {"--json", "--save-every", "1000"}), {.interruptAfterError = 400});
    INFO(stopped.err);
    REQUIRE(stopped.status == 0);
    CHECK(json::parse(stopped.out).at("ended_early") == true);
    const std::string other = (folder / "other.txt").string();
    putContent(other, smallTrainingText() + "the end\n");
    requireRefusal(fovea::fovea(smallTraining(text, out, 40)), 1, "--resume");
    requireRefusal(fovea::fovea({"train", "--out", out, "--resume", "--ffn", "128"}), 2, "--ffn");
    requireRefusal(fovea::fovea({"train", "--out", out, "--resume", "--text", other}), 2, "--text");
    requireRefusal(fovea::fovea({"train", "--out", out, "--resume", "--fresh"}), 2, "--resume");
    const ProcessResult resumed = fovea::fovea({"train", "--out", out, "--resume", "--json"});
    INFO(resumed.err);
    REQUIRE(resumed.status == 0);
    CHECK(json::parse(resumed.out).at("steps") == 40);
    CHECK(json::parse(resumed.out).at("sittings") == 2);
    REQUIRE(fovea::fovea(smallTraining(text, whole, 40)).status == 0);
    CHECK(contentOf(folder / "tiny/model.safetensors") == contentOf(folder / "whole/model.safetensors"));
    requireRefusal(fovea::fovea({"train", "--out", out, "--resume"}), 1, "no unfinished training");
    requireRefusal(fovea::fovea({"train", "--out", out}), 2, "--text");
}

TEST_CASE("A disk that is full while training costs nothing that was saved", "[app.commands]") {
    const TemporaryFolder folder;
    putContent(folder / "text.txt", smallTrainingText());
    const std::string out = (folder / "tiny").string();
    const auto text = (folder / "text.txt").string();
    const auto training = with(smallTraining(text, out, 30), {"--json", "--save-every", "0"});
    // No room for any state: said at once, in one line.
    const ProcessResult none = fovea::fovea(smallTraining(text, out, 30, 256), {.fileSizeLimit = 3'000'000});
    CHECK(none.status == 1);
    CHECK(none.err.find("fovea: cannot write") != none.err.npos);
    CHECK(none.err.find("training.state: File too large") != none.err.npos);
    CHECK_FALSE(std::filesystem::exists(folder / "tiny/training.state"));

    REQUIRE(fovea::fovea(training, {.interruptAfterError = 800}).status == 0);
    const std::string before = contentOf(folder / "tiny/training.state");
    const ProcessResult full = fovea::fovea({"train", "--out", out, "--resume"}, {.fileSizeLimit = 100'000});
    INFO(full.err);
    CHECK(full.status == 1);
    CHECK(full.err.find("training.state: File too large; the training goes on") != full.err.npos);
    CHECK(contentOf(folder / "tiny/training.state") == before);
    for (const auto& entry : std::filesystem::directory_iterator(out))
        CHECK(entry.path().extension() != ".part");
    const ProcessResult resumed = fovea::fovea({"train", "--out", out, "--resume", "--json"});
    REQUIRE(resumed.status == 0);
    CHECK(json::parse(resumed.out).at("steps") == 30);
}
