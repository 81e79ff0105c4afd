// `fovea bench all`: where it runs, and where its JSON goes.

#include <filesystem>

#include "tests/app/commands/program.h"
#include "tests/app/commands/refusal.h"
#include "tests/support/temporary_folder.h"

using namespace fovea;

TEST_CASE("The GPU's bench refuses what it has no use for", "[app.commands]") {
    requireRefusal(fovea::fovea({"bench", "all", "--device", "gpu"}), 2, "--device");
    requireRefusal(fovea::fovea({"bench", "all", "--device", "cuda", "--context", "64"}), 2, "--context");
    requireRefusal(fovea::fovea({"bench", "all", "--device", "cuda", "--threads", "1"}), 2, "--threads");
    requireRefusal(fovea::fovea({"bench", "all", "results.json"}), 2, "results.json");
}

TEST_CASE("Without a GPU its bench says why in one line, and leaves no file", "[app.commands]") {
    if (std::filesystem::exists("/dev/nvidia0")) {
        WARN("this machine has a GPU: what is said without one was not tested");
        return;
    }
    const TemporaryFolder folder;
    const std::string file = (folder / "results.json").string();
    requireRefusal(fovea::fovea({"bench", "all", "--device", "cuda", "--json", file}), 1, "--device cuda");
    CHECK(!std::filesystem::exists(file));
}

TEST_CASE("The bench's JSON goes to a file where one is named", "[app.commands]") {
    const TemporaryFolder folder;
    const std::string file = (folder / "results.json").string();
    const std::vector<std::string> bench{"bench", "all",       "--context", "64",    "--repeats",
                                         "1",     "--threads", "1",         "--json"};
    std::vector<std::string> intoFile = bench, nowhere = bench;
    intoFile.push_back(file);
    const ProcessResult r = fovea::fovea(intoFile);
    INFO(r.err);
    REQUIRE(r.status == 0);
    CHECK(r.out.empty());
    const auto json = nlohmann::json::parse(contentOf(file));
    CHECK(json["tables"].size() == 4);
    CHECK(json["tables"][0]["results"][0]["median_seconds"] > 0);
    nowhere.push_back((folder / "none" / "results.json").string());
    requireRefusal(fovea::fovea(nowhere), 1, "none");
}
