#pragma once
// The frame around every view: a bold title, a muted subtitle, a slot at the right for actions, a line, and
// the content. Corners are rounded by 4 px. In a dock the header stands apart, as what one drags the panel
// by; the two together look the same.

#include <QFrame>

class QBoxLayout;
class QLabel;
class QToolButton;

namespace fovea {

class PanelFrame : public QFrame {
    Q_OBJECT
public:
    explicit PanelFrame(const QString& title, QWidget* parent = nullptr);

    void setTitle(const QString& title);
    void setSubtitle(const QString& text); // elided at the right when the panel is narrow
    QString subtitle() const;
    void addHeaderWidget(QWidget* widget); // into the slot at the right, after what is there
    // Muted text in that slot, before the actions; what it means is left to its tool tip.
    void setNote(const QString& text, const QString& tip = {});
    void setContent(QWidget* content);     // takes ownership; replaces
    QWidget* content() const { return m_content; }
    // The row with title and actions, to stand right above this frame; it is still set through this class.
    QWidget* takeHeader();

protected:
    bool eventFilter(QObject* object, QEvent* event) override;

private:
    void elideSubtitle();

    QFrame* m_header;
    QLabel* m_title;
    QLabel* m_subtitle;
    QLabel* m_note;
    QBoxLayout* m_actions;
    QBoxLayout* m_column;
    QWidget* m_content = nullptr;
    QString m_subtitleText;
};

// A flat text button for a panel's header ("sort: missed mass ▾").
QToolButton* headerButton(const QString& text, QWidget* parent = nullptr);

} // namespace fovea
