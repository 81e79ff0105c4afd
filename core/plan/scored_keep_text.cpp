#include "core/plan/scored_keep_text.h"

#include "core/methods/keep/scored_keep.h"
#include "core/plan/switch_values.h"

namespace fovea {

namespace {

constexpr std::string_view kH2oSwitches = "heavy=…, recent=…, each a number of tokens or a share of the "
                                          "prompt from 0% to 100%, heavy + recent >= 1";
constexpr std::string_view kScissorhandsSwitches =
    "budget=… from 1, history=… from 1 to 4096, recent=…, drop=… from 1, recent + drop <= budget";
constexpr std::string_view kSnapkvSwitches =
    "budget=… from 1, window=… from 1 to 4096 and at most budget, pool=… from 1, odd";

std::string text(std::int64_t n) {
    return std::to_string(n);
}

// What is wrong with the values, without the list of what is accepted; empty: nothing.
std::string complaint(const H2oParams& p) {
    for (const TokenBudget& budget : {p.heavy, p.recent})
        if (budget.amount < 0 || (budget.percent && budget.amount > 100))
            return "keep=h2o cannot keep " + budgetText(budget) + " tokens";
    return p.heavy.amount == 0 && p.recent.amount == 0 ? "keep=h2o with heavy=0,recent=0 keeps no token" : "";
}

std::string complaint(const ScissorhandsParams& p) {
    if (p.budget < 1)
        return "keep=scissorhands with budget=" + text(p.budget) + " keeps no token";
    if (p.history < 1 || p.history > ScissorhandsParams::kLongestHistory)
        return "keep=scissorhands cannot remember history=" + text(p.history) + " queries";
    if (p.recent < 0 || p.dropTokens() < 1 || p.recent + p.dropTokens() > p.budget)
        return "keep=scissorhands cannot drop " + text(p.dropTokens()) + " of budget=" + text(p.budget) +
               " tokens and keep recent=" + text(p.recent);
    return {};
}

std::string complaint(const SnapkvParams& p) {
    if (p.budget < 1)
        return "keep=snapkv with budget=" + text(p.budget) + " keeps no token";
    if (p.window < 1 || p.window > SnapkvParams::kLongestWindow || p.window > p.budget)
        return "keep=snapkv with window=" + text(p.window) + " does not fit budget=" + text(p.budget) +
               ", which the window is part of";
    if (p.pool < 1 || p.pool % 2 == 0)
        return "keep=snapkv cannot average over pool=" + text(p.pool) +
               " neighbours, a token in their middle";
    return {};
}

template <class Params>
Params checked(const Params& p, std::string_view accepted) {
    if (const std::string what = complaint(p); !what.empty())
        refusePlan(what, accepted);
    return p;
}

// "512" or "10%".
TokenBudget budget(const SwitchReader& reader, const PlanSwitch& s) {
    if (!s.value.ends_with('%'))
        return {reader.count(s, 0), false};
    const auto percent = parseInteger(s.value.substr(0, s.value.size() - 1));
    if (!percent || *percent < 0 || *percent > 100)
        refusePlan("the plan's " + quoted(s.text) + " needs a whole share from 0% to 100%", kH2oSwitches);
    return {*percent, true};
}

H2oParams parseH2o(const PlanWord& word) {
    H2oParams p;
    const SwitchReader reader(word, kH2oSwitches);
    for (const PlanSwitch& s : reader.switches()) {
        if (s.name == "heavy")
            p.heavy = budget(reader, s);
        else if (s.name == "recent")
            p.recent = budget(reader, s);
        else
            reader.refuseUnknown(s);
    }
    return checked(p, kH2oSwitches);
}

ScissorhandsParams parseScissorhands(const PlanWord& word) {
    ScissorhandsParams p;
    const SwitchReader reader(word, kScissorhandsSwitches);
    for (const PlanSwitch& s : reader.switches()) {
        if (s.name == "budget")
            p.budget = reader.count(s, 1);
        else if (s.name == "history")
            p.history = reader.count(s, 1);
        else if (s.name == "recent")
            p.recent = reader.count(s, 0);
        else if (s.name == "drop")
            p.drop = reader.count(s, 1);
        else
            reader.refuseUnknown(s);
    }
    return checked(p, kScissorhandsSwitches);
}

SnapkvParams parseSnapkv(const PlanWord& word) {
    SnapkvParams p;
    const SwitchReader reader(word, kSnapkvSwitches);
    for (const PlanSwitch& s : reader.switches()) {
        if (s.name == "budget")
            p.budget = reader.count(s, 1);
        else if (s.name == "window")
            p.window = reader.count(s, 1);
        else if (s.name == "pool")
            p.pool = reader.count(s, 1);
        else
            reader.refuseUnknown(s);
    }
    return checked(p, kSnapkvSwitches);
}

// "keep=name:a=1,b=2", what is default left out.
class KeepWord {
public:
    explicit KeepWord(std::string_view name) : m_text("keep=" + std::string(name)) {}

    template <class T>
    KeepWord& add(std::string_view name, const T& value, const T& byDefault) {
        if (value == byDefault)
            return *this;
        m_text += m_first ? ":" : ",";
        m_first = false;
        m_text += std::string(name) + "=";
        if constexpr (std::is_same_v<T, TokenBudget>)
            m_text += budgetText(value);
        else
            m_text += text(value);
        return *this;
    }
    std::string take() { return std::move(m_text); }

private:
    std::string m_text;
    bool m_first = true;
};

} // namespace

std::string budgetText(const TokenBudget& budget) {
    return text(budget.amount) + (budget.percent ? "%" : "");
}

std::optional<Keep> parseScoredKeep(const PlanWord& word) {
    if (word.value == "h2o")
        return parseH2o(word);
    if (word.value == "scissorhands")
        return parseScissorhands(word);
    if (word.value == "snapkv")
        return parseSnapkv(word);
    return std::nullopt;
}

std::string scoredKeepText(const Keep& keep) {
    if (const auto* p = std::get_if<H2oParams>(&keep))
        return KeepWord("h2o")
            .add("heavy", p->heavy, H2oParams{}.heavy)
            .add("recent", p->recent, H2oParams{}.recent)
            .take();
    if (const auto* p = std::get_if<ScissorhandsParams>(&keep)) {
        const ScissorhandsParams defaults;
        return KeepWord("scissorhands")
            .add("budget", p->budget, defaults.budget)
            .add("history", p->history, defaults.history)
            .add("recent", p->recent, defaults.recent)
            .add("drop", p->drop.value_or(0), 0)
            .take();
    }
    if (const auto* p = std::get_if<SnapkvParams>(&keep)) {
        const SnapkvParams defaults;
        return KeepWord("snapkv")
            .add("budget", p->budget, defaults.budget)
            .add("window", p->window, defaults.window)
            .add("pool", p->pool, defaults.pool)
            .take();
    }
    return {};
}

std::optional<std::string> scoredKeepRefusal(const AttentionPlan& plan) {
    const auto refused = [](const std::string& what, std::string_view accepted) {
        return what.empty() ? std::nullopt
                            : std::optional(what + "; accepted: " + std::string(accepted) + ".");
    };
    if (const auto* p = std::get_if<H2oParams>(&plan.keep))
        if (const auto why = refused(complaint(*p), kH2oSwitches))
            return why;
    if (const auto* p = std::get_if<ScissorhandsParams>(&plan.keep))
        if (const auto why = refused(complaint(*p), kScissorhandsSwitches))
            return why;
    if (const auto* p = std::get_if<SnapkvParams>(&plan.keep))
        if (const auto why = refused(complaint(*p), kSnapkvSwitches))
            return why;
    const bool sparq = std::holds_alternative<SparqParams>(plan.read);
    if (plan.feedback == AttentionPlan::Feedback::Estimate && !(hearsReads(plan) && sparq))
        return "feedback=estimate says what a keep that scores tokens hears of a read that guesses what "
               "every token weighs; accepted with keep=h2o or keep=scissorhands and read=sparq.";
    return std::nullopt;
}

} // namespace fovea
