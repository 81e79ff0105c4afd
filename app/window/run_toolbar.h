#pragma once
// The row below the menus: the model, Run, Step, Stop, the two plans, where decoding begins; at the right the
// menus for colour and export and the way to every other action.

#include <QToolBar>

class QMenu;
class QSpinBox;
class QToolButton;

namespace fovea {

class PlanChip;
struct WindowActions;
struct WindowMenus;

class RunToolbar : public QToolBar {
    Q_OBJECT

public:
    RunToolbar(const WindowActions& actions, const WindowMenus& menus, QWidget* parent = nullptr);

    PlanChip* chipA() const { return m_chipA; }
    PlanChip* chipB() const { return m_chipB; }
    void setModelText(const QString& text);
    void setColourText(const QString& text);
    // Positions 0..prompt; -1 stands for the prompt's end. Does not emit.
    void setDecodeFrom(qint64 position, qint64 prompt);

Q_SIGNALS:
    void decodeFromChosen(qint64 position);

protected:
    bool eventFilter(QObject* object, QEvent* event) override;

private:
    QToolButton* m_model;
    QToolButton* m_colour;
    PlanChip* m_chipA;
    PlanChip* m_chipB;
    QSpinBox* m_decodeFrom;
    QToolButton* m_more; // Qt's own, there where the window is too narrow for all
};

} // namespace fovea
