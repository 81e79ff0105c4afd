#include "core/plan/plan_template.h"

#include "core/plan/attention_plan.h"
#include "core/plan/plan_words.h"

namespace fovea {

namespace {

[[noreturn]] void refuse(std::string_view text, const std::string& why) {
    throw PlanError("the plan " + quoted(text) + " " + why + ": write read=sparq:r={4,8,16} for three plans");
}

struct Choice {
    std::vector<std::string_view> texts; // one where there are no braces
};

std::vector<std::string_view> atCommas(std::string_view inside) {
    std::vector<std::string_view> parts;
    while (true) {
        const auto comma = inside.find(',');
        parts.push_back(inside.substr(0, comma));
        if (comma == std::string_view::npos)
            return parts;
        inside.remove_prefix(comma + 1);
    }
}

std::vector<Choice> choicesOf(std::string_view text) {
    std::vector<Choice> choices;
    std::size_t from = 0; // of what is not yet taken
    bool open = false, inQuotes = false;
    const auto take = [&](std::size_t to) {
        const std::string_view part = text.substr(from, to - from);
        if (open && part.empty())
            refuse(text, "has braces with nothing in them");
        choices.push_back({open ? atCommas(part) : std::vector<std::string_view>{part}});
        from = to + 1;
    };
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '"')
            inQuotes = !inQuotes;
        if (inQuotes || (text[i] != '{' && text[i] != '}'))
            continue;
        if (open == (text[i] == '{'))
            refuse(text, open ? "has braces within braces" : "closes braces that were not opened");
        take(i);
        open = !open;
    }
    if (open)
        refuse(text, "has braces that are not closed");
    take(text.size());
    return choices;
}

} // namespace

std::vector<std::string> expandPlans(std::string_view text) {
    std::vector<std::string> plans = {""};
    for (const Choice& choice : choicesOf(text)) {
        if (plans.size() * choice.texts.size() > kMostExpanded)
            refuse(text, "stands for more than " + std::to_string(kMostExpanded) + " plans");
        std::vector<std::string> longer;
        longer.reserve(plans.size() * choice.texts.size());
        for (const std::string& plan : plans)
            for (const std::string_view next : choice.texts)
                longer.push_back(plan + std::string(next));
        plans = std::move(longer);
    }
    return plans;
}

std::string methodOf(std::string_view plan) {
    std::string method;
    for (const PlanWord& word : splitPlan(plan)) {
        method += method.empty() ? "" : " ";
        method += word.text.substr(0, word.text.find(':'));
    }
    return method;
}

} // namespace fovea
