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

enum Entry { Own, Rtn, Awq, Gptq }; // of the choice of a method
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
    auto* section = addSection(column, tr("WEIGHTS — in what form"), rows.weights,
                               tr("The layers' matrices as the checkpoint has them, or each weight rounded "
                                  "to the nearest of a few levels of "
                                  "its group and packed, once per model; a step then reads the codes. "
                                  "Calibrated: codes that fovea calibrate learnt from a text and saved beside "
                                  "the model. "
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
    rows.weightModeRow = choiceRow(inner, tr("levels"), rows.weightMode,
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
    const Entry entry = entryOf(m_plan.weights);
    const QString papers[] = {tr("acts f32"), tr("Li 2024"), tr("Lin 2023"), tr("Frantar 2022")};
    rows.weights->setCurrentIndex(entry);
    rows.weights->updateGeometry();
    rows.weightsPaper->setText(papers[entry]);
    const std::optional<RtnParams> rtn = packedRows(m_plan.weights);
    rows.rounded->setVisible(rtn.has_value());
    if (!rtn)
        return;
    RtnParams last = entry == Rtn ? *rtn : m_lastRtn.value_or(RtnParams{});
    last.bits = rtn->bits;
    last.group = rtn->group;
    m_lastRtn = last; // a calibration says nothing of levels and zeros
    rows.weightModeRow->setVisible(entry == Rtn);
    const bool symmetric = rtn->mode == RtnParams::Mode::Symmetric;
    rows.weightBits->setCurrentIndex(indexOf(kRtnBits, rtn->bits));
    rows.weightGroup->setCurrentIndex(indexOf(kGroups, rtn->group));
    rows.weightMode->setCurrentIndex(symmetric ? 1 : 0);
    rows.weightZero->setCurrentIndex(rtn->zero == RtnParams::Zero::Free ? 1 : 0);
    rows.weightZeroRow->setVisible(entry == Rtn && !symmetric);
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
            if (auto rows = packedRows(weights)) {
                change(*rows, index);
                weights = weightsOf(entryOf(weights), *rows);
            }
        });
    };
    whole(rows.weights, QStringLiteral("weights"), [this](WeightCodes& weights, int index) {
        weights = weightsOf(index, m_lastRtn.value_or(RtnParams{}));
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
