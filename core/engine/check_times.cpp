#include "core/engine/check_times.h"

#include "core/engine/device/gpu_refusal.h"
#include "core/engine/samples.h"
#include "core/engine/session.h"
#include "core/model/model.h"

namespace fovea {

namespace {

struct Way {
    const char* name;
    Backend backend;
    bool graphs;
};
constexpr Way kWays[] = {{"libtorch", Backend::Reference, false},
                         {"CPU kernels", Backend::Cpu, false},
                         {"GPU kernels", Backend::Cuda, false},
                         {"GPU kernels, one graph", Backend::Cuda, true}};

constexpr std::size_t kCold = 2; // steps that are not timed

} // namespace

std::vector<CheckedWay> timeWays(const std::shared_ptr<const Model>& model, const AttentionPlan& plan,
                                 std::span<const int> prompt, std::span<const int> fed,
                                 std::int64_t decodeFrom, const std::atomic<bool>& cancel) {
    std::vector<CheckedWay> ways;
    std::vector<std::vector<float>> truth; // logits of each step, the first way's
    for (const Way& way : kWays) {
        CheckedWay& done = ways.emplace_back();
        done.name = way.name;
        if (const auto why = way.backend == Backend::Cuda ? gpuRefusal(plan, *model) : std::nullopt) {
            done.whyNot = *why;
            continue;
        }
        Session session(model, plan,
                        {.backend = way.backend,
                         .capacity = std::ssize(prompt) - 1 + std::ssize(fed),
                         .graphs = way.graphs});
        if (!session.prefill(prompt.first(prompt.size() - 1), cancel))
            return ways;
        Samples seconds;
        int timed = 0;
        for (std::size_t i = 0; i < fed.size() && !cancel; ++i) {
            const StepRecord step = session.step(fed[i], session.tokens() >= decodeFrom);
            if (i >= kCold || fed.size() <= kCold) {
                seconds.add(step.seconds);
                ++timed;
            }
            if (way.name == kWays[0].name) {
                truth.emplace_back(session.logits().begin(), session.logits().end());
                continue;
            }
            Deviation off = deviationOf(truth[i], session.logits());
            off.part = CheckedPart::Logits;
            off.step = static_cast<int>(i);
            keepLarger(done.logits, off);
        }
        done.whyNot = session.whyLeft(); // no way to speak of, then
        if (!done.whyNot.empty() || timed == 0)
            continue;
        done.steps = timed;
        done.medianSeconds = seconds.quantile(.5);
        done.spread = seconds.spread();
    }
    return ways;
}

} // namespace fovea
