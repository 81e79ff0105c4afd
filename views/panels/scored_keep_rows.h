#pragma once
// The numbers of a keep that scores tokens, below KEEP: H2O's heavy and recent, in tokens or as a share of the prompt, each
// shown as the other too; Scissorhands' and SnapKV's. Limits are such that no slider can leave a plan that is refused.

#include <QString>
#include <QWidget>

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "core/plan/attention_plan.h"

class QLabel;
class QVBoxLayout;

namespace fovea {

class FlatCombo;
class ParameterSlider;

// What choosing such a keep starts from in texts of up to `longest` tokens: the authors' values, as far as they would
// drop anything there. `like` says which.
Keep startingScoredKeep(const Keep& like, int longest);
// "Zhang 2023"; empty for another keep.
std::string_view scoredKeepCitation(const Keep& keep);

class ScoredKeepRows : public QWidget {
    Q_OBJECT
public:
    explicit ScoredKeepRows(QWidget* parent = nullptr);

    // Hides itself for another keep. `prompt` is what shares are of; 0: not known yet.
    void showKeep(const Keep& keep, int longest, std::int64_t prompt);
    // What the keep hears of a read that guesses; empty where it hears none.
    void showFeedback(std::optional<AttentionPlan::Feedback> feedback);

Q_SIGNALS:
    // `what` names the number: "heavy", "recent", "unit", "budget", "history", "drop", "observers", "pool".
    void edited(fovea::Keep keep, QString what);
    void feedbackEdited(bool estimate);
    void editFinished();

private:
    struct Row {
        QWidget* box;
        ParameterSlider* slider;
        QLabel *name, *value;
    };
    struct Number; // one number of a keep

    static std::span<const Number> numbersOf(const Keep& keep);
    Row addRow(QVBoxLayout* column);
    void showNumber(const Row& row, const Number& number);
    QString budgetText(const TokenBudget& budget) const;
    void changeUnit(bool percent);

    Keep m_keep;
    int m_longest = 16;
    std::int64_t m_prompt = 0;
    bool m_showing = false;
    std::array<Row, 4> m_rows{};
    QWidget *m_unitRow, *m_feedbackRow;
    FlatCombo *m_unit, *m_feedback;
};

} // namespace fovea
