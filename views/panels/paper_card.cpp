#include "views/panels/paper_card.h"

#include <QFontMetrics>
#include <QPainter>

#include "views/theme.h"

namespace fovea {
namespace {

constexpr int kMargin = 8, kPadding = 8, kLine = 3;

} // namespace

PaperCard::PaperCard(QWidget* parent) : QWidget(parent) {
    QSizePolicy policy(QSizePolicy::Preferred, QSizePolicy::Fixed);
    policy.setHeightForWidth(true);
    setSizePolicy(policy);
    hide();
}

void PaperCard::setFacts(const PaperFacts& facts) {
    m_facts = facts;
    setVisible(!facts.title.isEmpty());
    setToolTip(facts.reference);
    updateGeometry();
    update();
}

QString PaperCard::toText() const {
    QString text = m_facts.title + QStringLiteral(" — ") + m_facts.authors;
    if (!m_facts.reference.isEmpty())
        text += QStringLiteral(", ") + m_facts.reference;
    text += tr("\nPublished: %1\nFovea moves: %2\n").arg(m_facts.published, m_facts.moves);
    return m_facts.note.isEmpty() ? text : text + m_facts.note + u'\n';
}

int PaperCard::layOut(QPainter* painter, int width) const {
    const auto& t = theme();
    const int left = kMargin + kPadding, inner = std::max(width - 2 * left, 40);
    int y = kPadding;
    const auto paragraph = [&](const QString& text, const QFont& font, const QColor& color) {
        if (text.isEmpty())
            return;
        const auto box = QFontMetrics(font).boundingRect(QRect(0, 0, inner, 1000), Qt::TextWordWrap, text);
        if (painter) {
            painter->setFont(font);
            painter->setPen(color);
            painter->drawText(QRect(left, y, inner, box.height()), Qt::TextWordWrap, text);
        }
        y += box.height() + kLine;
    };
    paragraph(m_facts.authors.isEmpty() ? m_facts.title
                                        : m_facts.title + QStringLiteral(" — ") + m_facts.authors,
              uiFont(12), t.text);
    const auto labelled = [](const QString& label, const QString& text) {
        return text.isEmpty() ? QString() : label + text;
    };
    paragraph(labelled(tr("Published: "), m_facts.published), uiFont(11), t.mutedText);
    paragraph(labelled(tr("Fovea moves "), m_facts.moves), uiFont(11), t.mutedText);
    paragraph(m_facts.note, uiFont(11), t.mutedText);
    return y - kLine + kPadding + kMargin;
}

QSize PaperCard::sizeHint() const {
    return {280, layOut(nullptr, 280)};
}

int PaperCard::heightForWidth(int width) const {
    return layOut(nullptr, width);
}

void PaperCard::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    paintInto(painter, size());
}

void PaperCard::paintInto(QPainter& painter, const QSize& size) const {
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setPen(Qt::NoPen);
    painter.setBrush(theme().field);
    painter.drawRoundedRect(QRectF(QPointF(0, 0), size).adjusted(kMargin, 0, -kMargin, -kMargin), 4, 4);
    layOut(&painter, size.width());
}

} // namespace fovea
