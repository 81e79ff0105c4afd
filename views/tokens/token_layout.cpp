#include "views/tokens/token_layout.h"

#include <QFontMetrics>
#include <algorithm>

namespace fovea {
namespace {

constexpr int kMarginX = 10, kMarginY = 6;
constexpr int kPadding = 3; // inside a chip, left and right
constexpr int kJoint = 1;   // between chips of one word
constexpr int kChipHeight = 18, kLineGap = 4;

// A sign for what could not be seen; the character itself otherwise.
QString sign(QChar c) {
    switch (c.unicode()) {
    case '\n':
        return QStringLiteral("↵");
    case '\r':
        return QStringLiteral("\\r");
    case '\t':
        return QStringLiteral("⇥");
    default:
        break;
    }
    if (c.isPrint() || c.isSurrogate())
        return c;
    if (c.isSpace())
        return QStringLiteral("·");
    return c.unicode() < 256 ? QStringLiteral("\\x%1").arg(c.unicode(), 2, 16, QLatin1Char('0'))
                             : QStringLiteral("\\u%1").arg(c.unicode(), 4, 16, QLatin1Char('0'));
}

} // namespace

ShownToken shownToken(const QString& text) {
    ShownToken token;
    token.breaksLine = text.endsWith(QLatin1Char('\n'));
    token.gap = text.startsWith(QLatin1Char(' ')) && text.size() > 1;
    const bool onlySpaces = !text.isEmpty() && text.count(QLatin1Char(' ')) == text.size();
    for (qsizetype i = token.gap ? 1 : 0; i < text.size(); ++i)
        token.shown +=
            onlySpaces || (token.gap && text[i] == QLatin1Char(' ')) ? QStringLiteral("·") : sign(text[i]);
    if (token.shown.isEmpty())
        token.shown = QStringLiteral("∅"); // a token that writes nothing, BOS for one
    return token;
}

void TokenLayout::setTokens(std::vector<ShownToken> tokens) {
    m_tokens = std::move(tokens);
    m_chips.clear();
    m_lineFirst.clear();
}

void TokenLayout::build(const QFont& font, int width) {
    m_chips.clear();
    m_lineFirst.clear();
    m_lineHeight = kChipHeight + kLineGap;
    const QFontMetrics metrics(font);
    const int space = metrics.horizontalAdvance(QLatin1Char(' '));
    const bool fixedPitch = space == metrics.horizontalAdvance(QLatin1Char('W'));
    const auto widthOf = [&](const QString& text) {
        // Nearly every token; measuring them all one by one would be most of the layout's time.
        const bool plain =
            fixedPitch && std::all_of(text.begin(), text.end(), [](QChar c) { return c.unicode() < 127; });
        return plain ? static_cast<int>(text.size()) * space : metrics.horizontalAdvance(text);
    };
    const int right = std::max(width - kMarginX, kMarginX + 1);
    int x = kMarginX;
    bool fresh = true; // nothing on this line yet
    for (const ShownToken& token : m_tokens) {
        const int wide = widthOf(token.shown) + 2 * kPadding;
        const int gap = fresh ? 0 : token.gap ? space : kJoint;
        if (!fresh && x + gap + wide > right) {
            x = kMarginX;
            fresh = true;
        } else {
            x += gap;
        }
        if (fresh)
            m_lineFirst.push_back(static_cast<std::int32_t>(m_chips.size()));
        m_chips.push_back(
            {x, std::min(wide, right - kMarginX), static_cast<std::int32_t>(m_lineFirst.size()) - 1});
        x += wide;
        fresh = token.breaksLine;
        if (fresh)
            x = kMarginX;
    }
}

int TokenLayout::height() const {
    return lines() * m_lineHeight + 2 * kMarginY - kLineGap;
}

QRect TokenLayout::rect(int index) const {
    if (index < 0 || index >= size())
        return {};
    const Chip& chip = m_chips[static_cast<std::size_t>(index)];
    return {chip.x, kMarginY + chip.line * m_lineHeight, chip.width, kChipHeight};
}

int TokenLayout::lineAt(int y) const {
    return std::clamp((y - kMarginY) / m_lineHeight, 0, std::max(0, lines() - 1));
}

int TokenLayout::firstOfLine(int line) const {
    return line >= lines() ? size() : m_lineFirst[static_cast<std::size_t>(std::max(line, 0))];
}

int TokenLayout::at(const QPoint& content) const {
    if (lines() == 0 || content.y() < kMarginY)
        return -1;
    const int line = lineAt(content.y());
    const auto begin = m_chips.begin() + firstOfLine(line), end = m_chips.begin() + firstOfLine(line + 1);
    const auto after =
        std::upper_bound(begin, end, content.x(), [](int x, const Chip& chip) { return x < chip.x; });
    if (after == begin)
        return -1;
    const auto index = static_cast<int>(after - m_chips.begin()) - 1;
    return rect(index).contains(content) ? index : -1;
}

} // namespace fovea
