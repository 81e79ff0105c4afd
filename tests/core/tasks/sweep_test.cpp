#include "core/tasks/sweep.h"

#include "../model/small_checkpoint.h"
#include "core/tokenizer/sentencepiece_tokenizer.h"

// After everything of libtorch, whose logging defines a CHECK of its own.
#include <catch2/catch.hpp>

using namespace fovea;

namespace {

const std::atomic<bool> kGoOn = false;

SweepArguments someArguments() {
    SweepArguments a;
    a.model = "/models/a, \"b\"";
    a.task = "text";
    a.figures = "windows of 64 tokens, the last 32 graded";
    a.metric = "bits per character";
    a.higherBetter = false;
    a.samples = 2;
    a.seed = 18446744073709551615u;
    a.text = textMark("a.txt", "some text");
    a.backend = "cpu";
    return a;
}

SweepRow row(const char* plan, double score) {
    SweepRow r;
    r.plan = plan;
    r.method = "read=sparq";
    r.score = {score, 0.1 / 3};
    r.change = {-1. / 9, 0.01};
    r.weights = {4321, 4321};
    r.parts = {{"up to 8 tokens back", 7, {1. / 3, 0.5}, {-0.25, 0.125}},
               {"over 8 tokens back", 9, {1, 0}, {0, 0}}};
    r.moved = {1234.5, 1234.5};
    r.held = {1e9 / 3, 7};
    r.klMean = 1e-17;
    r.klMax = 2.5;
    r.agreement = 1. / 3;
    r.steps = 64;
    r.secondsPerStep = 0.0015;
    return r;
}

SweepTable someTable() {
    SweepTable table{.arguments = someArguments(),
                     .rows = {row("dense", 2), row("read=sparq:r=4,k=8", 1. / 7)}};
    SweepRow refused;
    refused.plan = "read=sparq:r=99";
    refused.method = "read=sparq";
    refused.refused = "r=99, which is \"more\" than 8";
    table.rows.push_back(refused);
    return table;
}

Evaluation smallEvaluation(int samples = 2) {
    const auto tokenizer = parseSentencepiece(test::smallSentencepiece(), "small");
    auto model = std::make_shared<Model>(test::smallModel());
    TaskOptions options;
    options.name = "text";
    options.length = 48;
    for (int i = 0; i < 30; ++i)
        options.text += "there is a tree here, and the other tree is not there. ";
    return Evaluation(model, makeTask(options, model->spec, tokenizer), {.samples = samples});
}

} // namespace

TEST_CASE("A sweep's table comes back from its file as it was", "[core.tasks]") {
    const SweepTable table = someTable();
    const std::string csv = sweepCsv(table);
    const SweepTable back = readSweepCsv(csv);
    CHECK(back.arguments == table.arguments);
    REQUIRE(back.rows.size() == 3);
    CHECK(back.rows[1].score.mean == table.rows[1].score.mean);
    CHECK(back.rows[1].score.standardError == table.rows[1].score.standardError);
    CHECK(back.rows[1].held.formula == table.rows[1].held.formula);
    CHECK(back.rows[1].change.mean == -1. / 9);
    CHECK(back.rows[1].weights.counted == 4321);
    REQUIRE(back.rows[1].parts.size() == 2);
    CHECK(back.rows[1].parts[0].name == "up to 8 tokens back");
    CHECK(back.rows[1].parts[0].asked == 7);
    CHECK(back.rows[1].parts[0].score.mean == 1. / 3);
    CHECK(back.rows[1].parts[0].change.standardError == 0.125);
    CHECK(back.rows[1].parts[1].asked == 9);
    CHECK(back.rows[1].klMean == 1e-17);
    CHECK(back.rows[1].agreement == 1. / 3);
    CHECK(back.rows[1].steps == 64);
    CHECK(back.rows[2].refused == table.rows[2].refused);
    CHECK(sweepCsv(back) == csv);
    CHECK(back.dense() != nullptr);
    CHECK(back.find("read=sparq:r=4,k=8") != nullptr);
    CHECK(back.find("read=sparq") == nullptr);
    // A spreadsheet may write other line ends.
    std::string lines = csv;
    for (auto at = lines.find("\r\n"); at != lines.npos; at = lines.find("\r\n"))
        lines.erase(at, 1);
    CHECK(sweepCsv(readSweepCsv(lines)) == csv);
}

TEST_CASE("One sample has no standard error, of parts neither", "[core.tasks]") {
    SweepTable table = someTable();
    table.arguments.samples = 1;
    const std::string csv = sweepCsv(table);
    CHECK(csv.find("over 8 tokens back: 1  0  9") != csv.npos);
    const SweepTable back = readSweepCsv(csv);
    REQUIRE(back.rows[1].parts.size() == 2);
    CHECK(back.rows[1].parts[1].score.mean == 1);
    CHECK(back.rows[1].parts[1].asked == 9);
    CHECK(sweepCsv(back) == csv);
}

TEST_CASE("A file that is no sweep's is refused, whatever is in it", "[core.tasks]") {
    const std::string csv = sweepCsv(someTable());
    const auto with = [&](const std::string& what, const std::string& other) {
        std::string text = csv;
        const auto at = text.find(what);
        REQUIRE(at != text.npos);
        return text.replace(at, what.size(), other);
    };
    std::string long_(5000, 'x');
    for (const std::string& text :
         {std::string(), std::string("a,b,c\n1,2,3\n"), with("model", "modle"), with("1234.5", "many"),
          with("1234.5", "-1"), with("1234.5", "1e400"), with("1234.5", "nan"), with("1234.5", ""),
          with("back: 0.3", "back 0.3"), with("back: 0.3", "back: 3"), with(" 0.125 7", " 0.125 7 8"),
          with(" 0.125 7;", " 0.125;"), with("0.0015", "0.0015,1"), with(",64,", ",6.4,"),
          csv.substr(0, csv.size() - 20), csv + "\"open", csv + long_ + "\n", with("cpu", "reference"),
          with("a.txt", long_)}) {
        INFO(text.substr(0, 80));
        CHECK_THROWS_AS(readSweepCsv(text), SweepError);
    }
    // What is told of it is one line, though a field may hold several.
    try {
        readSweepCsv(with("1234.5", "\"6\r\n\x1b[2J\""));
        FAIL("a number of two lines was read");
    } catch (const SweepError& error) {
        CHECK(std::string(error.what()).find("\"6???[2J\" as ") != std::string::npos);
    }
    // Cut anywhere before its last line's end it is read, or refused; never more than there was.
    for (std::size_t n = 0; n + 2 < csv.size(); n += 7) {
        std::size_t rows = 0;
        try {
            rows = readSweepCsv(csv.substr(0, n)).rows.size();
        } catch (const SweepError&) {
            continue;
        }
        CHECK(rows < 3);
    }
}

TEST_CASE("Another sweep's table is known by the first argument that differs", "[core.tasks]") {
    const SweepArguments here = someArguments();
    CHECK(differenceOf(here, here).empty());
    SweepArguments there = here;
    there.samples = 9;
    CHECK(differenceOf(there, here) == "samples is \"9\" there and \"2\" here");
    there = here;
    there.text = textMark("a.txt", "other text");
    CHECK(differenceOf(there, here).starts_with("text is"));
    there = here;
    there.model = "m\n";
    CHECK(differenceOf(there, here).starts_with("model is \"m?\" there"));
    there = here;
    there.high = 3;
    CHECK_FALSE(differenceOf(there, here).empty());
}

TEST_CASE("A sweep runs dense first, each plan once, and says why it skips one", "[core.tasks]") {
    const auto plans = sweepPlans({"read=sparq:k=8,r={2,4,4096}", "{dense,keep=streaming}",
                                   "keep=streaming:sinks=1,window={8,8}", "read={nonsense}"});
    CHECK(plans == std::vector<std::string>{"dense", "read=sparq:r=2,k=8", "read=sparq:r=4,k=8",
                                            "read=sparq:r=4096,k=8", "keep=streaming",
                                            "keep=streaming:sinks=1,window=8", "read=nonsense"});
    Evaluation evaluation = smallEvaluation();
    SweepTable table;
    std::int64_t steps = 0, rows = 0;
    const std::int64_t foretold = sweepSteps(evaluation, plans, table);
    sweep(evaluation, plans, table,
          {.step = [&] { ++steps; },
           .row =
               [&](const SweepTable& t) {
                   rows += 1;
                   CHECK(std::ssize(t.rows) == rows);
               }},
          kGoOn);
    CHECK(steps == foretold);
    CHECK(rows == 7);
    CHECK(table.rows[0].plan == "dense");
    CHECK(table.rows[1].refused.empty());
    CHECK(table.rows[1].score.mean > 0);
    CHECK(table.rows[1].moved.counted < table.rows[0].moved.counted);
    CHECK(table.rows[3].refused.find("4096") != std::string::npos);
    CHECK(table.rows[6].refused.find("nonsense") != std::string::npos);
}

TEST_CASE("A sweep that was cut short goes on to the same table", "[core.tasks]") {
    const auto plans = sweepPlans({"read=sparq:k=8,r={2,4}"});
    SweepTable whole{.arguments = someArguments(), .rows = {}};
    Evaluation evaluation = smallEvaluation();
    sweep(evaluation, plans, whole, {.step = [] {}, .row = [](const SweepTable&) {}}, kGoOn);
    for (auto& r : whole.rows)
        r.secondsPerStep = 0;

    SweepTable cut{.arguments = someArguments(), .rows = {}};
    std::atomic<bool> cancel = false;
    int steps = 0;
    Evaluation first = smallEvaluation();
    // Within the second plan: its row is not there.
    sweep(first, plans, cut, {.step = [&] { cancel = ++steps > 70; }, .row = [](const SweepTable&) {}},
          cancel);
    REQUIRE(cut.rows.size() == 1);
    SweepTable back = readSweepCsv(sweepCsv(cut));
    Evaluation second = smallEvaluation();
    steps = 0;
    const std::int64_t foretold = sweepSteps(second, plans, back);
    sweep(second, plans, back, {.step = [&] { ++steps; }, .row = [](const SweepTable&) {}}, kGoOn);
    CHECK(steps == foretold);
    for (auto& r : back.rows)
        r.secondsPerStep = 0;
    CHECK(sweepCsv(back) == sweepCsv(whole));
}
