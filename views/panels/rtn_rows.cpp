#include "views/panels/rtn_rows.h"

#include <QLabel>
#include <QVBoxLayout>

#include <algorithm>
#include <iterator>

#include "views/panels/flat_combo.h"
#include "views/panels/plan_panel_rows.h"

namespace fovea {
namespace {

constexpr int kGroups[] = {32, 64, 128, 256};

// Which of kRtnBits or kGroups; a plan's text may name a group that is not among them.
template <std::size_t n>
int indexOf(const int (&values)[n], int value) {
    const auto* found = std::find(std::begin(values), std::end(values), value);
    return found == std::end(values) ? -1 : static_cast<int>(found - values);
}

template <std::size_t n>
QStringList texts(const int (&values)[n]) {
    QStringList list;
    for (const int value : values)
        list << QString::number(value);
    return list;
}

} // namespace

FlatCombo* RtnRows::addChoice(const QString& what, const QStringList& entries) {
    auto* box = new FlatCombo;
    box->addItems(entries);
    box->setObjectName(m_of + QLatin1Char(' ') + what);
    return box;
}

RtnRows::RtnRows(const QString& of, const QString& value, const QString& along, QWidget* parent)
    : QWidget(parent), m_of(of) {
    auto* inner = new QVBoxLayout(this);
    inner->setContentsMargins(0, 4, 0, 0);
    inner->setSpacing(1);
    m_bits = addChoice(QStringLiteral("bits"), texts(kRtnBits));
    m_group = addChoice(QStringLiteral("group"), texts(kGroups));
    m_mode = addChoice(QStringLiteral("mode"), {tr("asymmetric"), tr("symmetric")});
    m_zero = addChoice(QStringLiteral("zero"), {tr("clamped"), tr("free")});
    choiceRow(inner, tr("b  bits per %1").arg(value), m_bits, tr("A %1 becomes the nearest of 2^b levels").arg(value));
    choiceRow(inner, tr("g  %1s per scale").arg(value), m_group,
              tr("%1 in groups of g, each with a scale of its own; the last may be shorter").arg(along));
    m_modeRow = choiceRow(inner, tr("levels"), m_mode,
              tr("From a group's least %1 to its greatest (the study's), or as far to both sides of 0").arg(value));
    m_zeroRow = choiceRow(inner, tr("zero"), m_zero,
                          tr("Clamped, as in the study: a group that does not straddle 0 loses what lies beyond its "
                             "levels. Free is mended: any zero that 16 bits hold."));
    m_note = mutedLabel({});
    m_note->setObjectName(m_of + QStringLiteral(" note"));
    inner->addWidget(m_note);

    const auto part = [this](FlatCombo* box, auto change) {
        connect(box, &QComboBox::activated, this, [this, box, change](int index) {
            RtnParams rtn = m_rtn;
            change(rtn, index);
            Q_EMIT edited(rtn, box->objectName());
        });
    };
    part(m_bits, [](RtnParams& p, int index) { p.bits = kRtnBits[index]; });
    part(m_group, [](RtnParams& p, int index) { p.group = kGroups[index]; });
    part(m_mode, [](RtnParams& p, int index) {
        p.mode = index == 1 ? RtnParams::Mode::Symmetric : RtnParams::Mode::Asymmetric;
        if (index == 1)
            p.zero = RtnParams::Zero::Clamped; // there is none to free
    });
    part(m_zero, [](RtnParams& p, int index) {
        p.zero = index == 1 ? RtnParams::Zero::Free : RtnParams::Zero::Clamped;
    });
}

void RtnRows::offerLevels(bool on) {
    m_levels = on;
}

void RtnRows::showRtn(const RtnParams& rtn, std::optional<double> bits, const QString& tip) {
    m_rtn = rtn;
    const bool symmetric = rtn.mode == RtnParams::Mode::Symmetric;
    m_bits->setCurrentIndex(indexOf(kRtnBits, rtn.bits));
    m_group->setCurrentIndex(indexOf(kGroups, rtn.group));
    m_mode->setCurrentIndex(symmetric ? 1 : 0);
    m_zero->setCurrentIndex(rtn.zero == RtnParams::Zero::Free ? 1 : 0);
    m_modeRow->setVisible(m_levels);
    m_zeroRow->setVisible(m_levels && !symmetric);
    m_note->setText(bits ? tr("%1 bits with scales and zeros").arg(*bits, 0, 'f', 3) : QString());
    m_note->setToolTip(tip);
}

} // namespace fovea
