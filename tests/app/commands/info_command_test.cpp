#include <catch2/catch.hpp>

#include "tests/app/commands/made_up_model.h"
#include "tests/app/commands/program.h"
#include "tests/support/temporary_folder.h"

using namespace fovea;
using nlohmann::json;

TEST_CASE("info tells a model's shape and what a token costs", "[app.commands]") {
    const TemporaryFolder folder;
    const std::string model = writeMadeUpModel(folder.path()).string();
    const ProcessResult r = fovea::fovea({"info", model, "--json"});
    INFO(r.err);
    REQUIRE(r.status == 0);
    CHECK(r.err.empty());
    const json j = json::parse(r.out);
    CHECK(j.at("shape").at("layers") == 2);
    CHECK(j.at("shape").at("kv_heads") == 2);
    CHECK(j.at("shape").at("head_dim") == kMadeUpHeadDim);
    CHECK(j.at("shape").at("context") == kMadeUpContext);
    CHECK(j.at("type") == "f32");
    CHECK(j.at("tokenizer").at("vocabulary") == 320);
    // K and V rows of f32: layers, heads, width
    CHECK(j.at("formula").at("kv_bytes_per_token") == 2 * 2 * kMadeUpHeadDim * 2 * 4);
    CHECK(j.at("memory").at("kv_at_full_context_bytes") == kMadeUpContext * 2 * 2 * kMadeUpHeadDim * 2 * 4);
    CHECK(j.at("memory").at("weights_bytes") == 4 * j.at("parameters").get<std::int64_t>());

    const ProcessResult text = fovea::fovea({"info", "--model", model});
    CHECK(text.status == 0);
    CHECK(text.out.find("2 layers, width 32, 4 query heads on 2 KV heads, head width 8") != text.out.npos);
}

TEST_CASE("info answers for a model without a tokenizer, and says why there is none", "[app.commands]") {
    const TemporaryFolder folder;
    const std::string model = writeMadeUpModel(folder.path(), false).string();
    const ProcessResult r = fovea::fovea({"info", model, "--json"});
    REQUIRE(r.status == 0);
    const json j = json::parse(r.out);
    CHECK(j.at("tokenizer").at("found") == false);
    CHECK_FALSE(j.at("tokenizer").at("problem").get<std::string>().empty());
}
