// How a PlanPanel is built and wired: one strip per question, and what each control changes in the plan.
// SHARE's, KEEP's, STORE's and WEIGHTS' have files of their own.
#include <QCheckBox>
#include <QLabel>
#include <QStandardItemModel>
#include <QVBoxLayout>

#include <algorithm>

#include "views/panels/flat_combo.h"
#include "views/panels/parameter_slider.h"
#include "views/panels/plan_panel.h"
#include "views/panels/plan_panel_rows.h"
#include "views/theme.h"

namespace fovea {

QLabel* mutedLabel(const QString& text) {
    auto* label = new QLabel(text);
    label->setProperty("role", "muted");
    label->setFont(uiFont(11));
    return label;
}

QHBoxLayout* rowOf(QWidget* left, QWidget* right) {
    auto* row = new QHBoxLayout;
    row->setSpacing(8);
    row->addWidget(left, 1);
    row->addWidget(right, 0, Qt::AlignRight);
    return row;
}

namespace {

// A strip with a line below it, and room within.
QVBoxLayout* addStrip(QVBoxLayout* column, const QString& tip) {
    auto* strip = new QWidget;
    strip->setToolTip(tip);
    auto* inner = new QVBoxLayout(strip);
    inner->setContentsMargins(11, 6, 11, 6);
    inner->setSpacing(2);
    column->addWidget(strip);
    auto* line = new QFrame;
    line->setFixedHeight(1);
    line->setStyleSheet(QStringLiteral("background: palette(mid);"));
    column->addWidget(line);
    return inner;
}

} // namespace

QVBoxLayout* addSection(QVBoxLayout* column, const QString& caption, QWidget* answer, const QString& tip,
                        QLabel* beside) {
    auto* inner = addStrip(column, tip);
    if (beside)
        inner->addLayout(rowOf(mutedLabel(caption), beside));
    else
        inner->addWidget(mutedLabel(caption));
    inner->addWidget(answer);
    return inner;
}

QVBoxLayout* addSide(QVBoxLayout* column, const QString& caption, QWidget* answer, const QString& tip, QLabel* paper) {
    auto* inner = addStrip(column, tip);
    inner->setContentsMargins(11, 3, 11, 3); // they are less than the four
    inner->addLayout(rowOf(mutedLabel(caption), answer));
    inner->addWidget(paper, 0, Qt::AlignRight);
    return inner;
}

QWidget* choiceRow(QVBoxLayout* column, const QString& name, FlatCombo* choice, const QString& tip) {
    auto* row = new QWidget;
    auto* layout = rowOf(mutedLabel(name), choice);
    layout->setContentsMargins(0, 0, 0, 0);
    row->setLayout(layout);
    row->setToolTip(tip);
    column->addWidget(row);
    return row;
}

void offer(FlatCombo* box, int index, const std::optional<std::string>& whyNot) {
    auto* item = qobject_cast<QStandardItemModel*>(box->model())->item(index);
    item->setEnabled(!whyNot);
    item->setToolTip(whyNot ? QString::fromStdString(*whyNot) : QString());
}

ParameterSlider* addSlider(QVBoxLayout* column, const QString& name, ParameterSlider::Scale scale,
                           QLabel*& value, const QString& tip, QWidget* between) {
    auto* slider = new ParameterSlider(scale);
    slider->setToolTip(tip);
    slider->setAccessibleName(name);
    value = new QLabel;
    value->setFont(numberFont(11));
    value->setProperty("role", "muted");
    auto* row = rowOf(mutedLabel(name), value);
    if (between)
        row->insertWidget(1, between);
    column->addLayout(row);
    column->addWidget(slider);
    return slider;
}

void PlanPanel::buildSections() {
    auto& rows = *m_rows;
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(0);
    rows.read = new FlatCombo;
    rows.read->addItems({tr("all"), tr("SparQ"), tr("top-k V"), tr("Quest")});
    rows.paper = mutedLabel({});
    buildShare(column);
    buildKeep(column);
    buildStore(column);
    auto* read = addSection(
        column, tr("READ — which are read"), rows.read,
        tr("All: dense attention. SparQ: guess from r components, read k tokens in full. Top-k V: read every key, "
           "and the values of the k heaviest. Quest: bound what a page of keys can score, read the best pages."),
        rows.paper);
    buildSparq(read);
    buildTopvAndQuest(read);

    buildWeights(column);
    buildActs(column);
    column->addStretch(1);
}

void PlanPanel::buildSparq(QVBoxLayout* section) {
    auto& rows = *m_rows;
    rows.sparq = new QWidget;
    auto* column = new QVBoxLayout(rows.sparq);
    column->setContentsMargins(0, 4, 0, 0);
    column->setSpacing(1);
    rows.r =
        addSlider(column, tr("r  query components"), ParameterSlider::Scale::Linear, rows.rValue,
                  tr("How many of the query's largest components score all tokens. Double-click: default."));
    rows.k =
        addSlider(column, tr("k  tokens read in full"), ParameterSlider::Scale::Logarithmic, rows.kValue,
                  tr("How many tokens are read in full, the local window included. Double-click: default."));
    rows.automatic = new QCheckBox(tr("⌊k/4⌋"));
    rows.automatic->setFont(uiFont(11));
    rows.automatic->setToolTip(tr("Automatic: a quarter of k, the authors' default"));
    rows.local = addSlider(column, tr("local window"), ParameterSlider::Scale::Logarithmic, rows.localValue,
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
    rows.tau = addSwitch(tr("temperature τ"), tr("√(d·‖q[i₁]‖₁/‖q‖₁) in the approximate softmax; off: √d"));
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
    nameWeights();
    const std::pair<QWidget*, const char*> names[] = {{rows.share, "share"},
                                                      {rows.factor, "factor"},
                                                      {rows.pattern, "pattern"},
                                                      {rows.convert, "convert"},
                                                      {rows.factorValue, "factor value"},
                                                      {rows.shareNote, "share note"},
                                                      {rows.keep, "keep"},
                                                      {rows.positions, "positions"},
                                                      {rows.prefill, "prefill"},
                                                      {rows.sinks, "sinks"},
                                                      {rows.window, "window"},
                                                      {rows.sinksValue, "sinks value"},
                                                      {rows.windowValue, "window value"},
                                                      {rows.store, "store"},
                                                      {rows.read, "read"},
                                                      {rows.r, "r"},
                                                      {rows.k, "k"},
                                                      {rows.local, "local"},
                                                      {rows.automatic, "automatic"},
                                                      {rows.alpha, "alpha"},
                                                      {rows.tau, "tau"},
                                                      {rows.select, "select"},
                                                      {rows.rValue, "r value"},
                                                      {rows.kValue, "k value"},
                                                      {rows.localValue, "local value"},
                                                      {rows.values, "values"},
                                                      {rows.valuesValue, "values value"},
                                                      {rows.renormalise, "renormalise"},
                                                      {rows.page, "page"},
                                                      {rows.pages, "pages"},
                                                      {rows.pagesValue, "pages value"},
                                                      {rows.skip, "skip"},
                                                      {rows.skipValue, "skip value"}};
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
    connect(rows.k, &ParameterSlider::numberEdited, this,
            sparq(QStringLiteral("k"), [](SparqParams& p, int n) {
                p.tokens = n;
                if (p.local)
                    p.local = std::min(*p.local, n); // the window lies inside k
            }));
    connect(rows.local, &ParameterSlider::numberEdited, this,
            sparq(QStringLiteral("local"), [](SparqParams& p, int n) { p.local = n; }));
    connect(rows.local, &ParameterSlider::defaultRequested, this,
            [this] { m_rows->automatic->setChecked(true); });
    connectShare();
    connectKeep();
    connectRead();
    connectStore();
    connectWeights();
    connectActs();
    for (auto* slider : {rows.sinks, rows.window, rows.r, rows.k, rows.local})
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
}

} // namespace fovea
