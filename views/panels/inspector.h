#pragma once
// One query of one head, stage by stage as its read goes: |q| and what SparQ keeps of it, what the choice was made by
// against exact scores (of Quest, page by page), the softmax over the tokens read, the output beside the dense one. A row
// that was read dense says so and shows its exact parts. The content of a PanelFrame, whose header furnish() fills.

#include <QImage>
#include <QString>
#include <QWidget>

#include <memory>

#include "core/engine/replay.h"

class QToolButton;

namespace fovea {

class PanelFrame;
class PaperCard;
class StagesView;
struct PaperFacts;

class Inspector : public QWidget {
    Q_OBJECT
public:
    explicit Inspector(QWidget* parent = nullptr);

    // Null clears.
    void setStages(std::shared_ptr<const QueryStages> stages);
    // The query's token as text, for the title; empty shows the position alone.
    void setTokenText(const QString& text);
    // Which neighbours the two arrows may go to.
    void setQueryLimits(qint64 first, qint64 last);
    void setPaper(const PaperFacts& facts);

    const QueryStages* stages() const;
    StagesView* stagesView() const { return m_view; }
    PaperCard* paperCard() const { return m_paper; }

    QString toCsv() const;
    void paintInto(QPainter& painter, QSize size) const;
    QImage renderToImage(QSize size, double devicePixelRatio = 1) const;
    // Title, subtitle and the two arrows into the frame's header.
    void furnish(PanelFrame* frame);

Q_SIGNALS:
    // The arrows, or Left and Right.
    void queryRequested(qint64 query);

protected:
    void keyPressEvent(QKeyEvent*) override;

private:
    void showTitle();
    void request(int step);

    PanelFrame* m_frame = nullptr; // furnished; not owned
    QToolButton* m_previous = nullptr;
    QToolButton* m_next = nullptr;
    StagesView* m_view = nullptr;
    PaperCard* m_paper = nullptr;
    QString m_token;
    qint64 m_first = 0, m_last = 0;
};

} // namespace fovea
