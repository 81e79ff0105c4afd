#pragma once
// The text as the model sees it: one chip per token, flowing over lines, coloured by a measure. Click sets
// the query, shift-click pins, arrows walk. Spaces between words stay spaces; what could not be seen is shown
// by a sign (↵ for a line break, · for a space that stands alone, \x07 for a control character).

#include <QAbstractScrollArea>
#include <QString>
#include <functional>
#include <set>
#include <vector>

#include "views/tokens/token_layout.h"

namespace fovea {

struct TokenCell {
    QString text;
    bool generated = false;
    float measure = 0;   // mass or nats, shown as a tint between 0 and the strip's largest
    bool chosen = false; // read by the plan for the query
};

enum class TokenColour { None, Chosen, Missed, Surprise };

class TokenStrip : public QAbstractScrollArea {
    Q_OBJECT
public:
    explicit TokenStrip(QWidget* parent = nullptr);

    void setTokens(std::vector<TokenCell> tokens); // same texts as before: only colours change, no new layout
    void setColour(TokenColour colour);            // Chosen at first
    TokenColour colour() const { return m_colour; }
    void setQuery(int query); // −1: none; scrolls it into view
    int query() const { return m_query; }
    void setPinned(std::set<int> pinned);
    const std::set<int>& pinned() const { return m_pinned; }
    void setEmptyText(const QString& text);
    // What a token's tip says behind its position; asked when the tip is shown.
    void setDetail(std::function<QString(int index)> detail) { m_detail = std::move(detail); }

    int tokenAt(const QPoint& viewportPosition) const; // −1 where there is none
    QRect tokenRect(int index) const;                  // in viewport coordinates
    void paintInto(QPainter& painter, QSize size) const;
    QImage renderToImage(QSize size) const;
    QString toCsv() const; // position,token,generated,read,measure

    QSize sizeHint() const override { return {800, 60}; }
    QSize minimumSizeHint() const override { return {160, 44}; }

Q_SIGNALS:
    void tokenPicked(int index);
    void tokenPinned(int index); // shift-click; setPinned decides what is shown

protected:
    bool viewportEvent(QEvent* event) override;
    void paintEvent(QPaintEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;
    void changeEvent(QEvent* event) override;
    void mousePressEvent(QMouseEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;

private:
    void relayout();
    void drawRows(QPainter& painter, const TokenLayout& layout, int top, int bottom) const;
    void drawChip(QPainter& painter, const TokenLayout& layout, int index, const QRect& rect) const;
    QColor background(const TokenCell& cell) const;
    QString describe(int index) const;

    std::vector<TokenCell> m_tokens;
    TokenLayout m_layout;
    TokenColour m_colour = TokenColour::Chosen;
    float m_measureMax = 0;
    int m_query = -1;
    std::set<int> m_pinned;
    QString m_emptyText;
    std::function<QString(int)> m_detail;
};

} // namespace fovea
