#include "core/cache/row_form.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "core/kernels/cpu/kernels.h"
#include "core/methods/quantise/code_run.h"
#include "core/methods/quantise/rtn_group.h"
#include "core/model/half_float.h"

namespace fovea {

namespace {

// The scale and zero of one group of one row.
class GroupPlace {
public:
    template <class Byte>
    GroupPlace(const RowForm& form, Byte* block, int group, std::int64_t row)
        : m_rtn(*form.codes), m_zeroBytes(form.zeroBytes()) {
        const std::int64_t at = std::int64_t{group} * form.rows + row;
        m_scale = const_cast<std::byte*>(block) + form.scales() + 2 * at;
        m_zero = const_cast<std::byte*>(block) + form.zeros() + m_zeroBytes * at;
    }

    RtnGroup get() const {
        RtnGroup group{0, m_rtn.middle()};
        std::memcpy(&group.scale, m_scale, 2);
        std::int16_t wide = 0;
        if (m_zeroBytes == 1)
            group.zero = static_cast<int>(*m_zero);
        if (m_zeroBytes == 2) {
            std::memcpy(&wide, m_zero, 2);
            group.zero = wide;
        }
        return group;
    }
    void put(const RtnGroup& group) const {
        std::memcpy(m_scale, &group.scale, 2);
        if (m_zeroBytes == 1)
            *m_zero = static_cast<std::byte>(group.zero);
        if (const auto wide = static_cast<std::int16_t>(group.zero); m_zeroBytes == 2)
            std::memcpy(m_zero, &wide, 2);
    }

private:
    const RtnParams& m_rtn;
    int m_zeroBytes;
    std::byte *m_scale, *m_zero;
};

} // namespace

int RowForm::zeroBytes() const {
    if (!codes || codes->mode == RtnParams::Mode::Symmetric)
        return 0;
    return codes->zero == RtnParams::Zero::Free ? 2 : 1;
}

std::int64_t RowForm::codeBytes() const {
    return codes ? fovea::codeBytes(codes->bits, dims) : std::int64_t{dims} * elementBytes(type);
}

void RowForm::write(std::byte* block, std::int64_t row, const float* values) const {
    std::byte* const to = block + row * codeBytes();
    if (!codes) {
        cpu::convert(type, values, to, dims);
        return;
    }
    std::uint8_t chosen[kMostRowCodes];
    for (int g = 0; g < groups(); ++g) {
        const int first = g * codes->group, n = std::min(codes->group, dims - first);
        GroupPlace(*this, block, g, row).put(chooseRtnGroup(*codes, values + first, n, chosen + first));
    }
    packCodes(codes->bits, chosen, dims, reinterpret_cast<std::uint8_t*>(to));
}

void RowForm::read(const std::byte* block, std::int64_t row, std::int64_t n, float* values) const {
    const std::byte* const from = block + row * codeBytes();
    if (!codes) {
        cpu::widen(type, from, values, n * dims);
        return;
    }
    cpu::widenCodes(codes->bits, from, values, n, dims);
    for (std::int64_t i = 0; i < n; ++i, values += dims)
        for (int g = 0; g < groups(); ++g) {
            const RtnGroup group = GroupPlace(*this, block, g, row + i).get();
            const float scale = fromHalf(group.scale), zero = static_cast<float>(group.zero);
            for (int c = g * codes->group; c < std::min((g + 1) * codes->group, dims); ++c)
                values[c] = (values[c] - zero) * scale;
        }
}

void RowForm::copy(const std::byte* from, std::int64_t fromRow, std::byte* to, std::int64_t toRow) const {
    std::copy_n(from + fromRow * codeBytes(), codeBytes(), to + toRow * codeBytes());
    for (int g = 0; g < groups(); ++g)
        GroupPlace(*this, to, g, toRow).put(GroupPlace(*this, from, g, fromRow).get());
}

} // namespace fovea
