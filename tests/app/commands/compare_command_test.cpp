#include <catch2/catch.hpp>

#include "tests/app/commands/made_up_model.h"
#include "tests/app/commands/program.h"
#include "tests/support/temporary_folder.h"

using namespace fovea;
using nlohmann::json;

TEST_CASE("compare writes its three files and says the same on stdout", "[app.commands]") {
    const TemporaryFolder folder;
    const std::string model = writeMadeUpModel(folder.path()).string();
    const std::string out = (folder / "new/out").string();
    const ProcessResult r = fovea::fovea({"compare", "--model", model, "--prompt", "ABC", "--plan", "dense",
                                          "--plan", "read=sparq:r=2,k=4", "--plan", "dense", "--tokens", "12",
                                          "--ignore-eos", "--out", out, "--json"});
    INFO(r.err);
    REQUIRE(r.status == 0);
    CHECK(r.err.empty());
    const json j = json::parse(r.out);
    CHECK(contentOf(out + "/compare.json") == r.out);
    CHECK(json::parse(contentOf(out + "/trace.json")).at("traceEvents").size() > 36);
    const std::string csv = contentOf(out + "/compare.csv");
    CHECK(std::count(csv.begin(), csv.end(), '\n') == 1 + 3 * 12);

    REQUIRE(j.at("plans").size() == 3);
    const json &a = j["plans"][0], &b = j["plans"][1], &again = j["plans"][2];
    for (const json* plan : {&a, &b, &again}) {
        CHECK(plan->at("steps").size() == 12);
        CHECK(plan->at("bytes").at("formula") == plan->at("bytes").at("counted"));
        CHECK(plan->at("bytes_moved").get<std::int64_t>() > 0);
        CHECK(plan->at("seconds").get<double>() > 0);
    }
    // The same plan again reads the same tokens and predicts the same.
    CHECK(again.at("kl").at("max") == 0);
    CHECK(again.at("top1_agreement") == 1);
    CHECK(again.at("first_divergent_token").is_null());
    CHECK(again.at("free_running_first_divergent_token").is_null());
    // Four of up to fourteen tokens, by two of eight components, cannot be dense attention.
    CHECK(b.at("kl").at("max").get<double>() > 0);
    CHECK(b.at("kl").at("mean").get<double>() <= b.at("kl").at("max").get<double>());
    CHECK(b.at("bytes_held").get<std::int64_t>() > a.at("bytes_held").get<std::int64_t>());
}

TEST_CASE("compare under a keep: what is held stops growing, and the table counts who left", "[app.commands]") {
    const TemporaryFolder folder;
    const std::string model = writeMadeUpModel(folder.path()).string();
    const std::string out = (folder / "out").string();
    const ProcessResult r = fovea::fovea({"compare", "--model", model, "--prompt", "ABCD", "--plan", "dense", "--plan",
                                          "keep=streaming:window=6", "--plan", "keep=lm-infinite:sinks=2,window=6",
                                          "--tokens", "24", "--ignore-eos", "--out", out, "--json"});
    INFO(r.err);
    REQUIRE(r.status == 0);
    const json j = json::parse(r.out);
    const json &dense = j["plans"][0], &stream = j["plans"][1], &infinite = j["plans"][2];
    for (const json* plan : {&dense, &stream, &infinite})
        CHECK(plan->at("bytes").at("formula") == plan->at("bytes").at("counted"));
    // 2 layers of 2 KV heads: 4 sinks and 6 stay after a step; of LM-Infinite 2 and, without the next, 5.
    CHECK(stream["steps"].back().at("live_slots") == 4 * 10);
    CHECK(infinite["steps"].back().at("live_slots") == 4 * 7);
    CHECK(stream["steps"].back().at("evicted_slots") == 4);
    CHECK(dense["steps"].back().at("evicted_slots") == 0);
    CHECK(stream.at("bytes_held").get<std::int64_t>() < dense.at("bytes_held").get<std::int64_t>());
    CHECK(contentOf(out + "/compare.csv").find("live (slots),evicted (slots)") != std::string::npos);
    CHECK(contentOf(out + "/trace.json").find("KV slots live") != std::string::npos);
}

TEST_CASE("compare prints a table for people", "[app.commands]") {
    const TemporaryFolder folder;
    const std::string model = writeMadeUpModel(folder.path()).string();
    const ProcessResult r = fovea::fovea({"compare", "--model", model, "--plan", "dense", "--plan",
                                          "store=f16", "--tokens", "4", "--ignore-eos"});
    INFO(r.err);
    REQUIRE(r.status == 0);
    CHECK(r.out.find("plan") == 0);
    CHECK(r.out.find("\nstore=f16") != r.out.npos);
}

TEST_CASE("A full disk while comparing leaves no half-written file", "[app.commands]") {
    const TemporaryFolder folder;
    const std::string model = writeMadeUpModel(folder.path()).string();
    const std::string out = (folder / "out").string();
    std::filesystem::create_directories(out);
    const ProcessResult r =
        fovea::fovea({"compare", "--model", model, "--plan", "dense", "--plan", "read=sparq:r=2,k=4",
                      "--tokens", "20", "--ignore-eos", "--out", out, "--json"},
                     {.fileSizeLimit = 4096});
    CHECK(r.status == 1);
    CHECK(isOneErrorLine(r.err));
    CHECK(r.err.find("compare.csv") != r.err.npos);
    CHECK(r.out.empty());
    CHECK(std::filesystem::is_empty(out));
}
