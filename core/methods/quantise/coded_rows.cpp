#include "core/methods/quantise/coded_rows.h"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/repeat_interleave.h>

#include <cstring>

#include "core/methods/quantise/code_run.h"

namespace fovea {

namespace {

constexpr std::int64_t kRowsAtOnce = 8;

// visit(row) for every row, on several threads.
template <class Visit>
void forEachRow(std::int64_t rows, const Visit& visit) {
    at::parallel_for(0, rows, kRowsAtOnce, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t row = begin; row < end; ++row)
            visit(row);
    });
}

} // namespace

Weight packRows(const CodedRows& rows) {
    const std::int64_t count = rows.codes.size(0), columns = rows.codes.size(1);
    const RtnRow at = rtnRow(rows.rtn, columns);
    const at::Tensor result = at::empty({count, at.bytes}, at::kByte);
    const at::Tensor codes = rows.codes.contiguous(), scales = rows.scales.to(at::kHalf).contiguous(),
                     zeros = rows.zeros.contiguous();
    auto* const to = result.data_ptr<std::uint8_t>();
    forEachRow(count, [&](std::int64_t row) {
        std::uint8_t* const bytes = to + row * at.bytes;
        std::memcpy(bytes, scales.data_ptr<at::Half>() + row * at.groups,
                    static_cast<std::size_t>(at.groups) * sizeof(at::Half));
        if (rows.rtn.mode == RtnParams::Mode::Asymmetric)
            packCodes(rows.rtn.bits, zeros.data_ptr<std::uint8_t>() + row * at.groups, at.groups,
                      bytes + at.zeros);
        packCodes(rows.rtn.bits, codes.data_ptr<std::uint8_t>() + row * columns, columns, bytes + at.codes);
    });
    return Weight(result, rows.rtn, columns);
}

CodedRows takeApart(const Weight& packed) {
    const RtnParams rtn = packed.rtn().value();
    const std::int64_t count = packed.rows(), columns = packed.columns();
    const RtnRow at = rtnRow(rtn, columns);
    CodedRows rows{rtn, at::empty({count, columns}, at::kByte), at::empty({count, at.groups}, at::kHalf),
                   at::full({count, at.groups}, rtn.middle(), at::kByte)};
    const at::Tensor stored = packed.stored().contiguous();
    const auto* const from = stored.data_ptr<std::uint8_t>();
    forEachRow(count, [&](std::int64_t row) {
        const std::uint8_t* const bytes = from + row * at.bytes;
        std::memcpy(rows.scales.data_ptr<at::Half>() + row * at.groups, bytes,
                    static_cast<std::size_t>(at.groups) * sizeof(at::Half));
        if (rtn.mode == RtnParams::Mode::Asymmetric)
            unpackCodes(rtn.bits, bytes + at.zeros, at.groups,
                        rows.zeros.data_ptr<std::uint8_t>() + row * at.groups);
        unpackCodes(rtn.bits, bytes + at.codes, columns, rows.codes.data_ptr<std::uint8_t>() + row * columns);
    });
    return rows;
}

at::Tensor decodedRows(const CodedRows& rows) {
    const std::int64_t columns = rows.codes.size(1);
    const auto spread = [&](const at::Tensor& groups) {
        return at::repeat_interleave(groups.to(at::kFloat), rows.rtn.group, 1).narrow(1, 0, columns);
    };
    return (rows.codes.to(at::kFloat) - spread(rows.zeros)) * spread(rows.scales);
}

} // namespace fovea
