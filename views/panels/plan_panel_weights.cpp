// The WEIGHTS strip of a PlanPanel: in what form the layers' matrices are, and what that is in bits with all metadata.
#include <QLabel>
#include <QVBoxLayout>

#include "views/panels/flat_combo.h"
#include "views/panels/plan_panel.h"
#include "views/panels/plan_panel_rows.h"
#include "views/panels/rtn_rows.h"

namespace fovea {
namespace {

enum Entry { Own, Rtn, Awq, Gptq }; // of WEIGHTS

QString nameOf(ElementType type) {
    const auto name = elementName(type);
    return QString::fromUtf8(name.data(), static_cast<qsizetype>(name.size()));
}

Entry entryOf(const WeightCodes& weights) {
    if (const auto* learnt = std::get_if<CalibratedWeights>(&weights))
        return learnt->method == CalibratedWeights::Method::Awq ? Awq : Gptq;
    return std::holds_alternative<RtnParams>(weights) ? Rtn : Own;
}

// Another method in the form that `last` had, as far as it has one.
WeightCodes weightsOf(int entry, const RtnParams& last) {
    if (entry == Own)
        return OwnWeights{};
    if (entry == Rtn)
        return last;
    const auto method = entry == Awq ? CalibratedWeights::Method::Awq : CalibratedWeights::Method::Gptq;
    return CalibratedWeights{.method = method, .bits = last.bits, .group = last.group};
}

} // namespace

void PlanPanel::buildWeights(QVBoxLayout* column) {
    auto& rows = *m_rows;
    rows.weights = new FlatCombo;
    rows.weights->addItems({tr("checkpoint's own"), tr("rounded (RTN)"), tr("calibrated (AWQ)"),
                            tr("calibrated (GPTQ)")});
    rows.weightsPaper = mutedLabel({});
    auto* section =
        addSide(column, tr("WEIGHTS"), rows.weights,
                tr("The layers' matrices as the checkpoint has them, or each weight rounded to the nearest of a few "
                   "levels of its group and packed, once per model; a step then reads the codes. Calibrated: codes that "
                   "fovea calibrate learnt from a text and saved beside the model. Embedding and output head stay."),
                rows.weightsPaper);
    rows.weightRtn = new RtnRows(QStringLiteral("weight"), tr("weight"), tr("A row's weights"));
    section->addWidget(rows.weightRtn);
}

void PlanPanel::nameWeights() {
    m_rows->weights->setObjectName(QStringLiteral("weights"));
}

void PlanPanel::showWeights() {
    auto& rows = *m_rows;
    rows.weights->setItemText(0, tr("checkpoint's own (%1)").arg(nameOf(m_spec.type)));
    const Entry entry = entryOf(m_plan.weights);
    const QString papers[] = {QString(), tr("Li 2024"), tr("Lin 2023"), tr("Frantar 2022")};
    rows.weights->setCurrentIndex(entry);
    rows.weights->updateGeometry();
    rows.weightsPaper->setText(papers[entry]);
    rows.weightsPaper->setVisible(!papers[entry].isEmpty());
    const std::optional<RtnParams> rtn = packedRows(m_plan.weights);
    rows.weightRtn->setVisible(rtn.has_value());
    if (!rtn)
        return;
    RtnParams last = entry == Rtn ? *rtn : m_lastRtn.value_or(RtnParams{});
    last.bits = rtn->bits;
    last.group = rtn->group;
    m_lastRtn = last; // a calibration says nothing of levels and zeros
    rows.weightRtn->offerLevels(entry == Rtn);
    rows.weightRtn->showRtn(*rtn, m_spec.width > 0 ? std::optional(effectiveBits(*rtn, m_spec.width)) : std::nullopt,
                            tr("Formula: bits per weight of a row of %1, its scales and zeros among them").arg(m_spec.width));
}

void PlanPanel::connectWeights() {
    auto& rows = *m_rows;
    const auto changed = [this](const AttentionPlan& plan, const QString& what) {
        edit(plan, what);
        if (!m_showing)
            Q_EMIT editFinished();
    };
    connect(rows.weights, &QComboBox::activated, this, [this, changed](int index) {
        auto plan = m_plan;
        plan.weights = weightsOf(index, m_lastRtn.value_or(RtnParams{}));
        changed(plan, QStringLiteral("weights"));
    });
    connect(rows.weightRtn, &RtnRows::edited, this, [this, changed](const RtnParams& rtn, const QString& what) {
        auto plan = m_plan;
        plan.weights = weightsOf(entryOf(plan.weights), rtn);
        changed(plan, what);
    });
}

} // namespace fovea
