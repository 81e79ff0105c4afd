#include "app/window/run_settings_dialog.h"

#include <QCheckBox>
#include <QDialogButtonBox>
#include <QDoubleSpinBox>
#include <QFormLayout>
#include <QLabel>
#include <QSpinBox>

#include <algorithm>
#include <limits>

#include "app/window/document.h"
#include "app/window/loaded_model.h"
#include "views/theme.h"

namespace fovea {

namespace {

QSpinBox* spin(int low, int high, int value) {
    auto* box = new QSpinBox;
    box->setRange(low, high);
    box->setValue(value);
    return box;
}

QDoubleSpinBox* real(double low, double high, double value) {
    auto* box = new QDoubleSpinBox;
    box->setRange(low, high);
    box->setSingleStep(0.05);
    box->setValue(value);
    return box;
}

} // namespace

RunSettingsDialog::RunSettingsDialog(Document& document, QWidget* parent)
    : QDialog(parent), m_document(document) {
    setWindowTitle(tr("Run settings"));
    const RunSettings& s = document.settings();
    const int vocabulary = document.model() ? document.model()->spec.vocabulary : 1;
    const int room = document.model()
                         ? document.model()->spec.context - static_cast<int>(document.promptTokens().size())
                         : std::numeric_limits<int>::max();
    m_tokens = spin(1, std::max(1, room), static_cast<int>(s.tokens));
    m_temperature = real(0, 2, static_cast<double>(s.sampler.temperature));
    m_temperature->setSpecialValueText(tr("0: the likeliest token"));
    m_topK = spin(0, vocabulary, s.sampler.topK);
    m_topK->setSpecialValueText(tr("no limit"));
    m_topP = real(0.01, 1, static_cast<double>(s.sampler.topP));
    m_seed = spin(0, std::numeric_limits<int>::max(),
                  static_cast<int>(std::min<std::uint64_t>(s.sampler.seed, std::numeric_limits<int>::max())));
    m_ignoreEnd = new QCheckBox(tr("go on past the end of the text"));
    m_ignoreEnd->setChecked(s.ignoreEnd);
    m_refused = new QLabel;
    m_refused->setWordWrap(true);
    m_refused->setStyleSheet(QStringLiteral("color: %1").arg(theme().bad.name()));
    auto* buttons = new QDialogButtonBox(QDialogButtonBox::Ok | QDialogButtonBox::Cancel);
    auto* form = new QFormLayout(this);
    form->addRow(tr("Tokens to generate"), m_tokens);
    form->addRow(tr("Temperature"), m_temperature);
    form->addRow(tr("Top-k"), m_topK);
    form->addRow(tr("Top-p"), m_topP);
    form->addRow(tr("Seed"), m_seed);
    form->addRow(m_ignoreEnd);
    form->addRow(m_refused);
    form->addRow(buttons);
    connect(buttons, &QDialogButtonBox::accepted, this, &RunSettingsDialog::accept);
    connect(buttons, &QDialogButtonBox::rejected, this, &QDialog::reject);
}

void RunSettingsDialog::accept() {
    RunSettings s = m_document.settings();
    s.tokens = m_tokens->value();
    s.sampler.temperature = static_cast<float>(m_temperature->value());
    s.sampler.topK = m_topK->value();
    s.sampler.topP = static_cast<float>(m_topP->value());
    s.sampler.seed = static_cast<std::uint64_t>(m_seed->value());
    s.ignoreEnd = m_ignoreEnd->isChecked();
    m_document.endGesture();
    const QString refused = m_document.editSettings(s, tr("run settings"));
    if (refused.isEmpty())
        QDialog::accept();
    else
        m_refused->setText(refused);
}

} // namespace fovea
