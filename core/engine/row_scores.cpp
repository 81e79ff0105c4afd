// The scores of the CPU path: plain numbers by slot.

#include "core/engine/row_scores.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>

#include <algorithm>
#include <bit>
#include <numeric>
#include <utility>

#include "core/plan/attention_plan.h"

namespace fovea {

namespace {

std::int32_t slotOfAge(const KvView& view, std::int64_t place) {
    return view.byAge ? view.byAge[place] : static_cast<std::int32_t>(place);
}

// Puts to `to` those `n` places of `candidates` whose value(slot) is smallest, among those from `exempt` on; of equals the
// first. Ascending.
template <class Value>
void smallest(std::span<const std::int32_t> candidates, std::int64_t exempt, std::int64_t n,
              std::vector<std::int64_t>& to, const Value& value) {
    if (n <= 0)
        return;
    const auto valueAt = [&](std::int64_t place) { return value(candidates[static_cast<std::size_t>(place)]); };
    const std::int64_t end = std::ssize(candidates);
    if (n == 1) { // what every step of H2O asks
        std::int64_t best = exempt;
        auto least = valueAt(best);
        for (std::int64_t i = exempt + 1; i < end; ++i)
            if (const auto v = valueAt(i); v < least) {
                least = v;
                best = i;
            }
        return to.push_back(best);
    }
    std::vector<std::int64_t> places(static_cast<std::size_t>(end - exempt));
    std::iota(places.begin(), places.end(), exempt);
    const auto before = [&](std::int64_t a, std::int64_t b) {
        const auto x = valueAt(a), y = valueAt(b);
        return x < y || (x == y && a < b);
    };
    std::nth_element(places.begin(), places.begin() + n, places.end(), before);
    places.resize(static_cast<std::size_t>(n));
    std::sort(places.begin(), places.end());
    to.insert(to.end(), places.begin(), places.end());
}

// `words` 32-bit words for every slot.
template <class Word>
class SlotWords {
public:
    static_assert(sizeof(Word) == 4);
    SlotWords(std::int64_t words, int slotsPerBlock) : m_words(words), m_slotsPerBlock(slotsPerBlock) {}

    std::int64_t words() const { return m_words; }
    Word* at(std::int64_t slot) { return m_data.data() + slot * m_words; }
    void clear(std::int64_t slot) {
        if (slot >= slots())
            resize(slot / m_slotsPerBlock + 1);
        std::fill_n(at(slot), m_words, Word{});
    }
    void move(SlotTable::Move move) { std::copy_n(at(move.from), m_words, at(move.to)); }
    void shrink(std::int64_t live) {
        if (const std::int64_t wanted = live / m_slotsPerBlock + 1; wanted * m_slotsPerBlock < slots())
            resize(wanted);
    }
    std::int64_t bytesPerRow() const { return m_words * 4; }
    std::int64_t reserved() const { return static_cast<std::int64_t>(m_data.capacity()) * 4; }

private:
    std::int64_t slots() const { return std::ssize(m_data) / m_words; }
    // Exactly so many: a vector of its own accord takes up to twice as much.
    void resize(std::int64_t blocks) {
        std::vector<Word> fresh(static_cast<std::size_t>(blocks * m_slotsPerBlock * m_words));
        std::copy_n(m_data.begin(), std::min(m_data.size(), fresh.size()), fresh.begin());
        m_data = std::move(fresh);
    }

    std::int64_t m_words;
    int m_slotsPerBlock;
    std::vector<Word> m_data;
};

// Slots of the T newest rows.
std::vector<std::int32_t> newest(const KvView& view, std::int64_t T) {
    std::vector<std::int32_t> slots;
    for (std::int64_t place = view.slots - T; place < view.slots; ++place)
        slots.push_back(slotOfAge(view, place));
    return slots;
}

// Truth: h2oScores, h2oKept.
class HeavySums final : public RowScores {
public:
    explicit HeavySums(int slotsPerBlock) : m_sums(1, slotsPerBlock) {}

    void prefilled(const KvView& view, const HeardWeights& heard, int reader) override {
        if (reader == 0)
            for (const std::int32_t slot : newest(view, heard.weights.size(0)))
                m_sums.clear(slot);
        const at::Tensor sums = h2oScores(heard.weights).contiguous();
        Traffic unheard;
        hear(0, {sums.data_ptr<float>(), static_cast<std::size_t>(sums.numel())}, 0, unheard);
    }
    void begin(const KvView& view, int reader, Traffic& moved) override {
        if (reader > 0)
            return;
        m_sums.clear(slotOfAge(view, view.slots - 1));
        moved[Component::Scores] += 4;
    }
    void hear(std::int64_t first, std::span<const float> weights, float, Traffic& moved) override {
        float* const sums = m_sums.at(first);
        for (std::size_t i = 0; i < weights.size(); ++i)
            sums[i] += weights[i];
        moved[Component::Scores] += 8 * std::ssize(weights);
    }
    void lowest(std::span<const std::int32_t> candidates, std::int64_t exempt, std::int64_t n,
                std::vector<std::int64_t>& places, Traffic& moved) override {
        moved[Component::Scores] += 4 * std::ssize(candidates);
        smallest(candidates, exempt, n, places, [&](std::int32_t slot) { return *m_sums.at(slot); });
    }
    void evicted(std::span<const std::int64_t>, std::span<const SlotTable::Move> moves,
                 Traffic& moved) override {
        for (const SlotTable::Move move : moves)
            m_sums.move(move);
        moved[Component::Scores] += 8 * std::ssize(moves);
    }
    void shrink(std::int64_t live) override { m_sums.shrink(live); }
    std::int64_t bytesPerRow() const override { return m_sums.bytesPerRow(); }
    std::int64_t reserved() const override { return m_sums.reserved(); }

private:
    SlotWords<float> m_sums;
};

// A bit per query of the history: was its weight below the uniform one? The oldest query's bit is the next one's.
// Truth: belowUniform, scissorhandsKept.
class BelowBits final : public RowScores {
public:
    BelowBits(const ScissorhandsParams& params, int slotsPerBlock, int readers)
        : m_history(params.history), m_readers(readers), m_bits(params.words(), slotsPerBlock) {}

    void prefilled(const KvView& view, const HeardWeights& heard, int reader) override {
        if (reader == 0)
            for (const std::int32_t slot : newest(view, heard.weights.size(0)))
                m_bits.clear(slot);
        m_prompt = reader == 0 ? heard.weights : m_prompt + heard.weights;
        if (reader < m_readers - 1)
            return;
        const at::Tensor below = belowUniform(m_prompt / (heard.heads * m_readers), heard.seen).contiguous();
        m_prompt.reset();
        const at::Tensor seen = heard.seen.contiguous();
        const auto *bit = below.data_ptr<bool>(), *visible = seen.data_ptr<bool>();
        for (std::int64_t t = 0; t < below.size(0); ++t, ++m_queries)
            for (std::int64_t slot = 0; slot < below.size(1); ++slot, ++bit)
                if (*visible++)
                    set(slot, *bit, m_queries % m_history);
    }
    void begin(const KvView& view, int reader, Traffic& moved) override {
        m_reader = reader;
        if (reader > 0)
            return;
        m_sums.assign(m_readers > 1 ? static_cast<std::size_t>(view.slots) : 0, 0.f);
        m_bits.clear(slotOfAge(view, view.slots - 1));
        m_place = m_queries++ % m_history;
        moved[Component::Scores] += m_bits.bytesPerRow();
    }
    void hear(std::int64_t first, std::span<const float> weights, float uniform, Traffic& moved) override {
        moved[Component::Scores] += scissorhandsHeardBytes(m_reader, m_readers) * std::ssize(weights);
        float* const sums = m_sums.empty() ? nullptr : m_sums.data() + first;
        for (std::size_t i = 0; sums && i < weights.size(); ++i)
            sums[i] += weights[i];
        if (m_reader < m_readers - 1)
            return;
        const auto least = static_cast<float>(kBelowUniform * static_cast<double>(uniform) * m_readers);
        for (std::size_t i = 0; i < weights.size(); ++i)
            set(first + static_cast<std::int64_t>(i), (sums ? sums[i] : weights[i]) < least, m_place);
    }
    void lowest(std::span<const std::int32_t> candidates, std::int64_t exempt, std::int64_t n,
                std::vector<std::int64_t>& places, Traffic& moved) override {
        moved[Component::Scores] += m_bits.bytesPerRow() * std::ssize(candidates);
        smallest(candidates, exempt, n, places,
                 [&](std::int32_t slot) { // those that were below most often leave
                     int count = 0;
                     for (std::int64_t word = 0; word < m_bits.words(); ++word)
                         count -= std::popcount(m_bits.at(slot)[word]);
                     return count;
                 });
    }
    void evicted(std::span<const std::int64_t>, std::span<const SlotTable::Move> moves,
                 Traffic& moved) override {
        for (const SlotTable::Move move : moves)
            m_bits.move(move);
        moved[Component::Scores] += 2 * m_bits.bytesPerRow() * std::ssize(moves);
    }
    void shrink(std::int64_t live) override { m_bits.shrink(live); }
    std::int64_t bytesPerRow() const override { return m_bits.bytesPerRow(); }
    std::int64_t reserved() const override { return m_bits.reserved(); }

private:
    void set(std::int64_t slot, bool below, std::int64_t place) {
        std::uint32_t& word = m_bits.at(slot)[place / 32];
        const std::uint32_t bit = std::uint32_t{1} << (place % 32);
        word = below ? word | bit : word & ~bit;
    }

    std::int64_t m_history, m_queries = 0, m_place = 0;
    int m_readers, m_reader = 0;
    std::vector<float> m_sums; // of this step's layers, where there are several
    at::Tensor m_prompt;       // the same of a chunk of the prompt
    SlotWords<std::uint32_t> m_bits;
};

} // namespace

std::unique_ptr<RowScores> makeRowScores(const AttentionPlan& plan, int slotsPerBlock, int readers) {
    if (const auto* scissors = std::get_if<ScissorhandsParams>(&plan.keep))
        return std::make_unique<BelowBits>(*scissors, slotsPerBlock, readers);
    return std::make_unique<HeavySums>(slotsPerBlock);
}

} // namespace fovea
