#include "app/window/prompt_dialog.h"

#include <QApplication>
#include <QCheckBox>
#include <QClipboard>
#include <QDialogButtonBox>
#include <QFileDialog>
#include <QHBoxLayout>
#include <QLabel>
#include <QLocale>
#include <QMimeData>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QScopedValueRollback>
#include <QTimer>
#include <QVBoxLayout>

#include "app/window/document.h"
#include "app/window/job_runner.h"
#include "app/window/loaded_model.h"
#include "core/tokenizer/chat_template.h"
#include "views/theme.h"

namespace fovea {

namespace {

constexpr int kQuietMs = 80;
constexpr qsizetype kLargePaste = 1 << 20; // characters; an editor lays out no more than that at once

// A text that is pasted goes the way of one from a file where it is large.
class PromptEdit : public QPlainTextEdit {
public:
    PromptEdit(const QString& text, std::function<void(const QString&)> large)
        : QPlainTextEdit(text), m_large(std::move(large)) {}

protected:
    void insertFromMimeData(const QMimeData* source) override {
        const QString text = source->text();
        text.size() > kLargePaste ? m_large(text) : QPlainTextEdit::insertFromMimeData(source);
    }

private:
    const std::function<void(const QString&)> m_large;
};

} // namespace

PromptDialog::PromptDialog(Document& document, JobRunner& jobs, QWidget* parent)
    : QDialog(parent), m_document(document), m_jobs(jobs) {
    setObjectName(QStringLiteral("promptDialog"));
    setWindowTitle(tr("Prompt"));
    m_edit = new PromptEdit(QString::fromStdString(document.prompt()),
                            [this](const QString& text) { takeText(text.toStdString()); });
    m_edit->setFont(numberFont(13));
    m_edit->setTabChangesFocus(true);
    m_quiet = new QTimer(this);
    m_quiet->setSingleShot(true);
    m_quiet->setInterval(kQuietMs);
    lay();
    showChat();
    connect(m_edit, &QPlainTextEdit::textChanged, this, &PromptDialog::edited);
    connect(m_chat, &QCheckBox::toggled, this, &PromptDialog::edited);
    connect(m_quiet, &QTimer::timeout, this, &PromptDialog::count);
    connect(m_buttons, &QDialogButtonBox::accepted, this, &PromptDialog::accept);
    connect(m_buttons, &QDialogButtonBox::rejected, this, &QDialog::reject);
    connect(m_cut, &QPushButton::clicked, this, [this] { takeText(m_edit->toPlainText().toStdString()); });
    count();
}

PromptDialog::~PromptDialog() {
    m_jobs.cancel(Lane::Text);
}

void PromptDialog::lay() {
    auto* fromFile = new QPushButton(tr("From file…"));
    auto* fromClipboard = new QPushButton(tr("From clipboard"));
    m_chat = new QCheckBox;
    m_chat->setObjectName(QStringLiteral("chat"));
    m_count = new QLabel;
    m_count->setProperty("role", "muted");
    m_count->setWordWrap(true);
    m_cut = new QPushButton(tr("Cut to fit"));
    m_cut->setObjectName(QStringLiteral("cut"));
    m_cut->hide();
    m_buttons = new QDialogButtonBox(QDialogButtonBox::Ok | QDialogButtonBox::Cancel);
    m_buttons->button(QDialogButtonBox::Ok)->setText(tr("Use prompt"));
    for (QPushButton* button : {fromFile, fromClipboard, m_cut})
        button->setAutoDefault(false);
    auto* sources = new QHBoxLayout;
    sources->addWidget(fromFile);
    sources->addWidget(fromClipboard);
    sources->addStretch(1);
    sources->addWidget(m_chat);
    auto* below = new QHBoxLayout;
    below->addWidget(m_count, 1);
    below->addWidget(m_cut);
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(14, 12, 14, 12);
    column->addLayout(sources);
    column->addWidget(m_edit, 1);
    column->addLayout(below);
    column->addWidget(m_buttons);
    resize(720, 460);
    connect(fromFile, &QPushButton::clicked, this, [this] {
        const QString path = QFileDialog::getOpenFileName(this, tr("Open a text"), {},
                                                          tr("Texts (*.txt *.md);;All files (*)"));
        if (!path.isEmpty())
            takeFile(path);
    });
    connect(fromClipboard, &QPushButton::clicked, this,
            [this] { takeText(QApplication::clipboard()->text().toStdString()); });
}

void PromptDialog::showChat() {
    const auto& chat = m_document.model()->chat;
    m_chat->setVisible(chat != nullptr);
    if (!chat)
        return;
    m_chat->setText(tr("as a user's turn, by the model's chat template: %1").arg(QString::fromStdString(chat->name())));
    m_chat->setEnabled(chat->known());
    m_chat->setToolTip(QString::fromStdString(chat->note()));
    m_chat->setChecked(m_document.chat() && chat->known());
}

bool PromptDialog::fits() const {
    const auto tokens = m_prompt ? std::ssize(m_prompt->tokens) : 0;
    return tokens > 0 && tokens <= m_document.longestPrompt();
}

QString PromptDialog::said() const {
    return m_count->text();
}

void PromptDialog::edited() {
    m_prompt = std::nullopt;
    m_news.clear();
    m_buttons->button(QDialogButtonBox::Ok)->setEnabled(false);
    m_quiet->start();
}

void PromptDialog::count() {
    m_jobs.start(Lane::Text, tr("counting tokens"), Supersede::Cancel,
                 [this, model = m_document.model(), text = m_edit->toPlainText().toStdString(),
                  chat = m_chat->isChecked()](Job&) -> Deliver {
                     Prompt prompt{.text = text, .chat = chat};
                     QString problem;
                     try {
                         prompt = encodePrompt(*model, text, chat);
                     } catch (const std::exception& error) {
                         problem = QString::fromUtf8(error.what());
                     }
                     return [this, prompt = std::move(prompt), problem] {
                         m_prompt = prompt;
                         m_cut->setVisible(problem.isEmpty() &&
                                           std::ssize(prompt.tokens) > m_document.longestPrompt());
                         m_buttons->button(QDialogButtonBox::Ok)->setEnabled(fits());
                         const QLocale locale(QLocale::English);
                         const QString counted =
                             tr("%1 tokens of at most %2 (context %3, %4 to generate)")
                                 .arg(locale.toString(static_cast<qlonglong>(prompt.tokens.size())),
                                      locale.toString(static_cast<qlonglong>(m_document.longestPrompt())),
                                      locale.toString(m_document.model()->spec.context),
                                      locale.toString(static_cast<qlonglong>(m_document.settings().tokens)));
                         say(!problem.isEmpty()  ? problem
                             : m_news.isEmpty() ? counted
                                                : m_news,
                             !fits());
                     };
                 });
}

void PromptDialog::say(const QString& line, bool bad) {
    m_count->setText(line);
    m_count->setProperty("role", bad ? "" : "muted");
    m_count->setStyleSheet(bad ? QStringLiteral("color: %1").arg(theme().bad.name()) : QString());
}

void PromptDialog::takeFile(const QString& path) {
    take([path = path.toStdString()] { return readPromptFile(path); });
}

void PromptDialog::takeText(const std::string& text) {
    take([text] { return text; });
}

void PromptDialog::take(std::function<std::string()> make) {
    m_quiet->stop();
    m_jobs.start(Lane::Text, tr("reading a text"), Supersede::Cancel,
                 [this, model = m_document.model(), room = m_document.longestPrompt(), chat = m_chat->isChecked(),
                  make = std::move(make)](Job& job) -> Deliver {
                     FittedPrompt fitted;
                     QString problem;
                     try {
                         fitted = fitPrompt(*model, make(), chat, room, job.cancelled());
                     } catch (const std::exception& error) {
                         problem = QString::fromUtf8(error.what());
                     }
                     return [this, fitted = std::move(fitted), problem] {
                         if (!problem.isEmpty())
                             return say(problem, true);
                         m_edit->setPlainText(QString::fromStdString(fitted.prompt.text));
                         if (fitted.cut())
                             m_news = cutMessage(fitted, m_document.model()->spec.context,
                                                 m_document.settings().tokens);
                     };
                 });
}

void PromptDialog::accept() {
    if (!fits())
        return;
    m_document.endGesture();
    const QString refused = m_document.editPrompt(*m_prompt);
    if (refused.isEmpty())
        QDialog::accept();
    else
        say(refused, true);
}

void promptFrom(Document& document, JobRunner& jobs, const QString& title, std::function<std::string()> make,
                std::function<void(const QString&, bool)> say) {
    if (!document.model())
        return say(PromptDialog::tr("There is no model yet whose tokens a prompt could be."), true);
    jobs.start(Lane::Text, title, Supersede::Cancel,
               [&document, say = std::move(say), make = std::move(make), model = document.model(),
                room = document.longestPrompt(), toGenerate = document.settings().tokens,
                chat = document.chat()](Job& job) -> Deliver {
                   const FittedPrompt fitted = fitPrompt(*model, make(), chat, room, job.cancelled());
                   return [&document, say, model, fitted, toGenerate] {
                       if (document.model() != model)
                           return; // its tokens are another model's
                       if (const QString refused = document.editPrompt(fitted.prompt); !refused.isEmpty())
                           return say(refused, true);
                       say(fitted.cut() ? cutMessage(fitted, model->spec.context, toGenerate)
                                        : PromptDialog::tr("The prompt has %1 tokens.").arg(fitted.prompt.tokens.size()),
                           false);
                   };
               });
}

} // namespace fovea
