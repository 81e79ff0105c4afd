#pragma once
// The prompt as plain text, with its length in tokens and the most that fit.

#include <QDialog>

class QDialogButtonBox;
class QLabel;
class QPlainTextEdit;

namespace fovea {

class Document;

class PromptDialog : public QDialog {
    Q_OBJECT

public:
    explicit PromptDialog(Document& document, QWidget* parent = nullptr);

    QPlainTextEdit* edit() const { return m_edit; }
    bool fits() const;

private:
    void count();
    void accept() override;

    Document& m_document;
    QPlainTextEdit* m_edit;
    QLabel* m_count;
    QDialogButtonBox* m_buttons;
    std::int64_t m_tokens = 0;
};

} // namespace fovea
