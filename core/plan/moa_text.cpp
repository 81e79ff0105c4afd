#include "core/plan/moa_text.h"

#include <array>

#include "core/model/model_spec.h"
#include "core/plan/moa_file.h"
#include "core/plan/switch_values.h"

namespace fovea {

namespace {

constexpr std::string_view kSwitches = "alpha=…, beta=… from 0 to 1, sinks=…, block=… and min=… from 1, "
                                       "length=grows or a number of tokens, file=… or "
                                       "spans=… in place of alpha and beta";

// What is before the first `end`, taken from `text` together with it; all where there is none.
std::string_view take(std::string_view& text, char end) {
    const auto at = text.find(end);
    const std::string_view part = text.substr(0, at);
    text.remove_prefix(at == text.npos ? text.size() : at + 1);
    return part;
}

struct Run {
    MoaSpan span;
    std::int64_t heads = 1;
};

// "1024+0.25N*2"
std::optional<Run> parseRun(std::string_view text) {
    Run run;
    const auto star = text.find('*');
    if (star != text.npos) {
        const auto heads = parseInteger(text.substr(star + 1));
        if (!heads || *heads < 1)
            return std::nullopt;
        run.heads = *heads;
        text = text.substr(0, star);
    }
    // The sign of an exponent is a '+' too.
    auto plus = text.find('+');
    if (plus != text.npos && plus > 0 && text[plus - 1] == 'e')
        plus = text.find('+', plus + 1);
    if (plus == text.npos || !text.ends_with('N'))
        return std::nullopt;
    const auto alpha = parseNumber(text.substr(0, plus));
    const auto beta = parseNumber(text.substr(plus + 1, text.size() - plus - 2));
    if (!alpha || !beta)
        return std::nullopt;
    run.span = {*alpha, *beta};
    return run.span.valid() ? std::optional(run) : std::nullopt;
}

// Calls use(run) for each run of `text`; how many heads they are together, or nothing where one is none.
template <class Use>
std::optional<std::int64_t> eachRun(std::string_view text, const Use& use) {
    constexpr std::int64_t kMost = std::int64_t{MoaSpans::kMostLayers} * MoaSpans::kMostHeads;
    std::int64_t heads = 0;
    while (!text.empty()) {
        const auto run = parseRun(take(text, '/'));
        if (!run || (heads += run->heads) > kMost)
            return std::nullopt;
        use(*run);
    }
    return heads;
}

std::string spanText(const MoaSpan& span) {
    return numberText(span.alpha) + "+" + numberText(span.beta) + "N";
}

void require(bool sensible, const PlanWord& word, std::string_view what) {
    if (!sensible)
        refusePlan("the plan's " + fovea::quoted(word.text) + " " + std::string(what), kSwitches);
}

} // namespace

std::string spansText(const MoaSpans& spans) {
    std::string text = std::to_string(spans.layers) + "x" + std::to_string(spans.heads);
    for (auto span = spans.spans.begin(); span != spans.spans.end();) {
        auto next = span;
        while (next != spans.spans.end() && *next == *span)
            ++next;
        text += '/';
        text += spanText(*span);
        if (next - span > 1)
            text += '*', text += std::to_string(next - span);
        span = next;
    }
    return text;
}

std::optional<MoaSpans> parseSpans(std::string_view text) {
    std::string_view shape = take(text, '/');
    const auto layers = parseInteger(take(shape, 'x')), heads = parseInteger(shape);
    if (!layers || !heads || *layers < 1 || *heads < 1 || *layers > MoaSpans::kMostLayers ||
        *heads > MoaSpans::kMostHeads)
        return std::nullopt;
    if (eachRun(text, [](const Run&) {}) != std::int64_t{*layers} * *heads)
        return std::nullopt;
    MoaSpans spans{.layers = *layers, .heads = *heads, .spans = {}};
    eachRun(text, [&](const Run& run) {
        spans.spans.insert(spans.spans.end(), static_cast<std::size_t>(run.heads), run.span);
    });
    return spans;
}

MoaParams parseMoa(const PlanWord& word) {
    MoaParams p;
    bool one = false;
    const SwitchReader reader(word, kSwitches);
    for (const PlanSwitch& s : reader.switches()) {
        if (s.name == "alpha") {
            p.all.alpha = reader.number(s, -MoaSpan::kLargestAlpha, MoaSpan::kLargestAlpha);
            one = true;
        } else if (s.name == "beta") {
            p.all.beta = reader.number(s, 0, 1);
            one = true;
        } else if (s.name == "sinks") {
            p.sinks = reader.count(s, 0);
        } else if (s.name == "block") {
            p.block = reader.count(s, 1);
        } else if (s.name == "min") {
            p.minimum = reader.count(s, 1);
        } else if (s.name == "length") {
            p.length = s.value == "grows" ? 0 : reader.count(s, 1);
        } else if (s.name == "file" && !p.spans) {
            p.file = unquoted(s.value);
            p.spans = std::make_shared<const MoaSpans>(readMoaFile(p.file));
        } else if (s.name == "spans" && !p.spans) {
            auto spans = parseSpans(s.value);
            if (!spans)
                reader.refuse(s,
                              "is not layers x heads and a span for each, as in 2x4/0+0.5N*6/1024+0.25N*2");
            p.spans = std::make_shared<const MoaSpans>(std::move(*spans));
        } else {
            reader.refuseUnknown(s);
        }
    }
    require(!one || !p.spans, word, "gives one span for all heads and others for each");
    return p;
}

namespace {

std::string withSpans(const MoaParams& p, const std::string& spans) {
    const MoaParams defaults;
    std::string switches = spans;
    const auto add = [&](const std::string& text) { switches += (switches.empty() ? "" : ",") + text; };
    if (!p.spans && p.all.alpha != defaults.all.alpha)
        add("alpha=" + numberText(p.all.alpha));
    if (!p.spans && p.all.beta != defaults.all.beta)
        add("beta=" + numberText(p.all.beta));
    if (p.sinks != defaults.sinks)
        add("sinks=" + std::to_string(p.sinks));
    if (p.block != defaults.block)
        add("block=" + std::to_string(p.block));
    if (p.minimum != defaults.minimum)
        add("min=" + std::to_string(p.minimum));
    if (p.length != defaults.length)
        add("length=" + std::to_string(p.length));
    return switches.empty() ? "keep=moa" : "keep=moa:" + switches;
}

} // namespace

std::string moaText(const MoaParams& p, SpansText spans) {
    if (!p.spans)
        return withSpans(p, {});
    const bool named = spans == SpansText::Named && !p.file.empty();
    return withSpans(p, named ? "file=" + inPlan(p.file) : "spans=" + spansText(*p.spans));
}

std::string moaTitle(const MoaParams& p) {
    if (!p.spans || !p.file.empty())
        return moaText(p, SpansText::Named);
    return withSpans(p, "spans=" + std::to_string(p.spans->layers) + "x" + std::to_string(p.spans->heads));
}

std::optional<std::string> moaRefusal(const MoaParams& p, const ModelSpec& spec) {
    if (p.sinks < 0 || p.block < 1 || p.minimum < 1 || p.length < 0 || !p.all.valid())
        return "keep=moa with alpha=" + numberText(p.all.alpha) + ",beta=" + numberText(p.all.beta) +
               ",sinks=" + std::to_string(p.sinks) + ",block=" + std::to_string(p.block) +
               ",min=" + std::to_string(p.minimum) +
               " keeps nothing that makes sense; accepted: " + std::string(kSwitches) + ".";
    if (!p.spans || (p.spans->layers == spec.layers && p.spans->heads == spec.queryHeads))
        return std::nullopt;
    const auto shape = [](int layers, int heads) {
        return std::to_string(layers) + " layers of " + std::to_string(heads) + " query heads";
    };
    return "keep=moa's spans" + (p.file.empty() ? std::string() : " of " + fovea::quoted(p.file)) +
           " are for " + shape(p.spans->layers, p.spans->heads) + ", and this model has " +
           shape(spec.layers, spec.queryHeads) +
           "; accepted: a plan of the model's shape, or alpha=… and beta=… for all heads.";
}

} // namespace fovea
