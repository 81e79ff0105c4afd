#include <catch2/catch.hpp>

#include "tests/views/charts/run_fixture.h"
#include "views/panels/summary_table.h"

using namespace fovea;
using namespace fovea::testing;

TEST_CASE("The table shows the step at the cursor, A beside B", "[views.panels]") {
    const auto a = makeRun({}, 300, 200), b = makeRun(sparqPlan(), 300, 200);
    SummaryTable table;
    table.setRuns(a, b);
    table.setComparison(makeComparison(300, 200));
    table.setCursor(250);
    const auto number = [&](int row, int column) { return table.item(row, column)->text().toDouble(); };
    const auto& sa = a->steps[250];
    const auto& sb = b->steps[250];
    CHECK(number(SummaryTable::HeldRow, 1) == Approx(sa.held.counted.total() / 1000. / 251).epsilon(1e-3));
    CHECK(number(SummaryTable::HeldRow, 3) == Approx(1.5).margin(0.02));
    CHECK(number(SummaryTable::MovedFormulaRow, 1) == Approx(sa.formula.attention() / 1000.).epsilon(1e-3));
    CHECK(number(SummaryTable::MovedCountedRow, 2) == Approx(sb.counted.attention() / 1000.).epsilon(1e-3));
    CHECK(number(SummaryTable::WeightsRow, 2) ==
          Approx(sb.counted[Component::Weights] / 1e6).epsilon(1e-3));
    CHECK(number(SummaryTable::TimedRow, 1) == Approx(sa.attentionSeconds * 1e6).epsilon(1e-2));
    CHECK(number(SummaryTable::KlRow, 2) == Approx(makeComparison(300, 200)->klMean).epsilon(1e-2));
    CHECK(table.item(SummaryTable::AgreementRow, 2)->text() == "98.9 %");

    b->steps[250].counted[Component::Keys] += 1024 * 1024;
    table.setCursor(250);
    CHECK(number(SummaryTable::MovedCountedRow, 2) - number(SummaryTable::MovedFormulaRow, 2) ==
          Approx(1048.8).margin(.1));
}

TEST_CASE("What is not there is a dash, in the table and empty in its CSV", "[views.panels]") {
    SummaryTable table;
    CHECK(table.item(0, 1)->text() == "–");
    table.setRuns(makeRun({}, 30, 10), nullptr);
    table.setCursor(500);
    CHECK(table.item(1, 1)->text() == "–");
    table.setCursor(29);
    CHECK(table.item(1, 1)->text() != "–");
    CHECK(table.item(1, 2)->text() == "–");
    const auto lines = table.toCsv().split('\n', Qt::SkipEmptyParts);
    REQUIRE(lines.size() == 8);
    for (const auto& line : lines)
        CHECK(line.count(',') == 4);
    CHECK(lines[2].startsWith("moved kB,formula,"));
    CHECK(lines[2].endsWith(",,"));
    CHECK(lines[3].startsWith("moved kB,counted,"));
    CHECK(lines[4].startsWith("model MB,counted,"));
    CHECK(lines[5].startsWith("attention µs,timed,"));
    CHECK(lines[6] == "KL to A mean nats,computed,,,");
}
