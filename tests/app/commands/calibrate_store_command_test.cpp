#include <catch2/catch.hpp>

#include <filesystem>

#include "tests/app/commands/program.h"
#include "tests/app/commands/refusal.h"
#include "tests/app/commands/small_text.h"
#include "tests/support/temporary_folder.h"

using namespace fovea;
using nlohmann::json;

namespace {

// The bundled model in a folder that may be written to.
struct Starter {
    Starter() {
        std::filesystem::copy(FOVEA_SOURCE_DIR "/assets/models/fovea-starter", model);
        putContent(text, smallTrainingText());
    }
    std::vector<std::string> calibrate(const std::string& store,
                                       const std::vector<std::string>& more = {}) const {
        std::vector<std::string> arguments = {
            "calibrate", "--store", store,      "--model", model.string(), "--text", text.string(),
            "--blocks",  "3",       "--length", "64"};
        arguments.insert(arguments.end(), more.begin(), more.end());
        return arguments;
    }
    TemporaryFolder folder;
    std::filesystem::path model = folder / "starter", text = folder / "text.txt";
};

} // namespace

TEST_CASE("calibrate --store leaves codebooks in the model's folder, and the model opens as before",
          "[app.commands]") {
    const Starter starter;
    const ProcessResult r = fovea::fovea(starter.calibrate("kvquant:bits=2", {"--json"}));
    INFO(r.err);
    REQUIRE(r.status == 0);
    const json result = json::parse(r.out);
    const std::filesystem::path made = starter.model / "kvquant-bits2.codebooks.safetensors";
    CHECK(result.at("file") == made.string());
    CHECK(result.at("store") == "kvquant:bits=2");
    CHECK(result.at("tokens") == 3 * 64);
    CHECK(result.at("rows") == 3 * 63); // the first token of a text stays exact
    CHECK(result.at("weighted") == true);
    CHECK(result.at("bytes") == std::filesystem::file_size(made));
    CHECK(contentOf(made).find("\"text\":\"text.txt\"") != std::string::npos);
    CHECK(fovea::fovea({"info", "--model", starter.model.string()}).status == 0);
}

TEST_CASE("A plan runs on the codebooks that calibrate --store left, the same on both backends, and says where none are",
          "[app.commands]") {
    const Starter starter;
    const auto run = [&](const std::string& command, const std::string& store, std::vector<std::string> more) {
        std::vector<std::string> arguments = {command, "--model", starter.model.string(), "--plan", "store=" + store};
        arguments.insert(arguments.end(), more.begin(), more.end());
        return fovea::fovea(arguments);
    };
    for (const char* store : {"kvquant:bits=2", "cq:channels=2,bits=3,recent=8"}) {
        INFO(store);
        const ProcessResult before = run("generate", store, {"--prompt", "Once", "--tokens", "4"});
        requireRefusal(before, 2, "calibrate --store " + std::string(store));
        REQUIRE(fovea::fovea(starter.calibrate(store)).status == 0);
        const ProcessResult told = run("generate", store, {"--prompt", "Once upon", "--tokens", "24", "--json"});
        INFO(told.err);
        REQUIRE(told.status == 0);
        const ProcessResult check = run("check", store, {"--prompt", "Once upon a time", "--tokens", "24", "--json"});
        INFO(check.err << check.out);
        REQUIRE(check.status == 0);
    }
}

TEST_CASE("calibrate --store learns the same from the same, on any number of threads", "[app.commands]") {
    const Starter starter;
    const auto learnt = [&](const char* name, const std::vector<std::string>& more) {
        std::vector<std::string> arguments = {"--to", (starter.folder / name).string()};
        arguments.insert(arguments.end(), more.begin(), more.end());
        const ProcessResult r = fovea::fovea(starter.calibrate("cq:channels=2,bits=3", arguments));
        INFO(r.err);
        REQUIRE(r.status == 0);
        CHECK(r.out.find(name) != std::string::npos);
        return contentOf(starter.folder / name);
    };
    const std::string once = learnt("a", {"--threads", "1"});
    CHECK(once == learnt("b", {"--threads", "2"}));
    CHECK(once != learnt("c", {"--seed", "2"}));
    CHECK(once != learnt("d", {"--unweighted"}));
}

TEST_CASE("calibrate says where blocks overlap for want of text", "[app.commands]") {
    const Starter starter;
    const auto noted = [&](const std::string& text) {
        putContent(starter.text, text);
        const ProcessResult r =
            fovea::fovea(starter.calibrate("kvquant:bits=4,outliers=0", {"--unweighted"}));
        INFO(r.err);
        REQUIRE(r.status == 0);
        return r.err.find("side by side: blocks overlap") != std::string::npos;
    };
    CHECK(noted(smallTrainingText().substr(0, 300))); // more than 64 tokens, fewer than 192
    CHECK_FALSE(noted(smallTrainingText()));
}

TEST_CASE("calibrate refuses stores that are not learnt, and both kinds at once", "[app.commands]") {
    const Starter starter;
    requireRefusal(fovea::fovea(starter.calibrate("kivi")), 2, "kvquant or cq");
    requireRefusal(fovea::fovea(starter.calibrate("cq:bits=11")), 2, "bits=11");
    requireRefusal(fovea::fovea(starter.calibrate("cq", {"--weights", "gptq"})), 2, "--weights or --store");
    requireRefusal(fovea::fovea(starter.calibrate("kvquant:exact=64")), 2, "longer ones");
    requireRefusal(fovea::fovea(starter.calibrate("cq:bits=2", {"--to", "/nowhere/at/all/x"})), 1,
                   "/nowhere");
    CHECK(starter.folder.entries() == 2); // nothing is left behind
}
