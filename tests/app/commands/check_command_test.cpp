#include <catch2/catch.hpp>

#include "tests/app/commands/made_up_model.h"
#include "tests/app/commands/program.h"
#include "tests/support/temporary_folder.h"

using namespace fovea;
using nlohmann::json;

TEST_CASE("check says where two backends differ most, and exits 0 when that is little", "[app.commands]") {
    const TemporaryFolder folder;
    const std::string model = writeMadeUpModel(folder.path()).string();
    const ProcessResult r = fovea::fovea({"check", "--model", model, "--prompt", "ABCDEF", "--plan", "dense",
                                          "--plan", "read=sparq:r=2,k=4", "--tokens", "6", "--json"});
    INFO(r.err);
    REQUIRE(r.status == 0);
    CHECK(r.err.empty());
    const json j = json::parse(r.out);
    REQUIRE(j.at("plans").size() == 2);
    for (const json& plan : j["plans"]) {
        CHECK(plan.at("backends") == json{"reference", "cpu"});
        CHECK(plan.at("within") == true);
        CHECK(plan.at("steps").size() == 6);
        CHECK(plan.at("heads").size() == 8); // 2 layers of 4
        CHECK(plan.at("steps")[0].at("attention_by_layer").size() == 2);
        CHECK(plan.at("largest").at("relative").get<double>() < plan.at("tolerance").get<double>());
        CHECK(plan.at("same_token") == 6);
        CHECK(plan.at("same_bytes") == true);
    }
    CHECK(j["plans"][1]["plan"] == "read=sparq:r=2,k=4");
}

TEST_CASE("check exits 1 beyond the tolerance and names the place in one line", "[app.commands]") {
    const TemporaryFolder folder;
    const std::string model = writeMadeUpModel(folder.path()).string();
    const ProcessResult r = fovea::fovea(
        {"check", "--model", model, "--prompt", "ABCDEF", "--tokens", "4", "--tolerance", "1e-12"});
    CHECK(r.status == 1);
    CHECK(isOneErrorLine(r.err));
    CHECK(r.err.find("layer") != r.err.npos);
    CHECK(r.err.find("reference and cpu differ") != r.err.npos);
    // The table is there all the same.
    CHECK(r.out.find("first beyond the tolerance") != r.out.npos);
    CHECK(r.out.find("layer  attention  head") != r.out.npos);
}

TEST_CASE("check refuses what it cannot hold against each other", "[app.commands]") {
    const TemporaryFolder folder;
    const std::string model = writeMadeUpModel(folder.path()).string();
    for (const char* backends : {"cpu,cpu", "cpu", "reference,gpu", ""}) {
        INFO(backends);
        const ProcessResult r = fovea::fovea({"check", "--model", model, "--backends", backends});
        CHECK(r.status == 2);
        CHECK(isOneErrorLine(r.err));
        CHECK(r.err.find("--backends") != r.err.npos);
    }
    const ProcessResult plan = fovea::fovea({"check", "--model", model, "--plan", "read=sparq:r=9"});
    CHECK(plan.status == 2);
    CHECK(isOneErrorLine(plan.err));
}
