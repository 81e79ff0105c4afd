#include "views/panels/plan_panel.h"

#include <QAction>
#include <QCheckBox>
#include <QLabel>
#include <QToolButton>

#include <algorithm>

#include "views/panel_frame.h"
#include "views/panels/flat_combo.h"
#include "views/panels/parameter_slider.h"
#include "views/panels/plan_panel_rows.h"
#include "views/theme.h"

namespace fovea {
namespace {

constexpr int kShortestContext = 16; // so that k has a range before a model is loaded

} // namespace

PlanPanel::PlanPanel(QWidget* parent) : QWidget(parent), m_rows(std::make_unique<Rows>()) {
    buildSections();
    nameRows();
    connectRows();
    showPlan();
}

PlanPanel::~PlanPanel() = default;

void PlanPanel::edit(const AttentionPlan& edited, const QString& what) {
    auto plan = edited;
    forgetIdle(plan);
    if (m_showing || plan == m_plan)
        return;
    m_plan = plan;
    showPlan();
    Q_EMIT planEdited(m_plan, what);
}

SparqParams PlanPanel::fitting(SparqParams params) const {
    if (m_spec.headDim > 0)
        params.components = std::clamp(params.components, 1, m_spec.headDim);
    params.tokens = std::clamp(params.tokens, 1, longest());
    return params;
}

int PlanPanel::longest() const {
    const auto longest = std::max<std::int64_t>({m_spec.context, m_tokens, kShortestContext});
    return static_cast<int>(std::min<std::int64_t>(longest, 1 << 24));
}

void PlanPanel::setSpec(const ModelSpec& spec) {
    m_spec = spec;
    m_last = fitting(m_last);
    showPlan();
}

void PlanPanel::setPlan(const AttentionPlan& plan) {
    m_plan = plan;
    showPlan();
}

void PlanPanel::setTokens(std::int64_t tokens) {
    m_tokens = tokens;
    showPlan();
}

void PlanPanel::setPrompt(std::int64_t tokens) {
    if (tokens == m_prompt)
        return;
    m_prompt = tokens;
    showPlan();
}

void PlanPanel::setDefaults(const SparqParams& defaults) {
    m_defaults = m_last = fitting(defaults);
    showPlan();
}

void PlanPanel::showPlan() {
    m_showing = true;
    showShare();
    showKeep();
    showRead();
    showStore();
    showWeights();
    showActs();
    offerShares();
    offerWhatFits();
    m_showing = false;
}

void PlanPanel::showSparq(const SparqParams& params) {
    auto& rows = *m_rows;
    const int d = std::max(m_spec.headDim, params.components);
    rows.r->setLimits(1, d);
    rows.r->setDefault(m_defaults.components);
    rows.r->setNumber(params.components);
    rows.rValue->setText(tr("%1 of %2").arg(params.components).arg(d));
    rows.k->setLimits(1, std::max(longest(), params.tokens));
    rows.k->setDefault(m_defaults.tokens);
    rows.k->setNumber(params.tokens);
    auto share = QString::number(params.tokens);
    if (m_tokens > 0)
        share += params.tokens >= m_tokens
                     ? tr(" · all %1").arg(m_tokens)
                     : tr(" · %1 %").arg(100. * params.tokens / static_cast<double>(m_tokens), 0, 'f', 1);
    rows.kValue->setText(share);
    rows.local->setLimits(0, params.tokens);
    rows.local->setNumber(params.localTokens());
    rows.localValue->setText(QString::number(params.localTokens()));
    rows.automatic->setChecked(!params.local);
    rows.alpha->setChecked(params.alpha);
    rows.tau->setChecked(params.tau);
    rows.select->setCurrentIndex(params.select == SparqParams::Select::Logits ? 1 : 0);
}

void PlanPanel::furnish(PanelFrame* frame) {
    auto& rows = *m_rows;
    frame->setTitle(tr("Plan B"));
    const auto add = [&](const QString& text, const QString& tip) {
        auto* button = headerButton(text, frame);
        button->setToolTip(tip);
        button->setFont(uiFont(11));
        frame->addHeaderWidget(button);
        return button;
    };
    rows.undo = add(QStringLiteral("↶"), tr("Undo"));
    rows.redo = add(QStringLiteral("↷"), tr("Redo"));
    connect(rows.undo, &QToolButton::clicked, this, [this] {
        if (m_rows->undoAction)
            m_rows->undoAction->trigger();
    });
    connect(rows.redo, &QToolButton::clicked, this, [this] {
        if (m_rows->redoAction)
            m_rows->redoAction->trigger();
    });
    for (auto* arrow : {rows.undo, rows.redo})
        arrow->setFixedWidth(18);
    auto* copy = add(tr("Copy as command"), tr("The command that runs this plan without the window"));
    connect(copy, &QToolButton::clicked, this, &PlanPanel::copyAsCommandRequested);
    showUndo();
}

void PlanPanel::setUndoActions(QAction* undo, QAction* redo) {
    m_rows->undoAction = undo;
    m_rows->redoAction = redo;
    for (auto* action : {undo, redo}) {
        connect(action, &QAction::changed, this, &PlanPanel::showUndo);
        connect(action, &QObject::destroyed, this, [this, action] {
            for (auto** held : {&m_rows->undoAction, &m_rows->redoAction})
                if (*held == action)
                    *held = nullptr;
        });
    }
    showUndo();
}

void PlanPanel::showUndo() {
    const auto mirror = [](QToolButton* button, const QAction* action) {
        if (!button)
            return;
        button->setEnabled(action && action->isEnabled());
        if (action)
            button->setToolTip(action->toolTip());
    };
    mirror(m_rows->undo, m_rows->undoAction);
    mirror(m_rows->redo, m_rows->redoAction);
}

} // namespace fovea
