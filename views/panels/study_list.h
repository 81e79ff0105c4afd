#pragma once
// A study's plans as a table: what each reads beside dense and what it loses on every question, in per cent of dense. What is
// beyond the rule is told by colour and a mark; of a refused plan it says why. A click asks for the plan.

#include <QTableWidget>

#include <memory>

#include "core/study/recommendation.h"

namespace fovea {

class StudyList : public QTableWidget {
    Q_OBJECT
public:
    explicit StudyList(QWidget* parent = nullptr);
    // `advised`: the plan that is set in bold; empty: none.
    void setStudy(std::shared_ptr<const StudyResult> result, const StudyRule& rule, const QString& advised);

Q_SIGNALS:
    void planPicked(const QString& plan);

protected:
    void changeEvent(QEvent* event) override;

private:
    void refresh();
    void fillRow(int row, const StudyPlan& plan);
    void put(int row, int column, const QString& what, const QColor& colour, const QString& tip = {});

    std::shared_ptr<const StudyResult> m_result;
    StudyRule m_rule;
    QString m_advised;
};

} // namespace fovea
