#include "app/window/status_line.h"

#include <QEvent>
#include <QLabel>
#include <QProgressBar>
#include <QToolButton>

#include <algorithm>

#include "app/window/elided_label.h"
#include "views/panel_frame.h"
#include "views/theme.h"

namespace fovea {

namespace {

constexpr int kBarWidth = 150;
constexpr int kMessageMs = 12000;
constexpr int kFull = 1000;

// Nothing that is said here may widen the window.
QLabel* quiet(QWidget* parent, const char* name) {
    auto* label = new ElidedLabel(parent);
    label->setObjectName(QLatin1String(name));
    label->setContentsMargins(6, 0, 14, 0);
    return label;
}

} // namespace

StatusLine::StatusLine(QWidget* parent) : QStatusBar(parent) {
    setSizeGripEnabled(false);
    setContentsMargins(4, 0, 6, 0);
    m_machine = quiet(this, "statusMachine");
    m_backend = quiet(this, "statusBackend");
    m_agreement = quiet(this, "statusAgreement");
    m_memory = quiet(this, "statusMemory");
    m_hint = quiet(this, "statusHint");
    m_message = quiet(this, "statusMessage");
    // It has the room that the others leave; the tool tip has all of a long sentence.
    m_message->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
    m_offer = headerButton({}, this);
    m_offer->setObjectName(QStringLiteral("statusOffer"));
    m_offer->hide();
    m_job = quiet(this, "statusJob");
    m_bar = new QProgressBar(this);
    m_bar->setFixedWidth(kBarWidth);
    m_bar->setRange(0, kFull);
    m_bar->setTextVisible(false);
    m_cancel = headerButton(tr("cancel ✕"), this);
    m_cancel->setObjectName(QStringLiteral("statusCancel"));
    addWidget(m_machine);
    addWidget(m_backend);
    addWidget(m_agreement);
    addWidget(m_memory);
    addWidget(m_hint);
    addWidget(m_message, 1);
    addPermanentWidget(m_offer);
    addPermanentWidget(m_job);
    addPermanentWidget(m_bar);
    addPermanentWidget(m_cancel);
    connect(m_cancel, &QToolButton::clicked, this, &StatusLine::cancelRequested);
    m_messageEnds.setSingleShot(true);
    m_messageEnds.setInterval(kMessageMs);
    connect(&m_messageEnds, &QTimer::timeout, this, [this] {
        m_message->clear();
        m_offer->hide();
    });
    connect(m_offer, &QToolButton::clicked, this, &StatusLine::offerTaken);
    clearJob();
    applyTheme();
}

void StatusLine::setMachine(const QString& text) {
    m_machine->setText(text);
}

void StatusLine::setBackend(const QString& text) {
    m_backend->setText(text);
}

void StatusLine::setAgreement(const QString& text, bool good) {
    m_agreement->setText(text);
    m_agreementTone = good ? Tone::Muted : Tone::Bad;
    tint(m_agreement, m_agreementTone);
}

void StatusLine::setMemory(const QString& text, const QString& tip, bool fits) {
    m_memory->setText(text);
    m_memory->setToolTip(tip);
    m_memoryTone = fits ? Tone::Muted : Tone::Warning;
    tint(m_memory, m_memoryTone);
}

void StatusLine::setHint(const QString& text) {
    m_hint->setText(text);
}

void StatusLine::setJob(const QString& title, double fraction) {
    const double share = std::clamp(fraction, 0.0, 1.0);
    m_job->setText(QStringLiteral("%1   %2 %").arg(title).arg(qRound(share * 100), 2));
    m_bar->setValue(static_cast<int>(share * kFull));
    m_job->show();
    m_bar->show();
    m_cancel->show();
}

void StatusLine::clearJob() {
    m_job->hide();
    m_bar->hide();
    m_cancel->hide();
}

void StatusLine::showFailure(const QString& line) {
    showMessage(line, Tone::Bad);
    Q_EMIT failureShown(line);
}

void StatusLine::showDone(const QString& line) {
    showMessage(line, Tone::Good);
}

void StatusLine::showMessage(const QString& line, Tone tone) {
    m_message->setText(line);
    m_message->setToolTip(line);
    m_messageTone = tone;
    tint(m_message, m_messageTone);
    m_offer->hide();
    m_messageEnds.start();
}

void StatusLine::offer(const QString& text) {
    m_offer->setText(text);
    m_offer->show();
}

QString StatusLine::message() const {
    return m_message->text();
}

void StatusLine::changeEvent(QEvent* event) {
    QStatusBar::changeEvent(event);
    if (event->type() == QEvent::PaletteChange)
        applyTheme();
}

void StatusLine::tint(QLabel* label, Tone tone) {
    const Theme& t = theme();
    const QColor colours[] = {t.mutedText, t.good, t.bad, t.warning};
    QPalette palette = label->palette();
    palette.setColor(QPalette::WindowText, colours[static_cast<int>(tone)]);
    label->setPalette(palette);
}

void StatusLine::applyTheme() {
    for (QLabel* label : {m_machine, m_backend, m_job})
        tint(label, Tone::Muted);
    tint(m_hint, Tone::Warning);
    tint(m_agreement, m_agreementTone);
    tint(m_memory, m_memoryTone);
    tint(m_message, m_messageTone);
}

} // namespace fovea
