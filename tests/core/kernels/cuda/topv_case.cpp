#include "tests/core/kernels/cuda/topv_case.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/kernels/cuda/attend.h"

namespace fovea::cuda {

bool TopvOutcome::operator==(const TopvOutcome& other) const {
    return chosen == other.chosen && sameBits(logits, other.logits) && sameBits(tops, other.tops) &&
           sameBits(sums, other.sums) && sameBits(kept, other.kept) && sameBits(weights, other.weights);
}

TopvOutcome runTopv(const ReadCase& problem, int tokens, Stream stream) {
    const auto H = static_cast<std::size_t>(problem.heads()),
               G = static_cast<std::size_t>(problem.geometry.kvHeads), k = static_cast<std::size_t>(tokens);
    const DeviceBlocks keys = problem.rows();
    const UploadedStep uploaded(problem);

    TopvChoice choice;
    choice.step = uploaded.step;
    choice.tokens = tokens;
    choice.codes = problem.geometry.codes;
    const machine::Buffer turned = machine::upload(problem.turned),
                          turnedQ = machine::upload(problem.turnedQ);
    choice.turned = {static_cast<const std::int32_t*>(turned.data()), static_cast<int>(problem.turned.size()),
                     static_cast<const float*>(turnedQ.data()), nullptr};
    choice.keys = keys.table<const void* const*>();
    const std::optional<MixedOnMachine> mixed = problem.mixed();
    if (mixed) {
        choice.mixed = mixed->blocks;
        choice.keys = mixed->keys;
    }
    choice.exact.stride = problem.stride();
    const Guarded<float> logits(H * static_cast<std::size_t>(problem.stride())), tops(H), sums(H),
        weights(H * k), kept(H), scratch(scratchFloats(choice));
    const Guarded<std::int32_t> slots(G * k), counts(G);
    choice.exact.logits = logits.data();
    choice.exact.tops = tops.data();
    choice.exact.sums = sums.data();
    choice.chosen = {tokens, slots.data(), counts.data()};
    choice.weights = weights.data();
    choice.kept = kept.data();
    choice.scratch = scratch.data();
    chooseTopv(choice, stream);
    machine::finish();

    scratch.read("scratch");
    TopvOutcome outcome{logits.read("logits"), tops.read("tops"),       sums.read("sums"),
                        kept.read("kept"),     weights.read("weights"), {}};
    const std::vector<std::int32_t> rows = slots.read("slots"), n = counts.read("counts");
    for (std::size_t g = 0; g < G; ++g)
        outcome.chosen.push_back(rowOf(rows, tokens, static_cast<int>(g), n[g]));
    return outcome;
}

std::string wrongTopv(const ReadCase& problem, int tokens, const TopvOutcome& outcome) {
    constexpr double kTolerance = 1e-5;
    const int d = problem.geometry.headDim, group = problem.geometry.group;
    for (int kvHead = 0; kvHead < problem.geometry.kvHeads; ++kvHead) {
        const std::vector<std::int32_t>& chosen = outcome.chosen[static_cast<std::size_t>(kvHead)];
        const std::int64_t S = problem.live(kvHead);
        std::vector<ReadCase::Softmax> softmaxes;
        std::vector<double> values(static_cast<std::size_t>(S), 0.0);
        for (int h = kvHead * group; h < (kvHead + 1) * group; ++h) {
            softmaxes.push_back(ReadCase::softmax(S, [&](std::int64_t slot) {
                if (!problem.sees(h, slot))
                    return -std::numeric_limits<double>::infinity();
                const float* const query = problem.queryFor(h, slot);
                double dot = 0;
                for (int c = 0; c < d; ++c)
                    dot += double{query[c]} * problem.key(kvHead, slot, c);
                dot *= problem.scale;
                return problem.softcap == 0 ? dot : problem.softcap * std::tanh(dot / problem.softcap);
            }));
            for (std::size_t slot = 0; slot < values.size(); ++slot)
                values[slot] += softmaxes.back().weights[slot];
        }
        const std::string wrong =
            wrongChoice(chosen, values, std::min<std::int64_t>(tokens, problem.seen(kvHead)), {}, kTolerance);
        if (!wrong.empty())
            return wrong;
        for (const std::int32_t slot : chosen)
            if (!problem.anySees(kvHead, slot))
                return "slot " + std::to_string(slot) + " was chosen, which nobody sees";
        for (int h = 0; h < group; ++h) {
            const auto head = static_cast<std::size_t>(kvHead * group + h);
            const ReadCase::Softmax& softmax = softmaxes[static_cast<std::size_t>(h)];
            double kept = 0;
            for (std::size_t i = 0; i < chosen.size(); ++i) {
                const double weight = softmax.weights[static_cast<std::size_t>(chosen[i])];
                kept += weight;
                if (!(std::abs(outcome.weights[head * static_cast<std::size_t>(tokens) + i] - weight) <=
                      kTolerance))
                    return "the weight of slot " + std::to_string(chosen[i]) + " of head " +
                           std::to_string(head);
            }
            if (!(std::abs(outcome.kept[head] - kept) <= kTolerance))
                return "what is kept of head " + std::to_string(head);
        }
    }
    return "";
}

std::vector<float> chosenValues(const ReadCase& problem, int tokens, const TopvOutcome& outcome,
                                bool renormalise, Stream stream) {
    const auto k = static_cast<std::size_t>(tokens);
    std::vector<std::int32_t> slots(outcome.chosen.size() * k, 1 << 30), counts; // beyond the list: nobody's
    for (std::size_t g = 0; g < outcome.chosen.size(); ++g) {
        std::copy(outcome.chosen[g].begin(), outcome.chosen[g].end(),
                  slots.begin() + static_cast<std::ptrdiff_t>(g * k));
        counts.push_back(static_cast<std::int32_t>(outcome.chosen[g].size()));
    }
    const DeviceBlocks values = problem.rows();
    const machine::Buffer list = machine::upload(slots), n = machine::upload(counts),
                          q = machine::upload(problem.q), live = machine::upload(problem.slots),
                          logits = machine::upload(outcome.logits), tops = machine::upload(outcome.tops),
                          sums = machine::upload(outcome.sums);
    const Guarded<float> out(problem.q.size());
    const ReadStep step = problem.step();
    AttendAll all;
    all.type = step.type;
    all.codes = problem.geometry.codes;
    all.heads = step.heads;
    all.kvHeads = step.kvHeads;
    all.headDim = step.headDim;
    all.slotsPerBlock = step.slotsPerBlock;
    all.blocksPerHead = step.blocksPerHead;
    all.q = static_cast<const float*>(q.data());
    all.keys = all.values = values.table<const void* const*>();
    const std::optional<MixedOnMachine> mixed = problem.mixed();
    if (mixed) {
        all.mixed = mixed->blocks;
        all.keys = mixed->keys;
        all.values = mixed->values;
    }
    all.slots = static_cast<const std::int64_t*>(live.data());
    all.out = out.data();
    KnownLogits known;
    known.logits = static_cast<const float*>(logits.data());
    known.stride = problem.stride();
    if (!renormalise) {
        known.tops = static_cast<const float*>(tops.data());
        known.sums = static_cast<const float*>(sums.data());
    }
    addListedValues(
        all,
        {static_cast<const std::int32_t*>(list.data()), static_cast<const std::int32_t*>(n.data()), tokens},
        known, stream);
    machine::finish();
    return out.read("out");
}

std::vector<double> trueSum(const ReadCase& problem, int tokens, const TopvOutcome& outcome,
                            bool renormalise) {
    const int d = problem.geometry.headDim;
    std::vector<double> out(problem.q.size(), 0.0);
    for (int h = 0; h < problem.heads(); ++h) {
        const int kvHead = h / problem.geometry.group;
        const std::vector<std::int32_t>& chosen = outcome.chosen[static_cast<std::size_t>(kvHead)];
        const double kept = renormalise ? outcome.kept[static_cast<std::size_t>(h)] : 1;
        for (std::size_t i = 0; i < chosen.size(); ++i)
            for (int c = 0; c < d; ++c)
                out[static_cast<std::size_t>(h * d + c)] +=
                    outcome.weights[static_cast<std::size_t>(h * tokens) + i] / kept *
                    static_cast<double>(problem.value(kvHead, chosen[i], c));
    }
    return out;
}

} // namespace fovea::cuda
