#include "tests/core/kernels/cuda/attention_case.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "tests/core/kernels/cuda/guarded.h"
#include "tests/core/kernels/cuda/machine.h"
#include "tests/core/kernels/cuda/stored_elements.h"

namespace fovea::cuda {
namespace {

using machine::Buffer;

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

std::vector<float> rounded(const Geometry& g, const std::vector<float>& rows) {
    std::vector<float> result(rows.size());
    for (std::size_t row = 0; row < rows.size(); row += static_cast<std::size_t>(g.headDim))
        roundRow(g, &rows[row], &result[row]);
    return result;
}

// Lists as the kernel takes them, rows of `stride`, what is behind their ends far out of the cache.
struct UploadedLists {
    Buffer slots, counts;
    SlotLists view;

    UploadedLists(const std::vector<std::vector<std::int32_t>>& lists, std::int64_t stride, bool perQueryHead)
        : slots(machine::upload(flat(lists, stride))), counts(machine::upload(lengths(lists))) {
        view.slots = static_cast<const std::int32_t*>(slots.data());
        view.counts = static_cast<const std::int32_t*>(counts.data());
        view.stride = stride;
        view.perQueryHead = perQueryHead;
    }

private:
    static std::vector<std::int32_t> flat(const std::vector<std::vector<std::int32_t>>& lists,
                                          std::int64_t stride) {
        std::vector<std::int32_t> all(lists.size() * static_cast<std::size_t>(stride), 1 << 30);
        for (std::size_t i = 0; i < lists.size(); ++i)
            std::copy(lists[i].begin(), lists[i].end(),
                      all.begin() + static_cast<std::ptrdiff_t>(i) * stride);
        return all;
    }
    static std::vector<std::int32_t> lengths(const std::vector<std::vector<std::int32_t>>& lists) {
        std::vector<std::int32_t> counts;
        for (const auto& list : lists)
            counts.push_back(static_cast<std::int32_t>(list.size()));
        return counts;
    }
};

} // namespace

AttentionCase::AttentionCase(const Geometry& geometry, unsigned seed)
    : behindTheLastSlot(kNaN), slots(static_cast<std::size_t>(geometry.kvHeads), geometry.slots),
      scale(1.0f / std::sqrt(static_cast<float>(geometry.headDim))), m_geometry(geometry) {
    const std::size_t rows =
        static_cast<std::size_t>(geometry.kvHeads) * static_cast<std::size_t>(geometry.slots);
    const std::size_t d = static_cast<std::size_t>(geometry.headDim);
    q = madeUp(static_cast<std::size_t>(heads()) * d, 3 * seed);
    m_rawKeys = madeUp(rows * d, 3 * seed + 1);
    m_rawValues = madeUp(rows * d, 3 * seed + 2);
    m_keys = rounded(geometry, m_rawKeys);
    m_values = rounded(geometry, m_rawValues);
    for (int g = 0; g < geometry.kvHeads; ++g)
        for (std::int64_t slot = 0; slot < geometry.slots; ++slot)
            positions.push_back(slot);
}

std::size_t AttentionCase::at(int kvHead, std::int64_t slot, int c) const {
    return static_cast<std::size_t>((kvHead * m_geometry.slots + slot) * m_geometry.headDim + c);
}

void AttentionCase::setKey(int kvHead, std::int64_t slot, int c, float x) {
    m_rawKeys[at(kvHead, slot, c)] = x;
    roundRow(m_geometry, &m_rawKeys[at(kvHead, slot, 0)], &m_keys[at(kvHead, slot, 0)]);
}

void AttentionCase::setValue(int kvHead, std::int64_t slot, int c, float x) {
    m_rawValues[at(kvHead, slot, c)] = x;
    roundRow(m_geometry, &m_rawValues[at(kvHead, slot, 0)], &m_values[at(kvHead, slot, 0)]);
}

void AttentionCase::mix(const MixedShape& shape) {
    m_mixed.emplace(m_geometry, shape, positions, 5);
    m_keys = m_mixed->rows(true);
    m_values = m_mixed->rows(false);
}

void AttentionCase::spoil(bool keys, int kvHead, std::int64_t slot) {
    m_mixed->spoil(keys, kvHead, slot);
}

std::int64_t AttentionCase::longestList() const {
    std::size_t longest = 1;
    for (const auto& list : lists)
        longest = std::max(longest, list.size());
    return static_cast<std::int64_t>(longest);
}

Attended AttentionCase::attend(Stream stream) const {
    const Geometry& g = m_geometry;
    const CaseBlocks keys = uploadRows(g, m_rawKeys, slots, behindTheLastSlot);
    const CaseBlocks values = uploadRows(g, m_rawValues, slots, behindTheLastSlot);
    const Buffer queries = machine::upload(q), slotCounts = machine::upload(slots);
    const Buffer places = machine::upload(positions), seen = machine::upload(sights);
    std::vector<const void*> placesOf;
    for (int kvHead = 0; kvHead < g.kvHeads; ++kvHead)
        placesOf.push_back(static_cast<const std::int64_t*>(places.data()) + kvHead * g.slots);
    const Buffer placesTable = machine::upload(placesOf);

    AttendAll step;
    step.type = g.type;
    step.codes = g.codes;
    step.heads = heads();
    step.kvHeads = g.kvHeads;
    step.headDim = g.headDim;
    step.slotsPerBlock = g.slotsPerBlock;
    step.scale = scale;
    step.softcap = softcap;
    step.splits = g.splits;
    step.q = static_cast<const float*>(queries.data());
    step.keys = static_cast<const void* const*>(keys.table.data());
    step.values = static_cast<const void* const*>(values.table.data());
    step.blocksPerHead = g.blocksPerHead();
    step.slots = static_cast<const std::int64_t*>(slotCounts.data());
    if (!sights.empty()) {
        step.sights = static_cast<const HeadSight*>(seen.data());
        step.positions = static_cast<const std::int64_t* const*>(placesTable.data());
    }
    std::optional<MixedOnMachine> mixedRows;
    if (m_mixed) {
        mixedRows.emplace(m_mixed->upload(slots, std::isnan(behindTheLastSlot) ? 0xff : 0));
        step.mixed = mixedRows->blocks;
        step.keys = mixedRows->keys;
        step.values = mixedRows->values;
    }
    const auto rows = static_cast<std::size_t>(heads());
    step.report.stride = lists.empty() ? g.slots : longestList();
    const Guarded<float> out(q.size()), partials(partialFloats(step)), tops(rows), sums(rows),
        logits(rows * static_cast<std::size_t>(step.report.stride));
    step.out = out.data();
    step.partials = partials.data();
    if (reported) {
        step.report.logits = logits.data();
        step.report.tops = tops.data();
        step.report.sums = sums.data();
    }

    if (!turned.empty()) {
        attendTurned(step, stream);
    } else if (lists.empty()) {
        attendAll(step, stream);
    } else {
        const UploadedLists uploaded(lists, step.report.stride, lists.size() != slots.size());
        if (known == Known::Not)
            attendListed(step, uploaded.view, stream);
        else
            addKnown(step, uploaded.view, stream);
    }
    machine::finish();
    partials.read("partials");
    return {out.read("out"), logits.read("logits"), tops.read("tops"), sums.read("sums")};
}

void AttentionCase::attendTurned(const AttendAll& step, Stream stream) const {
    const Buffer numbers = machine::upload(turned), queries = machine::upload(turnedQ);
    const Guarded<float> scratch(2 * static_cast<std::size_t>(heads()));
    TurnedSlots slotsOf;
    slotsOf.slots = static_cast<const std::int32_t*>(numbers.data());
    slotsOf.count = static_cast<int>(turned.size());
    slotsOf.q = static_cast<const float*>(queries.data());
    slotsOf.scratch = scratch.data();
    attendAll(step, slotsOf, stream);
    machine::finish();
    scratch.read("scratch");
}

void AttentionCase::attendListed(const AttendAll& step, const SlotLists& listed, Stream stream) const {
    const Geometry& g = m_geometry;
    std::vector<float> sumsOfValues;
    std::vector<std::int64_t> tokens;
    for (int head = 0; head < heads(); ++head) {
        std::int64_t count = 0;
        for (std::int64_t slot = 0; slot < slots[static_cast<std::size_t>(head / g.group)]; ++slot)
            count += sees(head, slot);
        tokens.push_back(count);
        if (!meanPerQueryHead && head % g.group != 0)
            continue;
        for (const double mean : meanValue(head))
            sumsOfValues.push_back(static_cast<float>(mean * static_cast<double>(count)));
    }
    const Buffer shares = machine::upload(alphas), valueSums = machine::upload(sumsOfValues),
                 counts = machine::upload(tokens);
    MeanValue mean;
    if (!alphas.empty()) {
        mean.alphas = static_cast<const float*>(shares.data());
        mean.sums = static_cast<const float*>(valueSums.data());
        mean.tokens = meanPerQueryHead ? static_cast<const std::int64_t*>(counts.data()) : nullptr;
        mean.perQueryHead = meanPerQueryHead;
    }
    attendList(step, listed, mean, stream);
    machine::finish();
}

double AttentionCase::massOfAll(int head, double largest) const {
    double sum = 0;
    for (std::int64_t slot = 0; slot < slots[static_cast<std::size_t>(head / m_geometry.group)]; ++slot)
        sum += sees(head, slot) ? std::exp(logit(head, slot) - largest) : 0;
    return sum;
}

void AttentionCase::addKnown(const AttendAll& step, const SlotLists& listed, Stream stream) const {
    constexpr float kNoLogit = -std::numeric_limits<float>::infinity();
    const std::int64_t stride = m_geometry.slots + 3;
    std::vector<float> logits(static_cast<std::size_t>(heads() * stride), kNaN), largest, sums;
    for (int head = 0; head < heads(); ++head) {
        float* row = &logits[static_cast<std::size_t>(head * stride)];
        const std::int64_t live = slots[static_cast<std::size_t>(head / m_geometry.group)];
        for (std::int64_t slot = 0; slot < live; ++slot)
            row[slot] = sees(head, slot) ? static_cast<float>(logit(head, slot)) : kNoLogit;
        largest.push_back(live > 0 ? *std::max_element(row, row + live) : kNoLogit);
        sums.push_back(static_cast<float>(massOfAll(head, largest.back())));
    }
    const Buffer rows = machine::upload(logits), most = machine::upload(largest),
                 mass = machine::upload(sums);
    KnownLogits given;
    given.logits = static_cast<const float*>(rows.data());
    given.stride = stride;
    if (known == Known::ShareOfAll) {
        given.tops = static_cast<const float*>(most.data());
        given.sums = static_cast<const float*>(mass.data());
    }
    AttendAll bare = step; // what is known already
    bare.scale = kNaN;
    addListedValues(bare, listed, given, stream);
    machine::finish();
}

std::vector<std::int32_t> AttentionCase::attended(int head) const {
    const auto kvHead = static_cast<std::size_t>(head / m_geometry.group);
    if (!lists.empty())
        return lists[lists.size() == slots.size() ? kvHead : static_cast<std::size_t>(head)];
    std::vector<std::int32_t> all(static_cast<std::size_t>(slots[kvHead]));
    std::iota(all.begin(), all.end(), 0);
    return all;
}

bool AttentionCase::sees(int head, std::int64_t slot) const {
    if (sights.empty() || std::find(turned.begin(), turned.end(), slot) != turned.end())
        return true;
    const HeadSight& sight = sights[static_cast<std::size_t>(head)];
    const std::int64_t position =
        positions[static_cast<std::size_t>(head / m_geometry.group * m_geometry.slots + slot)];
    return position < sight.sinks || position >= sight.oldest;
}

double AttentionCase::logit(int head, std::int64_t slot) const {
    double dot = 0;
    const auto at = std::find(turned.begin(), turned.end(), slot);
    const float* const row =
        at == turned.end() ? q.data() : turnedQ.data() + (at - turned.begin()) * std::ssize(q);
    for (int c = 0; c < m_geometry.headDim; ++c)
        dot += double{row[head * m_geometry.headDim + c]} * key(head / m_geometry.group, slot, c);
    const double logit = dot * scale;
    return softcap != 0 ? softcap * std::tanh(logit / softcap) : logit;
}

std::vector<double> AttentionCase::meanValue(int head) const {
    const int kvHead = head / m_geometry.group;
    std::vector<double> mean(static_cast<std::size_t>(m_geometry.headDim), 0.0);
    std::int64_t count = 0;
    for (std::int64_t slot = 0; slot < slots[static_cast<std::size_t>(kvHead)]; ++slot) {
        if (!sees(head, slot))
            continue;
        ++count;
        for (int c = 0; c < m_geometry.headDim; ++c)
            mean[static_cast<std::size_t>(c)] += value(kvHead, slot, c);
    }
    for (double& x : mean)
        x = count > 0 ? x / static_cast<double>(count) : 0;
    return mean;
}

std::vector<double> AttentionCase::truth() const {
    const int d = m_geometry.headDim;
    std::vector<double> out(q.size(), 0.0);
    for (int head = 0; head < heads(); ++head) {
        double* row = &out[static_cast<std::size_t>(head * d)];
        std::vector<std::int32_t> rows;
        for (const std::int32_t slot : attended(head))
            if (sees(head, slot))
                rows.push_back(slot);
        std::vector<double> weights;
        double largest = -std::numeric_limits<double>::infinity(), sum = 0;
        for (const std::int32_t slot : rows) {
            weights.push_back(logit(head, slot));
            largest = std::fmax(largest, weights.back());
        }
        for (double& weight : weights)
            sum += weight = std::exp(weight - largest);
        if (known == Known::ShareOfAll)
            sum = massOfAll(head, largest);
        for (std::size_t i = 0; i < rows.size(); ++i)
            for (int c = 0; c < d; ++c)
                row[c] += weights[i] / sum * value(head / m_geometry.group, rows[i], c);
        if (alphas.empty())
            continue;
        const double alpha = alphas[static_cast<std::size_t>(head)];
        const std::vector<double> mean = meanValue(head);
        for (int c = 0; c < d; ++c)
            row[c] = alpha * row[c] + (1 - alpha) * mean[static_cast<std::size_t>(c)];
    }
    return out;
}

} // namespace fovea::cuda
