// What a chunk of a prompt writes into the cache, byte for byte against the same tokens one after the other on the CPU.

#include <algorithm>
#include <limits>
#include <random>
#include <stdexcept>

#include <catch2/catch.hpp>

#include "tests/core/kernels/cuda/device_cache.h"

using namespace fovea;
using namespace fovea::cuda;
using Catch::Contains;

namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

// What is in the cache when the chunk comes: `before` tokens, of which these slots of every head have left.
struct Start {
    int before = 0;
    std::vector<std::int32_t> leaving = {};
};

// A chunk of each text: k and v (texts, most, heads of a text, d), and the rows of one token of all heads that have it.
class Chunk {
public:
    Chunk(const CacheGeometry& g, std::vector<int> counts, unsigned seed)
        : m_g(g), m_counts(std::move(counts)) {
        std::mt19937 random(seed);
        std::normal_distribution<float> normal(0.3f, 1.0f);
        k.resize(static_cast<std::size_t>(tokens() * g.kvHeads * g.headDim));
        v.resize(k.size());
        for (std::size_t i = 0; i < k.size(); ++i)
            k[i] = normal(random), v[i] = normal(random);
    }

    int tokens() const { return *std::max_element(m_counts.begin(), m_counts.end()); }
    const std::vector<int>& counts() const { return m_counts; }
    int countOf(int head) const { return m_counts[static_cast<std::size_t>(head / headsOfText())]; }
    std::vector<float> row(const std::vector<float>& from, int head, int token) const {
        const int text = head / headsOfText();
        const auto at = ((text * tokens() + token) * headsOfText() + head % headsOfText()) * m_g.headDim;
        return {from.begin() + at, from.begin() + at + m_g.headDim};
    }

    std::vector<float> k, v;

private:
    int headsOfText() const { return m_g.kvHeads / static_cast<int>(m_counts.size()); }
    CacheGeometry m_g;
    std::vector<int> m_counts;
};

CacheModel started(const CacheGeometry& g, const Start& start) {
    CacheModel model(g);
    std::mt19937 random(5);
    std::normal_distribution<float> normal;
    for (int token = 0; token < start.before; ++token) {
        std::vector<float> row(static_cast<std::size_t>(g.kvHeads * g.headDim));
        for (float& x : row)
            x = normal(random);
        model.append(row, row, std::vector<std::int64_t>(static_cast<std::size_t>(g.kvHeads), token));
    }
    for (int head = 0; !start.leaving.empty() && head < g.kvHeads; ++head)
        model.evict(head, start.leaving);
    return model;
}

// The chunk on a machine, and its tokens one by one in the model.
void check(const CacheGeometry& g, const Start& start, const Chunk& chunk) {
    INFO(g.text() << ", " << start.before << " tokens before, " << start.leaving.size() << " left, "
                  << chunk.tokens() << " new");
    const std::vector<std::int64_t> first(static_cast<std::size_t>(g.kvHeads), start.before);
    for (const machine::Execution& execution : machine::executions()) {
        INFO(execution.name);
        const DeviceCache device(started(g, start));
        device.appendMany(chunk.k, chunk.v, first, chunk.tokens(), execution.stream, chunk.counts());
        CacheModel expected = started(g, start);
        for (int head = 0; head < g.kvHeads; ++head)
            for (int token = 0; token < chunk.countOf(head); ++token)
                expected.appendTo(head, chunk.row(chunk.k, head, token), chunk.row(chunk.v, head, token),
                                  start.before + token);
        CHECK(device.difference(expected) == "");
    }
}

CacheGeometry geometry(ElementType type, const RowCodes& codes = {}, int page = 3) {
    CacheGeometry g{type, codes, 2, 40, 8, 12};
    g.page = page;
    return g;
}

} // namespace

TEST_CASE("A prompt's rows of floats are what its tokens write one by one", "[core.kernels.cuda]") {
    for (const ElementType type : {ElementType::F32, ElementType::F16, ElementType::BF16})
        for (const int tokens : {2, 3, 16, 17, 61}) {
            const CacheGeometry g = geometry(type);
            check(g, {}, Chunk(g, {tokens}, 1));
            check(g, {7}, Chunk(g, {tokens}, 2));
        }
}

TEST_CASE("A prompt's rows of codes are what its tokens write one by one", "[core.kernels.cuda]") {
    for (const int bits : {8, 4, 3, 2})
        for (const int zeroBytes : {0, 1, 2})
            for (const int headDim : {32, 96, 200}) {
                CacheGeometry g = geometry(ElementType::F16, {bits, 32, zeroBytes});
                g.headDim = headDim;
                check(g, {5}, Chunk(g, {21}, 3));
            }
}

TEST_CASE("A prompt's first token takes the slot that an eviction left", "[core.kernels.cuda]") {
    for (const int page : {0, 1, 3, 100})
        for (const int tokens : {1, 2, 9, 40})
            for (const auto& leaving : std::vector<std::vector<std::int32_t>>{
                     {0}, {6}, {13}, {2, 3, 4}, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13}}) {
                const CacheGeometry g = geometry(ElementType::BF16, {}, page);
                check(g, {14, leaving}, Chunk(g, {tokens}, 4));
            }
}

TEST_CASE("A prompt's rows may be asked for without what hangs on them", "[core.kernels.cuda]") {
    for (const int bits : {0, 4}) {
        CacheGeometry g = geometry(ElementType::F32, {bits, 32, 1}, 0);
        g.keyColumns = false;
        check(g, {2}, Chunk(g, {30}, 5));
        g.valueSums = false;
        check(g, {2}, Chunk(g, {30}, 6));
    }
}

TEST_CASE("Prompts of several texts are written at once, whatever their lengths", "[core.kernels.cuda]") {
    for (const int bits : {0, 3}) {
        CacheGeometry g = geometry(ElementType::F16, {bits, 32, 1});
        g.kvHeads = 6;
        check(g, {4}, Chunk(g, {12, 1, 33}, 7));
        check(g, {4}, Chunk(g, {0, 5, 2}, 8));
        g.sums = 3;
        check(g, {4}, Chunk(g, {12, 1, 33}, 7));
    }
}

TEST_CASE("Keys that are no numbers bound nothing, wherever in a page they come", "[core.kernels.cuda]") {
    for (const int odd : {0, 1, 4}) {
        const CacheGeometry g = geometry(ElementType::F32, {}, 4);
        Chunk chunk(g, {10}, 9);
        for (int c = 0; c < 2 * g.headDim; c += 3)
            chunk.k[static_cast<std::size_t>(odd * 2 * g.headDim + c)] = kNaN;
        check(g, {3}, chunk);
    }
}

TEST_CASE("A chunk that the kernels cannot take is refused with the reason", "[core.kernels.cuda]") {
    const CacheModel model({ElementType::F32});
    const DeviceCache device(model);
    const float row[64] = {};
    const std::int64_t positions[2] = {};
    const auto refusalOf = [&](int tokens, int texts) {
        const CacheAppend append{device.blocks(), row, row, positions, tokens, texts};
        const std::string why = refusal(append);
        if (!why.empty())
            CHECK_THROWS_AS(appendRows(append, machine::executions().front().stream), std::invalid_argument);
        return why;
    };
    CHECK(refusalOf(5, 2) == "");
    CHECK_THAT(refusalOf(0, 1), Contains("got 0"));
    CHECK_THAT(refusalOf(40000, 1), Contains("got 40000"));
    CHECK_THAT(refusalOf(5, 0), Contains("0 texts"));
    CHECK_THAT(refusalOf(5, 3), Contains("2 KV heads are not of 3 texts"));
}
