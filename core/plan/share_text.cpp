#include "core/plan/share_text.h"

#include <algorithm>
#include <array>

#include "core/model/model_spec.h"
#include "core/plan/switch_values.h"

namespace fovea {

namespace {

constexpr std::string_view kClaSwitches =
    "a factor from 2, pattern=even|keep-ends|dense-front|dense-back, convert=mean|first";
constexpr std::string_view kLayersSwitches =
    "the source of each layer between underscores as in 0_0_2_2, convert=mean|first";
constexpr std::array<std::string_view, 4> kPatterns = {"even", "keep-ends", "dense-front", "dense-back"};

KvConversion conversion(const SwitchReader& reader, const PlanSwitch& s) {
    return reader.either(s, "mean", "first") ? KvConversion::First : KvConversion::Mean;
}

ClaParams parseCla(const PlanWord& word) {
    ClaParams p;
    const SwitchReader reader(word, kClaSwitches);
    for (const PlanSwitch& s : reader.switches()) {
        if (s.name == "pattern") {
            const auto* known = std::find(kPatterns.begin(), kPatterns.end(), s.value);
            if (known == kPatterns.end())
                refusePlan("the plan's " + quoted(s.text) + " is no pattern", kClaSwitches);
            p.pattern = static_cast<ClaParams::Pattern>(known - kPatterns.begin());
        } else if (s.name == "convert") {
            p.convert = conversion(reader, s);
        } else if (&s == &reader.switches().front()) { // the factor, which has no name
            p.factor = reader.count({s.text, {}, s.text}, 2);
        } else {
            reader.refuseUnknown(s);
        }
    }
    return p;
}

// "0_0_2_2"
std::vector<int> parseSources(const PlanSwitch& list) {
    std::vector<int> sources;
    for (std::string_view rest = list.text;;) {
        const auto end = rest.find('_');
        const std::string_view source = rest.substr(0, end);
        const auto layer = parseInteger(source);
        if (source.ends_with('s'))
            refusePlan("the plan's " + quoted(source) +
                           " marks a sliding window, which is the model's or keep's to say",
                       kLayersSwitches);
        if (!layer || *layer < 0)
            refusePlan("the plan's " + quoted(source) + " is no layer", kLayersSwitches);
        sources.push_back(*layer);
        if (end == rest.npos)
            return sources;
        rest.remove_prefix(end + 1);
    }
}

LayerSources parseLayers(const PlanWord& word) {
    LayerSources p;
    const SwitchReader reader(word, kLayersSwitches);
    for (const PlanSwitch& s : reader.switches()) {
        if (s.name == "convert")
            p.convert = conversion(reader, s);
        else if (&s == &reader.switches().front())
            p.sources = parseSources(s);
        else
            reader.refuseUnknown(s);
    }
    if (p.sources.empty())
        refusePlan("the plan's " + quoted(word.text) + " names no layer's source", kLayersSwitches);
    return p;
}

std::string layersText(const std::vector<int>& sources) {
    std::string text;
    for (const int source : sources)
        text.append(text.empty() ? "" : "_").append(std::to_string(source));
    return text;
}

} // namespace

std::string_view patternName(ClaParams::Pattern pattern) {
    return kPatterns[static_cast<std::size_t>(pattern)];
}

std::string_view conversionName(KvConversion convert) {
    return convert == KvConversion::First ? "first" : "mean";
}

std::optional<std::string> conversionNote(const Share& share) {
    if (std::holds_alternative<OwnKv>(share))
        return std::nullopt;
    return "untrained conversion: this model was not trained to share KV, one that was would lose less";
}

std::optional<Share> parseShareMethod(const PlanWord& word) {
    if (word.value == "cla")
        return parseCla(word);
    if (word.value == "layers")
        return parseLayers(word);
    return std::nullopt;
}

std::string shareText(const Share& share) {
    std::string text;
    if (const auto* cla = std::get_if<ClaParams>(&share)) {
        text = "share=cla:" + std::to_string(cla->factor);
        if (cla->pattern != ClaParams{}.pattern)
            text += ",pattern=" + std::string(patternName(cla->pattern));
    } else if (const auto* list = std::get_if<LayerSources>(&share)) {
        text = "share=layers:" + layersText(list->sources);
    } else {
        return {};
    }
    if (conversionOf(share) != KvConversion::Mean)
        text += ",convert=" + std::string(conversionName(conversionOf(share)));
    return text;
}

std::optional<std::string> shareRefusal(const Share& share, const ModelSpec& spec) {
    if (std::holds_alternative<OwnKv>(share))
        return std::nullopt;
    constexpr std::size_t kLongest = 80; // of a list in a sentence
    std::string name = shareText(share);
    if (name.size() > kLongest)
        name = name.substr(0, kLongest) + "…";
    if (!spec.kvSources.empty())
        return name + " would share what this model's layers share already; accepted: share=own.";
    const auto* cla = std::get_if<ClaParams>(&share);
    if (cla && spec.layers < 2)
        return name + " needs layers to share between and this model has 1; accepted: share=own.";
    if (cla && (cla->factor < 2 || cla->factor > spec.layers))
        return name + " does not fit this model's " + std::to_string(spec.layers) +
               " layers; accepted: factors from 2 to " + std::to_string(spec.layers) + ".";
    if (const auto why =
            sourcesRefusal(cla ? claSources(*cla, spec.layers) : std::get<LayerSources>(share).sources, spec))
        return name + " " + *why;
    return std::nullopt;
}

} // namespace fovea
