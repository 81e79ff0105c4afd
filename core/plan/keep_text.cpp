#include "core/plan/keep_text.h"

#include <algorithm>

#include "core/methods/keep/keep_rule.h"
#include "core/model/model_spec.h"
#include "core/plan/moa_text.h"
#include "core/plan/scored_keep_text.h"
#include "core/plan/switch_values.h"

namespace fovea {

namespace {

constexpr std::string_view kStreamingSwitches =
    "sinks=…, window=…, positions=original|cache, sinks + window >= 1";
constexpr std::string_view kLmInfiniteSwitches = "sinks=…, window=… from 1";

StreamingParams parseStreaming(const PlanWord& word) {
    StreamingParams p;
    const SwitchReader reader(word, kStreamingSwitches);
    for (const PlanSwitch& s : reader.switches()) {
        if (s.name == "sinks")
            p.sinks = reader.count(s, 0);
        else if (s.name == "window")
            p.window = reader.count(s, 0);
        else if (s.name == "positions")
            p.positions = reader.either(s, "original", "cache") ? StreamingParams::Positions::Cache
                                                                : StreamingParams::Positions::Original;
        else
            reader.refuseUnknown(s);
    }
    if (p.sinks == 0 && p.window == 0)
        refusePlan("the plan's " + quoted(word.text) + " keeps no token", kStreamingSwitches);
    return p;
}

LmInfiniteParams parseLmInfinite(const PlanWord& word) {
    LmInfiniteParams p;
    const SwitchReader reader(word, kLmInfiniteSwitches);
    for (const PlanSwitch& s : reader.switches()) {
        if (s.name == "sinks")
            p.sinks = reader.count(s, 0);
        else if (s.name == "window")
            p.window = reader.count(s, 1);
        else
            reader.refuseUnknown(s);
    }
    return p;
}

// "keep=name:sinks=…,window=…", what is default left out.
template <class Params>
std::string keptText(std::string_view name, const Params& p, std::string_view last = {}) {
    std::string switches;
    const auto add = [&](std::string_view text) { (switches += switches.empty() ? ":" : ",") += text; };
    if (p.sinks != Params{}.sinks)
        add("sinks=" + std::to_string(p.sinks));
    if (p.window != Params{}.window)
        add("window=" + std::to_string(p.window));
    if (!last.empty())
        add(last);
    return "keep=" + std::string(name) + switches;
}

} // namespace

std::optional<Keep> parseKeepMethod(const PlanWord& word) {
    if (word.value == "streaming")
        return parseStreaming(word);
    if (word.value == "lm-infinite")
        return parseLmInfinite(word);
    if (word.value == "moa")
        return parseMoa(word);
    return parseScoredKeep(word);
}

std::string keepText(const Keep& keep, SpansText spans) {
    if (const auto* p = std::get_if<StreamingParams>(&keep))
        return keptText("streaming", *p,
                        p->positions == StreamingParams::Positions::Cache ? "positions=cache" : "");
    if (const auto* p = std::get_if<LmInfiniteParams>(&keep))
        return keptText("lm-infinite", *p);
    if (const auto* p = std::get_if<MoaParams>(&keep))
        return moaText(*p, spans);
    return scoredKeepText(keep);
}

namespace {

std::optional<std::string> emptyKeep(const Keep& keep) {
    if (const auto* p = std::get_if<StreamingParams>(&keep);
        p && (p->sinks < 0 || p->window < 0 || std::max(p->sinks, p->window) < 1))
        return "keep=streaming with sinks=" + std::to_string(p->sinks) +
               ",window=" + std::to_string(p->window) +
               " keeps no token; accepted: sinks=0 or more, window=0 or more, together 1 or more.";
    if (const auto* p = std::get_if<LmInfiniteParams>(&keep); p && (p->sinks < 0 || p->window < 1))
        return "keep=lm-infinite with sinks=" + std::to_string(p->sinks) +
               ",window=" + std::to_string(p->window) +
               " does not keep the current token; accepted: sinks=0 or more, window=1 or more.";
    return std::nullopt;
}

} // namespace

std::optional<std::string> keepRefusal(const AttentionPlan& plan, const ModelSpec& spec) {
    if (const auto why = emptyKeep(plan.keep))
        return why;
    if (const auto why = scoredKeepRefusal(plan))
        return why;
    if (const auto* moa = std::get_if<MoaParams>(&plan.keep))
        return moaRefusal(*moa, spec);
    if (!keepRule(plan, 0, true).turns())
        return std::nullopt;
    const bool streaming = std::holds_alternative<StreamingParams>(plan.keep);
    const std::string name = streaming ? "positions=cache" : "keep=lm-infinite";
    const std::string instead = streaming ? "positions=original" : "keep=streaming";
    const bool sparq = std::holds_alternative<SparqParams>(plan.read);
    if (sparq || std::holds_alternative<QuestParams>(plan.read))
        return name + " meets sinks at other distances and does not go together with read=" +
               (sparq ? "sparq, whose copy of the keys is" : "quest, whose bounds of the keys are") +
               " fixed at their own positions; accepted: " + instead + ".";
    if (spec.learnedPositions)
        return name +
               " meets sinks at other distances, which needs RoPE, and this model has learned positions; "
               "accepted: " +
               instead + ".";
    if (spec.rope.scaling.kind == RopeScaling::Kind::Dynamic)
        return name +
               " meets sinks at other distances, and this model's RoPE changes with the length of the text; "
               "accepted: " +
               instead + ".";
    for (int layer = 0; layer < spec.layers; ++layer)
        if (spec.ropeOf(layer).scaling.kind == RopeScaling::Kind::Dynamic)
            return name + " meets sinks at other distances, and this model's dynamic RoPE changes with the length of "
                          "the text; accepted: " + instead + ".";
    return std::nullopt;
}

} // namespace fovea
