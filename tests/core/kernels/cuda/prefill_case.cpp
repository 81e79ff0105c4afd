#include "tests/core/kernels/cuda/prefill_case.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "tests/core/kernels/cuda/case_rows.h"
#include "tests/core/kernels/cuda/guarded.h"
#include "tests/core/kernels/cuda/stored_elements.h"

namespace fovea::cuda {
namespace {

// What one KV head holds: positions by slot, and the rows of K and V by position.
struct HeldHead {
    std::vector<std::int64_t> positions;
    std::vector<float> keys, values; // (tokens, d)
};

Geometry geometryOf(const PromptCase& problem) {
    return {problem.type, 1, 1, problem.headDim, 1, 1, problem.slotsPerBlock, problem.codes};
}

std::vector<float> asStored(const PromptCase& problem, std::vector<float> rows) {
    for (std::size_t at = 0; at < rows.size(); at += static_cast<std::size_t>(problem.headDim)) {
        const std::vector<float> row(rows.begin() + static_cast<std::ptrdiff_t>(at),
                                     rows.begin() + static_cast<std::ptrdiff_t>(at) + problem.headDim);
        roundRow(geometryOf(problem), row.data(), &rows[at]);
    }
    return rows;
}

std::int64_t tokensOf(const PromptText& text) {
    return text.firstPosition + text.queries;
}

HeldHead hold(const PromptCase& problem, std::size_t text, int kvHead) {
    const std::int64_t tokens = tokensOf(problem.texts[text]), d = problem.headDim;
    const int number = static_cast<int>(text) * problem.kvHeads + kvHead;
    const auto seed = static_cast<unsigned>(100 + 2 * number);
    HeldHead held;
    held.keys = madeUp(static_cast<std::size_t>(tokens * d), seed);
    held.values = madeUp(static_cast<std::size_t>(tokens * d), seed + 1);
    for (std::int64_t i = 0; problem.changedValue && i < tokens * d; ++i) {
        float& value = held.values[static_cast<std::size_t>(i)];
        value = problem.changedValue(number, i / d, static_cast<int>(i % d), value);
    }
    const std::int64_t first = problem.texts[text].firstPosition;
    for (std::int64_t j = 0; j < tokens; ++j) {
        bool seen = !problem.shuffled;
        for (int h = 0; h < problem.group && !seen; ++h)
            seen = j >= first || problem.sees(kvHead * problem.group + h, first, j);
        if (seen)
            held.positions.push_back(j);
    }
    std::mt19937 random(seed);
    if (problem.shuffled)
        std::shuffle(held.positions.begin(), held.positions.end(), random);
    return held;
}

// The blocks of all KV heads, and the tables that point to them.
struct PromptCache {
    std::vector<machine::Buffer> blocks;
    std::vector<const void*> keys, values; // (B·G, blocksPerHead)
    std::vector<std::int64_t> slots;       // (B·G)
    std::vector<std::int64_t> positions;   // (B·G, blocksPerHead·slotsPerBlock)
    std::int64_t blocksPerHead = 0;
};

const void* addBlock(PromptCache& cache, const PromptCase& problem, const HeldHead& held,
                     const std::vector<float>& rows, std::int64_t block) {
    std::vector<float> own;
    std::int64_t live = 0;
    for (; live < problem.slotsPerBlock; ++live) {
        const auto slot = static_cast<std::size_t>(block * problem.slotsPerBlock + live);
        if (slot >= held.positions.size())
            break;
        const auto row = rows.begin() + static_cast<std::ptrdiff_t>(held.positions[slot] * problem.headDim);
        own.insert(own.end(), row, row + problem.headDim);
    }
    cache.blocks.push_back(
        machine::upload(blockOfRows(geometryOf(problem), own.data(), live, problem.behindTheLastSlot)));
    return cache.blocks.back().data();
}

PromptCache cacheOf(const PromptCase& problem) {
    PromptCache cache;
    for (const PromptText& text : problem.texts)
        cache.blocksPerHead = std::max(cache.blocksPerHead,
                                       (tokensOf(text) + problem.slotsPerBlock - 1) / problem.slotsPerBlock);
    for (std::size_t text = 0; text < problem.texts.size(); ++text)
        for (int kvHead = 0; kvHead < problem.kvHeads; ++kvHead) {
            const HeldHead held = hold(problem, text, kvHead);
            const auto slots = static_cast<std::int64_t>(held.positions.size());
            for (std::int64_t block = 0; block < cache.blocksPerHead; ++block) {
                const bool there = block * problem.slotsPerBlock < slots;
                cache.keys.push_back(there ? addBlock(cache, problem, held, held.keys, block) : nullptr);
                cache.values.push_back(there ? addBlock(cache, problem, held, held.values, block) : nullptr);
            }
            cache.slots.push_back(slots);
            cache.positions.insert(cache.positions.end(), held.positions.begin(), held.positions.end());
            cache.positions.resize(cache.slots.size() *
                                       static_cast<std::size_t>(cache.blocksPerHead * problem.slotsPerBlock),
                                   0); // which every query sees, were the slot live
        }
    return cache;
}

std::size_t rowOf(const PromptCase& problem, std::size_t text, int query, int head) {
    const auto most = static_cast<std::size_t>(problem.mostQueries()),
               heads = static_cast<std::size_t>(problem.heads());
    return ((text * most + static_cast<std::size_t>(query)) * heads + static_cast<std::size_t>(head)) *
           static_cast<std::size_t>(problem.headDim);
}

std::vector<float> queriesOf(const PromptCase& problem) {
    return madeUp(rowOf(problem, problem.texts.size(), 0, 0), 99);
}

std::vector<std::int64_t> oldestOf(const PromptCase& problem) {
    std::vector<std::int64_t> oldest;
    for (const PromptText& text : problem.texts)
        for (int head = 0; head < problem.heads(); ++head)
            for (int query = 0; query < problem.mostQueries(); ++query)
                oldest.push_back(problem.oldest(text.firstPosition + query));
    return oldest;
}

// Radians per position of the pair of components c and c + rotated/2.
double frequencyOf(int c) {
    return 1 / (1.0 + 3 * c);
}

// The angles of each query and sink, one row for each that is turned at all.
struct TurnTables {
    std::vector<std::int32_t> rows;
    std::vector<float> cosines, sines;
};

TurnTables turnsOf(const PromptCase& problem) {
    TurnTables tables;
    std::int32_t made = 0;
    for (const PromptText& text : problem.texts)
        for (int query = 0; query < problem.mostQueries(); ++query)
            for (std::int64_t j = 0; j < problem.turnedSinks; ++j) {
                const std::int64_t p = text.firstPosition + query, by = problem.turnedBy(p, j);
                if (query >= text.queries || j > p || by == 0) {
                    tables.rows.push_back(-1);
                    continue;
                }
                tables.rows.push_back(made++);
                for (int c = 0; c < problem.rotated / 2; ++c) {
                    tables.cosines.push_back(
                        static_cast<float>(std::cos(static_cast<double>(by) * frequencyOf(c))));
                    tables.sines.push_back(
                        static_cast<float>(std::sin(static_cast<double>(by) * frequencyOf(c))));
                }
            }
    return tables;
}

double turnedDot(const PromptCase& problem, const float* q, const float* k, std::int64_t by) {
    double dot = 0;
    const int half = problem.rotated / 2;
    for (int c = 0; c < problem.headDim; ++c) {
        double x = q[c];
        if (c < 2 * half) {
            const double angle = static_cast<double>(by) * frequencyOf(c % half);
            x = c < half ? x * std::cos(angle) - q[c + half] * std::sin(angle)
                         : x * std::cos(angle) + q[c - half] * std::sin(angle);
        }
        dot += x * k[c];
    }
    return dot;
}

template <class T>
const T* as(const machine::Buffer& buffer) {
    return static_cast<const T*>(buffer.data());
}

} // namespace

int PromptCase::mostQueries() const {
    int most = 0;
    for (const PromptText& text : texts)
        most = std::max(most, text.queries);
    return most;
}

bool PromptCase::sees(int head, std::int64_t p, std::int64_t j) const {
    if (j > p || p - j > reach)
        return false;
    if (spans.empty() && !oldest)
        return true;
    const HeadSpan span = spans.empty() ? HeadSpan{} : spans[static_cast<std::size_t>(head)];
    return j < span.sinks || j >= (oldest ? oldest(p) : p - span.window);
}

std::vector<float> PromptCase::run(Stream stream) const {
    return runAll(stream).out;
}

std::vector<float> PromptCase::weights(Stream stream) const {
    return runAll(stream).weights;
}

PromptCase::Outcome PromptCase::runAll(Stream stream) const {
    const PromptCache cache = cacheOf(*this);
    std::vector<std::int64_t> firsts;
    std::vector<int> counts;
    for (const PromptText& text : texts)
        firsts.push_back(text.firstPosition), counts.push_back(text.queries);
    const machine::Buffer q = machine::upload(queriesOf(*this)), keys = machine::upload(cache.keys),
                          values = machine::upload(cache.values), slots = machine::upload(cache.slots),
                          positions = machine::upload(cache.positions), first = machine::upload(firsts),
                          count = machine::upload(counts), headSpans = machine::upload(spans),
                          oldestMemory =
                              machine::upload(oldest ? oldestOf(*this) : std::vector<std::int64_t>());
    const Guarded<float> out(rowOf(*this, texts.size(), 0, 0));
    const std::size_t mostSlots =
        static_cast<std::size_t>(*std::max_element(cache.slots.begin(), cache.slots.end()));
    const Guarded<float> softmax(weighed ? rowOf(*this, texts.size(), 0, 0) / headDim * 2 : 2),
        weighs(weighed ? cache.slots.size() * static_cast<std::size_t>(mostQueries()) * mostSlots : 1);
    const TurnTables turns = turnsOf(*this);
    const machine::Buffer turnRows = machine::upload(turns.rows), cosines = machine::upload(turns.cosines),
                          sines = machine::upload(turns.sines);
    AttendPrompt chunk;
    if (turnedSinks > 0)
        chunk.turns = {static_cast<int>(turnedSinks), as<std::int32_t>(turnRows), as<float>(cosines),
                       as<float>(sines), rotated / 2};
    chunk.type = type;
    chunk.codes = codes;
    chunk.texts = static_cast<int>(texts.size());
    chunk.heads = heads();
    chunk.kvHeads = kvHeads;
    chunk.headDim = headDim;
    chunk.slotsPerBlock = slotsPerBlock;
    chunk.scale = 1 / std::sqrt(static_cast<float>(headDim));
    chunk.softcap = softcap;
    chunk.matrixUnits = matrixUnits;
    chunk.q = as<float>(q);
    chunk.queries = mostQueries();
    chunk.counts = texts.size() > 1 ? as<int>(count) : nullptr;
    chunk.firstPositions = as<std::int64_t>(first);
    chunk.keys = as<const void*>(keys);
    chunk.values = as<const void*>(values);
    chunk.blocksPerHead = cache.blocksPerHead;
    chunk.slots = as<std::int64_t>(slots);
    chunk.positions = shuffled ? as<std::int64_t>(positions) : nullptr;
    chunk.positionsPerHead = cache.blocksPerHead * slotsPerBlock;
    chunk.reach = reach;
    chunk.spans = spans.empty() ? nullptr : as<HeadSpan>(headSpans);
    chunk.oldest = oldest ? as<std::int64_t>(oldestMemory) : nullptr;
    chunk.out = out.data();
    chunk.softmax = weighed ? softmax.data() : nullptr;
    attendPrompt(chunk, stream);
    if (weighed)
        weighPrompt(chunk, weighs.data(), static_cast<std::int64_t>(mostSlots), stream);
    machine::finish();
    softmax.read("softmax");
    return {out.read("out"), weighs.read("weights")};
}

PromptCase::Truth PromptCase::truths() const {
    const std::vector<float> q = queriesOf(*this);
    const auto d = static_cast<std::size_t>(headDim);
    const double scale = 1 / std::sqrt(static_cast<float>(headDim));
    const PromptCache cache = cacheOf(*this);
    const auto mostSlots =
        static_cast<std::size_t>(*std::max_element(cache.slots.begin(), cache.slots.end()));
    Truth truth;
    truth.out.assign(q.size(), std::numeric_limits<double>::quiet_NaN());
    truth.weights.assign(cache.slots.size() * static_cast<std::size_t>(mostQueries()) * mostSlots,
                         std::numeric_limits<double>::quiet_NaN());
    for (std::size_t text = 0; text < texts.size(); ++text)
        for (int head = 0; head < heads(); ++head) {
            const HeldHead held = hold(*this, text, head / group);
            const std::vector<float> keys = asStored(*this, held.keys), values = asStored(*this, held.values);
            for (int query = 0; query < texts[text].queries; ++query) {
                const std::int64_t p = texts[text].firstPosition + query;
                const std::size_t row = rowOf(*this, text, query, head);
                std::vector<double> given(held.positions.size(), 0); // by slot
                double largest = -std::numeric_limits<double>::infinity(), sum = 0;
                for (std::size_t slot = 0; slot < given.size(); ++slot) {
                    const std::int64_t j = held.positions[slot];
                    if (!sees(head, p, j))
                        continue;
                    const double dot =
                        scale * turnedDot(*this, &q[row], &keys[static_cast<std::size_t>(j) * d],
                                          j < turnedSinks ? turnedBy(p, j) : 0);
                    given[slot] = softcap == 0 ? dot : softcap * std::tanh(dot / softcap);
                    largest = std::max(largest, given[slot]);
                }
                for (std::size_t slot = 0; slot < given.size(); ++slot)
                    sum += given[slot] =
                        sees(head, p, held.positions[slot]) ? std::exp(given[slot] - largest) : 0;
                const std::size_t at =
                    ((text * static_cast<std::size_t>(kvHeads) + static_cast<std::size_t>(head / group)) *
                         static_cast<std::size_t>(mostQueries()) +
                     static_cast<std::size_t>(query)) *
                    mostSlots;
                for (std::size_t c = 0; c < d; ++c)
                    truth.out[row + c] = 0;
                for (std::size_t slot = 0; slot < given.size(); ++slot) {
                    double& weight = truth.weights[at + slot];
                    weight = (head % group == 0 ? 0 : weight) + (sum == 0 ? 0 : given[slot] / sum);
                    for (std::size_t c = 0; c < d && sees(head, p, held.positions[slot]); ++c)
                        truth.out[row + c] += given[slot] / sum *
                                              values[static_cast<std::size_t>(held.positions[slot]) * d + c];
                }
            }
        }
    return truth;
}

std::vector<double> PromptCase::truth() const {
    return truths().out;
}

std::vector<double> PromptCase::trueWeights() const {
    return truths().weights;
}

std::string PromptCase::text() const {
    std::string text =
        (codes.bits == 0 ? std::string(elementName(type))
                         : std::to_string(codes.bits) + " bits in groups of " + std::to_string(codes.group) +
                               ", zeros of " + std::to_string(codes.zeroBytes) + " bytes,") +
        " G=" + std::to_string(kvHeads) + " group=" + std::to_string(group) +
        " d=" + std::to_string(headDim) + " block=" + std::to_string(slotsPerBlock) +
        " reach=" + std::to_string(reach);
    for (const PromptText& mine : texts)
        text.append(" ")
            .append(std::to_string(mine.firstPosition))
            .append("+")
            .append(std::to_string(mine.queries));
    for (const HeadSpan& span : spans)
        text.append(" s").append(std::to_string(span.sinks)).append("w").append(std::to_string(span.window));
    return text;
}

} // namespace fovea::cuda
