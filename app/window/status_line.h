#pragma once
// The window's last line: where the numbers come from at the left, what is going on at the right, and in
// between the one sentence that something failed with.

#include <QStatusBar>
#include <QTimer>

class QLabel;
class QProgressBar;
class QToolButton;

namespace fovea {

class StatusLine : public QStatusBar {
    Q_OBJECT

public:
    explicit StatusLine(QWidget* parent = nullptr);

    void setMachine(const QString& text); // "CPU · 2 threads · AVX3"
    void setBackend(const QString& text); // "backend cpu"
    // "formula = counted ✓ 96 steps"; a disagreement is shown as one.
    void setAgreement(const QString& text, bool good);
    // "a run holds 45 MB"; beyond the budget it is a warning.
    void setMemory(const QString& text, const QString& tip, bool fits);
    void setHint(const QString& text); // "the prompt changed: press Run"
    void setJob(const QString& title, double fraction);
    void clearJob();
    void showFailure(const QString& line);
    // A button beside the line that is shown, for as long as it is.
    void offer(const QString& text);
    void showDone(const QString& line);
    QString message() const;

Q_SIGNALS:
    void cancelRequested();
    void failureShown(const QString& line);
    void offerTaken(); // of the line that is shown

protected:
    void changeEvent(QEvent* event) override;

private:
    enum class Tone { Muted, Good, Bad, Warning };
    void tint(QLabel* label, Tone tone);
    void applyTheme();
    void showMessage(const QString& line, Tone tone);

    QLabel* m_machine;
    QLabel* m_backend;
    QLabel* m_agreement;
    QLabel* m_memory;
    QLabel* m_hint;
    QLabel* m_message;
    QLabel* m_job;
    QProgressBar* m_bar;
    QToolButton *m_offer, *m_cancel;
    QTimer m_messageEnds;
    Tone m_agreementTone = Tone::Muted, m_memoryTone = Tone::Muted, m_messageTone = Tone::Muted;
};

} // namespace fovea
