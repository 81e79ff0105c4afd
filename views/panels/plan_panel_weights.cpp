// The WEIGHTS strip of a PlanPanel: in what form the layers' matrices are, and what that is in bits with all metadata.
#include <QLabel>
#include <QVBoxLayout>

#include <algorithm>
#include <iterator>

#include "views/panels/flat_combo.h"
#include "views/panels/plan_panel.h"
#include "views/panels/plan_panel_rows.h"

namespace fovea {
namespace {

constexpr int kGroups[] = {32, 64, 128, 256};

FlatCombo* choiceOf(const QStringList& entries) {
    auto* box = new FlatCombo;
    box->addItems(entries);
    return box;
}

// Which of kRtnBits or kGroups; a plan's text may name a group that is not among them.
template <std::size_t n>
int indexOf(const int (&values)[n], int value) {
    const auto* found = std::find(std::begin(values), std::end(values), value);
    return found == std::end(values) ? -1 : static_cast<int>(found - values);
}

} // namespace

void PlanPanel::buildWeights(QVBoxLayout* column) {
    auto& rows = *m_rows;
    rows.weights = new FlatCombo;
    rows.weights->addItems({tr("checkpoint's own"), tr("rounded (RTN)")});
    rows.weightsPaper = mutedLabel({});
    auto* section = addSection(column, tr("WEIGHTS — in what form"), rows.weights,
                               tr("The layers' matrices as the checkpoint has them, or each weight rounded "
                                  "to the nearest of a few levels of "
                                  "its group and packed, once per model; a step then reads the codes. "
                                  "Embedding and output head stay. The "
           "arithmetic is f32: quantised activations are not in this version."),
                               rows.weightsPaper);
    rows.rounded = new QWidget;
    auto* inner = new QVBoxLayout(rows.rounded);
    inner->setContentsMargins(0, 4, 0, 0);
    inner->setSpacing(1);
    QStringList bits, groups;
    for (const int b : kRtnBits)
        bits << QString::number(b);
    for (const int g : kGroups)
        groups << QString::number(g);
    rows.weightBits = choiceOf(bits);
    choiceRow(inner, tr("b  bits per weight"), rows.weightBits,
              tr("A weight becomes the nearest of 2^b levels"));
    rows.weightGroup = choiceOf(groups);
    choiceRow(inner, tr("g  weights per scale"), rows.weightGroup,
              tr("A row's weights in groups of g, each with a scale of its own; the last may be shorter"));
    rows.weightMode = choiceOf({tr("asymmetric"), tr("symmetric")});
    choiceRow(inner, tr("levels"), rows.weightMode,
              tr("From a group's least weight to its greatest (the study's), or as far to both sides of 0"));
    rows.weightZero = choiceOf({tr("clamped"), tr("free")});
    rows.weightZeroRow = choiceRow(inner, tr("zero"), rows.weightZero,
                                   tr("Clamped, as in the study: a group that does not straddle 0 loses what "
                                      "lies beyond its levels. Free is "
                                      "mended: any zero that 16 bits hold."));
    rows.weightsNote = mutedLabel({});
    inner->addWidget(rows.weightsNote);
    section->addWidget(rows.rounded);
}

void PlanPanel::nameWeights() {
    auto& rows = *m_rows;
    rows.weights->setObjectName(QStringLiteral("weights"));
    rows.weightBits->setObjectName(QStringLiteral("weight bits"));
    rows.weightGroup->setObjectName(QStringLiteral("weight group"));
    rows.weightMode->setObjectName(QStringLiteral("weight mode"));
    rows.weightZero->setObjectName(QStringLiteral("weight zero"));
    rows.weightsNote->setObjectName(QStringLiteral("weights note"));
}

void PlanPanel::showWeights() {
    auto& rows = *m_rows;
    const auto name = elementName(m_spec.type);
    rows.weights->setItemText(
        0,
        tr("checkpoint's own (%1)").arg(QString::fromUtf8(name.data(), static_cast<qsizetype>(name.size()))));
    const auto* rtn = std::get_if<RtnParams>(&m_plan.weights);
    rows.weights->setCurrentIndex(rtn ? 1 : 0);
    rows.weights->updateGeometry();
    rows.weightsPaper->setText(rtn ? tr("Li 2024") : tr("acts f32"));
    rows.rounded->setVisible(rtn != nullptr);
    if (!rtn)
        return;
    m_lastRtn = *rtn;
    const bool symmetric = rtn->mode == RtnParams::Mode::Symmetric;
    rows.weightBits->setCurrentIndex(indexOf(kRtnBits, rtn->bits));
    rows.weightGroup->setCurrentIndex(indexOf(kGroups, rtn->group));
    rows.weightMode->setCurrentIndex(symmetric ? 1 : 0);
    rows.weightZero->setCurrentIndex(rtn->zero == RtnParams::Zero::Free ? 1 : 0);
    rows.weightZeroRow->setVisible(!symmetric);
    const bool known = m_spec.width > 0;
    rows.weightsNote->setText(
        known ? tr("%1 bits with scales and zeros").arg(effectiveBits(*rtn, m_spec.width), 0, 'f', 3) : QString());
    rows.weightsNote->setToolTip(
        tr("Formula: bits per weight of a row of %1, its scales and zeros among them").arg(m_spec.width));
}

void PlanPanel::connectWeights() {
    auto& rows = *m_rows;
    const auto whole = [this](FlatCombo* box, const QString& what, auto change) {
        connect(box, &QComboBox::activated, this, [this, what, change](int index) {
            auto plan = m_plan;
            change(plan.weights, index);
            edit(plan, what);
            if (!m_showing)
                Q_EMIT editFinished();
        });
    };
    const auto part = [&](FlatCombo* box, const QString& what, auto change) {
        whole(box, what, [change](WeightCodes& weights, int index) {
            if (auto* rtn = std::get_if<RtnParams>(&weights))
                change(*rtn, index);
        });
    };
    whole(rows.weights, QStringLiteral("weights"), [this](WeightCodes& weights, int index) {
        weights = index == 1 ? WeightCodes(m_lastRtn.value_or(RtnParams{})) : WeightCodes(OwnWeights{});
    });
    part(rows.weightBits, QStringLiteral("bits"), [](RtnParams& p, int index) { p.bits = kRtnBits[index]; });
    part(rows.weightGroup, QStringLiteral("group"),
         [](RtnParams& p, int index) { p.group = kGroups[index]; });
    part(rows.weightMode, QStringLiteral("mode"), [](RtnParams& p, int index) {
        p.mode = index == 1 ? RtnParams::Mode::Symmetric : RtnParams::Mode::Asymmetric;
        if (index == 1)
            p.zero = RtnParams::Zero::Clamped; // there is none to free
    });
    part(rows.weightZero, QStringLiteral("zero"), [](RtnParams& p, int index) {
        p.zero = index == 1 ? RtnParams::Zero::Free : RtnParams::Zero::Clamped;
    });
}

} // namespace fovea
