#include "app/window/window_views.h"

#include <QComboBox>
#include <QCoreApplication>
#include <QScrollArea>
#include <QVBoxLayout>

#include "views/charts/timelines.h"
#include "views/maps/atlas_view.h"
#include "views/maps/head_map_view.h"
#include "views/panel_frame.h"
#include "views/panels/inspector.h"
#include "views/panels/plan_panel.h"
#include "views/panels/summary_table.h"
#include "views/tokens/token_strip.h"

namespace fovea {

namespace {

QString tr(const char* text) {
    return QCoreApplication::translate("fovea::WindowViews", text);
}

PanelFrame* framed(const QString& title, QWidget* content, QWidget* parent) {
    auto* frame = new PanelFrame(title, parent);
    frame->setContent(content);
    return frame;
}

// For a panel that has a header of its own: only the border.
QFrame* bordered(QWidget* content, QWidget* parent) {
    auto* frame = new QFrame(parent);
    frame->setProperty("role", "panel");
    auto* layout = new QVBoxLayout(frame);
    layout->setContentsMargins(1, 1, 1, 1);
    layout->addWidget(content);
    return frame;
}

QComboBox* makeTokenColour(QWidget* parent) {
    auto* box = new QComboBox(parent);
    box->setProperty("header", true);
    box->setToolTip(tr("What the tokens' colour stands for"));
    box->addItem(tr("colour: read by B"), static_cast<int>(TokenColour::Read));
    box->addItem(tr("colour: mass missed"), static_cast<int>(TokenColour::Missed));
    box->addItem(tr("colour: surprise"), static_cast<int>(TokenColour::Surprise));
    box->addItem(tr("colour: none"), static_cast<int>(TokenColour::None));
    return box;
}

QWidget* makePlanColumn(WindowViews& views, QWidget* parent) {
    views.plan = new PlanPanel;
    views.table = new SummaryTable;
    auto* column = new QWidget;
    auto* layout = new QVBoxLayout(column);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(0);
    layout->addWidget(views.plan);
    layout->addWidget(views.table);
    layout->addStretch(1);
    auto* scroll = new QScrollArea;
    scroll->setWidgetResizable(true);
    scroll->setFrameShape(QFrame::NoFrame);
    scroll->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    scroll->setWidget(column);
    return bordered(scroll, parent);
}

}  // namespace

WindowViews makeViews(QWidget* parent) {
    WindowViews views;
    views.tokens = new TokenStrip;
    views.tokens->setEmptyText(tr("Press Run: the prompt's tokens and those the model adds appear here."));
    views.tokensFrame = framed(tr("Tokens"), views.tokens, parent);
    views.tokenColour = makeTokenColour(views.tokensFrame);
    views.tokensFrame->addAction(views.tokenColour);

    views.planColumn = makePlanColumn(views, parent);

    views.atlas = new AtlasView;
    views.atlas->setEmptyText(tr("Every head of the model, once it has run."));
    views.atlasFrame = framed(tr("Atlas"), views.atlas, parent);
    views.atlasFrame->setSubtitle(tr("layer × head"));
    views.atlasFrame->addAction(views.atlas->createSortControl(views.atlasFrame));

    views.headMap = new HeadMapView;
    views.headMap->setPlanLabel(QStringLiteral("B"));
    views.headMapFrame = framed(tr("Head map"), views.headMap, parent);

    views.inspector = new Inspector;
    views.inspectorFrame = bordered(views.inspector, parent);

    views.timelines = new Timelines;
    views.timelinesFrame = bordered(views.timelines, parent);
    return views;
}

}  // namespace fovea
