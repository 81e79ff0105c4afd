#include "views/panels/plan_panel.h"

#include <QAction>
#include <QCheckBox>
#include <QLabel>
#include <QToolButton>
#include <QVBoxLayout>

#include <algorithm>

#include "views/panel_frame.h"
#include "views/panels/flat_combo.h"
#include "views/panels/parameter_slider.h"
#include "views/theme.h"

namespace fovea {
namespace {

constexpr int kShortestContext = 16;  // so that k has a range before a model is loaded

QLabel* mutedLabel(const QString& text) {
    auto* label = new QLabel(text);
    label->setProperty("role", "muted");
    label->setFont(uiFont(11));
    return label;
}

QString quoted(ElementType type) {
    const auto name = elementName(type);
    return QString::fromUtf8(name.data(), static_cast<qsizetype>(name.size()));
}

QHBoxLayout* rowOf(QWidget* left, QWidget* right) {
    auto* row = new QHBoxLayout;
    row->setSpacing(8);
    row->addWidget(left, 1);
    row->addWidget(right, 0, Qt::AlignRight);
    return row;
}

// One question of the plan: a caption and below it the answer, on a strip of its own.
QVBoxLayout* addSection(QVBoxLayout* column, const QString& caption, QWidget* answer, const QString& tip,
                        QLabel* beside = nullptr) {
    auto* strip = new QWidget;
    strip->setToolTip(tip);
    auto* inner = new QVBoxLayout(strip);
    inner->setContentsMargins(11, 6, 11, 6);
    inner->setSpacing(2);
    if (beside)
        inner->addLayout(rowOf(mutedLabel(caption), beside));
    else
        inner->addWidget(mutedLabel(caption));
    inner->addWidget(answer);
    column->addWidget(strip);
    auto* line = new QFrame;
    line->setFixedHeight(1);
    line->setStyleSheet(QStringLiteral("background: palette(mid);"));
    column->addWidget(line);
    return inner;
}

QLabel* valueLabel() {
    auto* label = new QLabel;
    label->setFont(numberFont(11));
    label->setProperty("role", "muted");
    return label;
}

}  // namespace

struct PlanPanel::Rows {
    FlatCombo *share, *keep, *store, *read, *select;
    QWidget* sparq;  // everything below READ that SparQ alone has
    ParameterSlider *r, *k, *local;
    QLabel *rValue, *kValue, *localValue, *paper, *weights, *activations;
    QCheckBox *automatic, *alpha, *tau;
    QToolButton *undo = nullptr, *redo = nullptr;
    QAction *undoAction = nullptr, *redoAction = nullptr;
};

PlanPanel::PlanPanel(QWidget* parent) : QWidget(parent), m_rows(std::make_unique<Rows>()) {
    buildSections();
    nameRows();
    connectRows();
    showPlan();
}

PlanPanel::~PlanPanel() = default;

void PlanPanel::buildSections() {
    auto& rows = *m_rows;
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(0);
    rows.share = new FlatCombo;
    rows.keep = new FlatCombo;
    rows.keep->addItem(tr("all"));
    for (auto* single : {rows.share, rows.keep})
        single->setFocusPolicy(Qt::NoFocus);  // one entry: nothing to go there for
    rows.store = new FlatCombo;
    rows.read = new FlatCombo;
    rows.read->addItems({tr("all"), tr("SparQ")});
    rows.paper = mutedLabel({});
    addSection(column, tr("SHARE — who owns KV"), rows.share,
               tr("Heads share K and V as the model was trained to. Sharing across layers is not in this version."));
    addSection(column, tr("KEEP — which tokens stay"), rows.keep,
               tr("Every token stays in the cache. Eviction is not in this version."));
    addSection(column, tr("STORE — in what form"), rows.store,
               tr("The float type of cached rows. Quantised caches are not in this version."));
    auto* read = addSection(column, tr("READ — which are read"), rows.read,
                            tr("All: dense attention. SparQ: guess from r components, read k tokens in full."),
                            rows.paper);
    buildSparq(read);

    rows.weights = new QLabel;
    rows.activations = new QLabel;
    auto* precisions = new QWidget;
    precisions->setToolTip(tr("Weights are the checkpoint's own and the arithmetic is f32. "
                              "Quantised weights and activations are not in this version."));
    auto* grid = new QGridLayout(precisions);
    grid->setContentsMargins(11, 6, 11, 6);
    grid->setVerticalSpacing(2);
    grid->addWidget(mutedLabel(tr("WEIGHTS")), 0, 0);
    grid->addWidget(mutedLabel(tr("ACTIVATIONS")), 0, 1, Qt::AlignRight);
    grid->addWidget(rows.weights, 1, 0);
    grid->addWidget(rows.activations, 1, 1, Qt::AlignRight);
    column->addWidget(precisions);
    column->addStretch(1);
}

void PlanPanel::buildSparq(QVBoxLayout* section) {
    auto& rows = *m_rows;
    rows.sparq = new QWidget;
    auto* column = new QVBoxLayout(rows.sparq);
    column->setContentsMargins(0, 4, 0, 0);
    column->setSpacing(1);
    const auto addSlider = [&](const QString& name, ParameterSlider::Scale scale, QLabel*& value,
                               const QString& tip, QWidget* between = nullptr) {
        auto* slider = new ParameterSlider(scale);
        slider->setToolTip(tip);
        slider->setAccessibleName(name);
        value = valueLabel();
        auto* row = rowOf(mutedLabel(name), value);
        if (between)
            row->insertWidget(1, between);
        column->addLayout(row);
        column->addWidget(slider);
        return slider;
    };
    rows.r = addSlider(tr("r  query components"), ParameterSlider::Scale::Linear, rows.rValue,
                       tr("How many of the query's largest components score all tokens. Double-click: default."));
    rows.k = addSlider(tr("k  tokens read in full"), ParameterSlider::Scale::Logarithmic, rows.kValue,
                       tr("How many tokens are read in full, the local window included. Double-click: default."));
    rows.automatic = new QCheckBox(tr("⌊k/4⌋"));
    rows.automatic->setFont(uiFont(11));
    rows.automatic->setToolTip(tr("Automatic: a quarter of k, the authors' default"));
    rows.local = addSlider(tr("local window"), ParameterSlider::Scale::Logarithmic, rows.localValue,
                           tr("The newest tokens, read whatever their score. Double-click: automatic."),
                           rows.automatic);
    const auto addSwitch = [&](const QString& name, const QString& tip) {
        auto* box = new QCheckBox;
        box->setAccessibleName(name);
        auto* label = mutedLabel(name);
        label->setToolTip(tip);
        box->setToolTip(tip);
        column->addLayout(rowOf(label, box));
        return box;
    };
    rows.alpha = addSwitch(tr("mean-value compensation α"),
                           tr("The mean value stands in for the mass of the tokens not read"));
    rows.tau = addSwitch(tr("temperature τ"),
                         tr("√(d·‖q[i₁]‖₁/‖q‖₁) in the approximate softmax; off: √d"));
    rows.select = new FlatCombo;
    rows.select->setFont(uiFont(11));
    rows.select->addItems({tr("softmax"), tr("logits")});
    const auto tip = tr("What is summed over a group's query heads to choose tokens: "
                        "softmaxed scores (the paper) or raw logits (the authors' code)");
    rows.select->setToolTip(tip);
    auto* label = mutedLabel(tr("choose by"));
    label->setToolTip(tip);
    column->addLayout(rowOf(label, rows.select));
    section->addWidget(rows.sparq);
}

// Object names: for scripts of the interface, and for the tests that play the user.
void PlanPanel::nameRows() {
    auto& rows = *m_rows;
    const std::pair<QWidget*, const char*> names[] = {
        {rows.share, "share"},   {rows.keep, "keep"},           {rows.store, "store"}, {rows.read, "read"},
        {rows.r, "r"},           {rows.k, "k"},                 {rows.local, "local"}, {rows.automatic, "automatic"},
        {rows.alpha, "alpha"},   {rows.tau, "tau"},             {rows.select, "select"},
        {rows.rValue, "r value"}, {rows.kValue, "k value"},     {rows.localValue, "local value"}};
    for (const auto& [widget, name] : names)
        widget->setObjectName(QLatin1String(name));
}

void PlanPanel::connectRows() {
    auto& rows = *m_rows;
    // A change of SparQ's parameters, from whatever the plan holds now.
    const auto sparq = [this](const QString& what, auto change) {
        return [this, what, change](auto value) {
            auto plan = m_plan;
            auto* params = std::get_if<SparqParams>(&plan.read);
            if (m_showing || !params)
                return;
            change(*params, value);
            edit(plan, what);
        };
    };
    const auto whole = [this](auto* sender, auto signal, auto edited) {
        connect(sender, signal, this, [this, edited](auto value) {
            edited(value);
            if (!m_showing)
                Q_EMIT editFinished();
        });
    };
    connect(rows.r, &ParameterSlider::numberEdited, this,
            sparq(QStringLiteral("r"), [](SparqParams& p, int n) { p.components = n; }));
    connect(rows.k, &ParameterSlider::numberEdited, this, sparq(QStringLiteral("k"), [](SparqParams& p, int n) {
                p.tokens = n;
                if (p.local)
                    p.local = std::min(*p.local, n);  // the window lies inside k
            }));
    connect(rows.local, &ParameterSlider::numberEdited, this,
            sparq(QStringLiteral("local"), [](SparqParams& p, int n) { p.local = n; }));
    connect(rows.local, &ParameterSlider::defaultRequested, this,
            [this] { m_rows->automatic->setChecked(true); });
    for (auto* slider : {rows.r, rows.k, rows.local})
        connect(slider, &ParameterSlider::editFinished, this, &PlanPanel::editFinished);
    whole(rows.automatic, &QCheckBox::toggled, sparq(QStringLiteral("local"), [](SparqParams& p, bool on) {
              p.local = on ? std::nullopt : std::optional(p.localTokens());
          }));
    whole(rows.alpha, &QCheckBox::toggled,
          sparq(QStringLiteral("alpha"), [](SparqParams& p, bool on) { p.alpha = on; }));
    whole(rows.tau, &QCheckBox::toggled,
          sparq(QStringLiteral("tau"), [](SparqParams& p, bool on) { p.tau = on; }));
    whole(rows.select, &QComboBox::activated, sparq(QStringLiteral("select"), [](SparqParams& p, int index) {
              p.select = index ? SparqParams::Select::Logits : SparqParams::Select::Softmax;
          }));
    whole(rows.store, &QComboBox::activated, [this](int index) {
        constexpr ElementType kTypes[] = {ElementType::F32, ElementType::F16, ElementType::BF16};
        auto plan = m_plan;
        plan.store = index ? std::optional(kTypes[index - 1]) : std::nullopt;
        edit(plan, QStringLiteral("store"));
    });
    whole(rows.read, &QComboBox::activated, [this](int index) {
        auto plan = m_plan;
        if (index)
            plan.read = m_last;
        else
            plan.read = ReadAll{};
        edit(plan, QStringLiteral("read"));
    });
}

void PlanPanel::edit(const AttentionPlan& plan, const QString& what) {
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

void PlanPanel::setDefaults(const SparqParams& defaults) {
    m_defaults = m_last = fitting(defaults);
    showPlan();
}

void PlanPanel::showPlan() {
    auto& rows = *m_rows;
    m_showing = true;
    const int group = m_spec.kvHeads > 0 ? m_spec.group() : 1;
    const auto kind = m_spec.kvHeads == 1 && group > 1 ? tr("MQA") : group > 1 ? tr("GQA") : tr("MHA");
    const auto own = m_spec.kvHeads > 0
                         ? tr("model's own (%1 %2 / %3)").arg(kind).arg(m_spec.queryHeads).arg(m_spec.kvHeads)
                         : tr("model's own");
    if (rows.share->itemText(0) != own) {
        rows.share->clear();
        rows.share->addItem(own);
    }
    const auto type = quoted(m_spec.type);
    const auto checkpoint = tr("checkpoint's own (%1)").arg(type);
    if (rows.store->itemText(0) != checkpoint) {
        rows.store->clear();
        rows.store->addItems({checkpoint, quoted(ElementType::F32), quoted(ElementType::F16),
                              quoted(ElementType::BF16)});
    }
    rows.store->setCurrentIndex(m_plan.store ? 1 + static_cast<int>(*m_plan.store) : 0);
    rows.weights->setText(tr("%1, checkpoint's").arg(type));
    rows.activations->setText(quoted(ElementType::F32));

    const auto* params = std::get_if<SparqParams>(&m_plan.read);
    if (params)
        m_last = *params;
    rows.read->setCurrentIndex(params ? 1 : 0);
    rows.paper->setText(params ? tr("Ribar 2023") : QString());
    rows.sparq->setEnabled(params != nullptr);
    showSparq(m_last);
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

}  // namespace fovea
