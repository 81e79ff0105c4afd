#pragma once
// The choices of rounding to nearest: bits, group, levels, zero, and what that is in bits with all metadata. WEIGHTS and
// STORE of a plan have them.

#include <QWidget>

#include <optional>

#include "core/methods/quantise/rtn.h"

class QLabel;

namespace fovea {

class FlatCombo;

class RtnRows : public QWidget {
    Q_OBJECT
public:
    // `of` names what is rounded in object names ("store bits", …), `value` it in words ("value", "weight"), `along` what
    // a group is cut from ("a token's components").
    RtnRows(const QString& of, const QString& value, const QString& along, QWidget* parent = nullptr);

    // `bits` with metadata, or nothing where they are not known; `tip` says of what.
    void offerLevels(bool on); // mode and zero, which a calibration has not
    void showRtn(const RtnParams& rtn, std::optional<double> bits, const QString& tip);

Q_SIGNALS:
    // `what` is "<of> bits", "… group", "… mode" or "… zero".
    void edited(fovea::RtnParams rtn, QString what);

private:
    FlatCombo* addChoice(const QString& what, const QStringList& entries);

    QString m_of;
    RtnParams m_rtn;
    FlatCombo *m_bits, *m_group, *m_mode, *m_zero;
    QWidget *m_modeRow, *m_zeroRow; // the latter symmetric levels have not
    bool m_levels = true;
    QLabel* m_note;
};

} // namespace fovea
