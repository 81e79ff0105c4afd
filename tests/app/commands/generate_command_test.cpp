#include <catch2/catch.hpp>

#include "tests/app/commands/made_up_model.h"
#include "tests/app/commands/program.h"
#include "tests/support/temporary_folder.h"

using namespace fovea;
using nlohmann::json;

namespace {

json generated(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "generate");
    arguments.push_back("--json");
    const ProcessResult r = fovea::fovea(arguments);
    INFO(r.err);
    REQUIRE(r.status == 0);
    CHECK(r.err.empty());
    CHECK(r.out.find('\n') == r.out.size() - 1);
    return json::parse(r.out);
}

} // namespace

TEST_CASE("generate --json keeps its contract", "[app.commands]") {
    const TemporaryFolder folder;
    const std::string model = writeMadeUpModel(folder.path()).string();
    const json j = generated({"--model", model, "--prompt", "AB", "--tokens", "8", "--temperature", "0",
                              "--seed", "1", "--ignore-eos", "--plan", "store=bf16 read=sparq:r=4,k=6"});
    CHECK(j.at("plan") == "store=bf16 read=sparq:r=4,k=6");
    CHECK(j.at("text").get<std::string>().find("AB") != std::string::npos);
    REQUIRE(j.at("steps").size() == 8);
    const auto prompt = j.at("totals").at("prompt_tokens").get<std::size_t>();
    CHECK(j.at("tokens").size() == prompt + 8);
    for (std::size_t i = 0; i < 8; ++i) {
        const json& step = j.at("steps").at(i);
        CHECK(step.at("token") == j.at("tokens").at(prompt + i));
        CHECK(step.at("fed") == j.at("tokens").at(prompt + i - 1));
        CHECK(step.at("position") == prompt + i - 1);
        CHECK(step.at("planned") == (i > 0)); // the plan acts from the prompt's length on
        CHECK(step.at("bytes").at("formula") == step.at("bytes").at("counted"));
        CHECK(step.at("bytes").at("counted").at("k").get<std::int64_t>() > 0);
        CHECK(step.at("held").at("formula") == step.at("held").at("counted"));
        CHECK(step.at("held").at("reserved").get<std::int64_t>() >=
              step.at("held").at("counted").get<std::int64_t>());
        CHECK(step.at("seconds").get<double>() > 0);
    }
}

TEST_CASE("Greedy text is the same each time and on both backends", "[app.commands]") {
    const TemporaryFolder folder;
    const std::string model = writeMadeUpModel(folder.path()).string();
    const std::vector<std::string> base = {"--model",  model, "--prompt",    "A",
                                           "--tokens", "20",  "--ignore-eos"};
    const json first = generated(base);
    CHECK(generated(base).at("tokens") == first.at("tokens"));
    auto reference = base;
    reference.insert(reference.end(), {"--backend", "reference"});
    CHECK(generated(reference).at("tokens") == first.at("tokens"));
    auto everything = base;
    everything.insert(everything.end(), {"--plan", "read=sparq:r=8,k=100,alpha=off"});
    CHECK(generated(everything).at("tokens") == first.at("tokens"));
}

TEST_CASE("A seed chooses the same tokens again, another seed others", "[app.commands]") {
    const TemporaryFolder folder;
    const std::string model = writeMadeUpModel(folder.path()).string();
    const auto tokens = [&](const char* seed) {
        return generated({"--model", model, "--tokens", "20", "--ignore-eos", "--temperature", "1", "--top-k",
                          "50", "--top-p", "0.9", "--seed", seed})
            .at("tokens");
    };
    CHECK(tokens("7") == tokens("7"));
    CHECK(tokens("7") != tokens("8"));
}

TEST_CASE("Positions count the prompt and stop at the context", "[app.commands]") {
    const TemporaryFolder folder;
    const std::string model = writeMadeUpModel(folder.path()).string();
    const json j = generated({"--model", model, "--prompt", "ABC", "--positions", "10", "--ignore-eos"});
    CHECK(j.at("steps").size() == 10 - (j.at("totals").at("prompt_tokens").get<std::size_t>() - 1));
    CHECK(j.at("steps").back().at("position") == 9);
    const json all = generated({"--model", model, "--positions", "1000", "--ignore-eos"});
    CHECK(all.at("steps").size() == kMadeUpContext);
}

TEST_CASE("decode-from moves the point from which the plan acts", "[app.commands]") {
    const TemporaryFolder folder;
    const std::string model = writeMadeUpModel(folder.path()).string();
    const json j = generated({"--model", model, "--tokens", "10", "--ignore-eos", "--plan",
                              "read=sparq:r=2,k=2", "--decode-from", "6"});
    for (const json& step : j.at("steps"))
        CHECK(step.at("planned") == (step.at("position") >= 6));
}

TEST_CASE("A text that ends before decode-from is said to be dense", "[app.commands]") {
    const TemporaryFolder folder;
    const std::string model = writeMadeUpModel(folder.path()).string();
    const auto errors = [&](const char* plan, const char* from) {
        return fovea::fovea({"generate", "--model", model, "--tokens", "4", "--ignore-eos", "--plan", plan,
                             "--decode-from", from})
            .err;
    };
    CHECK(errors("read=sparq:r=2,k=2", "2").empty());
    CHECK(errors("dense", "40").empty());
    CHECK(errors("keep=moa:alpha=4", "40").empty()); // masks the prompt from its first token on
    for (const char* plan : {"read=sparq:r=2,k=2", "keep=streaming:window=4"})
        CHECK(errors(plan, "40").find("--decode-from 40 is beyond the 4 tokens") != std::string::npos);
}

TEST_CASE("Without --json the text streams to stdout and nothing else", "[app.commands]") {
    const TemporaryFolder folder;
    const std::string model = writeMadeUpModel(folder.path()).string();
    putContent(folder / "prompt.txt", "ABBA");
    const std::string asJson =
        generated({"--model", model, "--prompt", "ABBA", "--tokens", "6", "--ignore-eos"}).at("text");
    const ProcessResult file =
        fovea::fovea({"generate", "--model", model, "--prompt-file", (folder / "prompt.txt").string(),
                      "--tokens", "6", "--ignore-eos"});
    CHECK(file.status == 0);
    CHECK(file.err.empty());
    CHECK(file.out.find("ABBA") != file.out.npos);
    CHECK(file.out.back() == '\n');
    // Bytes that are no UTF-8 are replaced in JSON alone.
    if (asJson.find("\xef\xbf\xbd") == asJson.npos)
        CHECK(file.out == asJson + "\n");
    const ProcessResult piped =
        fovea::fovea({"generate", "--model", model, "--prompt-file", "-", "--tokens", "6", "--ignore-eos"},
                     {.input = "ABBA"});
    CHECK(piped.out == file.out);
}

TEST_CASE("A text outgrows the context under a keep that bounds distances, and no other", "[app.commands]") {
    const TemporaryFolder folder;
    const std::string model = writeMadeUpModel(folder.path()).string();
    const auto steps = [&](const char* plan) {
        const ProcessResult r = fovea::fovea({"generate", "--model", model, "--prompt", "ABCD", "--plan", plan, "--tokens",
                                              "120", "--ignore-eos", "--json"});
        INFO(r.err);
        return r.status == 0 ? json::parse(r.out).at("steps").size() : std::size_t{0};
    };
    CHECK(steps("keep=streaming:window=20,positions=cache") == 120);
    CHECK(steps("keep=lm-infinite:window=20") == 120);
    CHECK(steps("keep=streaming:window=20") == 0);
    CHECK(steps("dense") == 0);
}
