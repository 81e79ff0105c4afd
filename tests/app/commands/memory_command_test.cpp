#include <catch2/catch.hpp>

#include "tests/app/commands/made_up_model.h"
#include "tests/app/commands/program.h"
#include "tests/support/temporary_folder.h"

using namespace fovea;
using nlohmann::json;

namespace {

// Bytes of blocks of 256 slots: K and V, 2 layers, 2 KV heads, f32.
constexpr std::int64_t kBlocks = std::int64_t{256} * 2 * 2 * 2 * kMadeUpHeadDim * 4;

} // namespace

TEST_CASE("info tells what a run of a length holds, and whether the budget does", "[app.commands]") {
    const TemporaryFolder folder;
    const std::string model = writeMadeUpModel(folder.path()).string();
    const auto ask = [&](const std::vector<std::string>& more) {
        std::vector<std::string> arguments{"info", model, "--json"};
        arguments.insert(arguments.end(), more.begin(), more.end());
        const ProcessResult r = fovea::fovea(arguments);
        INFO(r.err);
        REQUIRE(r.status == 0);
        return json::parse(r.out);
    };
    const json dense = ask({"--positions", "10"});
    const std::int64_t weights = dense.at("memory").at("weights_bytes");
    CHECK(dense.at("memory").at("kv_reserved_bytes") == kBlocks);
    CHECK(dense.at("memory").at("run_bytes") == weights + kBlocks);
    CHECK(dense.at("memory").at("within_budget") == true);
    CHECK(ask({"--positions", "10", "--plan", "store=bf16"}).at("memory").at("kv_reserved_bytes") ==
          kBlocks / 2);
    CHECK(ask({"--memory-budget", "1kB"}).at("memory").at("within_budget") == false);
    CHECK(ask({"--memory-budget", "50%"}).at("memory").at("within_budget") == true);

    const ProcessResult text =
        fovea::fovea({"info", model, "--memory-budget", std::to_string(weights + kBlocks / 2)});
    CHECK(text.status == 0);
    CHECK(text.out.find("beyond the memory budget") != text.out.npos);
    CHECK(text.out.find("store rows in bf16") != text.out.npos);
}

TEST_CASE("generate says what it holds when asked, and refuses what is beyond the budget before it begins",
          "[app.commands]") {
    const TemporaryFolder folder;
    const std::string model = writeMadeUpModel(folder.path()).string();
    const auto run = [&](const std::string& budget) {
        return fovea::fovea({"generate", "--model", model, "--prompt", "a", "--tokens", "4", "--ignore-eos",
                             "--memory-budget", budget});
    };
    const ProcessResult fits = run("4GB");
    CHECK(fits.status == 0);
    CHECK(fits.err.find("this run holds") != fits.err.npos);
    CHECK(fits.err.find("of a budget of 4.00 GB") != fits.err.npos);
    CHECK(std::count(fits.err.begin(), fits.err.end(), '\n') == 1);

    const ProcessResult beyond = run("2kB");
    CHECK(beyond.status == 1);
    CHECK(beyond.out.empty());
    CHECK(beyond.err.find("beyond the memory budget of 2.00 kB") != beyond.err.npos);
    CHECK(std::count(beyond.err.begin(), beyond.err.end(), '\n') == 1);

    for (const char* nonsense : {"much", "-3GB", "0", "101%", "nan", "12 parsecs", "1e300GB"}) {
        const ProcessResult r = run(nonsense);
        INFO(nonsense << ": " << r.err);
        CHECK(r.status == 2);
        CHECK(r.err.find("--memory-budget") != r.err.npos);
    }
}
