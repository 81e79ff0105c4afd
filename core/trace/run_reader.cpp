#include <nlohmann/json.hpp>

#include <algorithm>
#include <limits>

#include "core/model/shape_limits.h"
#include "core/trace/json_fields.h"
#include "core/trace/run_format.h"
#include "core/trace/run_json.h"

namespace fovea {

namespace {

constexpr std::int64_t kMostTokens = std::int64_t{1} << 24;
constexpr std::int64_t kMostBytes = std::int64_t{1}
                                    << 52; // of one component: sums of all of them fit 64 bits
constexpr std::size_t kLongestName = 4096, kLongestPlan = 1 << 20, kLongestPiece = 1 << 16;
const std::string kWhatToDo = "; name a file that File ▸ Save run or generate --json wrote";
constexpr int kDeepest = 12; // levels; a run has seven

ElementType typeOf(const JsonFields& fields, const char* name) {
    const std::string text = fields.text(name, 8);
    for (const ElementType type : {ElementType::F32, ElementType::F16, ElementType::BF16})
        if (text == elementName(type))
            return type;
    fields.refuse(name, "is no type of numbers that Fovea knows");
}

ModelSpec specOf(const JsonFields& run) {
    const JsonFields shape = run.object("shape");
    const auto count = [&](const char* name) {
        return static_cast<int>(shape.integer(name, 1, std::numeric_limits<int>::max()));
    };
    ModelSpec spec;
    spec.name = run.text("model", kLongestName);
    spec.architecture = shape.text("architecture", kLongestName);
    spec.layers = count("layers");
    spec.width = count("width");
    spec.queryHeads = count("query_heads");
    spec.kvHeads = count("kv_heads");
    spec.headDim = count("head_dim");
    spec.ffn = count("ffn");
    spec.vocabulary = count("vocabulary");
    spec.context = count("context");
    spec.type = typeOf(shape, "type");
    spec.parameters = shape.integer("parameters", 0, kMostBytes);
    spec.weightBytes = shape.integer("weight_bytes", 0, kMostBytes);
    if (const auto wrong = shapeRefusal(spec))
        run.refuse("shape", "makes no model: " + *wrong);
    return spec;
}

Traffic trafficOf(const JsonFields& fields) {
    Traffic traffic;
    for (int i = 0; i < kComponents; ++i) {
        const std::string name(kComponentNames[static_cast<std::size_t>(i)]);
        // Older files know no bounds of pages; no plan in them reads by pages.
        if (static_cast<Component>(i) == Component::Bounds && !fields.has(name.c_str()))
            continue;
        traffic[static_cast<Component>(i)] = fields.integer(name.c_str(), 0, kMostBytes);
    }
    return traffic;
}

Held heldOf(const JsonFields& fields) {
    const JsonFields parts = fields.object("components");
    Held held;
    held.formula = trafficOf(parts.object("formula"));
    held.counted = trafficOf(parts.object("counted"));
    held.reserved = fields.integer("reserved", 0, kMostBytes);
    if (fields.has("on_device")) // older files know no GPU
        held.onDevice = fields.integer("on_device", 0, kMostBytes);
    if (fields.integer("formula", 0, kMostBytes * kComponents) != held.formula.attention() ||
        fields.integer("counted", 0, kMostBytes * kComponents) != held.counted.attention())
        fields.refuse("components", "do not add up to what is said to be held");
    return held;
}

int tokenOf(const JsonFields& fields, const char* name, const ModelSpec& spec) {
    return static_cast<int>(fields.integer(name, 0, spec.vocabulary - 1));
}

StepRecord stepOf(const JsonFields& fields, const ModelSpec& spec) {
    StepRecord step;
    step.position = fields.integer("position", 0, kMostTokens);
    step.fed = tokenOf(fields, "fed", spec);
    step.token = tokenOf(fields, "token", spec);
    step.planned = fields.boolean("planned");
    const JsonFields bytes = fields.object("bytes");
    step.formula = trafficOf(bytes.object("formula"));
    step.counted = trafficOf(bytes.object("counted"));
    step.held = heldOf(fields.object("held"));
    step.liveSlots = fields.integer("live_slots", 0, kMostBytes);
    step.evicted = fields.integer("evicted_slots", 0, kMostBytes);
    step.seconds = fields.number("seconds");
    step.attentionSeconds = fields.number("attention_seconds");
    step.surprise = static_cast<float>(fields.numberOrInfinite("surprise_nats"));
    return step;
}

// A step feeds the token at its position and is followed by the next one; none is left out.
void requireConsecutive(const JsonFields& fields, const Run& run) {
    const std::int64_t first = run.steps.empty() ? 0 : run.steps.front().position;
    for (std::size_t i = 0; i < run.steps.size(); ++i) {
        const StepRecord& step = run.steps[i];
        const auto at = static_cast<std::size_t>(step.position);
        if (step.position != first + static_cast<std::int64_t>(i) || at >= run.tokens.size() ||
            run.tokens[at] != step.fed || (at + 1 < run.tokens.size() && run.tokens[at + 1] != step.token))
            fields.refuse("steps", "do not follow the tokens, at number " + std::to_string(i));
    }
}

AttentionPlan planOf(const JsonFields& fields) {
    try {
        return parsePlan(fields.text("plan", kLongestPlan));
    } catch (const PlanError& error) {
        fields.refuse("plan", std::string("is none: ") + error.what());
    }
}

std::shared_ptr<const Run> runOf(const JsonFields& fields) {
    auto run = std::make_shared<Run>();
    run->spec = specOf(fields);
    run->plan = planOf(fields);
    run->prompt = fields.text("prompt", kLargestRunFile);
    for (const Json& token : fields.array("tokens", kMostTokens))
        run->tokens.push_back(static_cast<int>(fields.integer(token, "tokens", 0, run->spec.vocabulary - 1)));
    const auto tokens = std::ssize(run->tokens);
    run->promptTokens = fields.integer("prompt_tokens", 0, tokens);
    run->decodeFrom = fields.integer("decode_from", 0, kMostTokens);
    run->backend = fields.text("backend", kLongestName);
    run->threads = static_cast<int>(fields.integer("threads", 1, 1 << 16));
    run->prefillSeconds = fields.number("prefill_seconds");
    if (fields.has("prompt_evicted_rows")) // files of before it was counted have none
        run->promptEvicted =
            fields.integer("prompt_evicted_rows", 0, std::numeric_limits<std::int64_t>::max());
    std::size_t number = 0;
    for (const Json& step : fields.array("steps", static_cast<std::size_t>(tokens)))
        run->steps.push_back(stepOf(fields.element(step, "steps", number++), run->spec));
    requireConsecutive(fields, *run);
    return run;
}

Comparison comparisonOf(const JsonFields& fields, const RunFile& file) {
    const std::size_t steps = std::min(file.runs[0]->steps.size(), file.runs[1]->steps.size());
    Comparison comparison;
    for (const Json& kl : fields.array("kl_nats", steps))
        comparison.kl.push_back(static_cast<float>(fields.numberOrInfinite(kl, "kl_nats")));
    comparison.klMean = fields.numberOrInfinite("kl_mean_nats");
    comparison.klMax = fields.numberOrInfinite("kl_max_nats");
    comparison.agreement = fields.number("agreement");
    if (comparison.agreement > 1)
        fields.refuse("agreement", "is a share, and more than all");
    if (!fields.null("first_divergent"))
        comparison.firstDivergent = fields.integer("first_divergent", 0, kMostTokens);
    return comparison;
}

// B was fed A's tokens; it may have been stopped before it had all of them.
void requireSameTokens(const JsonFields& fields, const RunFile& file) {
    const std::vector<int>&a = file.runs[0]->tokens, &b = file.runs[1]->tokens;
    if (b.size() > a.size() || !std::equal(b.begin(), b.end(), a.begin()))
        fields.refuse("runs", "are not of the same tokens");
}

RunFile fileOf(const JsonFields& fields) {
    const std::string format = fields.text("format", 64);
    if (format != kRunFormat && format != kRunFileFormat)
        fields.refuse("format", "is not that of a run");
    if (fields.integer("version", 1, 1 << 20) > kRunVersion)
        fields.refuse("version", "is of a later Fovea");
    RunFile file;
    if (format == kRunFormat) {
        file.runs.push_back(runOf(fields));
        return file;
    }
    std::size_t number = 0;
    for (const Json& run : fields.array("runs", 2))
        file.runs.push_back(runOf(fields.element(run, "runs", number++)));
    if (file.runs.empty())
        fields.refuse("runs", "are none");
    if (file.runs.size() == 2)
        requireSameTokens(fields, file);
    if (fields.has("pieces")) {
        for (const Json& piece : fields.array("pieces", file.runs[0]->tokens.size()))
            file.pieces.push_back(fields.text(piece, "pieces", kLongestPiece));
        if (file.pieces.size() != file.runs[0]->tokens.size())
            fields.refuse("pieces", "are fewer than the tokens");
    }
    if (fields.has("comparison")) {
        if (file.runs.size() != 2)
            fields.refuse("comparison", "is of two runs, and there is one");
        file.comparison = comparisonOf(fields.object("comparison"), file);
    }
    return file;
}

// The tree of values takes several times the text: what is nested deeper than any run is not built.
Json parsed(std::string_view json, const std::string& name) {
    const auto notTooDeep = [&name](int depth, Json::parse_event_t, Json&) {
        if (depth > kDeepest)
            throw RunFileError(name + ": not a run of Fovea, it is nested too deeply" + kWhatToDo);
        return true;
    };
    try {
        return Json::parse(json, notTooDeep);
    } catch (const Json::parse_error& error) {
        throw RunFileError(name + ": not a run of Fovea, no JSON at byte " + std::to_string(error.byte) +
                           kWhatToDo);
    } catch (const Json::exception&) { // a number that no type holds
        throw RunFileError(name + ": not a run of Fovea, it has a number that is too large" + kWhatToDo);
    }
}

} // namespace

RunFile readRunFile(std::string_view json, const std::string& name) {
    if (json.size() > kLargestRunFile)
        throw RunFileError(name + ": larger than any run (" + std::to_string(kLargestRunFile >> 20) +
                           " MiB)" + kWhatToDo);
    const Json tree = parsed(json, name);
    return fileOf(JsonFields(tree, name));
}

} // namespace fovea
