// study, as a user would start it.
#include <catch2/catch.hpp>

#include "tests/app/commands/made_up_model.h"
#include "tests/app/commands/program.h"
#include "tests/support/temporary_folder.h"

using namespace fovea;
using nlohmann::json;

namespace {

struct Fixture {
    TemporaryFolder folder;
    std::string model = writeMadeUpModel(folder.path(), true, 256).string();
    std::string text = (folder / "text.txt").string(), out = (folder / "new/study").string();

    Fixture() {
        std::string content;
        for (int i = 0; i < 60; ++i)
            content +=
                "HE CAME AT " + std::to_string(i * 7919 % 101) + " AND WENT TO THE TREE BY THE RIVER. ";
        putContent(text, content);
    }
    std::vector<std::string> with(std::vector<std::string> more) const {
        std::vector<std::string> all = {
            "study", "quantisation", "--model", model,     "--text", text,    "--samples",
            "1",     "--length",     "160",     "--pairs", "4",      "--out", out};
        all.insert(all.end(), more.begin(), more.end());
        return all;
    }
};

} // namespace

TEST_CASE("study quantisation leaves tables and pictures, says what it advises, and goes on",
          "[app.commands]") {
    const Fixture f;
    const ProcessResult r = fovea::fovea(f.with({"--json"}));
    INFO(r.err);
    REQUIRE(r.status == 0);
    const json j = json::parse(r.out);
    CHECK(j.at("recommendation").at("rule").get<std::string>().find("fewest bytes") != std::string::npos);
    CHECK(j.at("plans").size() > 25);
    CHECK(j.at("sweeps").size() == 3);
    CHECK_FALSE(j.at("statistics").at("rows").empty());
    int refused = 0, judged = 0;
    for (const json& plan : j.at("plans"))
        (plan.contains("refused") ? refused : judged) += 1;
    CHECK(judged >= 14); // W, KV and both of them by RTN
    CHECK(refused >= 6); // nothing was calibrated here
    for (const char* file :
         {"table.csv", "statistics.csv", "sweep-text.csv", "sweep-recall.csv", "sweep-repetition.csv"})
        CHECK_FALSE(contentOf(f.out + "/" + file).empty());
    if (r.err.find("need a build with the window") == r.err.npos)
        for (const char* file : {"losses.svg", "losses.png", "statistics.svg", "statistics.png"})
            CHECK_FALSE(contentOf(f.out + "/" + file).empty());

    // A table that lost its last rows is gone on with; those that it has stay with their seconds.
    const std::string table = contentOf(f.out + "/sweep-text.csv");
    const auto cut = table.find("\r\n", table.size() / 2) + 2;
    putContent(f.out + "/sweep-text.csv", table.substr(0, cut));
    const ProcessResult again = fovea::fovea(f.with({"--within", "1000"}));
    INFO(again.err);
    REQUIRE(again.status == 0);
    CHECK(again.out.find("\nAdvised is ") != again.out.npos);
    CHECK(again.out.find("\nRule: ") != again.out.npos);
    const std::string whole = contentOf(f.out + "/sweep-text.csv");
    CHECK(std::count(whole.begin(), whole.end(), '\n') == std::count(table.begin(), table.end(), '\n'));
    CHECK(whole.substr(0, 400) == table.substr(0, 400));

    // Another study's folder, and a file that is no table, are left as they are.
    const ProcessResult other = fovea::fovea(f.with({"--seed", "2"}));
    CHECK(other.status == 2);
    CHECK(isOneErrorLine(other.err));
    CHECK(other.err.find("sweep-text.csv is another sweep's: seed is \"1\" there and \"2\" here") !=
          other.err.npos);
    putContent(f.out + "/sweep-recall.csv", "a,b\n1,2\n");
    const ProcessResult broken = fovea::fovea(f.with({}));
    CHECK(broken.status == 2);
    CHECK(isOneErrorLine(broken.err));
    CHECK(contentOf(f.out + "/sweep-recall.csv") == "a,b\n1,2\n");
}

TEST_CASE("A study that cannot be made is refused with one line, exit 2", "[app.commands]") {
    const Fixture f;
    for (const auto& arguments :
         std::vector<std::vector<std::string>>{{"study"},
                                               {"study", "attention"},
                                               {"study", "quantisation", "--model", f.model},
                                               f.with({"--length", "4000"}),
                                               f.with({"--samples", "0"}),
                                               f.with({"--within", "-1"}),
                                               f.with({"--text", f.text + ".none"})}) {
        INFO(arguments.back());
        const ProcessResult r = fovea::fovea(arguments);
        CHECK(r.status == 2);
        CHECK(isOneErrorLine(r.err));
        CHECK(r.out.empty());
    }
}
