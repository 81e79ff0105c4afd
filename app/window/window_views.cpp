#include "app/window/window_views.h"

#include <QComboBox>
#include <QCoreApplication>
#include <QLabel>
#include <QScrollArea>
#include <QStyle>
#include <QVBoxLayout>

#include "app/window/scrolled.h"
#include "views/charts/timelines.h"
#include "views/maps/atlas_view.h"
#include "views/maps/head_map_view.h"
#include "views/maps/sharing_diagram.h"
#include "views/panel_frame.h"
#include "views/panels/check_panel.h"
#include "views/panels/flat_combo.h"
#include "views/panels/inspector.h"
#include "views/panels/plan_panel.h"
#include "views/panels/span_panel.h"
#include "views/panels/stored_view.h"
#include "views/panels/summary_table.h"
#include "views/theme.h"
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

QComboBox* makeTokenColour(QWidget* parent) {
    auto* box = new FlatCombo(parent);
    box->setMuted(true);
    box->setToolTip(tr("What the tokens' colour stands for"));
    box->addItem(tr("colour: read by B"), static_cast<int>(TokenColour::Chosen));
    box->addItem(tr("colour: mass missed"), static_cast<int>(TokenColour::Missed));
    box->addItem(tr("colour: surprise"), static_cast<int>(TokenColour::Surprise));
    box->addItem(tr("colour: none"), static_cast<int>(TokenColour::None));
    return box;
}

// `content` as it is on a high screen, and scrolling on a low one. Nothing is cut off at the right where the bar takes
// its share.
QScrollArea* scrolledColumn(QWidget* content) {
    QScrollArea* scroll = scrolled(content);
    scroll->setMinimumWidth(content->minimumSizeHint().width() +
                            scroll->style()->pixelMetric(QStyle::PM_ScrollBarExtent));
    return scroll;
}

void makePlanColumn(WindowViews& views, QWidget* parent) {
    views.plan = new PlanPanel;
    views.table = new SummaryTable;
    views.planColumn = new QWidget;
    auto* layout = new QVBoxLayout(views.planColumn);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(0);
    layout->addWidget(views.plan);
    views.conversionNote = new QLabel;
    views.conversionNote->setObjectName(QStringLiteral("conversionNote"));
    views.conversionNote->setProperty("role", "muted");
    views.conversionNote->setFont(uiFont(11));
    views.conversionNote->setWordWrap(true);
    views.conversionNote->setContentsMargins(11, 6, 11, 4);
    views.conversionNote->hide();
    layout->addWidget(views.conversionNote);
    layout->addWidget(views.table);
    layout->addStretch(1);
    views.planFrame = framed(tr("Plan B"), scrolledColumn(views.planColumn), parent);
    views.plan->furnish(views.planFrame);
}

} // namespace

WindowViews makeViews(QWidget* parent) {
    WindowViews views;
    views.tokens = new TokenStrip;
    views.tokens->setEmptyText(tr("Press Run: the prompt's tokens and those the model adds appear here."));
    views.tokensFrame = framed(tr("Tokens"), views.tokens, parent);
    views.tokenColour = makeTokenColour(views.tokensFrame);
    views.tokensFrame->addHeaderWidget(views.tokenColour);

    makePlanColumn(views, parent);

    views.atlas = new AtlasView;
    views.atlas->setEmptyText(tr("Every head of the model, once it has run."));
    views.atlasFrame = framed(tr("Atlas"), views.atlas, parent);
    views.atlasFrame->setSubtitle(tr("layer × head"));
    views.atlasFrame->addHeaderWidget(views.atlas->createSortControl(views.atlasFrame));

    views.headMap = new HeadMapView;
    views.headMap->setPlanLabel(QStringLiteral("B"));
    views.headMapFrame = framed(tr("Head map"), views.headMap, parent);

    views.inspector = new Inspector;
    views.inspectorFrame = framed(tr("Inspector"), scrolledColumn(views.inspector), parent);
    views.inspector->furnish(views.inspectorFrame);

    views.check = new CheckPanel;
    views.checkFrame = framed(tr("Check"), views.check, parent);
    views.check->furnish(views.checkFrame);
    views.sharing = new SharingDiagram;
    views.sharingFrame = framed(tr("Sharing"), views.sharing, parent);
    views.spans = new SpanPanel;
    views.spansFrame = framed(tr("Span map"), views.spans, parent);
    views.spans->furnish(views.spansFrame);
    views.stored = new StoredView;
    views.storedFrame = framed(tr("Quantisation"), scrolled(views.stored), parent);

    views.timelines = new Timelines;
    views.timelinesFrame = framed(tr("Timelines"), views.timelines, parent);
    views.timelines->furnish(views.timelinesFrame);
    return views;
}

} // namespace fovea
