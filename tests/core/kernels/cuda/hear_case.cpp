#include "tests/core/kernels/cuda/hear_case.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <random>

namespace fovea::cuda {

namespace {

constexpr double kTolerance = 3e-6;

float floatOf(std::uint32_t bits) {
    float value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
}

std::size_t index(std::int64_t i) {
    return static_cast<std::size_t>(i);
}

} // namespace

HearCase::HearCase(const HearSettings& s, unsigned seed) : settings(s) {
    std::mt19937 random(seed);
    std::normal_distribution<float> normal;
    const auto G = index(s.kvHeads), H = index(heads());
    positions.assign(G * index(capacity), -1);
    byAge.assign(G * index(capacity), 0);
    list.assign(G * index(stride), 0);
    for (int g = 0; g < s.kvHeads; ++g) {
        const std::int64_t S = s.live[index(g)];
        std::vector<std::int32_t> slots(index(S));
        std::iota(slots.begin(), slots.end(), 0);
        std::shuffle(slots.begin(), slots.end(), random); // by age
        for (std::int64_t i = 0; i < S; ++i) {
            byAge[index(g * capacity + i)] = slots[index(i)];
            positions[index(g * capacity + slots[index(i)])] = 3 * i + g;
        }
        std::shuffle(slots.begin(), slots.end(), random);
        counts.push_back(static_cast<std::int32_t>((S + 1) / 2));
        std::sort(slots.begin(), slots.begin() + counts.back());
        std::copy(slots.begin(), slots.begin() + counts.back(), list.begin() + g * stride);
    }
    for (int reader = 0; reader < s.readers; ++reader) {
        logits.emplace_back(H * index(stride), std::numeric_limits<float>::quiet_NaN());
        tops.emplace_back(H, -std::numeric_limits<float>::infinity());
        sums.emplace_back(H, 0.0f);
        for (int h = 0; h < heads(); ++h) {
            const int g = h / s.group;
            const std::int64_t entries = s.listed ? counts[index(g)] : s.live[index(g)];
            float* const row = logits.back().data() + h * stride;
            for (std::int64_t i = 0; i < entries; ++i)
                tops.back()[index(h)] = std::max(tops.back()[index(h)], row[i] = normal(random));
            for (std::int64_t i = 0; i < entries; ++i)
                sums.back()[index(h)] += std::exp(row[i] - tops.back()[index(h)]);
        }
    }
    for (int h = 0; h < heads(); ++h)
        alphas.push_back(0.25f + 0.125f * static_cast<float>(h % 5));
    scores.resize(G * index(capacity * words()));
    for (std::uint32_t& word : scores)
        if (s.history > 0) {
            word = random();
        } else {
            const float sum = std::fabs(normal(random));
            std::memcpy(&word, &sum, sizeof word);
        }
}

std::vector<std::uint32_t> HearCase::run(Stream stream) const {
    const machine::Buffer live = machine::upload(settings.live), at = machine::upload(positions),
                          ages = machine::upload(byAge), listed = machine::upload(list),
                          entries = machine::upload(counts), by = machine::upload(alphas);
    const Guarded<std::uint32_t> remembered(scores);
    const Guarded<float> stepSums(index(settings.kvHeads * capacity));
    for (int reader = 0; reader < settings.readers; ++reader) {
        const machine::Buffer rows = machine::upload(logits[index(reader)]),
                              m = machine::upload(tops[index(reader)]),
                              l = machine::upload(sums[index(reader)]);
        HeardRead heard;
        heard.kvHeads = settings.kvHeads;
        heard.group = settings.group;
        heard.slots.capacity = capacity;
        heard.slots.live = static_cast<std::int64_t*>(live.data());
        heard.slots.positions = static_cast<std::int64_t*>(at.data());
        heard.slots.byAge = static_cast<std::int32_t*>(ages.data());
        if (settings.history > 0)
            heard.scores = {nullptr, remembered.data(), settings.history};
        else
            heard.scores.sums = reinterpret_cast<float*>(remembered.data());
        heard.logits = static_cast<const float*>(rows.data());
        heard.stride = stride;
        heard.tops = static_cast<const float*>(m.data());
        heard.sums = static_cast<const float*>(l.data());
        heard.alphas = settings.alphas ? static_cast<const float*>(by.data()) : nullptr;
        heard.listed = settings.listed ? static_cast<const std::int32_t*>(listed.data()) : nullptr;
        heard.counts = static_cast<const std::int32_t*>(entries.data());
        heard.listStride = stride;
        heard.reader = reader;
        heard.readers = settings.readers;
        heard.stepSums = stepSums.data();
        hearRead(heard, stream);
        machine::finish();
    }
    stepSums.read("sums of the step");
    return remembered.read("scores");
}

double HearCase::weightOf(int reader, int kvHead, int entry) const {
    double weight = 0;
    for (int h = kvHead * settings.group; h < (kvHead + 1) * settings.group; ++h) {
        const double m = tops[index(reader)][index(h)], l = sums[index(reader)][index(h)];
        const double own = std::exp(logits[index(reader)][index(h * stride + entry)] - m) / l *
                           (settings.alphas ? double{alphas[index(h)]} : 1.0);
        if (std::isfinite(m) && l > 0 && std::isfinite(own))
            weight += own;
    }
    return weight;
}

std::vector<double> HearCase::weightsOf(int kvHead) const {
    const std::int64_t S = settings.live[index(kvHead)];
    std::vector<double> weights(index(S), 0.0);
    for (int reader = 0; reader < settings.readers; ++reader)
        for (int entry = 0; entry < (settings.listed ? counts[index(kvHead)] : S); ++entry)
            weights[index(settings.listed ? list[index(kvHead * stride + entry)] : entry)] +=
                weightOf(reader, kvHead, entry);
    return weights;
}

std::string HearCase::wrongHead(int kvHead, const std::vector<std::uint32_t>& after) const {
    const std::int64_t S = settings.live[index(kvHead)], first = kvHead * capacity;
    const std::vector<double> weights = weightsOf(kvHead);
    const std::int32_t newest = S > 0 ? byAge[index(first + S - 1)] : -1;
    const std::int64_t place =
        S > 0 && settings.history > 0 ? positions[index(first + newest)] % settings.history : 0;
    const double least = 1.0 * settings.group * settings.readers / static_cast<double>(S) * (1 - 1e-5);
    for (std::int64_t slot = 0; slot < capacity; ++slot)
        for (int word = 0; word < words(); ++word) {
            const std::uint32_t own = after[index((first + slot) * words() + word)];
            std::uint32_t expected = scores[index((first + slot) * words() + word)];
            if (slot < S && settings.history == 0) {
                const double sum = (slot == newest ? 0.0 : double{floatOf(expected)}) + weights[index(slot)];
                if (!(std::abs(floatOf(own) - sum) <= kTolerance * (1 + sum)))
                    return "the sum of slot " + std::to_string(slot);
                continue;
            }
            if (slot == newest)
                expected = 0;
            if (slot < S && place / 32 == word) {
                const std::uint32_t bit = 1u << (place % 32);
                const double weight = weights[index(slot)];
                expected = weight < least ? expected | bit : expected & ~bit;
                if (std::abs(weight - least) < 1e-6) // may be rounded to either side
                    expected = (expected & ~bit) | (own & bit);
            }
            if (own != expected)
                return "word " + std::to_string(word) + " of slot " + std::to_string(slot);
        }
    return "";
}

std::string HearCase::wrong(const std::vector<std::uint32_t>& after) const {
    for (int kvHead = 0; kvHead < settings.kvHeads; ++kvHead)
        if (const std::string found = wrongHead(kvHead, after); !found.empty())
            return "head " + std::to_string(kvHead) + ": " + found;
    return "";
}

} // namespace fovea::cuda
