// The public checkpoint stories260K against the text that llama2.c's own program wrote of it.
#include <catch2/catch.hpp>

#include <filesystem>
#include <string>

#include "tests/app/commands/program.h"
#include "tests/support/temporary_folder.h"

using namespace fovea;

namespace {

const std::string kStories = std::string(FOVEA_SOURCE_DIR) + "/../shared/data/stories260K";

bool storiesAreThere() {
    if (std::filesystem::exists(kStories + "/stories260K.bin"))
        return true;
    WARN("skipped: no " << kStories << " (a public checkpoint that is not part of this repository)");
    return false;
}

// Final newlines aside.
std::string trimmed(std::string text) {
    while (text.ends_with('\n'))
        text.pop_back();
    return text;
}

std::string story(std::vector<std::string> more) {
    std::vector<std::string> arguments = {"generate", "--model", kStories + "/stories260K.bin",
                                          "--temperature", "0"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const ProcessResult r = fovea::fovea(arguments);
    INFO(r.err);
    REQUIRE(r.status == 0);
    return r.out;
}

} // namespace

TEST_CASE("Greedy text of stories260K equals the reference byte for byte", "[app.commands]") {
    if (!storiesAreThere())
        return;
    const std::string all = trimmed(contentOf(kStories + "/greedy_256.txt"));
    const std::string tom = trimmed(contentOf(kStories + "/greedy_tom_128.txt"));
    REQUIRE(all.size() > 100);
    const std::vector<std::string> plans = {"dense", "read=sparq:r=8,k=512,alpha=off",
                                            "read=sparq:r=8,k=512,alpha=off,tau=off,select=logits"};
    for (const std::string& plan : plans) {
        INFO(plan);
        CHECK(trimmed(story({"--positions", "256", "--plan", plan})) == all);
        CHECK(trimmed(story({"--prompt", "Tom had a big red ball", "--positions", "128", "--plan", plan})) ==
              tom);
    }
    CHECK(trimmed(story({"--positions", "256", "--backend", "reference"})) == all);
    const std::string asJson = story({"--prompt", "Tom had a big red ball", "--positions", "128", "--json"});
    CHECK(trimmed(nlohmann::json::parse(asJson).at("text").get<std::string>()) == tom);
}
