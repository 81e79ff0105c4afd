#pragma once
// The prompt as plain text, with its length in tokens and the most that fit. Texts come from the keyboard, a file or
// the clipboard; one that is too long is cut, and that is said. Tokens are counted in the background.

#include <QDialog>

#include <functional>
#include <optional>
#include <string>

#include "app/window/prompt_text.h"

class QCheckBox;
class QDialogButtonBox;
class QLabel;
class QPlainTextEdit;
class QPushButton;
class QTimer;

namespace fovea {

class Document;
class JobRunner;

class PromptDialog : public QDialog {
    Q_OBJECT

public:
    // The document has a model.
    PromptDialog(Document& document, JobRunner& jobs, QWidget* parent = nullptr);
    ~PromptDialog() override;

    QPlainTextEdit* edit() const { return m_edit; }
    QCheckBox* chat() const { return m_chat; } // hidden where the model has no template
    QString said() const;                      // the line below the text
    bool counted() const { return m_prompt.has_value(); } // the text as it stands
    bool fits() const;

    void takeFile(const QString& path);
    void takeText(const std::string& text);

private:
    void lay();
    void showChat();
    void edited();
    void count();
    void say(const QString& line, bool bad);
    // `make` runs in a job; its result becomes the text.
    void take(std::function<std::string()> make);
    void accept() override;

    Document& m_document;
    JobRunner& m_jobs;
    QPlainTextEdit* m_edit;
    QCheckBox* m_chat;
    QLabel* m_count;
    QPushButton* m_cut;
    QDialogButtonBox* m_buttons;
    QTimer* m_quiet;
    std::optional<Prompt> m_prompt; // of the text as it stands, once it is counted
    QString m_news;                 // what happened to the text, until it is edited
};

// Reads and cuts `path`'s text in the background and makes it the document's prompt; `say` is told what happened in
// one line, `bad` when nothing came of it.
void promptFrom(Document& document, JobRunner& jobs, const QString& title, std::function<std::string()> make,
                std::function<void(const QString& line, bool bad)> say);

} // namespace fovea
