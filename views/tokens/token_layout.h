#pragma once
// Where each token's chip stands: words flow left to right and wrap at the width, a line break ends the line.
// Made once per width; finding the tokens of a line or the token under a point is a binary search.

#include <QFont>
#include <QRect>
#include <QString>
#include <cstdint>
#include <vector>

namespace fovea {

// What is written for a token's text: `shown` without the leading space, which `gap` stands for.
struct ShownToken {
    QString shown;
    bool gap = false;        // a space before the chip
    bool breaksLine = false; // the text ends in a line break
};
ShownToken shownToken(const QString& text);

class TokenLayout {
public:
    void setTokens(std::vector<ShownToken> tokens); // build() must follow
    void build(const QFont& font, int width);

    int size() const { return static_cast<int>(m_chips.size()); }
    int lines() const { return static_cast<int>(m_lineFirst.size()); }
    int lineHeight() const { return m_lineHeight; }
    int height() const; // all lines with the margins
    const ShownToken& token(int index) const { return m_tokens[static_cast<std::size_t>(index)]; }
    QRect rect(int index) const;         // of the chip, in content coordinates
    int lineAt(int y) const;             // clamped
    int firstOfLine(int line) const;     // size() for line == lines()
    int at(const QPoint& content) const; // −1 where there is no chip

private:
    struct Chip {
        std::int32_t x, width, line;
    };
    std::vector<ShownToken> m_tokens;
    std::vector<Chip> m_chips;
    std::vector<std::int32_t> m_lineFirst;
    int m_lineHeight = 22;
};

} // namespace fovea
