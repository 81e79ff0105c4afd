// The results file of the GPU's bench: it parses, holds every cell, and has no number where nothing was timed.

#include <nlohmann/json.hpp>

#include "app/commands/bench_device_json.h"

#include <catch2/catch.hpp>

using namespace fovea;
using Json = nlohmann::ordered_json;

TEST_CASE("The results of the GPU's bench are written as they were found", "[core.bench.device]") {
    const AttentionPlan dense = parsePlan("store=f16"), sparq = parsePlan("store=f16 read=sparq:r=32,k=128");
    DeviceBench bench;
    bench.device = {"a card", 1000, 900, 7};
    bench.copyBytes = 64;
    DeviceCell cell{{{.context = 2048, .batch = 16}, {dense, sparq}, true}, 4, 2000, {}, {}};
    cell.rows.push_back({1000, 5000, DeviceTime{4e-9, 1e-9, 3e-9}, {}});
    cell.rows.push_back({500, 7000, {}, "needs 7 kB"});
    cell.torch = DeviceRow{1000, 5000, DeviceTime{8e-9, 1e-9, 7e-9}, {}};
    bench.tables.push_back({"a table", {cell}});
    bench.products.push_back(
        {{11, 13, 1, {ElementType::BF16, RtnParams{.bits = 8}}},
         100,
         {{286, 300, DeviceTime{2e-9, 0, 2e-9}, {}}, {143, 150, DeviceTime{1e-9, 0, 1e-9}, {}}}});
    const Json json = Json::parse(jsonOf(bench, {"2026-01-02T03:04:05Z", "a driver", "fovea bench"}).dump(2));

    CHECK(json["device"]["name"] == "a card");
    CHECK(json["device"]["memory_bytes"] == 1000);
    CHECK(json["device"]["driver"] == "a driver");
    CHECK(json["date"] == "2026-01-02T03:04:05Z");
    CHECK(json["command"] == "fovea bench");
    const Json& written = json["tables"][0]["cells"][0];
    CHECK(written["batch"] == 16);
    CHECK(written["context"] == 2048);
    CHECK(written["layers"] == 4);
    REQUIRE(written["rows"].size() == 2);
    CHECK(written["rows"][0]["plan"] == toText(dense));
    CHECK(written["rows"][0]["median_seconds"] == 4e-9);
    CHECK(written["rows"][0]["gbps"] == Approx(250));
    CHECK(written["rows"][0]["of_limit"] == Approx(.125));
    CHECK(written["rows"][1]["not_timed"] == "needs 7 kB");
    CHECK(written["rows"][1]["needed_bytes"] == 7000);
    for (const char* const number : {"median_seconds", "gbps", "of_limit", "faster", "promised"})
        CHECK(!written["rows"][1].contains(number));
    CHECK(written["torch"]["faster"] == Approx(.5));
    const Json& product = json["products"][0];
    CHECK(product["columns"] == 13);
    CHECK(product["results"][1]["weights"] == formText(RtnParams{.bits = 8}));
    CHECK(product["results"][1]["faster"] == Approx(2));
    CHECK(product["results"][1]["promised"] == Approx(2));
}
