// The keys of the window, on one card.

#include <QAction>
#include <QDialog>
#include <QLabel>
#include <QVBoxLayout>

#include "app/window/main_window.h"

namespace fovea {

void MainWindow::showKeys() {
    QString rows;
    const auto row = [&rows](const QString& keys, const QString& what) {
        rows += QStringLiteral("<tr><td style='padding: 2px 18px 2px 0'><b>%1</b></td><td>%2</td></tr>")
                    .arg(keys.toHtmlEscaped(), what.toHtmlEscaped());
    };
    for (const QAction* action : listedActions(*this))
        if (!action->shortcut().isEmpty())
            row(action->shortcut().toString(QKeySequence::NativeText), action->text());
    row(tr("wheel"), tr("head map: zoom about the cursor (Ctrl: keys only, Shift: queries only)"));
    row(tr("drag"), tr("head map: pan; timelines: select steps (Shift: pan)"));
    row(tr("arrows"), tr("head map: move query and key; inspector: next query; tokens: walk"));
    row(tr("F, D"), tr("head map: fit all, fit the rows that B read; timelines: F fits"));
    row(tr("Shift+click"), tr("tokens: pin"));
    row(tr("double click"), tr("a slider: back to its default"));
    QDialog dialog(this);
    dialog.setWindowTitle(tr("Keys"));
    auto* column = new QVBoxLayout(&dialog);
    column->addWidget(new QLabel(QStringLiteral("<table>%1</table>").arg(rows)));
    dialog.exec();
}

} // namespace fovea
