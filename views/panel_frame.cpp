#include "views/panel_frame.h"

#include <QBoxLayout>
#include <QLabel>
#include <QToolButton>
#include <QVariant>

#include "views/theme.h"

namespace fovea {
namespace {

constexpr int kHeaderHeight = 26;

} // namespace

PanelFrame::PanelFrame(const QString& title, QWidget* parent) : QFrame(parent) {
    auto* header = new QWidget;
    header->setFixedHeight(kHeaderHeight);
    auto* row = new QHBoxLayout(header);
    row->setContentsMargins(10, 0, 8, 0);
    row->setSpacing(8);
    m_title = new QLabel(title);
    m_title->setProperty("role", "title");
    m_title->setFont(uiFont(12, true));
    m_subtitle = new QLabel;
    m_subtitle->setProperty("role", "muted");
    m_subtitle->setMinimumWidth(0);
    m_subtitle->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
    m_subtitle->setTextFormat(Qt::PlainText);
    m_note = new QLabel;
    m_note->setProperty("role", "muted");
    m_note->hide();
    row->addWidget(m_title);
    row->addWidget(m_subtitle, 1);
    m_actions = new QHBoxLayout;
    m_actions->setSpacing(8);
    m_actions->addWidget(m_note);
    row->addLayout(m_actions);

    auto* line = new QFrame;
    line->setFixedHeight(1);
    line->setFrameShape(QFrame::NoFrame);
    line->setStyleSheet(QStringLiteral("background: palette(mid);"));

    m_column = new QVBoxLayout(this);
    m_column->setContentsMargins(1, 1, 1, 1);
    m_column->setSpacing(0);
    m_column->addWidget(header);
    m_column->addWidget(line);
}

void PanelFrame::setTitle(const QString& title) {
    m_title->setText(title);
}

void PanelFrame::setSubtitle(const QString& text) {
    if (text == m_subtitleText)
        return;
    m_subtitleText = text;
    elideSubtitle();
}

QString PanelFrame::subtitle() const {
    return m_subtitleText;
}

void PanelFrame::addHeaderWidget(QWidget* widget) {
    m_actions->addWidget(widget);
}

void PanelFrame::setNote(const QString& text) {
    m_note->setText(text);
    m_note->setVisible(!text.isEmpty());
    elideSubtitle();
}

void PanelFrame::setContent(QWidget* content) {
    if (m_content) {
        m_column->removeWidget(m_content);
        m_content->deleteLater();
    }
    m_content = content;
    if (m_content)
        m_column->addWidget(m_content, 1);
}

void PanelFrame::resizeEvent(QResizeEvent* event) {
    QFrame::resizeEvent(event);
    elideSubtitle();
}

void PanelFrame::elideSubtitle() {
    if (layout())
        layout()->activate();
    m_subtitle->setText(
        m_subtitle->fontMetrics().elidedText(m_subtitleText, Qt::ElideRight, qMax(0, m_subtitle->width())));
    m_subtitle->setToolTip(m_subtitle->text() == m_subtitleText ? QString() : m_subtitleText);
}

QToolButton* headerButton(const QString& text, QWidget* parent) {
    auto* button = new QToolButton(parent);
    button->setText(text);
    button->setProperty("header", true);
    button->setToolButtonStyle(Qt::ToolButtonTextOnly);
    button->setCursor(Qt::PointingHandCursor);
    return button;
}

} // namespace fovea
