#include "app/window/settings_dialog.h"

#include <QCheckBox>
#include <QComboBox>
#include <QDialogButtonBox>
#include <QDoubleSpinBox>
#include <QFileDialog>
#include <QFormLayout>
#include <QHBoxLayout>
#include <QLabel>
#include <QLineEdit>
#include <QPushButton>
#include <QSpinBox>
#include <QVBoxLayout>

#include <algorithm>
#include <cmath>
#include <limits>
#include <thread>

#include "app/window/memory_verdict.h"
#include "core/trace/byte_text.h"
#include "views/theme.h"

namespace fovea {

namespace {

constexpr std::int64_t kMegabyte = 1'000'000;
constexpr int kMostCapture = 1'000'000; // MB
constexpr int kFieldWidth = 130;

QSpinBox* spin(const char* name, int low, int high, const QString& suffix = {}) {
    auto* box = new QSpinBox;
    box->setObjectName(QLatin1String(name));
    box->setRange(low, high);
    box->setSuffix(suffix);
    box->setFixedWidth(kFieldWidth);
    return box;
}

QDoubleSpinBox* real(const char* name, double low, double high) {
    auto* box = new QDoubleSpinBox;
    box->setObjectName(QLatin1String(name));
    box->setRange(low, high);
    box->setSingleStep(0.05);
    box->setFixedWidth(kFieldWidth);
    return box;
}

QLabel* muted(const QString& words = {}) {
    auto* label = new QLabel(words);
    label->setProperty("role", "muted");
    label->setWordWrap(true);
    return label;
}

QHBoxLayout* beside(QWidget* field, QWidget* note) {
    auto* row = new QHBoxLayout;
    row->setSpacing(10);
    row->addWidget(field);
    row->addWidget(note, 1);
    return row;
}

// A titled block of rows; labels of all blocks are as wide as one another.
QWidget* block(const QString& title, QFormLayout* rows) {
    auto* frame = new QFrame;
    frame->setProperty("role", "card");
    auto* column = new QVBoxLayout(frame);
    column->setContentsMargins(14, 10, 14, 12);
    column->setSpacing(8);
    auto* head = new QLabel(title);
    head->setProperty("role", "title");
    column->addWidget(head);
    rows->setHorizontalSpacing(16);
    rows->setVerticalSpacing(7);
    column->addLayout(rows);
    return frame;
}

QLabel* name(const QString& words) {
    auto* label = new QLabel(words);
    label->setMinimumWidth(120);
    return label;
}

} // namespace

SettingsDialog::SettingsDialog(const Preferences& preferences, QWidget* parent)
    : QDialog(parent), m_before(preferences) {
    setObjectName(QStringLiteral("settingsDialog"));
    setWindowTitle(tr("Settings"));
    setMinimumWidth(560);
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(16, 14, 16, 14);
    column->setSpacing(10);
    for (QWidget* part : {look(), memory(), engine(), models(), sampling()})
        column->addWidget(part);
    auto* buttons = new QDialogButtonBox(QDialogButtonBox::Ok | QDialogButtonBox::Cancel |
                                         QDialogButtonBox::RestoreDefaults);
    column->addWidget(buttons);
    connect(m_memoryShare, &QSpinBox::valueChanged, this, &SettingsDialog::showBudget);
    connect(buttons->button(QDialogButtonBox::RestoreDefaults), &QPushButton::clicked, this,
            [this] { fill(Preferences{}); });
    connect(buttons, &QDialogButtonBox::accepted, this, [this] {
        Q_EMIT chosen(this->preferences());
        accept();
    });
    connect(buttons, &QDialogButtonBox::rejected, this, &QDialog::reject);
    fill(preferences);
}

QWidget* SettingsDialog::look() {
    m_theme = new QComboBox;
    m_theme->setObjectName(QStringLiteral("theme"));
    m_theme->addItems({tr("as the system"), tr("dark"), tr("light")});
    m_theme->setFixedWidth(kFieldWidth);
    auto* rows = new QFormLayout;
    rows->addRow(name(tr("Theme")), m_theme);
    return block(tr("Look"), rows);
}

QWidget* SettingsDialog::memory() {
    m_memoryShare = spin("memoryShare", 5, 100, tr(" %"));
    m_memoryBytes = muted();
    m_capture = spin("capture", 0, kMostCapture, tr(" MB"));
    m_capture->setSingleStep(64);
    auto* rows = new QFormLayout;
    rows->addRow(name(tr("Memory budget")), beside(m_memoryShare, m_memoryBytes));
    rows->addRow(name(tr("Capture budget")),
                 beside(m_capture, muted(tr("of A's Q, K and V, from which head maps are drawn"))));
    return block(tr("Memory"), rows);
}

QWidget* SettingsDialog::engine() {
    const int cores = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
    m_threads = spin("threads", 0, 1024);
    m_threads->setSpecialValueText(tr("all cores"));
    m_leaveCore = new QCheckBox(tr("leave one core to the window"));
    m_leaveCore->setObjectName(QStringLiteral("leaveCore"));
    auto* rows = new QFormLayout;
    rows->addRow(name(tr("Threads")),
                 beside(m_threads, muted(cores == 1 ? tr("this machine has 1 core")
                                                    : tr("this machine has %1 cores").arg(cores))));
    rows->addRow(name({}), m_leaveCore);
    return block(tr("Engine"), rows);
}

QWidget* SettingsDialog::models() {
    m_modelFolder = new QLineEdit;
    m_modelFolder->setObjectName(QStringLiteral("modelFolder"));
    m_modelFolder->setPlaceholderText(tr("none: bundled and recent models alone"));
    auto* browse = new QPushButton(tr("Choose…"));
    browse->setAutoDefault(false);
    connect(browse, &QPushButton::clicked, this, [this] {
        const QString folder =
            QFileDialog::getExistingDirectory(this, tr("The folder that models lie in"), m_modelFolder->text());
        if (!folder.isEmpty())
            m_modelFolder->setText(folder);
    });
    auto* row = new QHBoxLayout;
    row->addWidget(m_modelFolder, 1);
    row->addWidget(browse);
    auto* rows = new QFormLayout;
    rows->addRow(name(tr("Model folder")), row);
    return block(tr("Models"), rows);
}

QWidget* SettingsDialog::sampling() {
    m_temperature = real("temperature", 0, 2);
    m_topK = spin("topK", 0, std::numeric_limits<int>::max());
    m_topK->setSpecialValueText(tr("no limit"));
    m_topP = real("topP", 0.01, 1);
    m_seed = spin("seed", 0, std::numeric_limits<int>::max());
    auto* rows = new QFormLayout;
    rows->addRow(name(tr("Temperature")), beside(m_temperature, muted(tr("0: always the likeliest token"))));
    rows->addRow(name(tr("Top-k")), m_topK);
    rows->addRow(name(tr("Top-p")), m_topP);
    rows->addRow(name(tr("Seed")), beside(m_seed, muted(tr("the same seed, the same tokens"))));
    return block(tr("How tokens are chosen, to begin with"), rows);
}

void SettingsDialog::fill(const Preferences& p) {
    m_theme->setCurrentIndex(static_cast<int>(p.theme));
    m_memoryShare->setValue(qRound(p.memoryShare * 100));
    m_capture->setValue(static_cast<int>(std::min<std::int64_t>(p.captureBudget / kMegabyte, kMostCapture)));
    m_threads->setValue(p.threads);
    m_leaveCore->setChecked(p.leaveCore);
    m_modelFolder->setText(p.modelFolder);
    m_temperature->setValue(static_cast<double>(p.sampler.temperature));
    m_topK->setValue(p.sampler.topK);
    m_topP->setValue(static_cast<double>(p.sampler.topP));
    m_seed->setValue(static_cast<int>(std::min<std::uint64_t>(p.sampler.seed, std::numeric_limits<int>::max())));
    showBudget();
}

void SettingsDialog::showBudget() {
    const auto text = [](double share) {
        return QString::fromStdString(byteText(memoryBudgetOf(share)));
    };
    m_memoryBytes->setText(memoryBudgetOf(1) > 0
                               ? tr("of this machine's %1: %2").arg(text(1), text(m_memoryShare->value() / 100.0))
                               : tr("this machine does not say how much it has: no limit"));
}

// A field that was not touched keeps what it stood for, though it shows it rounded.
Preferences SettingsDialog::preferences() const {
    Preferences p = m_before;
    p.theme = static_cast<ThemeChoice>(m_theme->currentIndex());
    if (m_memoryShare->value() != qRound(p.memoryShare * 100))
        p.memoryShare = m_memoryShare->value() / 100.0;
    if (m_capture->value() != p.captureBudget / kMegabyte)
        p.captureBudget = m_capture->value() * kMegabyte;
    p.threads = m_threads->value();
    p.leaveCore = m_leaveCore->isChecked();
    p.modelFolder = m_modelFolder->text().trimmed();
    const auto other = [](double shown, float kept) { return std::abs(shown - static_cast<double>(kept)) > 0.005; };
    if (other(m_temperature->value(), p.sampler.temperature))
        p.sampler.temperature = static_cast<float>(m_temperature->value());
    if (other(m_topP->value(), p.sampler.topP))
        p.sampler.topP = static_cast<float>(m_topP->value());
    p.sampler.topK = m_topK->value();
    if (p.sampler.seed < static_cast<std::uint64_t>(std::numeric_limits<int>::max()) ||
        m_seed->value() != std::numeric_limits<int>::max())
        p.sampler.seed = static_cast<std::uint64_t>(m_seed->value());
    return p;
}

} // namespace fovea
