#include "views/charts/slot_chart.h"

#include <catch2/catch.hpp>

#include <QApplication>
#include <QDir>
#include <QSignalSpy>

#include "tests/views/charts/run_fixture.h"
#include "views/charts/timelines.h"
#include "views/panel_frame.h"
#include "views/panels/flat_combo.h"
#include "views/theme.h"

using namespace fovea;
using namespace fovea::testing;

namespace {

AttentionPlan stream(int sinks, int window) {
    AttentionPlan plan;
    plan.keep = StreamingParams{.sinks = sinks, .window = window};
    return plan;
}

// What a cache under the plan would have told of, slots as it reuses them: `prompt` tokens, then one by one.
std::shared_ptr<Run> lived(const AttentionPlan& plan, std::int64_t tokens, std::int64_t prompt) {
    auto run = makeRun(plan, tokens, prompt);
    run->slots = SlotHistory(1, 1);
    const KeepRule rule = keepRule(plan, 0, true);
    std::vector<std::int64_t> slots; // positions by slot, -1: free
    const auto tell = [&](std::int64_t at, std::int64_t position, std::size_t slot, SlotEvent::Kind kind) {
        run->slots.add(0, 0, {at, position, static_cast<std::int32_t>(slot), kind});
    };
    for (std::int64_t p = 0; p < tokens; ++p) {
        if (p >= prompt)
            for (std::size_t slot = 0; slot < slots.size(); ++slot)
                if (slots[slot] >= 0 && !rule.sees(p, slots[slot])) {
                    tell(p, slots[slot], slot, SlotEvent::Kind::Evicted);
                    slots[slot] = -1;
                }
        const auto free = static_cast<std::size_t>(std::find(slots.begin(), slots.end(), -1) - slots.begin());
        if (free == slots.size())
            slots.push_back(p);
        slots[free] = p;
        tell(p, p, free, SlotEvent::Kind::Born);
        run->steps[static_cast<std::size_t>(p)].liveSlots = 16 * std::ssize(slots);
    }
    return run;
}

struct Shown {
    Timelines timelines;
    PanelFrame frame{QString{}};
    std::shared_ptr<const Run> a = lived({}, 300, 100), b = lived(stream(4, 40), 300, 100);

    Shown() {
        frame.setContent(&timelines);
        timelines.furnish(&frame);
        frame.resize(900, 420);
        timelines.setRuns(a, b);
        timelines.flush();
        frame.show();
    }
    ~Shown() { timelines.setParent(nullptr); }
};

// Colour of the token at `position` (or slot) under `step`, in a picture of the chart.
QColor colourAt(const SlotChart& chart, const QImage& picture, double step, double row, double rows) {
    const QRectF area = chart.plotArea();
    const double y = area.bottom() - (row + 0.5) / rows * area.height();
    return picture.pixelColor(QPoint(static_cast<int>(chart.pixelAt(step)), static_cast<int>(y)));
}

} // namespace

TEST_CASE("Stays begin with a birth and end with an eviction, a move, or the run", "[views.charts]") {
    using Kind = SlotEvent::Kind;
    const std::vector<SlotEvent> events{{0, 0, 0, Kind::Born},  {1, 1, 1, Kind::Born},
                                        {2, 2, 2, Kind::Born},  {3, 1, 1, Kind::Evicted},
                                        {3, 2, 1, Kind::Moved}, {3, 3, 2, Kind::Born}};
    const auto stays = staysOf(events, 9);
    REQUIRE(stays.size() == 5);
    CHECK((stays[0].from == 0 && stays[0].to == 9 && !stays[0].evicted && stays[0].outlived));
    CHECK((stays[1].to == 3 && stays[1].evicted && !stays[1].outlived));
    CHECK((stays[2].slot == 2 && stays[2].to == 3 && !stays[2].evicted));
    CHECK((stays[3].slot == 1 && stays[3].position == 2 && stays[3].from == 3 && stays[3].to == 9 &&
           stays[3].order == 1));
    CHECK((stays[4].slot == 2 && stays[4].order == 1 && !stays[4].outlived));
    CHECK(staysOf({}, 9).empty());
}

TEST_CASE("The slot chart is there as soon as a token has left, and shares the step axis", "[views.charts]") {
    Shown s;
    auto& t = s.timelines;
    CHECK_FALSE(t.slots()->isHidden());
    CHECK(t.slots()->titleWithUnit() == "Cache slots, token position");
    t.setRange(120, 180);
    CHECK(t.slots()->stepAt(t.slots()->plotArea().left()) == Approx(120));
    t.setRuns(s.a, lived({}, 300, 100));
    t.flush();
    CHECK(t.slots()->isHidden());
    t.setRuns(s.a, s.b);
    t.flush();
    CHECK_FALSE(t.slots()->isHidden());
    t.setShowAs(FormulaSeries{.title = "a large model", .steps = {1, 2}, .a = {}, .b = {}});
    CHECK(t.slots()->isHidden());
}

TEST_CASE("A window is a band, a sink a line that never ends, and what was evicted is A's alone",
          "[views.charts]") {
    Shown s;
    auto& chart = *s.timelines.slots();
    const QImage picture = chart.renderToImage(chart.size());
    const auto colour = [&](double step, double position) {
        return colourAt(chart, picture, step, position, 300);
    };
    const QColor alive = colour(250, 235), gone = colour(250, 100), sink = colour(250, 1),
                 unborn = colour(120, 250);
    CHECK(alive != gone);
    CHECK(alive != unborn);
    CHECK(gone != unborn); // A still has it, grey
    CHECK(std::abs(gone.red() - gone.blue()) < 24);
    CHECK(alive.red() - alive.blue() > 60); // B's orange
    CHECK(sink != alive);                   // brighter: it outlived newer ones
    CHECK(sink.lightness() > gone.lightness());
    CHECK(colour(105, 90) == colour(250, 235)); // within the window, early or late
}

TEST_CASE("By slot the rows are the cache's, and one sees a slot change hands", "[views.charts]") {
    Shown s;
    auto& chart = *s.timelines.slots();
    chart.setRows(SlotChart::Rows::Slot);
    CHECK(chart.titleWithUnit() == "Cache slots, slot");
    CHECK(chart.rows() == SlotChart::Rows::Slot);
    CHECK(chart.stays(true).size() == 300);
    // From 100 on every freed slot is taken by the next token.
    for (const SlotStay& stay : chart.stays(true))
        CHECK(stay.slot < 100);
    chart.renderToImage(chart.size());
}

TEST_CASE("Every life is in the table, every live slot in the timelines' own", "[views.charts]") {
    Shown s;
    const QStringList lines = s.timelines.slots()->livesCsv().split('\n', Qt::SkipEmptyParts);
    REQUIRE(lines.size() == 1 + 300 + 300);
    CHECK(lines[0] == "plan,layer,kv_head,position,slot,from_step,to_step,evicted");
    CHECK(lines[1] == "A,0,0,0,0,0,300,0");
    CHECK(lines[301 + 150].startsWith("B,0,0,150,"));
    CHECK(lines[301 + 150].endsWith(",150,191,1"));
    const QString table = s.timelines.toCsv();
    CHECK(table.section('\n', 0, 0).contains("Cache slots: B live counted [slots]"));
}

TEST_CASE("The lane is chosen by head, and the first layer speaks for those not recorded", "[views.charts]") {
    auto run = lived(stream(4, 40), 200, 50);
    SlotChart chart;
    chart.setRuns(nullptr, run);
    const auto stays = chart.stays(true).size();
    chart.setLane(5, 1);
    CHECK(chart.stays(true).size() == stays);
    CHECK(chart.anyEvicted());
    chart.setRuns(nullptr, nullptr);
    CHECK_FALSE(chart.anyEvicted());
    chart.grab(); // empty, it draws
}

TEST_CASE("Slot chart previews", "[.slots-preview]") {
    QDir().mkpath(QStringLiteral(FOVEA_SOURCE_DIR "/out/preview"));
    for (const bool dark : {true, false}) {
        setTheme(*qobject_cast<QApplication*>(QCoreApplication::instance()),
                 dark ? ThemeKind::Dark : ThemeKind::Light);
        for (const auto rows : {SlotChart::Rows::Position, SlotChart::Rows::Slot}) {
            Timelines timelines;
            timelines.resize(1300, 420);
            timelines.slots()->setRows(rows);
            timelines.setRuns(lived({}, 508, 60), lived(stream(4, 60), 508, 60));
            timelines.setComparison(makeComparison(508, 60));
            timelines.flush();
            timelines.show();
            timelines.setCursor(400);
            const QString name =
                QStringLiteral(FOVEA_SOURCE_DIR "/out/preview/slots_%1_%2.png")
                    .arg(rows == SlotChart::Rows::Slot ? "slot" : "position", dark ? "dark" : "light");
            REQUIRE(timelines.renderToImage(timelines.size(), 1).save(name));
        }
    }
}
