#include "app/window/run_toolbar.h"

#include <QAction>
#include <QEvent>
#include <QHBoxLayout>
#include <QLabel>
#include <QMenu>
#include <QPainter>
#include <QSignalBlocker>
#include <QSpinBox>
#include <QToolButton>

#include "app/window/plan_chip.h"
#include "app/window/window_actions.h"
#include "views/theme.h"

namespace fovea {

namespace {

QToolButton* menuButton(const QString& text, QMenu* menu, const QString& tip) {
    auto* button = new QToolButton;
    button->setText(text + QStringLiteral(" ▾"));
    button->setMenu(menu);
    button->setPopupMode(QToolButton::InstantPopup);
    button->setToolTip(tip);
    // The text carries its own arrow; the style's would be a second one.
    button->setStyleSheet(QStringLiteral("QToolButton::menu-indicator { image: none; }"));
    return button;
}

QToolButton* actionButton(QAction* action, const QString& sign) {
    auto* button = new QToolButton;
    button->setDefaultAction(action);
    button->setText(QStringLiteral("%1 %2").arg(sign, action->text()));
    // An action that changes (enabled, checked) writes its own text back.
    QObject::connect(action, &QAction::changed, button, [button, action, sign] {
        button->setText(QStringLiteral("%1 %2").arg(sign, action->text()));
    });
    return button;
}

QWidget* spacer(int width) {
    auto* space = new QWidget;
    if (width)
        space->setFixedWidth(width);
    else
        space->setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Preferred);
    return space;
}

} // namespace

RunToolbar::RunToolbar(const WindowActions& actions, const WindowMenus& menus, QWidget* parent)
    : QToolBar(tr("Run"), parent) {
    setObjectName(QStringLiteral("runToolbar"));
    setMovable(false);
    m_model =
        menuButton(tr("no model"), menus.models, tr("The model; models can also be dropped onto the window"));
    addWidget(m_model);
    addWidget(actionButton(actions.run, QStringLiteral("▶")));
    addWidget(actionButton(actions.step, QStringLiteral("▸|")));
    addWidget(actionButton(actions.stop, QStringLiteral("■")));
    addWidget(spacer(14));
    m_chipA = new PlanChip(PlanChip::Role::A);
    m_chipB = new PlanChip(PlanChip::Role::B);
    addWidget(m_chipA);
    addWidget(m_chipB);
    addWidget(spacer(6));
    auto* decode = new QWidget; // the words go with the field, where the window is too narrow for both
    auto* row = new QHBoxLayout(decode);
    row->setContentsMargins(0, 0, 0, 0);
    auto* label = new QLabel(tr("decode from"));
    label->setProperty("role", "muted");
    row->addWidget(label);
    m_decodeFrom = new QSpinBox;
    m_decodeFrom->setObjectName(QStringLiteral("decodeFrom"));
    m_decodeFrom->setSpecialValueText(tr("prompt's end"));
    m_decodeFrom->setKeyboardTracking(false);
    m_decodeFrom->setFixedWidth(118);
    m_decodeFrom->setToolTip(tr("Position from which B's plan acts; before it every token is read, but for "
                                "those that a masked prompt's keep hides"));
    m_decodeFrom->setRange(-1, 0);
    row->addWidget(m_decodeFrom);
    addWidget(decode);
    addWidget(spacer(0));
    m_colour = menuButton(tr("Colour"), menus.colour, tr("How weights become colours"));
    addWidget(m_colour);
    addWidget(menuButton(tr("Export"), menus.exports, tr("Pictures, tables, traces")));
    connect(m_decodeFrom, &QSpinBox::valueChanged, this, &RunToolbar::decodeFromChosen);
    m_more = findChild<QToolButton*>(QStringLiteral("qt_toolbar_ext_button"));
    m_more->setToolTip(tr("What the window is too narrow for"));
    m_more->installEventFilter(this);
}

// Qt's sign for "there is more" is a dark picture, and the buttons' padding leaves it no room.
bool RunToolbar::eventFilter(QObject* object, QEvent* event) {
    if (object != m_more || event->type() != QEvent::Paint)
        return QToolBar::eventFilter(object, event);
    QPainter painter(m_more);
    painter.setFont(uiFont(14, true));
    painter.setPen(theme().text);
    painter.drawText(m_more->rect(), Qt::AlignCenter, QStringLiteral("»"));
    return true;
}

void RunToolbar::setModelText(const QString& text) {
    m_model->setText(text + QStringLiteral(" ▾"));
}

void RunToolbar::setColourText(const QString& text) {
    m_colour->setText(tr("Colour: %1 ▾").arg(text));
}

void RunToolbar::setDecodeFrom(qint64 position, qint64 prompt) {
    const QSignalBlocker block(m_decodeFrom);
    m_decodeFrom->setRange(-1, static_cast<int>(prompt));
    m_decodeFrom->setValue(static_cast<int>(position));
}

} // namespace fovea
