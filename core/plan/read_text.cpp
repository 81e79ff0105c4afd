#include "core/plan/read_text.h"

#include <variant>

#include "core/model/model_spec.h"
#include "core/plan/switch_values.h"

namespace fovea {

namespace {

constexpr std::string_view kSparqSwitches =
    "r=…, k=…, local=…, alpha=on|off, tau=on|off, select=softmax|logits";
constexpr std::string_view kTopvSwitches = "k=… from 1, renormalise=on|off";
constexpr std::string_view kQuestSwitches = "page=… from 1, pages=… from 1, skip=…";

SparqParams parseSparq(const PlanWord& word) {
    SparqParams p;
    const SwitchReader reader(word, kSparqSwitches);
    for (const PlanSwitch& s : reader.switches()) {
        if (s.name == "r")
            p.components = reader.count(s, 1);
        else if (s.name == "k")
            p.tokens = reader.count(s, 1);
        else if (s.name == "local")
            p.local = reader.count(s, 0);
        else if (s.name == "alpha")
            p.alpha = reader.onOff(s);
        else if (s.name == "tau")
            p.tau = reader.onOff(s);
        else if (s.name == "select")
            p.select = reader.either(s, "softmax", "logits") ? SparqParams::Select::Logits
                                                             : SparqParams::Select::Softmax;
        else
            reader.refuseUnknown(s);
    }
    if (p.localTokens() > p.tokens)
        refusePlan("the plan's \"local=" + std::to_string(p.localTokens()) + "\" is more than k=" +
                       std::to_string(p.tokens) + ", and the local window lies inside k",
                   kSparqSwitches);
    return p;
}

TopvParams parseTopv(const PlanWord& word) {
    TopvParams p;
    const SwitchReader reader(word, kTopvSwitches);
    for (const PlanSwitch& s : reader.switches()) {
        if (s.name == "k")
            p.tokens = reader.count(s, 1);
        else if (s.name == "renormalise")
            p.renormalise = reader.onOff(s);
        else
            reader.refuseUnknown(s);
    }
    return p;
}

QuestParams parseQuest(const PlanWord& word) {
    QuestParams p;
    const SwitchReader reader(word, kQuestSwitches);
    for (const PlanSwitch& s : reader.switches()) {
        if (s.name == "page")
            p.page = reader.count(s, 1);
        else if (s.name == "pages")
            p.pages = reader.count(s, 1);
        else if (s.name == "skip")
            p.skip = reader.count(s, 0);
        else
            reader.refuseUnknown(s);
    }
    return p;
}

// "read=name" and its switches, those with default values left out.
class ReadWord {
public:
    explicit ReadWord(std::string_view name) : m_text("read=" + std::string(name)) {}

    void add(std::string_view item) {
        m_text += m_switches++ == 0 ? ':' : ',';
        m_text += item;
    }
    void add(std::string_view name, int value, int usual) {
        if (value != usual)
            add(std::string(name) + '=' + std::to_string(value));
    }
    std::string text() const { return m_text; }

private:
    std::string m_text;
    int m_switches = 0;
};

std::string textOf(const ReadAll&) {
    return {};
}

std::string textOf(const SparqParams& p) {
    const SparqParams usual;
    ReadWord word("sparq");
    word.add("r", p.components, usual.components);
    word.add("k", p.tokens, usual.tokens);
    if (p.local)
        word.add("local=" + std::to_string(*p.local));
    if (p.alpha != usual.alpha)
        word.add("alpha=off");
    if (p.tau != usual.tau)
        word.add("tau=off");
    if (p.select != usual.select)
        word.add("select=logits");
    return word.text();
}

std::string textOf(const TopvParams& p) {
    ReadWord word("topv");
    word.add("k", p.tokens, TopvParams{}.tokens);
    if (p.renormalise)
        word.add("renormalise=on");
    return word.text();
}

std::string textOf(const QuestParams& p) {
    const QuestParams usual;
    ReadWord word("quest");
    word.add("page", p.page, usual.page);
    word.add("pages", p.pages, usual.pages);
    word.add("skip", p.skip, usual.skip);
    return word.text();
}

std::optional<std::string> refusalOf(const ReadAll&, const ModelSpec&) {
    return std::nullopt;
}

std::optional<std::string> refusalOf(const SparqParams& sparq, const ModelSpec& spec) {
    if (sparq.components < 1 || sparq.components > spec.headDim)
        return "read=sparq with r=" + std::to_string(sparq.components) +
               " does not fit this model, whose heads are " + std::to_string(spec.headDim) +
               " wide; accepted: r=1 to r=" + std::to_string(spec.headDim) + ".";
    if (sparq.tokens < 1)
        return "read=sparq with k=" + std::to_string(sparq.tokens) +
               " reads no token; accepted: k=1 or more.";
    if (sparq.localTokens() < 0 || sparq.localTokens() > sparq.tokens)
        return "read=sparq with local=" + std::to_string(sparq.localTokens()) +
               " does not fit; accepted: local=0 to local=" + std::to_string(sparq.tokens) + ", which is k.";
    return std::nullopt;
}

std::optional<std::string> refusalOf(const TopvParams& topv, const ModelSpec&) {
    if (topv.tokens < 1)
        return "read=topv with k=" + std::to_string(topv.tokens) + " reads no value; accepted: k=1 or more.";
    return std::nullopt;
}

std::optional<std::string> refusalOf(const QuestParams& quest, const ModelSpec&) {
    if (quest.page < 1 || quest.pages < 1 || quest.skip < 0)
        return "read=quest with page=" + std::to_string(quest.page) +
               ",pages=" + std::to_string(quest.pages) + ",skip=" + std::to_string(quest.skip) +
               " reads no token; accepted: page=1 or more, pages=1 or more, skip=0 or more.";
    return std::nullopt;
}

} // namespace

std::optional<Read> parseReadMethod(const PlanWord& word) {
    if (word.value == "sparq")
        return parseSparq(word);
    if (word.value == "topv")
        return parseTopv(word);
    if (word.value == "quest")
        return parseQuest(word);
    return std::nullopt;
}

std::string readText(const Read& read) {
    return std::visit([](const auto& method) { return textOf(method); }, read);
}

std::optional<std::string> readRefusal(const Read& read, const ModelSpec& spec) {
    return std::visit([&spec](const auto& method) { return refusalOf(method, spec); }, read);
}

} // namespace fovea
