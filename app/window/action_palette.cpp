#include "app/window/action_palette.h"

#include <QAction>
#include <QKeyEvent>
#include <QLineEdit>
#include <QListWidget>
#include <QTimer>
#include <QVBoxLayout>

#include <algorithm>

namespace fovea {

namespace {

QString plainText(const QAction& action) {
    QString text = action.text();
    text.remove(QLatin1Char('&'));
    return text;
}

} // namespace

ActionPalette::ActionPalette(const QList<QAction*>& actions, QWidget* parent)
    : QDialog(parent, Qt::Popup), m_actions(actions) {
    setObjectName(QStringLiteral("actionPalette"));
    std::sort(m_actions.begin(), m_actions.end(), [](const QAction* a, const QAction* b) {
        return QString::localeAwareCompare(plainText(*a), plainText(*b)) < 0;
    });
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(8, 8, 8, 8);
    m_words = new QLineEdit;
    m_words->setPlaceholderText(tr("Search actions"));
    m_list = new QListWidget;
    m_list->setUniformItemSizes(true);
    m_list->setFocusPolicy(Qt::NoFocus);
    column->addWidget(m_words);
    column->addWidget(m_list);
    resize(460, 380);
    m_words->installEventFilter(this);
    connect(m_words, &QLineEdit::textChanged, this, &ActionPalette::refill);
    connect(m_list, &QListWidget::itemClicked, this, &ActionPalette::accept);
    refill();
}

void ActionPalette::setFilter(const QString& words) {
    m_words->setText(words);
}

QStringList ActionPalette::shownTexts() const {
    QStringList texts;
    for (int i = 0; i < m_list->count(); ++i)
        texts << m_list->item(i)->data(Qt::UserRole + 1).toString();
    return texts;
}

// Every word must occur somewhere in the action's text, in any order.
void ActionPalette::refill() {
    const QStringList words = m_words->text().split(QLatin1Char(' '), Qt::SkipEmptyParts);
    m_list->clear();
    for (int i = 0; i < m_actions.size(); ++i) {
        const QAction& action = *m_actions[i];
        const QString text = plainText(action);
        const bool matches = std::all_of(words.begin(), words.end(), [&](const QString& word) {
            return text.contains(word, Qt::CaseInsensitive);
        });
        if (!matches)
            continue;
        const QString keys = action.shortcut().toString(QKeySequence::NativeText);
        auto* item =
            new QListWidgetItem(keys.isEmpty() ? text : QStringLiteral("%1    %2").arg(text, keys), m_list);
        item->setData(Qt::UserRole, i);
        item->setData(Qt::UserRole + 1, text);
        if (!action.isEnabled())
            item->setFlags(item->flags() & ~Qt::ItemIsEnabled);
    }
    m_list->setCurrentRow(0);
}

void ActionPalette::accept() {
    const QListWidgetItem* item = m_list->currentItem();
    if (!item || !(item->flags() & Qt::ItemIsEnabled))
        return;
    QAction* action = m_actions[item->data(Qt::UserRole).toInt()];
    QDialog::accept();
    // Once the palette is gone: an action may open a dialog of its own.
    QTimer::singleShot(0, action, &QAction::trigger);
}

bool ActionPalette::eventFilter(QObject* object, QEvent* event) {
    if (object == m_words && event->type() == QEvent::KeyPress) {
        const int key = static_cast<QKeyEvent*>(event)->key();
        if (key == Qt::Key_Up || key == Qt::Key_Down) {
            const int step = key == Qt::Key_Down ? 1 : -1;
            m_list->setCurrentRow(
                std::clamp(m_list->currentRow() + step, 0, std::max(m_list->count() - 1, 0)));
            return true;
        }
        if (key == Qt::Key_Return || key == Qt::Key_Enter) {
            accept();
            return true;
        }
    }
    return QDialog::eventFilter(object, event);
}

} // namespace fovea
