#include "views/panel_frame.h"

#include <QBoxLayout>
#include <QEvent>
#include <QLabel>
#include <QToolButton>
#include <QVariant>

#include "views/theme.h"

namespace fovea {
namespace {

constexpr int kHeaderHeight = 26;

} // namespace

PanelFrame::PanelFrame(const QString& title, QWidget* parent) : QFrame(parent) {
    m_header = new QFrame;
    m_header->setObjectName(QStringLiteral("panelHeader"));
    m_header->setFixedHeight(kHeaderHeight);
    m_header->installEventFilter(this);
    auto* row = new QHBoxLayout(m_header);
    row->setContentsMargins(10, 0, 8, 0);
    row->addStrut(kHeaderHeight); // a dock asks its title bar for nothing but its hint
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
    m_column->addWidget(m_header);
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

void PanelFrame::setNote(const QString& text, const QString& tip) {
    m_note->setText(text);
    m_note->setToolTip(tip);
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

QWidget* PanelFrame::takeHeader() {
    m_column->removeWidget(m_header);
    m_column->setContentsMargins(1, 0, 1, 1);
    // The style sheet draws the upper part of the border around one of them and the lower around the other.
    setProperty("headed", false);
    m_header->setProperty("apart", true);
    m_header->setFixedHeight(kHeaderHeight + 1);
    m_header->layout()->setContentsMargins(11, 1, 9, 0);
    return m_header;
}

bool PanelFrame::eventFilter(QObject* object, QEvent* event) {
    if (object == m_header && event->type() == QEvent::Resize)
        elideSubtitle();
    return QFrame::eventFilter(object, event);
}

void PanelFrame::elideSubtitle() {
    m_header->layout()->activate();
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
