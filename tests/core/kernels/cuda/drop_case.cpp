#include "tests/core/kernels/cuda/drop_case.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace fovea::cuda {

namespace {

std::vector<float> madeRows(const CacheGeometry& g, std::mt19937& random) {
    std::normal_distribution<float> normal(0.3f, 1.0f);
    std::vector<float> rows(static_cast<std::size_t>(g.kvHeads * g.headDim));
    for (float& x : rows)
        x = normal(random);
    return rows;
}

std::size_t scoreWords(const CacheGeometry& g, const DropRule& rule) {
    return static_cast<std::size_t>(g.kvHeads * g.capacity() * std::max(1, (rule.history + 31) / 32));
}

int bitsOf(const std::uint32_t* words, int count) {
    int bits = 0;
    for (int word = 0; word < count; ++word)
        for (std::uint32_t left = words[word]; left != 0; left &= left - 1)
            ++bits;
    return bits;
}

float floatOf(std::uint32_t bits) {
    float value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
}

} // namespace

CacheModel filledCache(const CacheGeometry& geometry, int tokens) {
    CacheModel model(geometry);
    std::mt19937 random(8);
    for (int token = 0; token < tokens; ++token) {
        const std::vector<float> k = madeRows(geometry, random), v = madeRows(geometry, random);
        model.append(k, v, std::vector<std::int64_t>(static_cast<std::size_t>(geometry.kvHeads), token));
    }
    return model;
}

DropCase::DropCase(const CacheModel& filled, const DropRule& rule, unsigned seed)
    : model(filled), m_rule(rule), m_device(filled), m_random(seed),
      m_scores(scoreWords(filled.geometry, rule)), m_deviceScores(m_scores.size(), 0),
      m_scratch(static_cast<std::size_t>(filled.geometry.kvHeads * filled.geometry.capacity() * kDropLists)),
      m_counts(static_cast<std::size_t>(filled.geometry.kvHeads) * 4), m_position(0) {
    for (const SlotTable& slots : filled.slots)
        if (slots.live() > 0)
            m_position =
                std::max(m_position, slots.positions()[static_cast<std::size_t>(slots.byAge().back())] + 1);
    for (std::uint32_t& word : m_scores)
        if (rule.history > 0)
            word = m_random() & m_random();
        else
            word = [&] {
                const float score = static_cast<float>(m_random() % 5) * 0.25f;
                std::uint32_t bits;
                std::memcpy(&bits, &score, sizeof bits);
                return bits;
            }();
    m_deviceScores.write(m_scores);
}

void DropCase::append(Stream stream) {
    const std::vector<float> k = madeRows(model.geometry, m_random);
    append(k, madeRows(model.geometry, m_random), stream);
}

void DropCase::append(const std::vector<float>& k, const std::vector<float>& v, Stream stream) {
    const std::vector<std::int64_t> positions(static_cast<std::size_t>(model.geometry.kvHeads), m_position++);
    model.append(k, v, positions);
    m_device.append(k, v, positions, stream);
}

// Does the token of one slot's words leave before that of another's?
bool DropCase::lower(std::size_t word, std::size_t other) const {
    if (m_rule.history == 0)
        return floatOf(m_scores[word]) < floatOf(m_scores[other]);
    return bitsOf(m_scores.data() + word, words()) > bitsOf(m_scores.data() + other, words());
}

// The definition: what fell out of the window, then the lowest of the others, the older first among equals.
std::vector<std::int32_t> DropCase::leavingOf(int kvHead) const {
    const SlotTable& slots = model.slots[static_cast<std::size_t>(kvHead)];
    const auto byAge = slots.byAge();
    const std::int64_t held = slots.live();
    std::vector<std::int32_t> leaving;
    for (std::int64_t place = 0; m_rule.window > 0 && place < held; ++place) {
        const std::int32_t slot = byAge[static_cast<std::size_t>(place)];
        if (m_position - slots.positions()[static_cast<std::size_t>(slot)] >= m_rule.window)
            leaving.push_back(slot);
    }
    const std::int64_t expired = static_cast<std::int64_t>(leaving.size());
    if (held > m_rule.budget) {
        std::vector<std::int32_t> candidates;
        for (std::int64_t place = expired; place < held - m_rule.recent; ++place)
            candidates.push_back(byAge[static_cast<std::size_t>(place)]);
        const auto wordOf = [&](std::int32_t slot) {
            return static_cast<std::size_t>((kvHead * model.geometry.capacity() + slot) * words());
        };
        std::stable_sort(candidates.begin(), candidates.end(),
                         [&](std::int32_t a, std::int32_t b) { return lower(wordOf(a), wordOf(b)); });
        const std::int64_t n = std::clamp<std::int64_t>(held - expired - m_rule.stay, 0,
                                                        static_cast<std::int64_t>(candidates.size()));
        leaving.insert(leaving.end(), candidates.begin(), candidates.begin() + n);
    }
    std::sort(leaving.begin(), leaving.end());
    return leaving;
}

SlotCounts DropCase::dropHead(int kvHead) {
    const std::vector<std::int32_t> leaving = leavingOf(kvHead);
    SlotCounts own{static_cast<std::int32_t>(leaving.size()), 0, 0, 0};
    if (leaving.empty())
        return own;
    bool numbers = true;
    for (const std::int32_t slot : leaving)
        for (const float x : model.stored(model.values, kvHead, slot))
            numbers = numbers && std::isfinite(x);
    const std::int32_t before = model.pagesBegun;
    const std::vector<SlotTable::Move> moves = model.evict(kvHead, leaving);
    own.moved = static_cast<std::int32_t>(moves.size());
    own.pagesBegun = model.pagesBegun - before;
    if (!numbers && model.geometry.valueSums)
        own.resummed = static_cast<std::int32_t>(model.slots[static_cast<std::size_t>(kvHead)].live());
    for (const SlotTable::Move move : moves)
        for (int word = 0; word < words(); ++word) {
            const std::int64_t first = kvHead * model.geometry.capacity();
            m_scores[static_cast<std::size_t>((first + move.to) * words() + word)] =
                m_scores[static_cast<std::size_t>((first + move.from) * words() + word)];
        }
    return own;
}

void DropCase::dropThere(Stream stream) {
    DropLowest drop;
    drop.cache = m_device.blocks();
    if (m_rule.history > 0)
        drop.scores.below = m_deviceScores.data();
    else
        drop.scores.sums = reinterpret_cast<float*>(m_deviceScores.data());
    drop.scores.history = m_rule.history;
    drop.budget = m_rule.budget;
    drop.recent = m_rule.recent;
    drop.stay = m_rule.stay;
    drop.window = m_rule.window;
    drop.scratch = m_scratch.data();
    drop.counts = reinterpret_cast<SlotCounts*>(m_counts.data());
    dropLowest(drop, stream);
    machine::finish();
}

std::string DropCase::drop(Stream stream) {
    dropThere(stream);
    m_scratch.read("scratch");
    const std::vector<std::int32_t> own = m_counts.read("counts");
    counts.clear();
    for (int kvHead = 0; kvHead < model.geometry.kvHeads; ++kvHead) {
        counts.push_back(dropHead(kvHead));
        const auto first = static_cast<std::size_t>(kvHead) * 4;
        if (own[first] != counts.back().dropped || own[first + 1] != counts.back().moved ||
            own[first + 2] != counts.back().resummed || own[first + 3] != counts.back().pagesBegun)
            return "head " + std::to_string(kvHead) + " dropped " + std::to_string(own[first]) +
                   " and moved " + std::to_string(own[first + 1]) + ", not " +
                   std::to_string(counts.back().dropped) + " and " + std::to_string(counts.back().moved);
    }
    if (m_deviceScores.read("scores") != m_scores)
        return "scores";
    return m_device.difference(model);
}

} // namespace fovea::cuda
