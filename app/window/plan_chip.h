#pragma once
// A plan in the toolbar: its letter, its colour, its text. The text can be typed; what cannot be understood
// is answered by one sentence below the chip, and nothing changes.

#include <QFrame>

class QComboBox;
class QLabel;

namespace fovea {

class PlanChip : public QFrame {
    Q_OBJECT

public:
    enum class Role { A, B };

    explicit PlanChip(Role role, QWidget* parent = nullptr);

    void setPlanText(const QString& text);
    QString planText() const;
    // Suggestions, with a name for each.
    void addChoice(const QString& name, const QString& plan, const QString& tip);
    void clearChoices();
    // An empty sentence takes the old one away.
    void showError(const QString& sentence);
    QString error() const;
    QComboBox* edit() const { return m_edit; }

Q_SIGNALS:
    void entered(const QString& text);

protected:
    void changeEvent(QEvent* event) override;
    void paintEvent(QPaintEvent* event) override;

private:
    void applyTheme();

    const Role m_role;
    QLabel* m_letter;
    QComboBox* m_edit;
    QLabel* m_error = nullptr;
    QString m_text;
};

} // namespace fovea
