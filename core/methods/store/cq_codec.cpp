#include "core/methods/store/cq_codec.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "core/cache/row_form.h"
#include "core/methods/quantise/code_run.h"
#include "core/methods/store/position_turn.h"
#include "core/model/half_float.h"

namespace fovea {

namespace {

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
class BitReader {
public:
    BitReader(const std::byte* from, int bits) : m_from(from), m_bits(bits) {}
    std::uint32_t next() {
        for (; m_count < m_bits; m_count += 8)
            m_waiting |= static_cast<std::uint32_t>(*m_from++) << m_count;
        const std::uint32_t number = m_waiting & ((1u << m_bits) - 1);
        m_waiting >>= m_bits;
        m_count -= m_bits;
        return number;
    }

private:
    const std::byte* m_from;
    int m_bits, m_count = 0;
    std::uint32_t m_waiting = 0;
};

class Codec final : public RowCodec {
public:
    Codec(const CqParams& params, int dims, std::vector<float> centroids, std::shared_ptr<const PositionTurn> turn)
        : m_params(params), m_dims(dims), m_centroids(std::move(centroids)), m_turn(std::move(turn)) {
        for (float& x : m_centroids)
            x = fromHalf(toHalf(x));
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

    void read(std::span<const CodedRow> rows) const override {
        for (const CodedRow& row : rows) {
            BitReader codes(row.codes, m_params.bits);
            for (int g = 0; g < m_dims / m_params.channels; ++g)
                std::copy_n(centroid(g, codes.next()), m_params.channels, row.to + g * m_params.channels);
            if (m_turn)
                m_turn->forth(row.to, row.position);
        }
    }

    LevelGroups levelGroups() const override { return {m_params.centroids(), 0, 1}; }
    // What a channel is in any centroid; which of these it becomes, the others of its group have a say in.
    std::vector<float> levels(std::span<const UncodedRow>) const override {
        std::vector<float> all;
        for (int c = 0; c < m_dims; ++c) {
            for (std::uint32_t k = 0; k < static_cast<std::uint32_t>(m_params.centroids()); ++k)
                all.push_back(centroid(c / m_params.channels, k)[c % m_params.channels]);
            std::sort(all.end() - m_params.centroids(), all.end());
        }
        return all;
    }

private:
    const float* centroid(int group, std::uint32_t code) const {
        return m_centroids.data() + (static_cast<std::int64_t>(group) * m_params.centroids() + code) * m_params.channels;
    }
    // argmin |x − C_k|², the lowest k among equals.
    std::uint32_t nearest(const float* x, int group) const {
        std::uint32_t best = 0;
        double least = std::numeric_limits<double>::infinity();
        for (std::uint32_t k = 0; k < static_cast<std::uint32_t>(m_params.centroids()); ++k) {
            double apart = 0;
            for (int c = 0; c < m_params.channels; ++c) {
                const double by = static_cast<double>(x[c]) - static_cast<double>(centroid(group, k)[c]);
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
    std::vector<float> m_centroids; // (d/c, 2^b, c)
    std::shared_ptr<const PositionTurn> m_turn;
};

} // namespace

MixedStore cqStore(const CqParams& p, int d) {
    const MixedForm form{.sizes = {.codes = codeBytes(p.bits, d / p.channels)}, .exact = {.newest = p.recent}};
    return {.keys = form, .values = form};
}

std::shared_ptr<const RowCodec> cqCodec(const CqParams& params, int headDim, std::vector<float> centroids,
                                        std::shared_ptr<const PositionTurn> turn) {
    return std::make_shared<Codec>(params, headDim, std::move(centroids), std::move(turn));
}

} // namespace fovea
