#include "app/window/plan_chip.h"

#include <QAbstractItemView>
#include <QComboBox>
#include <QEvent>
#include <QFontMetrics>
#include <QHBoxLayout>
#include <QLabel>
#include <QLineEdit>
#include <QPainter>

#include <algorithm>

#include "views/theme.h"

namespace fovea {

namespace {

constexpr int kDot = 8;
constexpr int kHeight = 26;

} // namespace

PlanChip::PlanChip(Role role, QWidget* parent) : QFrame(parent), m_role(role) {
    setObjectName(role == Role::A ? QStringLiteral("chipA") : QStringLiteral("chipB"));
    setFixedHeight(kHeight);
    setSizePolicy(QSizePolicy::Fixed, QSizePolicy::Fixed);
    auto* row = new QHBoxLayout(this);
    row->setContentsMargins(12 + kDot, 0, 2, 0);
    row->setSpacing(6);
    m_letter = new QLabel(role == Role::A ? QStringLiteral("A") : QStringLiteral("B"));
    m_edit = new QComboBox;
    m_edit->setEditable(true);
    m_edit->setInsertPolicy(QComboBox::NoInsert);
    m_edit->setFrame(false);
    m_edit->setFont(numberFont());
    m_edit->lineEdit()->setFrame(false);
    m_edit->setCompleter(nullptr); // completing "read=sparq" to a preset would change what was typed
    m_edit->setAccessibleName(role == Role::A ? tr("Plan A") : tr("Plan B"));
    m_edit->setToolTip(
        tr("A plan in its text form, such as “dense” or “read=sparq:r=8,k=64”. Enter applies it."));
    row->addWidget(m_letter);
    row->addWidget(m_edit, 1);
    connect(m_edit->lineEdit(), &QLineEdit::returnPressed, this,
            [this] { Q_EMIT entered(m_edit->currentText()); });
    connect(m_edit->lineEdit(), &QLineEdit::textEdited, this, [this] { showError({}); });
    connect(m_edit, &QComboBox::activated, this, [this](int index) {
        const QString plan = m_edit->itemData(index).toString();
        m_edit->setEditText(plan);
        Q_EMIT entered(plan);
    });
    applyTheme();
}

void PlanChip::setPlanText(const QString& text) {
    showError({});
    m_text = text;
    m_edit->setEditText(text);
    m_edit->lineEdit()->setCursorPosition(0);
    const int width = QFontMetrics(m_edit->font()).horizontalAdvance(text);
    m_edit->setFixedWidth(std::clamp(width + 44, 110, 360));
}

QString PlanChip::planText() const {
    return m_edit->currentText();
}

void PlanChip::addChoice(const QString& name, const QString& plan, const QString& tip) {
    const QString shown = m_edit->currentText();
    m_edit->addItem(QStringLiteral("%1   %2").arg(name, plan), plan);
    m_edit->setItemData(m_edit->count() - 1, tip, Qt::ToolTipRole);
    m_edit->setEditText(shown);
    m_edit->view()->setMinimumWidth(420);
}

void PlanChip::clearChoices() {
    const QString shown = m_edit->currentText();
    m_edit->clear();
    m_edit->setEditText(shown);
}

void PlanChip::showError(const QString& sentence) {
    if (sentence.isEmpty()) {
        if (m_error)
            m_error->hide();
        return;
    }
    if (!m_error) {
        m_error = new QLabel(window());
        m_error->setObjectName(objectName() + QStringLiteral("Error"));
        m_error->setWordWrap(true);
        m_error->setTextFormat(Qt::PlainText);
        m_error->setMaximumWidth(560);
        applyTheme();
    }
    m_error->setText(sentence);
    m_error->adjustSize();
    m_error->move(mapTo(window(), QPoint(0, height() + 4)));
    m_error->raise();
    m_error->show();
}

QString PlanChip::error() const {
    return m_error && m_error->isVisibleTo(window()) ? m_error->text() : QString();
}

void PlanChip::changeEvent(QEvent* event) {
    QFrame::changeEvent(event);
    if (event->type() == QEvent::PaletteChange)
        applyTheme();
}

void PlanChip::paintEvent(QPaintEvent*) {
    const Theme& t = theme();
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    const QColor role = m_role == Role::A ? t.planA : t.planB;
    // B is the plan being worked on; its chip carries its colour.
    painter.setPen(m_role == Role::A ? t.border : role);
    painter.setBrush(t.field);
    painter.drawRoundedRect(QRectF(rect()).adjusted(0.5, 0.5, -0.5, -0.5), 4, 4);
    painter.setPen(Qt::NoPen);
    painter.setBrush(role);
    painter.drawEllipse(QRectF(9, (height() - kDot) / 2.0, kDot, kDot));
}

void PlanChip::applyTheme() {
    const Theme& t = theme();
    m_edit->setStyleSheet(
        QStringLiteral("QComboBox { background: transparent; border: none; padding: 0 2px; }"
                       "QLineEdit { background: transparent; border: none; }"));
    if (m_error)
        m_error->setStyleSheet(QStringLiteral("QLabel { background: %1; color: %2; border: 1px solid %2;"
                                              " border-radius: 4px; padding: 6px 8px; }")
                                   .arg(t.panel.name(), t.bad.name()));
}

} // namespace fovea
