#pragma once
// A against B, per token: held, moved (formula, counted), timed, KL and top-1 agreement. Bytes moved and time
// are those of the step at the cursor, held is what that step left behind divided by its tokens.

#include <QTableWidget>

#include <cstdint>
#include <memory>
#include <optional>

namespace fovea {

struct Comparison;
struct Run;
struct StepRecord;

class SummaryTable : public QTableWidget {
    Q_OBJECT
public:
    enum Row { HeldRow, MovedFormulaRow, MovedCountedRow, WeightsRow, TimedRow, KlRow, AgreementRow, kRows };
    enum Column { NameColumn, AColumn, BColumn, RatioColumn, kColumns };

    explicit SummaryTable(QWidget* parent = nullptr);

    void setRuns(std::shared_ptr<const Run> a, std::shared_ptr<const Run> b);
    void setComparison(std::shared_ptr<const Comparison> comparison);
    // The position whose step is shown; a run that has no such step shows "–".
    void setCursor(std::int64_t position);

    QString toCsv() const;
    QImage renderToImage(QSize size, double devicePixelRatio = 1) const;
    QSize sizeHint() const override;
    QSize minimumSizeHint() const override;

protected:
    void changeEvent(QEvent*) override;

private:
    void refresh();
    void put(int row, int column, const QString& text, const QString& tip = {});
    void fitColumns();
    void putPair(int row, double a, double b);

    std::shared_ptr<const Run> m_a, m_b;
    std::shared_ptr<const Comparison> m_comparison;
    std::int64_t m_cursor = -1;
};

// The record of the step that fed `position`, or null.
const StepRecord* stepAt(const Run* run, std::int64_t position);

} // namespace fovea
