#include "app/window/memory_dialog.h"

#include <QDialogButtonBox>
#include <QGridLayout>
#include <QLabel>
#include <QPainter>
#include <QPushButton>
#include <QVBoxLayout>

#include <algorithm>
#include <array>

#include "core/trace/byte_text.h"
#include "views/theme.h"

namespace fovea {

namespace {

struct Part {
    QString name, tip;
    std::int64_t bytes;
    QColor colour;
};

QString text(std::int64_t bytes) {
    return QString::fromStdString(byteText(bytes));
}

std::array<Part, 4> partsOf(const MemoryEstimate& e) {
    const Theme& t = theme();
    return {{{MemoryDialog::tr("weights"), MemoryDialog::tr("every parameter, as the file holds it"),
              e.weights, t.planA},
             {MemoryDialog::tr("KV cache of A and B"),
              MemoryDialog::tr("what both sessions take for the prompt and the tokens to generate"), e.cache,
              t.accent},
             {MemoryDialog::tr("capture"),
              MemoryDialog::tr("A's dense Q, K and V, from which head maps are drawn"), e.capture, t.planB},
             {MemoryDialog::tr("logits"), MemoryDialog::tr("of every step, for KL"), e.logits, t.good}}};
}

// The parts end to end, and where the budget ends.
class MemoryBar : public QWidget {
public:
    explicit MemoryBar(const MemoryVerdict& verdict) : m_verdict(verdict) { setFixedHeight(26); }

protected:
    void paintEvent(QPaintEvent*) override {
        QPainter p(this);
        const double all =
            static_cast<double>(std::max(m_verdict.estimate.total(), m_verdict.budget)) / width();
        const QRectF bar(0, 8, width(), 12);
        p.fillRect(bar, theme().field);
        double left = 0;
        for (const Part& part : partsOf(m_verdict.estimate)) {
            const double wide = static_cast<double>(part.bytes) / all;
            p.fillRect(QRectF(left, bar.top(), std::max(wide - 1, 0.0), bar.height()), part.colour);
            left += wide;
        }
        const double budget = static_cast<double>(m_verdict.budget) / all;
        p.fillRect(QRectF(std::min(budget, width() - 2.0), 2, 2, 24), theme().bad);
    }

private:
    const MemoryVerdict& m_verdict;
};

QLabel* muted(const QString& words) {
    auto* label = new QLabel(words);
    label->setProperty("role", "muted");
    label->setWordWrap(true);
    return label;
}

QGridLayout* partsTable(const MemoryVerdict& verdict) {
    auto* grid = new QGridLayout;
    grid->setHorizontalSpacing(10);
    grid->setVerticalSpacing(4);
    grid->setColumnStretch(1, 1);
    int row = 0;
    for (const Part& part : partsOf(verdict.estimate)) {
        if (part.bytes == 0)
            continue;
        auto* swatch = new QLabel;
        swatch->setFixedSize(10, 10);
        swatch->setStyleSheet(QStringLiteral("background: %1; border-radius: 2px;").arg(part.colour.name()));
        auto* bytes = new QLabel(text(part.bytes));
        bytes->setFont(numberFont(12));
        auto* name = new QLabel(part.name);
        name->setToolTip(part.tip);
        grid->addWidget(swatch, row, 0, Qt::AlignVCenter);
        grid->addWidget(name, row, 1);
        grid->addWidget(bytes, row++, 2, Qt::AlignRight);
    }
    return grid;
}

} // namespace

MemoryDialog::MemoryDialog(const QString& what, const MemoryVerdict& verdict, QWidget* parent)
    : QDialog(parent), m_verdict(verdict) {
    setObjectName(QStringLiteral("memoryDialog"));
    setAttribute(Qt::WA_DeleteOnClose);
    setWindowTitle(tr("Memory"));
    setMinimumWidth(460);
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(18, 16, 18, 14);
    column->setSpacing(10);
    auto* title = new QLabel(tr("%1 would hold %2").arg(what, text(verdict.estimate.total())));
    title->setFont(uiFont(14, true));
    title->setWordWrap(true);
    column->addWidget(title);
    column->addWidget(
        muted(tr("Beyond the memory budget of %1 (File ▸ Settings)").arg(text(verdict.budget))));
    column->addWidget(new MemoryBar(m_verdict));
    column->addLayout(partsTable(m_verdict));
    column->addSpacing(6);
    column->addWidget(muted(m_verdict.offers.empty() ? tr("Nothing less would fit: take a smaller model.")
                                                     : tr("These would fit:")));
    for (std::size_t i = 0; i < m_verdict.offers.size(); ++i) {
        const MemoryOffer& offer = m_verdict.offers[i];
        auto* button = new QPushButton(
            tr("%1 · %2").arg(QString::fromStdString(offer.what), text(offer.estimate.total())));
        button->setObjectName(QStringLiteral("offer%1").arg(i));
        button->setAutoDefault(false);
        column->addWidget(button);
        connect(button, &QPushButton::clicked, this, [this, i] {
            Q_EMIT offerChosen(m_verdict.offers[i]);
            accept();
        });
    }
    column->addSpacing(6);
    auto* buttons = new QDialogButtonBox(QDialogButtonBox::Cancel);
    QPushButton* goOn = buttons->addButton(tr("Go on anyway"), QDialogButtonBox::AcceptRole);
    goOn->setObjectName(QStringLiteral("goOn"));
    goOn->setAutoDefault(false);
    buttons->button(QDialogButtonBox::Cancel)->setDefault(true);
    buttons->button(QDialogButtonBox::Cancel)->setFocus();
    column->addWidget(buttons);
    connect(goOn, &QPushButton::clicked, this, [this] {
        Q_EMIT goOnChosen();
        accept();
    });
    connect(buttons, &QDialogButtonBox::rejected, this, &QDialog::reject);
}

} // namespace fovea
