#pragma once
// A sweep's rows as a table: what each plan scored, moved and held beside dense; of a refused one why. A click asks for
// the plan.

#include <QTableWidget>

#include "core/tasks/sweep_table.h"

namespace fovea {

class SweepList : public QTableWidget {
    Q_OBJECT
public:
    explicit SweepList(QWidget* parent = nullptr);
    void setTable(const SweepTable& table);

Q_SIGNALS:
    void planPicked(const QString& plan);

protected:
    void changeEvent(QEvent*) override;

private:
    void refresh();
    SweepTable m_table;
};

} // namespace fovea
