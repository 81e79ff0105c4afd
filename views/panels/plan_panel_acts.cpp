// The ACTIVATIONS strip of a PlanPanel: in what form the layers' matrices are given what they multiply.
#include <QLabel>
#include <QVBoxLayout>

#include <algorithm>
#include <iterator>

#include "views/panels/flat_combo.h"
#include "views/panels/plan_panel.h"
#include "views/panels/plan_panel_rows.h"

namespace fovea {
namespace {

enum Entry { Own, Rtn, Smooth };
constexpr double kAlphas[] = {.5, .8, .85}; // of SmoothQuant's paper and code

template <class T, std::size_t n>
int indexOf(const T (&values)[n], T value) {
    const auto* found = std::find(std::begin(values), std::end(values), value);
    return found == std::end(values) ? -1 : static_cast<int>(found - values); // a plan's text may name others
}

} // namespace

void PlanPanel::buildActs(QVBoxLayout* column) {
    auto& rows = *m_rows;
    rows.acts = new FlatCombo;
    rows.acts->addItems({tr("f32"), tr("rounded (RTN)"), tr("smoothed (SmoothQuant)")});
    rows.actsPaper = mutedLabel({});
    auto* section =
        addSide(column, tr("ACTIVATIONS"), rows.acts,
                tr("What the layers' matrices multiply: as it comes, or each token's row rounded anew to "
                   "the nearest of a few "
                   "levels. With packed weights products are then of whole numbers; other weights "
                   "multiply the rounded floats. "
                   "Smoothed: on the checkpoint that fovea calibrate --weights smooth left beside the "
                   "model, whose outliers are "
                   "in the weights. The output head multiplies f32 always; no bytes of a step change."),
                rows.actsPaper);
    rows.actBits = new FlatCombo;
    for (const int bits : kActBits)
        rows.actBits->addItem(QString::number(bits));
    rows.actAlpha = new FlatCombo;
    for (const double alpha : kAlphas)
        rows.actAlpha->addItem(QString::number(alpha));
    rows.actBitsRow =
        choiceRow(section, tr("b  bits per activation"), rows.actBits,
                  tr("A value becomes the nearest of 2^b levels between the least and the greatest of its "
                     "token's row; smoothed, as far to both sides of 0"));
    rows.actAlphaRow =
        choiceRow(section, tr("α  moved into weights"), rows.actAlpha,
                  tr("How much of the outliers the calibration moved: .5 is the paper's, .8 and .85 its "
                     "code's for Mistral and Llama-2. There must be a checkpoint of it."));
    rows.acts->setObjectName(QStringLiteral("acts"));
    rows.actBits->setObjectName(QStringLiteral("act bits"));
    rows.actAlpha->setObjectName(QStringLiteral("act alpha"));
}

void PlanPanel::showActs() {
    auto& rows = *m_rows;
    const QString papers[] = {QString(), tr("Li 2024"), tr("Xiao 2022")};
    const auto* smooth = std::get_if<SmoothActs>(&m_plan.acts);
    rows.acts->setCurrentIndex(static_cast<int>(m_plan.acts.index()));
    rows.acts->updateGeometry();
    rows.actsPaper->setText(papers[m_plan.acts.index()]);
    rows.actsPaper->setVisible(!rows.actsPaper->text().isEmpty());
    const auto grid = actGrid(m_plan.acts);
    rows.actBitsRow->setVisible(grid.has_value());
    rows.actAlphaRow->setVisible(smooth != nullptr);
    if (grid)
        rows.actBits->setCurrentIndex(indexOf(kActBits, grid->bits));
    if (smooth)
        rows.actAlpha->setCurrentIndex(indexOf(kAlphas, smooth->alpha));
    auto plan = m_plan;
    plan.acts = SmoothActs{};
    offer(rows.acts, Smooth, m_spec.headDim > 0 ? refusal(plan, m_spec) : std::nullopt);
}

void PlanPanel::connectActs() {
    auto& rows = *m_rows;
    const auto whole = [this](FlatCombo* box, auto change) {
        connect(box, &QComboBox::activated, this, [this, box, change](int index) {
            auto plan = m_plan;
            change(plan, index);
            edit(plan, box->objectName());
            if (!m_showing)
                Q_EMIT editFinished();
        });
    };
    whole(rows.acts, [](AttentionPlan& plan, int index) {
        const int bits = actGrid(plan.acts).value_or(ActGrid{}).bits; // another method of the same bits
        if (index == Rtn)
            plan.acts = RtnActs{.bits = bits};
        else if (index == Smooth)
            plan.acts = SmoothActs{.bits = bits};
        else
            plan.acts = OwnActs{};
    });
    whole(rows.actBits, [](AttentionPlan& plan, int index) {
        if (auto* rtn = std::get_if<RtnActs>(&plan.acts))
            rtn->bits = kActBits[index];
        else if (auto* smooth = std::get_if<SmoothActs>(&plan.acts))
            smooth->bits = kActBits[index];
    });
    whole(rows.actAlpha, [](AttentionPlan& plan, int index) {
        if (auto* smooth = std::get_if<SmoothActs>(&plan.acts))
            smooth->alpha = kAlphas[index];
    });
}

} // namespace fovea
