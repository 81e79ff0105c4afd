#include <catch2/catch.hpp>

#include <filesystem>

#include "tests/app/commands/program.h"
#include "tests/app/commands/refusal.h"
#include "tests/app/commands/small_text.h"
#include "tests/support/temporary_folder.h"

using namespace fovea;
using nlohmann::json;

namespace {

// The bundled model in a folder that may be written beside.
struct Starter {
    Starter() {
        std::filesystem::copy(FOVEA_SOURCE_DIR "/assets/models/fovea-starter", folder / "starter");
        putContent(folder / "text.txt", smallTrainingText());
    }
    std::vector<std::string> calibrate(const std::string& weights, std::vector<std::string> more = {}) const {
        std::vector<std::string> arguments = {"calibrate",
                                              "--weights",
                                              weights,
                                              "--model",
                                              model(),
                                              "--text",
                                              (folder / "text.txt").string(),
                                              "--blocks",
                                              "4",
                                              "--length",
                                              "96"};
        arguments.insert(arguments.end(), more.begin(), more.end());
        return arguments;
    }
    std::string model() const { return (folder / "starter").string(); }
    TemporaryFolder folder;
};

} // namespace

TEST_CASE("calibrate saves a model beside the model, and its plan runs on it", "[app.commands]") {
    const Starter starter;
    const std::vector<std::string> generate = {"generate", "--model",  starter.model(),
                                               "--prompt", "The king", "--tokens",
                                               "3",        "--plan",   "weights=gptq:bits=3"};
    requireRefusal(fovea::fovea(generate), 2, "fovea calibrate --weights gptq:bits=3,group=128 --model");

    // Before a sample is run, and not after dense ones were.
    requireRefusal(fovea::fovea({"eval", "--task", "text", "--samples", "1", "--length", "64", "--model",
                                 starter.model(), "--plan", "weights=gptq:bits=3"}),
                   2, "fovea calibrate --weights gptq:bits=3,group=128 --model");

    const ProcessResult r = fovea::fovea(starter.calibrate("gptq:bits=3", {"--json", "--seed", "5"}));
    INFO(r.err);
    REQUIRE(r.status == 0);
    const json result = json::parse(r.out);
    const std::filesystem::path made = starter.folder / "starter-gptq-3bit-g128";
    CHECK(result.at("folder") == made.string());
    CHECK(result.at("blocks") == 4);
    CHECK(result.at("seed") == 5);
    CHECK(result.at("weight_bytes") < result.at("model_weight_bytes"));
    CHECK(json::parse(contentOf(made / "calibration.json")).at("seed") == 5);
    CHECK(json::parse(contentOf(made / "calibration.json")).at("text") == "text.txt");

    const ProcessResult run = fovea::fovea(generate);
    INFO(run.err);
    CHECK(run.status == 0);
    // The folder is a model like any other.
    CHECK(fovea::fovea({"info", "--model", made.string()}).status == 0);
    CHECK(fovea::fovea({"generate", "--model", made.string(), "--prompt", "The king", "--tokens", "3"}).out ==
          run.out);
    requireRefusal(fovea::fovea({"calibrate", "--weights", "awq", "--model", made.string(), "--text",
                                 (starter.folder / "text.txt").string(), "--length", "96"}),
                   2, "rounded already");
}

TEST_CASE("calibrate --to, and the same bytes for the same seed", "[app.commands]") {
    const Starter starter;
    const auto made = [&](const char* name, const char* seed) {
        const auto to = starter.folder / name;
        const ProcessResult r = fovea::fovea(
            starter.calibrate("awq:group=32", {"--to", to.string(), "--seed", seed, "--threads", "1"}));
        INFO(r.err);
        REQUIRE(r.status == 0);
        CHECK(r.out.find(to.string()) != r.out.npos);
        return contentOf(to / "model.safetensors");
    };
    const std::string first = made("a", "1");
    CHECK(made("b", "1") == first);
    CHECK(made("c", "2") != first);
}

TEST_CASE("calibrate smooth leaves floats", "[app.commands]") {
    const Starter starter;
    const ProcessResult r = fovea::fovea(starter.calibrate("smooth:alpha=0.8"));
    INFO(r.err);
    REQUIRE(r.status == 0);
    const std::filesystem::path made = starter.folder / "starter-smooth-0.8";
    CHECK_FALSE(json::parse(contentOf(made / "config.json")).contains("quantization_config"));
    CHECK(json::parse(contentOf(made / "calibration.json")).at("alpha") == .8);
    CHECK(fovea::fovea({"info", "--model", made.string()}).status == 0);
}

TEST_CASE("Ctrl-C during a calibration leaves nothing", "[app.commands]") {
    const Starter starter;
    std::vector<std::string> arguments = starter.calibrate("gptq", {"--json"});
    *std::find(arguments.begin(), arguments.end(), "4") = "100"; // blocks: work for seconds, and none that overlap
    const ProcessResult r = fovea::fovea(arguments, {.interruptAfterError = 1});
    INFO(r.err);
    CHECK(r.status == 1);
    CHECK(r.err.ends_with("fovea: interrupted\n"));
    CHECK(r.err.find(R"({"kind":"matrix","done":1,"of":35})") != r.err.npos);
    CHECK(r.out.empty());
    for (const auto& entry : std::filesystem::directory_iterator(starter.folder.path()))
        CHECK((entry.path().filename() == "starter" || entry.path().filename() == "text.txt"));
}

TEST_CASE("calibrate refuses in one line what it cannot do", "[app.commands]") {
    const Starter starter;
    requireRefusal(fovea::fovea({"calibrate"}), 2, "--weights or --store is required");
    requireRefusal(fovea::fovea(starter.calibrate("rtn")), 2, "no calibration");
    requireRefusal(fovea::fovea(starter.calibrate("gptq:bits=5")), 2, "bits");
    requireRefusal(fovea::fovea(starter.calibrate("gptq:mode=sym")), 2, "mode");
    requireRefusal(fovea::fovea(starter.calibrate("smooth:alpha=2")), 2, "alpha");
    requireRefusal(fovea::fovea(starter.calibrate("gptq read=all")), 2, "no calibration");
    requireRefusal(fovea::fovea(starter.calibrate("gptq", {"--to", starter.model()})), 2,
                   "no calibration made");
    CHECK(fovea::fovea({"info", "--model", starter.model()}).status == 0);
    putContent(starter.folder / "text.txt", "too short");
    requireRefusal(fovea::fovea(starter.calibrate("gptq")), 2, "fewer than a block of 96");
    requireRefusal(fovea::fovea({"calibrate", "--weights", "gptq", "--model", "/no/such"}), 1, "/no/such");
    CHECK_FALSE(std::filesystem::exists(starter.folder / "starter-gptq-4bit-g128"));
}
