#include <catch2/catch.hpp>

#include <sstream>

#include "tests/app/commands/made_up_model.h"
#include "tests/app/commands/program.h"
#include "tests/app/commands/refusal.h"
#include "tests/support/temporary_folder.h"

using namespace fovea;

TEST_CASE("Bad usage is answered with one line and exit 2", "[app.commands]") {
    const TemporaryFolder folder;
    const std::string model = writeMadeUpModel(folder.path()).string();
    const std::string prompts = (folder / "prompts.txt").string();
    putContent(prompts, "AB\n");
    struct Case {
        std::vector<std::string> arguments;
        const char* named;
    };
    const std::vector<Case> cases = {
        {{"generate", "--model", model, "--tokens", "4", "--plan", "keep=tova"}, "keep=tova"},
        {{"generate", "--model", model, "--tokens", "4", "--plan", ""}, "accepted"},
        {{"generate", "--model", model, "--tokens", "4", "--plan", "read=sparq:r=9"},
         "r=9"}, // heads are 8 wide
        {{"generate", "--model", model, "--tokens", "4", "--prompt", "AB", "--plan", "read=sparq:r=9"},
         "r=9"},
        {{"generate", "--model", model, "--tokens", "4", "--prompt", "AB", "--plan",
          "keep=h2o prefill=masked"},
         "prefill=masked"},
        {{"generate", "--model", model}, "--tokens"},
        {{"generate", "--model", model, "--tokens", "0"}, "--tokens"},
        {{"generate", "--model", model, "--tokens", "-3"}, "--tokens"},
        {{"generate", "--model", model, "--tokens", "many"}, "--tokens"},
        {{"generate", "--model", model, "--tokens", "99999999999999999999"}, "--tokens"},
        {{"generate", "--model", model, "--tokens", "49"}, "48"},
        {{"generate", "--model", model, "--tokens", "4", "--positions", "4"}, "--positions"},
        {{"generate", "--model", model, "--positions", "2", "--prompt", "ABCD"}, "--positions"},
        {{"generate", "--model", model, "--tokens", "4", "--prompt", std::string(100, 'A')}, "context"},
        {{"generate", "--model", model, "--tokens", "4", "--prompt-file", (folder / "none.txt").string()},
         "none.txt"},
        {{"generate", "--model", model, "--tokens", "4", "--prompt-file", folder.path().string()}, "folder"},
        {{"generate", "--model", model, "--tokens", "4", "--temperature", "-1"}, "--temperature"},
        {{"generate", "--model", model, "--tokens", "4", "--temperature", "nan"}, "--temperature"},
        {{"generate", "--model", model, "--tokens", "4", "--top-p", "0"}, "--top-p"},
        {{"generate", "--model", model, "--tokens", "4", "--top-k", "-1"}, "--top-k"},
        {{"generate", "--model", model, "--tokens", "4", "--backend", "gpu"}, "--backend"},
        {{"generate", "--model", model, "--tokens", "4", "--threads", "0"}, "--threads"},
        {{"generate", "--modle", model}, "--modle"},
        {{"compare", "--model", model, "--tokens", "4", "--plan", "dense"}, "--plan"},
        {{"compare", "--model", model, "--tokens", "4", "--plan", "dense", "--plan", "sparse"}, "sparse"},
        {{"compare", "--model", model, "--tokens", "4", "--plan", "dense", "--plan", "read=sparq:r=9"},
         "r=9"},
        {{"generate", "--model", model, "--tokens", "4", "--plan", "keep=streaming:sinks=0,window=0"},
         "sinks=0"},
        {{"generate", "--model", model, "--tokens", "4", "--plan",
          "keep=streaming:positions=cache read=sparq:r=2"},
         "positions=cache"},
        {{"batch", "--model", model, "--tokens", "4"}, "--prompts"},
        {{"batch", "--model", model, "--tokens", "4", "--prompts", "/dev/null"}, "no line"},
        {{"batch", "--model", model, "--tokens", "4", "--prompts", (folder / "none.txt").string()},
         "none.txt"},
        {{"--prompt", "x", "info", model}, "--prompt"},
        {{"generat"}, "is generate meant?"},
        {{"generate", "--model", model, "--token", "4"},
         "\"--token\" is nothing that fovea generate takes (is --tokens meant?)"},
        {{"generate", "--model", model, "--tokens", "4", "more"}, "\"more\""},
        {{"generate", "--model", model, "--tokens", "4", "--temperature", "hot"},
         "--temperature hot is no number"},
        {{"generate", "--model", model, "--tokens", "4", "--seed", "-1"}, "--seed"},
        {{"generate", "--model", model, "--tokens", "4", "--plan", "read=sparkq:r=8"},
         "is read=sparq meant?"},
        {{"generate", "--model", model, "--tokens", "4", "--plan", "share=cla:99"}, "share=cla:99"},
        {{"batch", "--model", model, "--tokens", "4", "--prompts", prompts, "--plan", "share=cla:99"},
         "share=cla:99"},
        {{"eval", "--model", model, "--task", "text", "--seed", "-1"}, "--seed"},
        {{"study"}, "accepted: quantisation"},
        {{"study", "quantization"}, "is quantisation meant?"},
        {{"bench"}, "accepted: attention, all, gemv, decode"},
        {{"bench", "attentoin"}, "is attention meant?"},
        {{"sweep", "--model", model, "--task", "text", "--plan", "read=sparq:r={}"}, "nothing in them"},
        {{"sweep", "--model", model, "--task", "text", "--plan", "dense", "--picture", "a.bmp"}, "a.bmp"},
    };
    for (const Case& c : cases) {
        std::string line;
        for (const auto& argument : c.arguments)
            line += argument + " ";
        INFO(line);
        requireRefusal(fovea::fovea(c.arguments), 2, c.named);
    }
}

TEST_CASE("Files that are missing or broken are named, exit 1", "[app.commands]") {
    const TemporaryFolder folder, alone;
    const std::string model = writeMadeUpModel(folder.path()).string();
    const std::string lonely = writeMadeUpModel(alone.path(), false).string();
    const std::string nothing = (folder / "nothing.bin").string();
    requireRefusal(fovea::fovea({"info", nothing}), 1, "nothing.bin");
    requireRefusal(fovea::fovea({"generate", "--model", nothing, "--tokens", "4", "--json"}), 1,
                   "nothing.bin");
    requireRefusal(fovea::fovea({"generate", "--model", lonely, "--tokens", "4", "--json"}), 1, "tokenizer");
    requireRefusal(fovea::fovea({"generate", "--model", model, "--tokenizer", nothing, "--tokens", "4"}), 1,
                   "nothing.bin");
    requireRefusal(fovea::fovea({"generate", "--model", model, "--tokenizer", model, "--tokens", "4"}), 1,
                   "model.bin");

    std::filesystem::resize_file(model, 1000);
    requireRefusal(fovea::fovea({"generate", "--model", model, "--tokens", "4"}), 1, "model.bin");
    std::filesystem::resize_file(model, 3);
    requireRefusal(fovea::fovea({"info", model}), 1, "model.bin");
}

TEST_CASE("Output that cannot be written is a failure", "[app.commands]") {
    const TemporaryFolder folder;
    const std::string model = writeMadeUpModel(folder.path()).string();
    const ProcessOptions full{.stdoutPath = "/dev/full"};
    for (const bool asJson : {true, false}) {
        std::vector<std::string> arguments = {"generate", "--model", model, "--tokens", "4"};
        if (asJson)
            arguments.emplace_back("--json");
        const ProcessResult r = fovea::fovea(arguments, full);
        CHECK(r.status == 1);
        CHECK(isOneErrorLine(r.err));
        CHECK(r.err.find("No space left on device") != r.err.npos);
    }
    putContent(folder / "file", "");
    requireRefusal(fovea::fovea({"compare", "--model", model, "--tokens", "4", "--plan", "dense", "--plan",
                                 "dense", "--out", (folder / "file").string()}),
                   1, "file");
}

TEST_CASE("Help goes to stdout and is no failure", "[app.commands]") {
    const std::vector<std::vector<std::string>> asks = {
        {"--help"}, {"generate", "--help"}, {"compare", "--help"}, {"info", "--help"}, {"--version"}};
    for (const auto& arguments : asks) {
        const ProcessResult r = fovea::fovea(arguments);
        CHECK(r.status == 0);
        CHECK_FALSE(r.out.empty());
        CHECK(r.err.empty());
    }
}

TEST_CASE("Help lists a plan's words one a line, and no line runs on", "[app.commands]") {
    for (const char* verb : {"generate", "batch", "compare", "check", "eval", "sweep"}) {
        const ProcessResult r = fovea::fovea({verb, "--help"});
        INFO(r.out);
        CHECK(r.out.find("\n    read=sparq:r=") != r.out.npos);
        std::istringstream lines(r.out);
        for (std::string line; std::getline(lines, line);)
            CHECK(line.size() < 240);
    }
}

TEST_CASE("Ctrl-C ends a run with one line", "[app.commands]") {
    const TemporaryFolder folder;
    const std::string model = writeMadeUpModel(folder.path(), true, 1 << 16).string();
    const ProcessOptions options{.interruptAfter = 1};
    const ProcessResult r = fovea::fovea(
        {"generate", "--model", model, "--prompt", "A", "--tokens", "50000", "--ignore-eos"}, options);
    CHECK_FALSE(r.timedOut);
    CHECK(r.status == 1);
    CHECK(r.err == "fovea: interrupted\n");
}
