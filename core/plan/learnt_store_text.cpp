#include "core/plan/learnt_store_text.h"

#include "core/model/model_spec.h"
#include "core/plan/switch_values.h"

namespace fovea {

namespace {

constexpr std::string_view kKvquantSwitches =
    "bits=4, 3 or 2, outliers=0 to 0.1 (a share), exact=0 to 1024 (tokens), norm=on|off";
constexpr std::string_view kCqSwitches = "channels=1, 2, 4 or 8, bits=1 to 10, recent=0 to 4096 (tokens)";
constexpr std::string_view kLearntStores = "kvquant or cq";
// Wide and deep enough for any parameters, so that only these are refused.
constexpr int kAnyHeadDim = 8;
constexpr std::int64_t kAnyWidth = 1;

KvquantParams parseKvquant(const PlanWord& word) {
    KvquantParams p;
    const SwitchReader reader(word, kKvquantSwitches);
    for (const PlanSwitch& s : reader.switches()) {
        if (s.name == "bits")
            p.bits = reader.count(s, 2);
        else if (s.name == "outliers")
            p.outliers = reader.number(s, 0, KvquantParams::kMostOutliers);
        else if (s.name == "exact")
            p.exact = reader.count(s, 0);
        else if (s.name == "norm")
            p.norm = reader.onOff(s);
        else
            reader.refuseUnknown(s);
        if (!kvquantFits(p, kAnyWidth))
            reader.refuse(s, "is more or less than can be held");
    }
    return p;
}

CqParams parseCq(const PlanWord& word) {
    CqParams p;
    const SwitchReader reader(word, kCqSwitches);
    for (const PlanSwitch& s : reader.switches()) {
        if (s.name == "channels")
            p.channels = reader.count(s, 1);
        else if (s.name == "bits")
            p.bits = reader.count(s, 1);
        else if (s.name == "recent")
            p.recent = reader.count(s, 0);
        else
            reader.refuseUnknown(s);
        if (!cqFits(p, kAnyHeadDim))
            reader.refuse(s, "is more or less than can be held");
    }
    return p;
}

std::string textOf(const KvquantParams& p) {
    const KvquantParams usual;
    std::string text;
    if (p.bits != usual.bits)
        text += ",bits=" + std::to_string(p.bits);
    if (p.outliers != usual.outliers)
        text += ",outliers=" + numberText(p.outliers);
    if (p.exact != usual.exact)
        text += ",exact=" + std::to_string(p.exact);
    if (p.norm)
        text += *p.norm ? ",norm=on" : ",norm=off";
    return text;
}

std::string textOf(const CqParams& p) {
    const CqParams usual;
    std::string text;
    if (p.channels != usual.channels)
        text += ",channels=" + std::to_string(p.channels);
    if (p.bits != usual.bits)
        text += ",bits=" + std::to_string(p.bits);
    if (p.recent != usual.recent)
        text += ",recent=" + std::to_string(p.recent);
    return text;
}

} // namespace

std::optional<LearntStore> parseLearntStore(const PlanWord& word) {
    if (word.value == "kvquant")
        return parseKvquant(word);
    if (word.value == "cq")
        return parseCq(word);
    return std::nullopt;
}

LearntStore parseLearntStore(std::string_view text) {
    const std::string word = "store=" + std::string(text);
    const std::vector<PlanWord> words = splitPlan(word);
    if (words.size() == 1)
        if (const auto store = parseLearntStore(words.front()))
            return *store;
    refusePlan("the store " + quoted(text) + " is none that is learnt", kLearntStores);
}

std::string learntStoreText(const LearntStore& store) {
    std::string switches = std::visit([](const auto& p) { return textOf(p); }, store);
    if (!switches.empty())
        switches.front() = ':';
    return std::string(learntStoreName(store)) + switches;
}

std::optional<std::string> learntStoreRefusal(const LearntStore& store, const ModelSpec& spec) {
    if (const auto* cq = std::get_if<CqParams>(&store); cq && !cqFits(*cq, spec.headDim))
        return learntStoreText(store) + " does not divide this model's head width of " +
               std::to_string(spec.headDim) + "; accepted: " + std::string(kCqSwitches) + ".";
    if (const auto* kvquant = std::get_if<KvquantParams>(&store); kvquant && !kvquantFits(*kvquant, spec.headDim))
        return learntStoreText(store) + " numbers channels in 16 bits, and this model's heads have " +
               std::to_string(spec.headDim) + "; accepted: cq.";
    return std::nullopt;
}

} // namespace fovea
