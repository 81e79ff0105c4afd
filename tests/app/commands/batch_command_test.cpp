#include <catch2/catch.hpp>

#include <fstream>

#include "tests/app/commands/made_up_model.h"
#include "tests/app/commands/program.h"
#include "tests/support/temporary_folder.h"

using namespace fovea;
using nlohmann::json;

namespace {

constexpr const char* kPrompts[] = {"AB", "ABABAAB", "B"};

std::string promptFile(const TemporaryFolder& folder) {
    const auto path = folder / "prompts.txt";
    std::ofstream file(path);
    for (const char* prompt : kPrompts)
        file << prompt << "\n\n"; // empty lines are no prompts
    return path.string();
}

json resultOf(const std::vector<std::string>& arguments) {
    const ProcessResult r = fovea::fovea(arguments);
    INFO(r.err);
    REQUIRE(r.status == 0);
    return json::parse(r.out);
}

} // namespace

TEST_CASE("batch writes what generate writes for each prompt, and counts all together", "[app.commands]") {
    const TemporaryFolder folder;
    const std::string model = writeMadeUpModel(folder.path()).string(), prompts = promptFile(folder);
    const std::string plan = "keep=streaming:sinks=1,window=6 read=sparq:r=4,k=4";
    const json batch = resultOf({"batch", "--model", model, "--prompts", prompts, "--tokens", "9", "--plan",
                                 plan, "--ignore-eos", "--json"});
    REQUIRE(batch.at("texts").size() == 3);
    REQUIRE(batch.at("steps").size() == 9);
    for (std::size_t i = 0; i < 3; ++i) {
        const json alone = resultOf({"generate", "--model", model, "--prompt", kPrompts[i], "--tokens", "9",
                                     "--plan", plan, "--ignore-eos", "--json"});
        CHECK(batch.at("texts").at(i).at("tokens") == alone.at("tokens"));
        CHECK(batch.at("texts").at(i).at("text") == alone.at("text"));
    }
    for (const json& step : batch.at("steps")) {
        CHECK(step.at("texts") == 3);
        CHECK(step.at("bytes").at("formula") == step.at("bytes").at("counted"));
        CHECK(step.at("held").at("formula") == step.at("held").at("counted"));
    }
    CHECK(batch.at("totals").at("tokens") == 27);
}

TEST_CASE("batch shows every text, and what reading the weights together saves", "[app.commands]") {
    const TemporaryFolder folder;
    const std::string model = writeMadeUpModel(folder.path()).string(), prompts = promptFile(folder);
    const ProcessResult r = fovea::fovea({"batch", "--model", model, "--prompts", prompts, "--tokens", "3"});
    INFO(r.err);
    REQUIRE(r.status == 0);
    for (const char* part : {"[1] AB", "[2] ABABAAB", "[3] B", "tokens/s timed", "by formula"})
        CHECK(r.out.find(part) != std::string::npos);
}

TEST_CASE("A prompt too long for a batch is named by its line", "[app.commands]") {
    const TemporaryFolder folder;
    const std::string model = writeMadeUpModel(folder.path()).string();
    const auto path = folder / "prompts.txt";
    std::ofstream(path) << "AB\n\n" << std::string(60, 'A') << "\n";
    const ProcessResult r =
        fovea::fovea({"batch", "--model", model, "--prompts", path.string(), "--tokens", "3"});
    CHECK(r.status == 2);
    CHECK(isOneErrorLine(r.err));
    CHECK(r.err.find("line 3") != std::string::npos);
}
