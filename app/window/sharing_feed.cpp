#include "app/window/sharing_feed.h"

#include <QLabel>

#include <algorithm>

#include "app/window/controller.h"
#include "app/window/document.h"
#include "app/window/loaded_model.h"
#include "app/window/window_views.h"
#include "core/plan/plan_note.h"
#include "core/plan/share_text.h"
#include "simulation/layer_costs.h"
#include "simulation/show_as.h"
#include "views/maps/sharing_diagram.h"
#include "views/panel_frame.h"
#include "views/panels/summary_table.h"

namespace fovea {

namespace {

QString note(const AttentionPlan& plan) {
    return QString::fromStdString(conversionNote(plan.share).value_or(std::string{}));
}

// By formula at `tokens`; with what was counted where `run` is of this plan and has such a step.
SharingLayers layersOf(const AttentionPlan& plan, const ModelSpec& spec, std::int64_t tokens,
                       const Run* run) {
    SharingLayers layers;
    if (refusal(plan, spec))
        return layers;
    layers.plan = QString::fromStdString(toText(plan));
    layers.note = note(plan);
    layers.tokens = tokens;
    for (const LayerCost& cost : layerCosts(plan, spec, tokens))
        layers.layers.push_back({cost.source, cost.held.total(), cost.read.total()});
    const ProjectedStep step = showAs(plan, spec, std::vector<std::int64_t>{tokens}).steps.front();
    layers.held.formula = step.held.attention();
    layers.moved.formula = step.moved.attention();
    const StepRecord* record = stepAt(run, tokens - 1);
    if (!record || !(run->plan == plan))
        return layers;
    // Of a step the formula knows what happened in it.
    layers.held = {record->held.formula.attention(), record->held.counted.attention()};
    layers.moved = {record->formula.attention(), record->counted.attention()};
    return layers;
}

} // namespace

SharingFeed::SharingFeed(Document& document, Controller& controller, const WindowViews& views,
                         QObject* parent)
    : QObject(parent), m_document(document), m_controller(controller), m_views(views) {
    connect(&document, &Document::modelChanged, this, &SharingFeed::feed);
    connect(&document, &Document::planChanged, this, &SharingFeed::feed);
    connect(&document, &Document::selectionChanged, this, &SharingFeed::feed);
    connect(&controller, &Controller::runsChanged, this, &SharingFeed::feed);
    connect(m_views.sharing, &SharingDiagram::layerPicked, this, [this](int layer) {
        Selection selection = m_document.selection();
        selection.layer = layer;
        m_document.select(selection);
    });
}

void SharingFeed::feed() {
    feedNotes();
    const auto& model = m_document.model();
    if (!model) {
        m_views.sharing->setPlans({}, {});
        return;
    }
    const RunPair& runs = m_controller.runs();
    const std::int64_t tokens = std::max<std::int64_t>(
        m_controller.query() >= 0 ? m_controller.query() + 1 : std::ssize(m_document.promptTokens()), 1);
    const SharingLayers b = layersOf(m_document.plan(Side::B), model->spec, tokens, runs.b.get());
    m_views.sharing->setSelected(m_document.selection().layer);
    m_views.sharingFrame->setSubtitle(tr("B: %1 of %2 layers own KV").arg(b.owners()).arg(b.layers.size()));
    m_views.sharing->setPlans(layersOf(m_document.plan(Side::A), model->spec, tokens, runs.a.get()), b);
}

// Beside every figure of a model that was made from another it is said that it is one.
void SharingFeed::feedNotes() {
    const RunPair& runs = m_controller.runs();
    QStringList converted;
    for (const auto& [run, name] : {std::pair(runs.a.get(), u'A'), std::pair(runs.b.get(), u'B')})
        if (const auto said = run ? planNote(run->plan, run->spec) : std::nullopt)
            converted << QStringLiteral("%1: %2").arg(QChar(name)).arg(QString::fromStdString(*said));
    m_views.conversionNote->setText(converted.join(QLatin1Char('\n')));
    m_views.conversionNote->setVisible(!converted.isEmpty());
}

} // namespace fovea
