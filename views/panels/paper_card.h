#pragma once
// A method's source in four lines: what its paper says it costs, and what Fovea itself moves. The two are
// never the same number, and the card says which is which.

#include <QString>
#include <QWidget>

class QPainter;

namespace fovea {

struct PaperFacts {
    QString title;     // "SparQ Attention"
    QString authors;   // "Ribar et al., 2023"
    QString reference; // "arXiv 2312.04985"
    QString published; // the paper's own expression, "S·r + 2·k·d + 4·d elements per KV head"
    QString moves;     // what Fovea moves now, "97.5 kB per step, all layers"
    QString note;      // measured beside published, or empty
};

class PaperCard : public QWidget {
    Q_OBJECT
public:
    explicit PaperCard(QWidget* parent = nullptr);
    void setFacts(const PaperFacts& facts); // an empty title hides the card
    const PaperFacts& facts() const { return m_facts; }

    QString toText() const;
    QSize sizeHint() const override;
    int heightForWidth(int width) const override;
    void paintInto(QPainter& painter, const QSize& size) const;

protected:
    void paintEvent(QPaintEvent*) override;

private:
    int layOut(QPainter* painter, int width) const; // draws, or only measures when null; the height

    PaperFacts m_facts;
};

} // namespace fovea
