#pragma once
// Every action of the window in one list that narrows as one types; Enter does it.

#include <QDialog>
#include <QList>

class QAction;
class QLineEdit;
class QListWidget;

namespace fovea {

class ActionPalette : public QDialog {
    Q_OBJECT

public:
    ActionPalette(const QList<QAction*>& actions, QWidget* parent = nullptr);

    void setFilter(const QString& words);
    QStringList shownTexts() const;

protected:
    bool eventFilter(QObject* object, QEvent* event) override;

private:
    void refill();
    void accept() override;

    QList<QAction*> m_actions;
    QLineEdit* m_words;
    QListWidget* m_list;
};

} // namespace fovea
