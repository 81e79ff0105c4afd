#pragma once
// Codecs of any mixed store, with tables that nobody learnt; and rows of them that can be spoiled behind the cache's back.

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <random>
#include <set>
#include <vector>

#include "core/cache/row_codec.h"
#include "core/methods/store/cq_codec.h"
#include "core/methods/store/kivi_codec.h"
#include "core/methods/store/kvquant_codec.h"
#include "core/methods/store/position_turn.h"
#include "core/methods/store/store.h"

namespace fovea::test {

// Rows whose codes lie at spoiled places are infinite, for whoever reads rows: kernels that read codes themselves see none
// of it, and so none of these codecs until they are revealed.
class SpoilableCodec final : public RowCodec {
public:
    void reveal(bool revealed) const { m_revealed = revealed; }
    const EvenCodes* even() const override { return m_revealed ? m_inner->even() : nullptr; }
    const cpu::TableCodes* table() const override { return m_revealed ? m_inner->table() : nullptr; }
    SpoilableCodec(std::shared_ptr<const RowCodec> inner, int dims) : m_inner(std::move(inner)), m_dims(dims) {}
    void write(std::span<const UncodedRow> rows, std::byte* side) const override { m_inner->write(rows, side); }
    void read(std::span<const CodedRow> rows) const override {
        m_inner->read(rows);
        for (const CodedRow& row : rows)
            if (m_spoiled.contains(row.codes))
                std::fill_n(row.to, m_dims, std::numeric_limits<float>::infinity());
    }
    LevelGroups levelGroups() const override { return m_inner->levelGroups(); }
    std::vector<float> levels(std::span<const UncodedRow> rows) const override { return m_inner->levels(rows); }
    void spoil(const std::byte* codes) const { m_spoiled.insert(codes); }

private:
    std::shared_ptr<const RowCodec> m_inner;
    int m_dims;
    mutable std::set<const std::byte*> m_spoiled;
    mutable bool m_revealed = false;
};

// Levels that are neither even nor symmetric, and ranges that are wide for some channels.
inline KvquantLevels someLevels(const KvquantParams& params, int dims, bool ofKeys) {
    KvquantLevels table;
    for (int i = 0; i < params.levels(); ++i) {
        const double x = 2. * i / (params.levels() - 1) - 1;
        table.levels.push_back(.5 * x + .5 * x * x * x);
        table.read.push_back(static_cast<float>(table.levels.back()) * .9f + .01f);
    }
    for (int c = 0; ofKeys && c < dims; ++c) {
        table.offset.push_back(c % 5 - 2.);
        table.range.push_back(1 + c % 7);
    }
    return table;
}

inline std::vector<float> someCentroids(const CqParams& params, int dims, unsigned seed) {
    std::mt19937 random(seed);
    std::normal_distribution<float> normal;
    std::vector<float> centroids(static_cast<std::size_t>(dims * params.centroids()));
    for (float& x : centroids)
        x = normal(random);
    return centroids;
}

// Null for a store that is none; `turn` of keys before RoPE may be null.
inline std::shared_ptr<const StoreCodecs> someCodecs(const Store& store, int heads, int dims,
                                                     const std::shared_ptr<const PositionTurn>& turn = {}) {
    if (!mixedStore(store, dims))
        return nullptr;
    StoreCodecs codecs;
    const auto add = [&](auto keys, auto values) {
        codecs.keys.assign(static_cast<std::size_t>(heads), std::make_shared<SpoilableCodec>(keys, dims));
        codecs.values.assign(static_cast<std::size_t>(heads), std::make_shared<SpoilableCodec>(values, dims));
    };
    if (const auto* kivi = std::get_if<KiviParams>(&store))
        add(kiviKeyCodec(*kivi, dims), kiviValueCodec(*kivi, dims));
    if (const auto* kvquant = std::get_if<KvquantParams>(&store))
        add(kvquantKeyCodec(*kvquant, dims, someLevels(*kvquant, dims, true), turn),
            kvquantValueCodec(*kvquant, dims, someLevels(*kvquant, dims, false)));
    if (const auto* cq = std::get_if<CqParams>(&store))
        add(cqCodec(*cq, dims, someCentroids(*cq, dims, 1), turn), cqCodec(*cq, dims, someCentroids(*cq, dims, 2), {}));
    return std::make_shared<const StoreCodecs>(std::move(codecs));
}

} // namespace fovea::test
