#include "tests/core/kernels/cuda/case_rows.h"

#include <algorithm>
#include <cstring>

#include "core/methods/quantise/code_run.h"
#include "core/methods/quantise/rtn_group.h"
#include "core/model/half_float.h"
#include "tests/core/kernels/cuda/stored_elements.h"

namespace fovea::cuda {

RtnParams paramsOf(const RowCodes& codes) {
    RtnParams params;
    params.bits = codes.bits;
    params.group = codes.group;
    params.mode = codes.zeroBytes == 0 ? RtnParams::Mode::Symmetric : RtnParams::Mode::Asymmetric;
    params.zero = codes.zeroBytes == 2 ? RtnParams::Zero::Free : RtnParams::Zero::Clamped;
    return params;
}

namespace {

struct CodedRow {
    std::vector<std::uint8_t> codes; // (d)
    std::vector<RtnGroup> groups;
};

CodedRow encode(const Geometry& g, const float* values) {
    CodedRow row;
    row.codes.resize(static_cast<std::size_t>(g.headDim));
    for (int first = 0; first < g.headDim; first += g.codes.group)
        row.groups.push_back(chooseRtnGroup(paramsOf(g.codes), values + first,
                                            std::min(g.codes.group, g.headDim - first),
                                            row.codes.data() + first));
    return row;
}

// A block of coded rows (core/cache/row_form.h): all codes, all scales, all zeros.
class CodedBlock {
public:
    explicit CodedBlock(const Geometry& g)
        : m_g(g), m_groups((g.headDim + g.codes.group - 1) / g.codes.group),
          m_scales(static_cast<std::size_t>(g.rowBytes() * g.slotsPerBlock)),
          m_zeros(m_scales + static_cast<std::size_t>(2 * m_groups * g.slotsPerBlock)),
          bytes(m_zeros + static_cast<std::size_t>(g.codes.zeroBytes * m_groups * g.slotsPerBlock)) {}

private:
    const Geometry& m_g;
    int m_groups;
    std::size_t m_scales, m_zeros;

public:
    std::vector<unsigned char> bytes;

    void put(std::int64_t row, const CodedRow& from) {
        packCodes(m_g.codes.bits, from.codes.data(), m_g.headDim, bytes.data() + row * m_g.rowBytes());
        for (int group = 0; group < m_groups; ++group) {
            const RtnGroup& of = from.groups[static_cast<std::size_t>(group)];
            const auto at = static_cast<std::size_t>(group * m_g.slotsPerBlock + row);
            std::memcpy(&bytes[m_scales + 2 * at], &of.scale, 2);
            const auto zero = static_cast<std::int16_t>(of.zero);
            const auto size = static_cast<std::size_t>(m_g.codes.zeroBytes);
            if (size > 0)
                std::memcpy(&bytes[m_zeros + size * at], &zero, size);
        }
    }
};

std::vector<unsigned char> floatBlock(const Geometry& g, const float* rows, std::int64_t live, float behind) {
    const auto size = static_cast<std::size_t>(elementBytes(g.type));
    std::vector<unsigned char> bytes(static_cast<std::size_t>(g.slotsPerBlock * g.headDim) * size);
    unsigned char* to = bytes.data();
    for (std::int64_t row = 0; row < g.slotsPerBlock; ++row)
        for (int c = 0; c < g.headDim; ++c, to += size)
            storeElement(g.type, row < live ? rows[row * g.headDim + c] : behind, to);
    return bytes;
}

std::vector<unsigned char> codedBlock(const Geometry& g, const float* rows, std::int64_t live, float behind) {
    CodedBlock block(g);
    const int groups = (g.headDim + g.codes.group - 1) / g.codes.group;
    const CodedRow dead = {std::vector<std::uint8_t>(static_cast<std::size_t>(g.headDim), 1),
                           std::vector<RtnGroup>(static_cast<std::size_t>(groups), {toHalf(behind), 77})};
    for (std::int64_t row = 0; row < g.slotsPerBlock; ++row)
        block.put(row, row < live ? encode(g, rows + row * g.headDim) : dead);
    return block.bytes;
}

} // namespace

std::int64_t Geometry::rowBytes() const {
    return codes.bits != 0 ? codeBytes(codes.bits, headDim) : std::int64_t{headDim} * elementBytes(type);
}

std::string Geometry::text() const {
    const std::string form = codes.bits == 0 ? std::string(elementName(type))
                                             : std::to_string(codes.bits) + " bits in groups of " +
                                                   std::to_string(codes.group) + ", zeros of " +
                                                   std::to_string(codes.zeroBytes) + " bytes,";
    return form + " G=" + std::to_string(kvHeads) + " group=" + std::to_string(group) +
           " d=" + std::to_string(headDim) + " S=" + std::to_string(slots) +
           " splits=" + std::to_string(splits) + " block=" + std::to_string(slotsPerBlock);
}

void roundRow(const Geometry& g, const float* values, float* to) {
    if (g.codes.bits == 0) {
        for (int c = 0; c < g.headDim; ++c)
            to[c] = rounded(g.type, values[c]);
        return;
    }
    const CodedRow row = encode(g, values);
    for (int c = 0; c < g.headDim; ++c) {
        const RtnGroup& group = row.groups[static_cast<std::size_t>(c / g.codes.group)];
        to[c] =
            static_cast<float>(row.codes[static_cast<std::size_t>(c)] - group.zero) * fromHalf(group.scale);
    }
}

std::vector<unsigned char> blockOfRows(const Geometry& g, const float* rows, std::int64_t live,
                                       float behind) {
    return g.codes.bits != 0 ? codedBlock(g, rows, live, behind) : floatBlock(g, rows, live, behind);
}

CaseBlocks uploadRows(const Geometry& g, const std::vector<float>& rows,
                      const std::vector<std::int64_t>& live, float behind) {
    std::vector<machine::Buffer> blocks;
    std::vector<const void*> table;
    for (int kvHead = 0; kvHead < g.kvHeads; ++kvHead) {
        const std::int64_t lives = live[static_cast<std::size_t>(kvHead)];
        for (std::int64_t first = 0; first < g.slots; first += g.slotsPerBlock) {
            const float* own = rows.data() + (kvHead * g.slots + first) * g.headDim;
            blocks.push_back(machine::upload(blockOfRows(g, own, lives - first, behind)));
            table.push_back(blocks.back().data());
        }
    }
    return {std::move(blocks), machine::upload(table)};
}

} // namespace fovea::cuda
