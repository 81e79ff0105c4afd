// Texts with tables of their own in one launch: each is given what it is given alone, bit for bit, and no other is touched.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

#include <catch2/catch.hpp>

#include "core/kernels/cuda/attend.h"
#include "tests/core/kernels/cuda/machine.h"

using namespace fovea;
using namespace fovea::cuda;

namespace {

constexpr int kKvHeads = 2, kHeads = 6, kDim = 32, kSlotsPerBlock = 16;
constexpr std::int64_t kBlocks = 20, kStride = 100; // of each KV head; of a list

std::vector<float> randomFloats(std::size_t count, unsigned seed) {
    std::mt19937 random(seed);
    std::normal_distribution<float> normal;
    std::vector<float> values(count);
    for (float& value : values)
        value = normal(random);
    return values;
}

// One text's rows, and its tables in one buffer, in words of 8 bytes: blocks of K, of V, slots, sums of values.
class Text {
public:
    static constexpr std::int64_t kValues = kKvHeads * kBlocks, kSlots = 2 * kValues,
                                  kSums = kSlots + kKvHeads, kWords = kSums + kKvHeads * kDim / 2;

    Text(std::vector<std::int64_t> slots, unsigned seed)
        : m_rows(machine::upload(randomFloats(2 * kKvHeads * kBlocks * kBlock, seed))),
          m_tables(kWords * sizeof(std::int64_t)) {
        std::vector<std::int64_t> words(kWords, 0);
        for (std::int64_t block = 0; block < kSlots; ++block)
            words[static_cast<std::size_t>(block)] =
                reinterpret_cast<std::intptr_t>(static_cast<float*>(m_rows.data()) + block * kBlock);
        std::copy(slots.begin(), slots.end(), words.begin() + kSlots);
        const std::vector<float> sums = randomFloats(kKvHeads * kDim, seed + 100);
        std::copy_n(reinterpret_cast<const std::int64_t*>(sums.data()), kKvHeads * kDim / 2,
                    words.begin() + kSums);
        m_tables.write(words.data());
    }
    std::int64_t* tables() const { return static_cast<std::int64_t*>(m_tables.data()); }

    AttendAll step() const {
        AttendAll step;
        step.heads = kHeads;
        step.kvHeads = kKvHeads;
        step.headDim = kDim;
        step.slotsPerBlock = kSlotsPerBlock;
        step.scale = .2f;
        step.keys = reinterpret_cast<const void* const*>(tables());
        step.values = reinterpret_cast<const void* const*>(tables() + kValues);
        step.blocksPerHead = kBlocks;
        step.slots = tables() + kSlots;
        return step;
    }
    const float* sums() const { return reinterpret_cast<const float*>(tables() + kSums); }

private:
    static constexpr std::int64_t kBlock = kSlotsPerBlock * kDim;
    machine::Buffer m_rows, m_tables;
};

// What every launch reads and writes of all texts.
struct Step {
    explicit Step(int number)
        : texts(number), q(machine::upload(randomFloats(static_cast<std::size_t>(texts * kHeads * kDim), 7))),
          out(machine::upload(nothing(texts * kHeads * kDim))),
          partials(machine::upload(nothing(texts * kHeads * 8 * (kDim + 2)))) {
        std::vector<std::int32_t> slots, counts;
        std::vector<float> shares;
        for (int list = 0; list < texts * kKvHeads; ++list) {
            counts.push_back(list % 3 == 0 ? 1 : 9 * list % 90);
            for (std::int32_t i = 0; i < kStride; ++i)
                slots.push_back(i); // below the least number of slots where there are any
        }
        for (int head = 0; head < texts * kHeads; ++head)
            shares.push_back(.1f * static_cast<float>(head % 10));
        listed.push_back(machine::upload(slots));
        listed.push_back(machine::upload(counts));
        listed.push_back(machine::upload(shares));
    }
    static std::vector<float> nothing(int count) {
        return std::vector<float>(static_cast<std::size_t>(count), std::numeric_limits<float>::quiet_NaN());
    }
    void clear() { out.write(nothing(texts * kHeads * kDim).data()); }
    std::vector<float> result() const {
        machine::finish();
        return machine::download<float>(out, static_cast<std::size_t>(texts * kHeads * kDim));
    }

    // Of the texts from `text` on.
    void attend(AttendAll step, const float* sums, int text, bool lists, Stream stream) const {
        step.q = static_cast<const float*>(q.data()) + text * kHeads * kDim;
        step.out = static_cast<float*>(out.data()) + text * kHeads * kDim;
        step.partials = static_cast<float*>(partials.data());
        if (!lists)
            return attendAll(step, stream);
        const SlotLists of = {static_cast<const std::int32_t*>(listed[0].data()) + text * kKvHeads * kStride,
                              static_cast<const std::int32_t*>(listed[1].data()) + text * kKvHeads, kStride,
                              false};
        MeanValue mean;
        mean.alphas = static_cast<const float*>(listed[2].data()) + text * kHeads;
        mean.sums = sums;
        attendList(step, of, mean, stream);
    }

    int texts;
    machine::Buffer q, out, partials;
    std::vector<machine::Buffer> listed; // slots, counts, alphas
};

bool sameBits(const float* a, const float* b, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i)
        if (!(a[i] == b[i] && std::signbit(a[i]) == std::signbit(b[i])))
            return false;
    return true;
}

} // namespace

TEST_CASE("Texts of one launch are given what each is given alone", "[core.kernels.cuda]") {
    std::vector<Text> texts;
    texts.reserve(4);
    texts.emplace_back(std::vector<std::int64_t>{100, 171}, 1);
    texts.emplace_back(std::vector<std::int64_t>{320, 305}, 2);
    texts.emplace_back(std::vector<std::int64_t>{319, 100}, 3);
    texts.emplace_back(std::vector<std::int64_t>{100, 100}, 4);
    const int splits[] = {1, 8, 3, 2};
    const std::vector<int> order = {2, 0, 1}; // text 3 stays out
    Step step(4);
    std::vector<TextPlace> places;
    for (const int text : order) {
        TextPlace place;
        place.words = texts[static_cast<std::size_t>(text)].tables() - texts[2].tables();
        place.text = text;
        place.splits = splits[text];
        places.push_back(place);
    }
    const machine::Buffer onDevice = machine::upload(places);
    constexpr std::size_t kPart = kHeads * kDim;
    for (const machine::Execution& execution : machine::executions())
        for (const bool lists : {false, true}) {
            INFO(execution.name << (lists ? ", lists" : ", all slots"));
            step.clear();
            for (const int text : order) {
                const Text& one = texts[static_cast<std::size_t>(text)];
                AttendAll alone = one.step();
                alone.splits = splits[text];
                step.attend(alone, one.sums(), text, lists, execution.stream);
            }
            const std::vector<float> expected = step.result();
            step.clear();
            AttendAll together = texts[2].step();
            together.batch = {static_cast<const TextPlace*>(onDevice.data()), 3, 4};
            together.splits = 8;
            step.attend(together, texts[2].sums(), 0, lists, execution.stream);
            const std::vector<float> out = step.result();
            for (const int text : order)
                CHECK(sameBits(out.data() + static_cast<std::size_t>(text) * kPart,
                               expected.data() + static_cast<std::size_t>(text) * kPart, kPart));
            for (std::size_t i = 3 * kPart; i < 4 * kPart; ++i)
                REQUIRE(std::isnan(out[i]));
        }
}
