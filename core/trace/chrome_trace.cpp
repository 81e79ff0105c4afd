#include "core/trace/chrome_trace.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "core/trace/json_parts.h"
#include "core/trace/run_totals.h"

namespace fovea {

namespace {

enum Track { kPhases = 1, kSteps = 2, kDevice = 3 };

// Whole microseconds: neighbouring spans then share their edge exactly and viewers do not nest them.
using Microseconds = std::int64_t;

Microseconds microseconds(double seconds) {
    return std::llround(seconds * 1e6);
}

class ProcessTrace {
public:
    ProcessTrace(Json& events, int process) : m_events(events), m_process(process) {}

    void name(const char* what, int track, const std::string& name) {
        m_events.push_back(
            {{"name", what}, {"ph", "M"}, {"pid", m_process}, {"tid", track}, {"args", {{"name", name}}}});
    }
    void span(const std::string& name, Track track, Microseconds begin, Microseconds end, Json arguments) {
        m_events.push_back({{"name", name},
                            {"ph", "X"},
                            {"pid", m_process},
                            {"tid", static_cast<int>(track)},
                            {"ts", begin},
                            {"dur", end - begin},
                            {"args", std::move(arguments)}});
    }
    void counter(const char* name, Microseconds at, Json levels) {
        m_events.push_back(
            {{"name", name}, {"ph", "C"}, {"pid", m_process}, {"ts", at}, {"args", std::move(levels)}});
    }
    void counter(const char* name, Microseconds at, double level) {
        counter(name, at, Json{{"value", level}});
    }
    void counter(const char* name, Microseconds at, std::int64_t level) {
        counter(name, at, Json{{"value", level}});
    }

private:
    Json& m_events;
    int m_process;
};

// The components of the cache; the parameters have a track of their own, or they would drown the rest.
Json cacheParts(const Traffic& traffic) {
    Json parts = componentsJson(traffic);
    parts.erase(std::string(kComponentNames[static_cast<std::size_t>(Component::Weights)]));
    return parts;
}

Json stepArguments(const StepRecord& step) {
    return {{"position", step.position},
            {"fed", step.fed},
            {"token", step.token},
            {"planned", step.planned},
            {"seconds", step.seconds},
            {"attention_seconds", step.attentionSeconds},
            {"surprise (nats)", step.surprise},
            {"live (slots)", step.liveSlots},
            {"evicted (slots)", step.evicted},
            {"moved formula (bytes)", componentsJson(step.formula)},
            {"moved counted (bytes)", componentsJson(step.counted)}};
}

void levelsDuring(ProcessTrace& trace, const StepRecord& step, Microseconds begin) {
    trace.counter("moved counted (bytes)", begin, step.counted.attention());
    trace.counter("moved counted by part (bytes)", begin, cacheParts(step.counted));
    trace.counter("weights counted (bytes)", begin, step.counted[Component::Weights]);
    trace.counter("bandwidth (GB/s)", begin, gigabytesPerSecond(step.counted.total(), step.seconds));
    trace.counter("attention bandwidth (GB/s)", begin,
                  gigabytesPerSecond(step.counted.attention(), step.attentionSeconds));
}

void levelsAfter(ProcessTrace& trace, const StepRecord& step, Microseconds end) {
    trace.counter("KV held (bytes)", end, step.held.counted.attention());
    trace.counter("KV held by part (bytes)", end, cacheParts(step.held.counted));
    trace.counter("KV reserved (bytes)", end, step.held.reserved);
    if (step.held.onDevice > 0)
        trace.counter("KV taken on the GPU (bytes)", end, step.held.onDevice);
    trace.counter("KV slots live", end, step.liveSlots);
}

// The GPU's own clock, which begins with each step's first kernel, laid at the end of the step as the host saw it: what
// the host does before it queues anything comes first.
void deviceDuring(ProcessTrace& trace, const StepRecord& step, double end) {
    if (!step.device || step.device->empty())
        return;
    const double begin = end - static_cast<double>(step.device->back().end);
    for (const DeviceSpan& span : *step.device) {
        std::string name(kDeviceStageNames[static_cast<std::size_t>(span.stage)]);
        if (span.layer >= 0)
            name += " " + std::to_string(span.layer);
        trace.span(name, kDevice, microseconds(begin + static_cast<double>(span.begin)),
                   microseconds(begin + static_cast<double>(span.end)), {{"position", step.position}});
    }
}

void traceSteps(ProcessTrace& trace, const TracedRun& traced, double start) {
    const auto& steps = traced.run->steps;
    double elapsed = start;
    for (std::size_t i = 0; i < steps.size(); ++i) {
        const Microseconds begin = microseconds(elapsed);
        elapsed += steps[i].seconds;
        const Microseconds end = microseconds(elapsed);
        trace.span("step " + std::to_string(i), kSteps, begin, end, stepArguments(steps[i]));
        levelsDuring(trace, steps[i], begin);
        deviceDuring(trace, steps[i], elapsed);
        levelsAfter(trace, steps[i], end);
        if (i < traced.kl.size())
            trace.counter("KL to the first plan (nats)", begin, static_cast<double>(traced.kl[i]));
    }
    // Back to rest, or the last level would seem to last for ever.
    if (!steps.empty())
        levelsDuring(trace, StepRecord{}, microseconds(elapsed));
    trace.span("decode", kPhases, microseconds(start), microseconds(elapsed),
               {{"steps", steps.size()}, {"plan", toText(traced.run->plan, SpansText::Whole)}});
}

void traceRun(Json& events, const TracedRun& traced, int process) {
    const Run& run = *traced.run;
    ProcessTrace trace(events, process);
    trace.name("process_name", 0, traced.label);
    trace.name("thread_name", kPhases, "phases");
    trace.name("thread_name", kSteps, "steps");
    if (std::any_of(run.steps.begin(), run.steps.end(),
                    [](const StepRecord& step) { return step.device != nullptr; }))
        trace.name("thread_name", kDevice, "GPU (CUDA events)");
    trace.span("prefill", kPhases, 0, microseconds(run.prefillSeconds),
               {{"prompt_tokens", run.promptTokens}, {"model", run.spec.name}});
    traceSteps(trace, traced, run.prefillSeconds);
}

} // namespace

std::string chromeTrace(std::span<const TracedRun> runs) {
    Json events = Json::array();
    int process = 1;
    for (const TracedRun& traced : runs)
        traceRun(events, traced, process++);
    return jsonText({{"displayTimeUnit", "ms"}, {"traceEvents", std::move(events)}}, -1);
}

} // namespace fovea
