#include "tests/core/kernels/cuda/sparq_case.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace fovea::cuda {

bool SparqOutcome::operator==(const SparqOutcome& other) const {
    return components == other.components && chosen == other.chosen && sameBits(taus, other.taus) &&
           sameBits(tops, other.tops) && sameBits(sums, other.sums) && sameBits(alphas, other.alphas) &&
           sameBits(logits, other.logits) && seenTokens == other.seenTokens;
}

SparqOutcome runSparq(const ReadCase& problem, const SparqSettings& settings, Stream stream) {
    const auto H = static_cast<std::size_t>(problem.heads()),
               G = static_cast<std::size_t>(problem.geometry.kvHeads);
    const std::int64_t stride = problem.stride(), most = settings.tokens;
    const DeviceBlocks columns = problem.columns();
    const UploadedStep uploaded(problem);
    std::vector<std::int32_t> ages(G * static_cast<std::size_t>(stride), -1);
    for (std::size_t g = 0; g < settings.byAge.size(); ++g)
        std::copy(settings.byAge[g].begin(), settings.byAge[g].end(),
                  ages.begin() + static_cast<std::ptrdiff_t>(g) * stride);
    const machine::Buffer byAge = machine::upload(ages);

    SparqChoice choice;
    choice.step = uploaded.step;
    choice.components = settings.components;
    choice.tokens = settings.tokens;
    choice.local = settings.local;
    choice.alpha = settings.alpha;
    choice.tau = settings.tau;
    choice.sumLogits = settings.sumLogits;
    choice.keyColumns = columns.table<const void* const*>();
    choice.byAge = settings.byAge.empty() ? nullptr : static_cast<const std::int32_t*>(byAge.data());
    choice.ageStride = stride;
    choice.approximate.stride = stride;
    const Guarded<std::int32_t> components(G * static_cast<std::size_t>(settings.components)),
        slots(G * static_cast<std::size_t>(most)), counts(G);
    const Guarded<float> taus(H), logits(H * static_cast<std::size_t>(stride)), tops(H), sums(H), alphas(H),
        scratch(scratchFloats(choice));
    choice.chosenComponents = components.data();
    choice.taus = taus.data();
    choice.approximate.logits = logits.data();
    choice.approximate.tops = tops.data();
    choice.approximate.sums = sums.data();
    choice.chosen = {most, slots.data(), counts.data()};
    choice.alphas = alphas.data();
    const Guarded<std::int64_t> seenTokens(H);
    choice.seenTokens = seenTokens.data();
    choice.scratch = scratch.data();
    chooseSparq(choice, stream);
    machine::finish();

    scratch.read("scratch");
    SparqOutcome outcome{components.read("components"),
                         taus.read("taus"),
                         tops.read("tops"),
                         sums.read("sums"),
                         alphas.read("alphas"),
                         logits.read("logits"),
                         {}};
    if (!problem.sights.empty())
        outcome.seenTokens = seenTokens.read("seen tokens");
    const std::vector<std::int32_t> rows = slots.read("slots"), n = counts.read("counts");
    for (std::size_t g = 0; g < G; ++g)
        outcome.chosen.push_back(rowOf(rows, most, static_cast<int>(g), n[g]));
    return outcome;
}

namespace {

constexpr double kTolerance = 2e-5;

// The r components with the largest Σ over the group |q|, formed as the kernel and the CPU form it.
std::vector<std::int32_t> componentsOf(const ReadCase& problem, int kvHead, int r) {
    const int d = problem.geometry.headDim, group = problem.geometry.group;
    std::vector<float> sizes(static_cast<std::size_t>(d), 0.0f);
    for (int h = 0; h < group; ++h)
        for (int c = 0; c < d; ++c)
            sizes[static_cast<std::size_t>(c)] +=
                std::fabs(problem.q[static_cast<std::size_t>((kvHead * group + h) * d + c)]);
    for (float& size : sizes)
        size = std::isnan(size) ? -1.0f : size;
    std::vector<std::int32_t> order(static_cast<std::size_t>(d));
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](std::int32_t a, std::int32_t b) {
        return sizes[static_cast<std::size_t>(a)] > sizes[static_cast<std::size_t>(b)];
    });
    order.resize(static_cast<std::size_t>(r));
    std::sort(order.begin(), order.end());
    return order;
}

bool near(double value, double truth) {
    return value == truth || std::abs(value - truth) <= kTolerance * (1 + std::abs(truth));
}

// Of one KV head, what its slots are compared by, summed over the heads of its group; or a complaint.
struct Judged {
    std::vector<double> values;
    std::vector<ReadCase::Softmax> softmaxes;
    std::string wrong;
};

Judged judgeHead(const ReadCase& problem, const SparqSettings& settings, int kvHead,
                 const std::vector<std::int32_t>& components, const SparqOutcome& outcome) {
    const int d = problem.geometry.headDim, group = problem.geometry.group;
    const std::int64_t S = problem.live(kvHead);
    Judged judged{std::vector<double>(static_cast<std::size_t>(S), 0.0), {}, ""};
    for (int h = kvHead * group; h < (kvHead + 1) * group; ++h) {
        const float* const q = problem.q.data() + static_cast<std::size_t>(h * d);
        double chosen = 0, all = 0;
        for (const std::int32_t c : components)
            chosen += std::fabs(q[c]);
        for (int c = 0; c < d; ++c)
            all += std::fabs(q[c]);
        const double tau =
            (settings.tau && chosen > 0 ? std::sqrt(chosen / all) : 1) / static_cast<double>(problem.scale);
        const auto logit = [&](std::int64_t slot) {
            if (!problem.sees(h, slot))
                return -std::numeric_limits<double>::infinity();
            double dot = 0;
            for (const std::int32_t c : components)
                dot += q[c] / tau * static_cast<double>(problem.key(kvHead, slot, c));
            return problem.softcap == 0 ? dot : problem.softcap * std::tanh(dot / problem.softcap);
        };
        judged.softmaxes.push_back(ReadCase::softmax(S, logit));
        const ReadCase::Softmax& softmax = judged.softmaxes.back();
        const auto head = static_cast<std::size_t>(h);
        if (!near(outcome.taus[head], tau))
            judged.wrong = "τ is " + std::to_string(outcome.taus[head]) + ", not " + std::to_string(tau);
        if (S > 0 && (!near(outcome.tops[head], softmax.top) || !near(outcome.sums[head], softmax.sum)))
            judged.wrong = "the mass is (" + std::to_string(outcome.tops[head]) + ", " +
                           std::to_string(outcome.sums[head]) + ")";
        for (std::int64_t slot = 0; slot < S; ++slot) {
            judged.values[static_cast<std::size_t>(slot)] +=
                settings.sumLogits || group == 1 ? logit(slot)
                                                 : softmax.weights[static_cast<std::size_t>(slot)];
            if (!near(outcome.logits[head * static_cast<std::size_t>(problem.stride()) +
                                     static_cast<std::size_t>(slot)],
                      logit(slot)))
                judged.wrong = "the logit of slot " + std::to_string(slot) + " of head " + std::to_string(h);
        }
    }
    return judged;
}

} // namespace

std::string wrongSparq(const ReadCase& problem, const SparqSettings& settings, const SparqOutcome& outcome) {
    for (int kvHead = 0; kvHead < problem.geometry.kvHeads; ++kvHead) {
        const auto g = static_cast<std::size_t>(kvHead);
        const std::vector<std::int32_t> components = componentsOf(problem, kvHead, settings.components);
        if (rowOf(outcome.components, settings.components, kvHead, settings.components) != components)
            return "other components";
        const Judged judged = judgeHead(problem, settings, kvHead, components, outcome);
        if (!judged.wrong.empty())
            return judged.wrong;
        const std::int64_t S = problem.live(kvHead),
                           n = std::min<std::int64_t>(settings.tokens, problem.seen(kvHead));
        std::vector<std::int32_t> newest; // of those that are seen
        for (std::int64_t age = S;
             age-- > 0 && std::ssize(newest) < std::min<std::int64_t>(settings.local, n);) {
            const std::int32_t slot = settings.byAge.empty()
                                          ? static_cast<std::int32_t>(age)
                                          : settings.byAge[g][static_cast<std::size_t>(age)];
            if (problem.anySees(kvHead, slot))
                newest.push_back(slot);
        }
        for (const std::int32_t slot : outcome.chosen[g])
            if (!problem.anySees(kvHead, slot))
                return "slot " + std::to_string(slot) + " was chosen, which nobody sees";
        for (std::size_t h = 0;
             h < outcome.seenTokens.size() / static_cast<std::size_t>(problem.geometry.kvHeads); ++h) {
            const int head = kvHead * problem.geometry.group + static_cast<int>(h);
            std::int64_t seen = 0;
            for (std::int64_t slot = 0; slot < S; ++slot)
                seen += problem.sees(head, slot);
            if (outcome.seenTokens[static_cast<std::size_t>(head)] != seen)
                return "head " + std::to_string(head) + " sees " + std::to_string(seen) + " tokens, not " +
                       std::to_string(outcome.seenTokens[static_cast<std::size_t>(head)]);
        }
        const std::string choice = wrongChoice(outcome.chosen[g], judged.values, n, newest, kTolerance);
        if (!choice.empty())
            return choice;
        for (std::size_t h = 0; h < judged.softmaxes.size(); ++h) {
            double alpha = settings.alpha ? 0 : 1;
            for (const std::int32_t slot : outcome.chosen[g])
                alpha += settings.alpha ? judged.softmaxes[h].weights[static_cast<std::size_t>(slot)] : 0;
            const float own = outcome.alphas[g * judged.softmaxes.size() + h];
            if (!near(own, alpha) || own > 1)
                return "α is " + std::to_string(own) + ", not " + std::to_string(alpha);
        }
    }
    return "";
}

} // namespace fovea::cuda
