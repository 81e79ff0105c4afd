#include "views/panels/check_panel.h"

#include <QCheckBox>
#include <QEvent>
#include <QFontMetrics>
#include <QHBoxLayout>
#include <QHeaderView>
#include <QLabel>
#include <QProgressBar>
#include <QPushButton>
#include <QSpinBox>
#include <QTableWidget>
#include <QVBoxLayout>

#include <algorithm>
#include <cmath>

#include "core/trace/check_report.h"
#include "views/panel_frame.h"
#include "views/panels/copy_menu.h"
#include "views/theme.h"

namespace fovea {

namespace {

constexpr int kRowHeight = 20, kLeastColumn = 48;
constexpr int kMostSteps = 256;

QString text(const std::string& utf8) {
    return QString::fromStdString(utf8);
}

// From nothing at a ten-thousandth of the tolerance to the full colour at the tolerance, and another beyond it.
QColor shade(double error, double tolerance) {
    const Theme& t = theme();
    if (!(error <= tolerance))
        return mixed(t.panel, t.bad, 0.55);
    const double decades = error > 0 ? std::log10(error / tolerance) : -4;
    return mixed(t.panel, t.accent, 0.4 * std::clamp(1 + decades / 4, 0., 1.));
}

QTableWidgetItem* cell(const Deviation& d, const CheckReport& report) {
    auto* item = new QTableWidgetItem(text(errorText(d.relative)));
    const QColor fill = shade(d.relative, report.tolerance);
    item->setBackground(fill);
    item->setForeground(theme().text);
    item->setFont(numberFont(11));
    item->setTextAlignment(Qt::AlignRight | Qt::AlignVCenter);
    item->setToolTip(CheckPanel::tr("%1\n%2 %3, %4 %5")
                         .arg(text(placeText(d, report)), text(report.backends[0]),
                              QString::number(d.first, 'g', 9), text(report.backends[1]),
                              QString::number(d.second, 'g', 9)));
    return item;
}

} // namespace

CheckPanel::CheckPanel(QWidget* parent) : QWidget(parent) {
    m_start = new QPushButton(tr("Check"));
    m_start->setObjectName(QStringLiteral("startCheck"));
    m_start->setToolTip(tr("Run both backends step by step on the same tokens under plan B"));
    m_steps = new QSpinBox;
    m_steps->setRange(1, kMostSteps);
    m_steps->setValue(16);
    m_steps->setSuffix(tr(" steps"));
    m_withPrompt = new QCheckBox(tr("prompt too"));
    m_withPrompt->setObjectName(QStringLiteral("checkPrompt"));
    m_withPrompt->setToolTip(
        tr("Is the prompt read rightly? At once, in chunks, as a run reads it, and token by token by the "
           "reference: q, k and v of every token in every layer are compared, and the first logits. "
           "Takes as long as the prompt"));
    m_progress = new QProgressBar;
    m_progress->setRange(0, 1000);
    m_progress->setTextVisible(false);
    m_progress->setFixedHeight(4);
    m_verdict = new QLabel;
    m_verdict->setWordWrap(true);
    m_largest = new QLabel;
    m_largest->setObjectName(QStringLiteral("largestError"));
    m_largest->setWordWrap(true);
    m_largest->setTextInteractionFlags(Qt::LinksAccessibleByMouse | Qt::LinksAccessibleByKeyboard);
    m_facts = new QLabel;
    m_facts->setWordWrap(true);
    m_facts->setFont(uiFont(11));
    m_ways = new QLabel;
    m_ways->setObjectName(QStringLiteral("checkedWays"));
    m_ways->setWordWrap(true);
    m_ways->setFont(uiFont(11));
    m_ways->setToolTip(tr("The same steps in every way that this machine has, one after the other with nobody listening: "
                          "timed, and how far the logits are from libtorch's. Each has a cache of its own, so a last bit may "
                          "round a row another way: what attention makes of the same rows stands above"));
    m_table = new QTableWidget;
    lay();
    connect(m_start, &QPushButton::clicked, this, [this] {
        if (m_running)
            Q_EMIT cancelRequested();
        else
            Q_EMIT checkRequested(m_steps->value());
    });
    connect(m_largest, &QLabel::linkActivated, this, [this] {
        if (m_report && m_report->largest.step >= 0)
            pick(m_report->largest);
    });
    connect(m_table, &QTableWidget::cellClicked, this, [this](int row, int column) {
        const CheckStep& step = m_report->steps[static_cast<std::size_t>(row)];
        if (static_cast<std::size_t>(column) < step.layers.size())
            pick(step.layers[static_cast<std::size_t>(column)]);
    });
    addCopyMenu(
        m_table, tr("check"), [this] { return grab().toImage(); },
        [this] { return m_report ? text(checkCsv(*m_report)) : QString(); });
    refresh();
}

void CheckPanel::lay() {
    m_table->setFrameShape(QFrame::NoFrame);
    m_table->setShowGrid(false);
    m_table->setEditTriggers(QAbstractItemView::NoEditTriggers);
    m_table->setSelectionMode(QAbstractItemView::NoSelection);
    m_table->setFocusPolicy(Qt::NoFocus);
    m_table->setHorizontalScrollMode(QAbstractItemView::ScrollPerPixel);
    for (QHeaderView* header : {m_table->verticalHeader(), m_table->horizontalHeader()}) {
        header->setHighlightSections(false);
        header->setFont(uiFont(11));
    }
    m_table->verticalHeader()->setMinimumSectionSize(kRowHeight);
    m_table->verticalHeader()->setDefaultSectionSize(kRowHeight);
    m_table->horizontalHeader()->setMinimumSectionSize(kLeastColumn);
    m_table->horizontalHeader()->setSectionResizeMode(QHeaderView::Stretch);
    m_table->viewport()->setAutoFillBackground(false);
    m_table->setStyleSheet(QStringLiteral(
        "QTableWidget, QTableCornerButton::section { background: transparent; border: none; }"
        "QHeaderView, QHeaderView::section { background: transparent; border: none; padding: 0 4px; }"));
    auto* top = new QHBoxLayout;
    top->setSpacing(6);
    top->addWidget(m_start);
    top->addWidget(m_steps);
    top->addWidget(m_withPrompt);
    top->addStretch(1);
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(10, 8, 10, 8);
    column->setSpacing(6);
    column->addLayout(top);
    column->addWidget(m_progress);
    column->addWidget(m_verdict);
    column->addWidget(m_largest);
    column->addWidget(m_facts);
    column->addWidget(m_ways);
    column->addWidget(m_table, 1);
}

void CheckPanel::furnish(PanelFrame* frame) {
    m_frame = frame;
    refresh();
}

void CheckPanel::setReport(std::shared_ptr<const CheckReport> report) {
    m_report = std::move(report);
    m_outdated = false;
    m_trouble.clear();
    refresh();
}

void CheckPanel::setRunning(bool running) {
    m_running = running;
    if (running) {
        m_trouble.clear();
        m_progress->setValue(0);
    }
    refresh();
}

void CheckPanel::setProgress(double fraction) {
    m_progress->setValue(static_cast<int>(1000 * fraction));
}

void CheckPanel::setOutdated(bool outdated) {
    m_outdated = outdated;
    refresh();
}

void CheckPanel::setTrouble(const QString& line) {
    m_trouble = line;
    refresh();
}

void CheckPanel::setReady(bool ready) {
    m_start->setEnabled(ready);
}

int CheckPanel::steps() const {
    return m_steps->value();
}

bool CheckPanel::withPrompt() const {
    return m_withPrompt->isChecked();
}

QString CheckPanel::verdict() const {
    return m_verdict->text();
}

void CheckPanel::refresh() {
    m_start->setText(m_running ? tr("Cancel") : tr("Check"));
    m_steps->setEnabled(!m_running);
    m_withPrompt->setEnabled(!m_running);
    // A row that comes and goes would move what is below it.
    QSizePolicy policy = m_progress->sizePolicy();
    policy.setRetainSizeWhenHidden(true);
    m_progress->setSizePolicy(policy);
    m_progress->setVisible(m_running);
    if (m_frame)
        m_frame->setSubtitle(m_report ? tr("%1 against %2 · %3")
                                            .arg(text(m_report->backends[0]), text(m_report->backends[1]),
                                                 text(toText(m_report->plan)))
                                      : tr("reference against cpu · plan B"));
    showVerdict();
    showWays();
    showTable();
}

void CheckPanel::showVerdict() {
    const Theme& t = theme();
    const bool any = m_report && !m_report->steps.empty();
    m_largest->setVisible(any);
    m_facts->setVisible(any);
    QColor colour = t.mutedText;
    QString verdict =
        tr("Both backends read the prompt and then the same tokens, the ones that the reference chooses. "
           "What their attentions make of the same q, k and v is compared, head by head.");
    if (!m_trouble.isEmpty()) {
        verdict = m_trouble;
        colour = t.bad;
    } else if (any) {
        const bool within = m_report->within();
        verdict = (within ? tr("%1 and %2 agree within %3") : tr("%1 and %2 differ by more than %3"))
                      .arg(text(m_report->backends[0]), text(m_report->backends[1]),
                           text(errorText(m_report->tolerance)));
        if (m_outdated)
            verdict += tr(" · before the last change: check again");
        colour = m_outdated ? t.mutedText : within ? t.good : t.bad;
    }
    m_verdict->setText(verdict);
    m_verdict->setStyleSheet(QStringLiteral("color: %1;").arg(colour.name()));
    if (!any)
        return;
    const Deviation& largest = m_report->largest;
    m_largest->setText(QStringLiteral("<a href=\"largest\" style=\"color: %1; text-decoration: none\">%2</a>")
                           .arg(t.accent.name(), tr("largest %1: %2")
                                                     .arg(text(errorText(largest.relative)),
                                                          text(placeText(largest, *m_report)))));
    m_largest->setToolTip(tr("%1 %2, %3 %4; absolute %5. Click to look at this head")
                              .arg(text(m_report->backends[0]), QString::number(largest.first, 'g', 9),
                                   text(m_report->backends[1]), QString::number(largest.second, 'g', 9),
                                   text(errorText(largest.absolute))));
    QStringList parts;
    for (int i = 0; i < kCheckedParts; ++i)
        parts << QStringLiteral("%1 %2").arg(
            text(std::string(checkedPartName(static_cast<CheckedPart>(i)))),
            text(errorText(m_report->parts[static_cast<std::size_t>(i)].relative)));
    const QString ofPrompt = m_report->prompt ? u'\n' + text(promptText(*m_report->prompt)) : QString();
    m_facts->setText(tr("%1\nsame token at %2 of %3 steps · %4 · rows in %5")
                         .arg(parts.join(QStringLiteral(" · ")))
                         .arg(m_report->agreeing)
                         .arg(m_report->steps.size())
                         .arg(m_report->sameBytes() ? tr("same bytes counted") : tr("other bytes counted"),
                              text(m_report->store)) +
                     ofPrompt);
    m_facts->setStyleSheet(QStringLiteral("color: %1;").arg(t.mutedText.name()));
}

void CheckPanel::showWays() {
    m_ways->setVisible(m_report && !m_report->ways.empty());
    if (!m_report)
        return;
    const QString muted = theme().mutedText.name();
    QString rows, refused;
    for (const CheckedWay& way : m_report->ways) {
        if (!way.whyNot.empty()) {
            refused = text(way.whyNot); // all for the same reason: there is no GPU, or it does not take the plan
            continue;
        }
        rows += QStringLiteral("<tr><td>%1</td><td align=right style='padding-left:14px'>%2</td>"
                               "<td style='padding-left:4px; color:%5'>± %3</td>"
                               "<td align=right style='padding-left:14px'>%4</td></tr>")
                    .arg(text(way.name), tr("%1 µs").arg(way.medianSeconds * 1e6, 0, 'f', 0),
                         QString::number(way.spread * 1e6, 'f', 0),
                         &way == &m_report->ways.front() ? tr("the truth") : text(errorText(way.logits.relative)), muted);
    }
    const QString head = QStringLiteral("<tr style='color:%1'><td>%2</td><td align=right style='padding-left:14px'>%3</td>"
                                        "<td></td><td align=right style='padding-left:14px'>%4</td></tr>")
                             .arg(muted, tr("way"), tr("a step, timed"), tr("logits' error"));
    m_ways->setText(QStringLiteral("<table cellspacing=0>%1%2</table>").arg(head, rows) +
                    (refused.isEmpty() ? QString()
                                       : QStringLiteral("<span style='color:%1'>%2</span>")
                                             .arg(muted, tr("GPU kernels: %1").arg(refused.toHtmlEscaped()))));
}

void CheckPanel::showTable() {
    const bool any = m_report && !m_report->steps.empty();
    m_table->setVisible(any);
    if (!any) {
        m_table->setRowCount(0);
        return;
    }
    const auto layers = static_cast<int>(m_report->steps.front().layers.size());
    m_table->setColumnCount(layers + 1);
    m_table->setRowCount(static_cast<int>(m_report->steps.size()));
    QStringList columns, rows;
    for (int layer = 0; layer < layers; ++layer)
        columns << tr("L%1").arg(layer);
    columns << tr("logits");
    for (std::size_t i = 0; i < m_report->steps.size(); ++i) {
        const CheckStep& step = m_report->steps[i];
        rows << QString::number(step.position);
        for (int layer = 0; layer < layers; ++layer)
            m_table->setItem(static_cast<int>(i), layer,
                             cell(step.layers[static_cast<std::size_t>(layer)], *m_report));
        m_table->setItem(static_cast<int>(i), layers, cell(step.logits, *m_report));
    }
    m_table->setHorizontalHeaderLabels(columns);
    m_table->setVerticalHeaderLabels(rows);
    m_table->verticalHeader()->setFixedWidth(QFontMetrics(uiFont(11)).horizontalAdvance(rows.last()) + 16);
    for (int c = 0; c <= layers; ++c) {
        m_table->horizontalHeaderItem(c)->setTextAlignment(Qt::AlignRight | Qt::AlignVCenter);
        m_table->horizontalHeaderItem(c)->setForeground(theme().mutedText);
    }
    for (int r = 0; r < m_table->rowCount(); ++r) {
        m_table->verticalHeaderItem(r)->setForeground(theme().mutedText);
        m_table->verticalHeaderItem(r)->setToolTip(tr("position of the token that was fed"));
    }
}

void CheckPanel::pick(const Deviation& d) {
    if (d.layer < 0)
        return;
    // Keys and values have a KV head: its first query head stands for it.
    const auto layers = m_report->steps.front().layers.size();
    const int heads = m_report->queryHeads;
    const bool kv = d.part == CheckedPart::Keys || d.part == CheckedPart::Values;
    const int group = kv && m_report->kvHeads > 0 ? heads / m_report->kvHeads : 1;
    if (static_cast<std::size_t>(d.layer) < layers)
        Q_EMIT picked(d.layer, d.head * group, m_report->steps[static_cast<std::size_t>(d.step)].position);
}

void CheckPanel::changeEvent(QEvent* event) {
    QWidget::changeEvent(event);
    if (event->type() == QEvent::PaletteChange)
        refresh();
}

} // namespace fovea
