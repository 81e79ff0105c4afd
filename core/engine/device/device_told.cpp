// What a step's reads moved, chose and told.

#include <algorithm>
#include <numeric>
#include <variant>

#include "core/cache/row_form.h"
#include "core/engine/device/device_reads.h"
#include "core/methods/keep/keep_rule.h"
#include "core/model/model_spec.h"
#include "core/plan/attention_plan.h"

namespace fovea {

namespace {

constexpr std::int64_t kFloat = sizeof(float), kIndex = sizeof(std::int32_t);

template <class T>
void fetchAll(HostRoom<T>& to, const Room<T>& from, std::int64_t count, cuda::Stream stream) {
    if (count > 0)
        cuda::download(to.atLeast(count), from.data(), static_cast<std::size_t>(count) * sizeof(T), stream);
}

} // namespace

void DeviceReads::fetch(cuda::Stream stream) {
    const std::int64_t H = m_spec.queryHeads, G = m_spec.kvHeads;
    if (const auto* quest = std::get_if<QuestParams>(&m_plan.read); quest && m_planned) {
        fetchAll(m_told.pages, m_chosenPages, m_reads * G * quest->pages, stream);
        fetchAll(m_told.pageCounts, m_pageCounts, m_reads * G, stream);
    }
    if (fetchesLists() && m_most > 0) {
        fetchAll(m_told.slots, m_slots, m_reads * G * m_most, stream);
        fetchAll(m_told.counts, m_counts, m_reads * G, stream);
    }
    if (!m_tells)
        return;
    fetchAll(m_told.logits, m_logits, m_reads * H * m_stride, stream);
    fetchAll(m_told.tops, m_tops, m_reads * H, stream);
    fetchAll(m_told.sums, m_sums, m_reads * H, stream);
    if (m_most == 0)
        return;
    fetchAll(m_told.alphas, m_alphas, m_reads * H, stream);
    if (tellsGuess())
        return;
    fetchAll(m_told.listedLogits, m_listedLogits, m_reads * H * m_most, stream);
    fetchAll(m_told.listedTops, m_listedTops, m_reads * H, stream);
    fetchAll(m_told.listedSums, m_listedSums, m_reads * H, stream);
}

const cpu::ReadReport& DeviceReads::told(const DeviceRead& read) {
    const std::int64_t H = m_spec.queryHeads, G = m_spec.kvHeads, index = indexOf(read);
    const Kind kind = kindOf(read.layer, read.planned);
    const bool guess = kind == Kind::Sparq && tellsGuess();
    const bool listed = (kind == Kind::Sparq && !guess) || kind == Kind::Quest;
    const auto masses = [&](const HostRoom<float>& tops, const HostRoom<float>& sums) {
        m_report.m.assign(tops.data() + index * H, tops.data() + (index + 1) * H);
        m_report.l.assign(sums.data() + index * H, sums.data() + (index + 1) * H);
    };
    m_report.estimate = guess;
    if (listed) {
        masses(m_told.listedTops, m_told.listedSums);
        m_report.logits = m_told.listedLogits.data() + index * H * m_most;
        m_report.stride = m_most;
        m_report.slots = m_told.slots.data() + index * G * m_most;
        m_report.alphas = kind == Kind::Sparq ? m_told.alphas.data() + index * H : nullptr;
        m_report.rows.assign(m_told.counts.data() + index * G, m_told.counts.data() + (index + 1) * G);
    } else {
        masses(m_told.tops, m_told.sums);
        m_report.logits = m_told.logits.data() + index * H * m_stride;
        m_report.stride = m_stride;
        m_report.slots = nullptr;
        m_report.alphas = nullptr;
        m_report.rows.assign(read.slots.begin(), read.slots.end());
    }
    return m_report;
}

// --- Bytes -------------------------------------------------------------------------------------------------

namespace {

std::int64_t sumOf(std::span<const std::int64_t> slots) {
    return std::accumulate(slots.begin(), slots.end(), std::int64_t{0});
}

// Σ over KV heads of the slots that a choice of `most` leaves.
std::int64_t chosenOf(std::span<const std::int64_t> slots, std::int64_t most) {
    std::int64_t sum = 0;
    for (const std::int64_t n : slots)
        sum += std::min(n, most);
    return sum;
}

} // namespace

// `n` rows of K or V, as often as the kernel reads each.
void DeviceReads::countRows(const DeviceRead& read, Component rows, std::int64_t n, Traffic& moved) const {
    const cuda::CacheBlocks of = read.rows->blocks(read.layer);
    RowForm form{of.type, of.headDim, of.slotsPerBlock, {}};
    form.codes = m_codes;
    form.count(moved, rows, n * cuda::readsOfEachRow(shape()));
}

namespace {

// Rows first … first + n - 1 of `of`.
void countRuns(const MixedRows& of, const SlotPlaces& at, std::int64_t first, std::int64_t n,
               Traffic& moved) {
    of.eachRun(at, first, n, [&](std::int64_t i, const MixedRows::Run& run) {
        if (run.codes)
            return of.countRun(first + i, run, moved);
        std::vector<std::int32_t> exact(static_cast<std::size_t>(run.n));
        std::iota(exact.begin(), exact.end(), static_cast<std::int32_t>(first + i));
        of.countRead(exact, moved);
    });
}

// Those of `held` rows that the query at `position` sees by `rule`: of a cache that layers share, what another layer sees
// alone lies between them.
void countSeen(const MixedRows& of, const SlotPlaces& at, std::int64_t held, const KeepRule& rule,
               std::int64_t position, Traffic& moved) {
    const auto seen = [&](std::int64_t slot) { return rule.sees(position, at.positions[slot]); };
    for (std::int64_t slot = 0; slot < held;) {
        const std::int64_t first = slot;
        while (slot < held && seen(slot))
            ++slot;
        countRuns(of, at, first, slot - first, moved);
        while (slot < held && !seen(slot))
            ++slot;
    }
}

} // namespace

// All rows that some head sees.
void DeviceReads::countAll(const DeviceRead& read, Component rows, Traffic& moved) const {
    if (!m_mixed)
        return countRows(read, rows, sumOf(read.seen), moved);
    for (int head = 0; head < m_spec.kvHeads; ++head) {
        const KvView view = read.rows->cache().view(read.layer, head);
        const MixedRows& of = rows == Component::Keys ? *view.mixedKeys : *view.mixedValues;
        const SlotPlaces at = rows == Component::Keys ? view.keyPlaces() : view.valuePlaces();
        const std::int64_t held = read.slots[static_cast<std::size_t>(head)],
                           seen = read.seen[static_cast<std::size_t>(head)];
        for (int times = cuda::readsOfEachRow(shape()); times > 0; --times)
            if (seen == held)
                of.countRead(held, moved);
            else
                countSeen(of, at, held, read.keep->read(head, read.position), read.position, moved);
    }
}

// The `n` keys, or values, of a KV head that a read chose.
void DeviceReads::countListed(const DeviceRead& read, Component rows, int kvHead, std::int64_t n,
                              Traffic& moved) const {
    if (!m_mixed)
        return countRows(read, rows, n, moved);
    const std::int64_t at = (indexOf(read) * m_spec.kvHeads + kvHead) * m_most;
    const auto chosen = std::span<const std::int32_t>(m_told.slots.data() + at, static_cast<std::size_t>(n));
    const KvView view = read.rows->cache().view(read.layer, kvHead);
    const MixedRows& of = rows == Component::Keys ? *view.mixedKeys : *view.mixedValues;
    for (int times = cuda::readsOfEachRow(shape()); times > 0; --times)
        of.countRead(chosen, moved);
}

// Of each KV head the `most` that a read chose, or all that it sees.
void DeviceReads::countChosen(const DeviceRead& read, std::int64_t most,
                              std::initializer_list<Component> parts, Traffic& moved) const {
    for (int head = 0; head < m_spec.kvHeads; ++head)
        for (const Component rows : parts)
            countListed(read, rows, head, std::min(read.seen[static_cast<std::size_t>(head)], most), moved);
}

void DeviceReads::count(const DeviceRead& read, Traffic& moved) const {
    const std::int64_t S = sumOf(read.seen), g = m_spec.group();
    const std::int64_t element = elementBytes(read.rows->cache().layout().type);
    switch (kindOf(read.layer, read.planned)) {
    case Kind::All:
        moved[Component::Scores] += m_tells ? kFloat * S * g : 0;
        countAll(read, Component::Keys, moved);
        countAll(read, Component::Values, moved);
        return;
    case Kind::Sparq: {
        const auto& params = std::get<SparqParams>(m_plan.read);
        const std::int64_t n = chosenOf(read.seen, params.tokens);
        moved[Component::KeyColumns] += S * params.components * element;
        moved[Component::Scores] += 2 * kFloat * S * g; // written, read
        moved[Component::Scores] += m_tells && !tellsGuess() ? kFloat * n * g : 0;
        moved[Component::Indices] += 2 * kIndex * n; // written, read
        moved[Component::Mean] += params.alpha ? kFloat * m_spec.headDim * m_spec.kvHeads * m_valueSums : 0;
        countChosen(read, params.tokens, {Component::Keys, Component::Values}, moved);
        return;
    }
    case Kind::Quest: { // the rows once it is known which they are: choseLastPages
        const auto& params = std::get<QuestParams>(m_plan.read);
        for (const std::int64_t n : read.slots) {
            const std::int64_t pages = (n + params.page - 1) / params.page;
            moved[Component::Bounds] += pages * 2 * m_spec.headDim * element;
            moved[Component::Scores] += kFloat * (2 * pages - 1); // the newest page is among them by right
            moved[Component::Indices] += 2 * kIndex * std::min<std::int64_t>(params.pages, pages);
        }
        return;
    }
    case Kind::Topv: {
        const std::int64_t most = std::get<TopvParams>(m_plan.read).tokens, n = chosenOf(read.seen, most);
        moved[Component::Scores] += 2 * kFloat * S * g + kFloat * n * g; // those of what was chosen once more
        moved[Component::Indices] += 2 * kIndex * n;
        countAll(read, Component::Keys, moved);
        countChosen(read, most, {Component::Values}, moved);
        return;
    }
    }
}

std::span<const char> DeviceReads::choseLastPages(const DeviceRead& read, Traffic& moved) {
    if (kindOf(read.layer, read.planned) != Kind::Quest)
        return {};
    const auto& params = std::get<QuestParams>(m_plan.read);
    const std::int64_t G = m_spec.kvHeads, index = indexOf(read);
    m_lastPages.assign(static_cast<std::size_t>(G), 0);
    for (std::int64_t head = 0; head < G; ++head) {
        const std::int64_t S = read.slots[static_cast<std::size_t>(head)];
        const std::int64_t pages = (S + params.page - 1) / params.page;
        const std::int64_t count = m_told.pageCounts.data()[index * G + head];
        const std::int64_t last =
            m_told.pages.data()[(index * G + head) * params.pages + count - 1];
        m_lastPages[static_cast<std::size_t>(head)] = last == pages - 1;
        const std::int64_t rows = count * params.page - (last == pages - 1 ? pages * params.page - S : 0);
        moved[Component::Indices] += 2 * kIndex * rows;
        moved[Component::Scores] += m_tells ? kFloat * rows * m_spec.group() : 0;
        for (const Component part : {Component::Keys, Component::Values})
            countListed(read, part, static_cast<int>(head), rows, moved);
    }
    return m_lastPages;
}

} // namespace fovea
