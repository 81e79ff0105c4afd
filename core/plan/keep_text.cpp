#include "core/plan/keep_text.h"

#include <algorithm>

#include "core/model/model_spec.h"
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
    return std::nullopt;
}

std::string keepText(const Keep& keep) {
    if (const auto* p = std::get_if<StreamingParams>(&keep))
        return keptText("streaming", *p,
                        p->positions == StreamingParams::Positions::Cache ? "positions=cache" : "");
    if (const auto* p = std::get_if<LmInfiniteParams>(&keep))
        return keptText("lm-infinite", *p);
    return {};
}

std::optional<std::string> keepRefusal(const AttentionPlan& plan, const ModelSpec&) {
    const auto* streaming = std::get_if<StreamingParams>(&plan.keep);
    const auto* infinite = std::get_if<LmInfiniteParams>(&plan.keep);
    if (streaming &&
        (streaming->sinks < 0 || streaming->window < 0 || std::max(streaming->sinks, streaming->window) < 1))
        return "keep=streaming with sinks=" + std::to_string(streaming->sinks) +
               ",window=" + std::to_string(streaming->window) +
               " keeps no token; accepted: sinks=0 or more, window=0 or more, together 1 or more.";
    if (infinite && (infinite->sinks < 0 || infinite->window < 1))
        return "keep=lm-infinite with sinks=" + std::to_string(infinite->sinks) +
               ",window=" + std::to_string(infinite->window) +
               " does not keep the current token; accepted: sinks=0 or more, window=1 or more.";
    if (!std::holds_alternative<SparqParams>(plan.read))
        return std::nullopt;
    if (streaming && streaming->positions == StreamingParams::Positions::Cache)
        return "positions=cache does not go together with read=sparq, whose copy of the keys is fixed at "
               "their own "
               "positions; accepted: positions=original.";
    if (infinite)
        return "keep=lm-infinite meets its sinks at another distance and does not go together with "
               "read=sparq, whose "
               "copy of the keys is fixed at their own positions; accepted: keep=streaming.";
    return std::nullopt;
}

} // namespace fovea
