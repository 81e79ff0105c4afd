#include "app/window/prompt_dialog.h"

#include <QDialogButtonBox>
#include <QLabel>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QVBoxLayout>

#include "app/window/document.h"
#include "app/window/loaded_model.h"
#include "core/tokenizer/tokenizer.h"
#include "views/theme.h"

namespace fovea {

PromptDialog::PromptDialog(Document& document, QWidget* parent) : QDialog(parent), m_document(document) {
    setWindowTitle(tr("Prompt"));
    auto* column = new QVBoxLayout(this);
    m_edit = new QPlainTextEdit(QString::fromStdString(document.prompt()));
    m_edit->setFont(numberFont(13));
    m_edit->setTabChangesFocus(true);
    m_count = new QLabel;
    m_count->setProperty("role", "muted");
    m_buttons = new QDialogButtonBox(QDialogButtonBox::Ok | QDialogButtonBox::Cancel);
    m_buttons->button(QDialogButtonBox::Ok)->setText(tr("Use prompt"));
    column->addWidget(m_edit, 1);
    column->addWidget(m_count);
    column->addWidget(m_buttons);
    resize(720, 420);
    connect(m_edit, &QPlainTextEdit::textChanged, this, &PromptDialog::count);
    connect(m_buttons, &QDialogButtonBox::accepted, this, &PromptDialog::accept);
    connect(m_buttons, &QDialogButtonBox::rejected, this, &QDialog::reject);
    count();
}

bool PromptDialog::fits() const {
    return m_tokens > 0 && m_tokens <= m_document.longestPrompt();
}

void PromptDialog::count() {
    if (!m_document.model())
        return;
    const std::string text = m_edit->toPlainText().toStdString();
    m_tokens = static_cast<std::int64_t>(m_document.model()->tokenizer->encode(text, true).size());
    m_count->setText(tr("%1 tokens of at most %2 (context %3, %4 to generate)")
                         .arg(m_tokens)
                         .arg(m_document.longestPrompt())
                         .arg(m_document.model()->spec.context)
                         .arg(m_document.settings().tokens));
    QPalette palette = m_count->palette();
    palette.setColor(QPalette::WindowText, fits() ? theme().mutedText : theme().bad);
    m_count->setPalette(palette);
    m_count->setProperty("role", fits() ? "muted" : "");
    m_buttons->button(QDialogButtonBox::Ok)->setEnabled(fits());
}

void PromptDialog::accept() {
    const QString refused = m_document.editPrompt(m_edit->toPlainText().toStdString());
    if (refused.isEmpty())
        QDialog::accept();
    else
        m_count->setText(refused);
}

} // namespace fovea
