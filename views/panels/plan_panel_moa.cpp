// What the KEEP strip of a PlanPanel shows for MoA: α and β of all heads, or whose spans they are; block, minimum,
// and the N that spans are taken at. Sinks have the row that all keeps share.
#include <QFileInfo>
#include <QLabel>
#include <QToolButton>
#include <QVBoxLayout>

#include <algorithm>
#include <cmath>
#include <functional>

#include "views/panel_frame.h"
#include "views/panels/flat_combo.h"
#include "views/panels/plan_panel.h"
#include "views/panels/plan_panel_rows.h"
#include "views/theme.h"

namespace fovea {

namespace {

constexpr int kBetaSteps = 64; // of the slider, from 0 to 1

QWidget* hideable(QVBoxLayout* column, QVBoxLayout*& inner) {
    auto* widget = new QWidget;
    inner = new QVBoxLayout(widget);
    inner->setContentsMargins(0, 0, 0, 0);
    inner->setSpacing(1);
    column->addWidget(widget);
    return widget;
}

} // namespace

// The authors' sinks, block and minimum keep whole a text that is as long as a small model's context.
MoaParams PlanPanel::startingMoa() const {
    MoaParams params;
    if (longest() >= 4096)
        return params;
    params.sinks = 4;
    params.block = 8;
    params.minimum = 16;
    return params;
}

void PlanPanel::buildMoa(QVBoxLayout* column) {
    auto& rows = *m_rows;
    QVBoxLayout* inner = nullptr;
    rows.moa = hideable(column, inner);
    QVBoxLayout* one = nullptr;
    rows.oneSpan = hideable(inner, one);
    rows.spanAlpha = addSlider(one, tr("α  tokens"), ParameterSlider::Scale::Logarithmic, rows.spanAlphaValue,
                               tr("Of every head's span S = α + β·N. Double-click: default."));
    rows.spanBeta = addSlider(one, tr("β  share of N"), ParameterSlider::Scale::Linear, rows.spanBetaValue,
                              tr("Of every head's span S = α + β·N. Double-click: default."));
    rows.spanSource = mutedLabel({});
    rows.oneForAll = headerButton(tr("one for all"));
    rows.oneForAll->setToolTip(tr("Gives up the heads' own spans: one α and one β for all of them"));
    rows.spansRow = new QWidget;
    auto* spans = rowOf(rows.spanSource, rows.oneForAll);
    spans->setContentsMargins(0, 3, 0, 5);
    rows.spansRow->setLayout(spans);
    inner->addWidget(rows.spansRow);
    rows.block = addSlider(inner, tr("block"), ParameterSlider::Scale::Logarithmic, rows.blockValue,
                           tr("Spans are rounded up to whole blocks of tokens. Double-click: default."));
    rows.minimum = addSlider(inner, tr("minimum"), ParameterSlider::Scale::Logarithmic, rows.minimumValue,
                             tr("The shortest span, sinks included. Double-click: default."));
    rows.length = new FlatCombo;
    rows.length->addItems({tr("grows with the text"), tr("fixed")});
    rows.length->setToolTip(
        tr("What N is: the tokens so far, so that windows grow, or one number from the beginning, as "
           "in the authors' code (prompt and tokens to come)"));
    auto* lengthName = mutedLabel(tr("N"));
    lengthName->setToolTip(rows.length->toolTip());
    inner->addLayout(rowOf(lengthName, rows.length));
    QVBoxLayout* fixed = nullptr;
    rows.fixedLength = hideable(inner, fixed);
    rows.lengthNumber = addSlider(fixed, tr("N of every span"), ParameterSlider::Scale::Logarithmic,
                                  rows.lengthValue, tr("Prompt and tokens to come, in the authors' code"));
    rows.spanMap = headerButton(tr("Span map: each head's own…"));
    rows.spanMap->setToolTip(tr("Opens the panel in which spans are edited head by head"));
    inner->addWidget(rows.spanMap, 0, Qt::AlignLeft);
    const std::pair<QWidget*, const char*> names[] = {{rows.spanAlpha, "span alpha"},
                                                      {rows.spanBeta, "span beta"},
                                                      {rows.block, "block"},
                                                      {rows.minimum, "minimum"},
                                                      {rows.length, "length"},
                                                      {rows.lengthNumber, "length number"},
                                                      {rows.oneForAll, "one for all"},
                                                      {rows.spanMap, "span map"},
                                                      {rows.spanAlphaValue, "span alpha value"},
                                                      {rows.spanBetaValue, "span beta value"},
                                                      {rows.spanSource, "span source"}};
    for (const auto& [widget, name] : names)
        widget->setObjectName(QLatin1String(name));
}

void PlanPanel::showMoa(const MoaParams& params) {
    auto& rows = *m_rows;
    const MoaParams start = startingMoa();
    const auto show = [](ParameterSlider* slider, QLabel* value, int low, int high, int number, int initial) {
        slider->setLimits(low, std::max(high, number));
        slider->setDefault(initial);
        slider->setNumber(std::max(number, low));
        value->setText(QString::number(number));
    };
    rows.oneSpan->setVisible(!params.spans);
    rows.spansRow->setVisible(params.spans != nullptr);
    // Negative and broken numbers come from text; the slider stands at its end then, and the value says which.
    show(rows.spanAlpha, rows.spanAlphaValue, 0, longest(),
         static_cast<int>(std::clamp(params.all.alpha, 0., 16777216.)), 0);
    rows.spanAlphaValue->setText(QString::number(params.all.alpha, 'g', 7));
    show(rows.spanBeta, rows.spanBetaValue, 0, kBetaSteps,
         static_cast<int>(std::lround(params.all.beta * kBetaSteps)), kBetaSteps / 2);
    const std::int64_t n = std::max<std::int64_t>(m_tokens, 1);
    rows.spanBetaValue->setText(
        m_tokens > 0
            ? tr("%1 · sees %2 of %3").arg(params.all.beta).arg(moaRule(params, 0, 0).seen(n - 1)).arg(n)
            : QString::number(params.all.beta));
    if (params.spans)
        rows.spanSource->setText(params.file.empty()
                                     ? tr("a span per head · unsaved")
                                     : QFileInfo(QString::fromStdString(params.file)).fileName());
    show(rows.block, rows.blockValue, 1, 256, params.block, start.block);
    show(rows.minimum, rows.minimumValue, 1, longest(), params.minimum, start.minimum);
    rows.length->setCurrentIndex(params.length > 0 ? 1 : 0);
    rows.fixedLength->setVisible(params.length > 0);
    show(rows.lengthNumber, rows.lengthValue, 1, longest(), std::max(params.length, 1), longest());
}

void PlanPanel::connectMoa() {
    auto& rows = *m_rows;
    const auto change = [this](const QString& what, auto set) {
        return [this, what, set](int n) {
            auto plan = m_plan;
            auto* moa = std::get_if<MoaParams>(&plan.keep);
            if (m_showing || !moa)
                return;
            set(*moa, n);
            edit(plan, what);
        };
    };
    const std::pair<ParameterSlider*, std::function<void(int)>> sliders[] = {
        {rows.spanAlpha, change(QStringLiteral("α"), [](MoaParams& p, int n) { p.all.alpha = n; })},
        {rows.spanBeta,
         change(QStringLiteral("β"),
                [](MoaParams& p, int n) { p.all.beta = static_cast<double>(n) / kBetaSteps; })},
        {rows.block, change(QStringLiteral("block"), [](MoaParams& p, int n) { p.block = n; })},
        {rows.minimum, change(QStringLiteral("minimum"), [](MoaParams& p, int n) { p.minimum = n; })},
        {rows.lengthNumber, change(QStringLiteral("length"), [](MoaParams& p, int n) { p.length = n; })}};
    for (const auto& [slider, changed] : sliders) {
        connect(slider, &ParameterSlider::numberEdited, this, changed);
        connect(slider, &ParameterSlider::editFinished, this, &PlanPanel::editFinished);
    }
    connect(rows.length, &QComboBox::activated, this, [this, change](int index) {
        change(QStringLiteral("length"),
               [this](MoaParams& p, int fixed) { p.length = fixed ? longest() : 0; })(index);
        Q_EMIT editFinished();
    });
    connect(rows.oneForAll, &QToolButton::clicked, this, [this, change] {
        change(QStringLiteral("spans"), [](MoaParams& p, int) {
            p.spans.reset();
            p.file.clear();
        })(0);
        Q_EMIT editFinished();
    });
    connect(rows.spanMap, &QToolButton::clicked, this, &PlanPanel::spanMapRequested);
}

} // namespace fovea
