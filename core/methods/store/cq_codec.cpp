#include "core/methods/store/cq_codec.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "core/cache/row_form.h"
#include "core/kernels/cpu/kernels.h"
#include "core/kernels/cpu/table_rows.h"
#include "core/methods/quantise/code_run.h"
#include "core/methods/store/position_turn.h"
#include "core/model/half_float.h"

namespace fovea {

namespace {

constexpr int kMostChannels = 8; // of a group

// Numbers of b bits one after the other, from the lowest bit of a byte on.
class BitWriter {
public:
    BitWriter(std::byte* to, int bits) : m_to(to), m_bits(bits) {}
    void put(std::uint32_t number) {
        m_waiting |= number << m_count;
        for (m_count += m_bits; m_count >= 8; m_count -= 8, m_waiting >>= 8)
            *m_to++ = static_cast<std::byte>(m_waiting);
    }
    void end() {
        if (m_count > 0)
            *m_to = static_cast<std::byte>(m_waiting);
    }

private:
    std::byte* m_to;
    int m_bits, m_count = 0;
    std::uint32_t m_waiting = 0;
};

class Codec final : public RowCodec {
public:
    Codec(const CqParams& params, int dims, const std::vector<float>& centroids,
          std::shared_ptr<const PositionTurn> turn)
        : m_params(params), m_dims(dims), m_turn(std::move(turn)) {
        m_centroids.reserve(centroids.size());
        for (const float x : centroids)
            m_centroids.push_back(toHalf(x));
        m_table = {
            .channels = params.channels, .bits = params.bits, .dims = dims, .centroids = m_centroids.data()};
        m_codes.centroids = &m_table;
        if (m_turn) {
            m_angles = m_turn->forth();
            m_codes.turn = &m_angles;
        }
    }

    void write(std::span<const UncodedRow> rows, std::byte*) const override {
        float row[kMostRowCodes];
        std::copy_n(rows[0].values, m_dims, row);
        if (m_turn)
            m_turn->back(row, rows[0].position);
        BitWriter codes(rows[0].codes, m_params.bits);
        for (int g = 0; g < m_dims / m_params.channels; ++g)
            codes.put(nearest(row + g * m_params.channels, g));
        codes.end();
    }

    const cpu::TableCodes* table() const override { return &m_codes; }
    void read(std::span<const CodedRow> rows) const override { cpu::readTable(m_codes, rows); }

    LevelGroups levelGroups() const override { return {m_params.centroids(), 0, 1}; }
    // What a channel is in any centroid; which of these it becomes, the others of its group have a say in.
    std::vector<float> levels(std::span<const UncodedRow>) const override {
        std::vector<float> all;
        std::vector<float> centroids(static_cast<std::size_t>(m_params.centroids() * m_params.channels));
        for (int g = 0; g < m_dims / m_params.channels; ++g) {
            centroidsOf(g, centroids.data());
            for (int c = 0; c < m_params.channels; ++c) {
                for (std::size_t at = static_cast<std::size_t>(c); at < centroids.size();
                     at += static_cast<std::size_t>(m_params.channels))
                    all.push_back(centroids[at]);
                std::sort(all.end() - m_params.centroids(), all.end());
            }
        }
        return all;
    }

private:
    // to (2^b, c)
    void centroidsOf(int group, float* to) const {
        const std::int64_t n = std::int64_t{m_params.centroids()} * m_params.channels;
        cpu::widen(ElementType::F16, m_centroids.data() + group * n, to, n);
    }
    // argmin |x − C_k|², the lowest k among equals.
    std::uint32_t nearest(const float* x, int group) const {
        float centroids[kMostChannels << CqParams::kMostBits];
        centroidsOf(group, centroids);
        std::uint32_t best = 0;
        double least = std::numeric_limits<double>::infinity();
        for (std::uint32_t k = 0; k < static_cast<std::uint32_t>(m_params.centroids()); ++k) {
            const float* const of =
                centroids + static_cast<std::size_t>(k) * static_cast<std::size_t>(m_params.channels);
            double apart = 0;
            for (int c = 0; c < m_params.channels; ++c) {
                const double by = static_cast<double>(x[c]) - static_cast<double>(of[c]);
                apart += by * by;
            }
            if (apart < least) {
                least = apart;
                best = k;
            }
        }
        return best;
    }

    CqParams m_params;
    int m_dims;
    std::vector<std::uint16_t> m_centroids; // (d/c, 2^b, c) in binary16
    std::shared_ptr<const PositionTurn> m_turn;
    cpu::CentroidTable m_table;
    cpu::TurnTable m_angles;
    cpu::TableCodes m_codes;
};

} // namespace

MixedStore cqStore(const CqParams& p, int d) {
    const MixedForm form{.sizes = {.codes = codeBytes(p.bits, d / p.channels)},
                         .exact = {.newest = p.recent}};
    return {.keys = form, .values = form};
}

std::shared_ptr<const RowCodec> cqCodec(const CqParams& params, int headDim,
                                        const std::vector<float>& centroids,
                                        std::shared_ptr<const PositionTurn> turn) {
    return std::make_shared<Codec>(params, headDim, centroids, std::move(turn));
}

} // namespace fovea
