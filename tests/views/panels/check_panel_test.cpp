#include <catch2/catch.hpp>

#include <QApplication>
#include <QLabel>
#include <QPushButton>
#include <QSignalSpy>
#include <QTableWidget>
#include <QTest>

#include "core/engine/check.h"
#include "views/panel_frame.h"
#include "views/panels/check_panel.h"
#include "views/theme.h"

using namespace fovea;

namespace {

Deviation deviation(double relative, int step, int layer, int head,
                    CheckedPart part = CheckedPart::Attention) {
    Deviation d;
    d.relative = relative;
    d.absolute = relative / 2;
    d.part = part;
    d.step = step;
    d.layer = layer;
    d.head = head;
    d.component = 17;
    d.first = 0.5f;
    d.second = static_cast<float>(0.5 + relative / 2);
    return d;
}

// 6 steps of 5 layers with 4 query heads on 2 KV heads; `fault` in layer 3, head 2 from step 3 on.
std::shared_ptr<const CheckReport> someReport(double fault) {
    auto report = std::make_shared<CheckReport>();
    report->backends[0] = "reference";
    report->backends[1] = "cpu";
    report->plan = parsePlan("read=sparq:r=8,k=64");
    report->store = "bf16";
    report->tolerance = 5e-4;
    report->queryHeads = 4;
    report->kvHeads = 2;
    report->parts.resize(kCheckedParts);
    report->heads.resize(20);
    for (int s = 0; s < 6; ++s) {
        CheckStep step;
        step.position = 369 + s;
        for (int layer = 0; layer < 5; ++layer)
            step.layers.push_back(
                deviation(layer == 3 && s >= 3 && fault > 0 ? fault : 2e-7 * (1 + layer) * (1 + s), s, layer,
                          layer % 4));
        step.layers[3].head = 2;
        step.logits = deviation(3e-7, s, -1, -1, CheckedPart::Logits);
        report->steps.push_back(step);
    }
    report->agreeing = 6;
    report->largest = report->steps[fault > 0 ? 3 : 5].layers[fault > 0 ? 3 : 4];
    if (fault > 0)
        report->firstBeyond = report->largest;
    return report;
}

void save(QWidget& widget, const char* name) {
    const QString folder = qEnvironmentVariable("FOVEA_SCREENS");
    if (!folder.isEmpty())
        widget.grab().toImage().save(
            QStringLiteral("%1/%2_%3.png")
                .arg(folder, QLatin1String(name), theme().kind == ThemeKind::Dark ? "dark" : "light"));
}

} // namespace

TEST_CASE("The Check panel says whether two backends agree, and where they differ most", "[views.panels]") {
    PanelFrame frame("Check");
    auto* panel = new CheckPanel;
    frame.setContent(panel);
    panel->furnish(&frame);
    frame.resize(420, 460);
    frame.show();
    CHECK(frame.subtitle().contains("reference against cpu"));
    CHECK_FALSE(panel->table().isVisible());

    panel->setReport(someReport(0));
    CHECK(panel->verdict() == "reference and cpu agree within 5.0e-4");
    CHECK(frame.subtitle() == "reference against cpu · read=sparq:r=8,k=64");
    REQUIRE(panel->table().rowCount() == 6);
    REQUIRE(panel->table().columnCount() == 6); // five layers, and the logits
    CHECK(panel->table().verticalHeaderItem(2)->text() == "371");
    CHECK(panel->table().item(2, 1)->text() == "1.2e-6");
    CHECK(panel->table().horizontalHeaderItem(5)->text() == "logits");

    panel->setReport(someReport(0.0123));
    CHECK(panel->verdict() == "reference and cpu differ by more than 5.0e-4");
    CHECK(panel->table().item(4, 3)->text() == "1.2e-2");
    CHECK(panel->table().item(4, 3)->background() != panel->table().item(4, 2)->background());
    panel->setOutdated(true);
    CHECK(panel->verdict().contains("check again"));
    panel->setTrouble("The prompt is too long.");
    CHECK(panel->verdict() == "The prompt is too long.");
}

TEST_CASE("A click in the Check panel asks for the head that differs most there", "[views.panels]") {
    CheckPanel panel;
    panel.resize(420, 460);
    panel.setReport(someReport(0.01));
    panel.show();
    QSignalSpy picked(&panel, &CheckPanel::picked);
    Q_EMIT panel.table().cellClicked(4, 3);
    REQUIRE(picked.size() == 1);
    CHECK(picked[0][0].toInt() == 3);
    CHECK(picked[0][1].toInt() == 2);
    CHECK(picked[0][2].toLongLong() == 373);
    Q_EMIT panel.table().cellClicked(4, 5); // the logits are no head's
    CHECK(picked.size() == 1);
    Q_EMIT panel.findChild<QLabel*>("largestError")->linkActivated("largest");
    REQUIRE(picked.size() == 2);
    CHECK(picked[1][2].toLongLong() == 372);

    // The button starts, and while it runs it cancels.
    QSignalSpy started(&panel, &CheckPanel::checkRequested), cancelled(&panel, &CheckPanel::cancelRequested);
    panel.setReady(true);
    panel.button().click();
    REQUIRE(started.size() == 1);
    CHECK(started[0][0].toInt() == panel.steps());
    panel.setRunning(true);
    CHECK(panel.button().text() == "Cancel");
    panel.button().click();
    CHECK(cancelled.size() == 1);
}

TEST_CASE("The Check panel in both themes", "[views.panels]") {
    for (const ThemeKind kind : {ThemeKind::Dark, ThemeKind::Light}) {
        setTheme(*qApp, kind);
        PanelFrame frame("Check");
        auto* panel = new CheckPanel;
        frame.setContent(panel);
        panel->furnish(&frame);
        frame.resize(420, 400);
        frame.show();
        save(frame, "check_empty");
        panel->setReport(someReport(0));
        save(frame, "check_agree");
        panel->setReport(someReport(0.0123));
        panel->setRunning(true);
        panel->setProgress(0.4);
        save(frame, "check_differ");
        CHECK_FALSE(frame.grab().isNull());
    }
}
