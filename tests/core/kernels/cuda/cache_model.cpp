#include "tests/core/kernels/cuda/cache_model.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "core/methods/quantise/code_run.h"
#include "core/methods/quantise/rtn_group.h"
#include "core/model/half_float.h"
#include "tests/core/kernels/cuda/case_rows.h"
#include "tests/core/kernels/cuda/device_blocks.h"

namespace fovea::cuda {

namespace {

constexpr unsigned char kUntouched = 0xCD;

int groupsOf(const CacheGeometry& g) {
    return g.codes.bits == 0 ? 0 : (g.headDim + g.codes.group - 1) / g.codes.group;
}

} // namespace

std::string CacheGeometry::text() const {
    const std::string rows = codes.bits == 0 ? std::string(elementName(type))
                                             : std::to_string(codes.bits) + " bits in groups of " +
                                                   std::to_string(codes.group) + ", zeros of " +
                                                   std::to_string(codes.zeroBytes) + " bytes, beside " +
                                                   std::string(elementName(type));
    return rows + " G=" + std::to_string(kvHeads) + " d=" + std::to_string(headDim) +
           " block=" + std::to_string(slotsPerBlock) + " page=" + std::to_string(page);
}

CacheModel::CacheModel(const CacheGeometry& g) : geometry(g), slots(static_cast<std::size_t>(g.kvHeads)) {
    const auto G = static_cast<std::size_t>(g.kvHeads), d = static_cast<std::size_t>(g.headDim);
    const std::size_t blocks = G * static_cast<std::size_t>(g.blocksPerHead);
    const auto element = static_cast<std::size_t>(elementBytes(g.type));
    keys.assign(blocks, Bytes(rowBlockBytes(), kUntouched));
    values = keys;
    if (g.keyColumns)
        columns.assign(blocks, Bytes(static_cast<std::size_t>(g.slotsPerBlock) * d * element, kUntouched));
    bounds.assign(G * static_cast<std::size_t>(g.boundBlocks()),
                  Bytes(static_cast<std::size_t>(g.pagesPerBlock) * 2 * d * element, kUntouched));
    sums.assign(g.valueSums ? G * static_cast<std::size_t>(g.sums) * d : 0, 0.0f);
    pageRows.assign(G * static_cast<std::size_t>(g.pages()), 0);
}

int CacheModel::rowBytes() const {
    return geometry.codes.bits == 0 ? geometry.headDim * elementBytes(geometry.type)
                                    : static_cast<int>(codeBytes(geometry.codes.bits, geometry.headDim));
}

std::size_t CacheModel::rowBlockBytes() const {
    return static_cast<std::size_t>((rowBytes() + groupsOf(geometry) * (2 + geometry.codes.zeroBytes)) *
                                    geometry.slotsPerBlock);
}

std::size_t CacheModel::blockOf(int kvHead, std::int64_t slot) const {
    return static_cast<std::size_t>(kvHead * geometry.blocksPerHead + slot / geometry.slotsPerBlock);
}

void CacheModel::writeRow(std::vector<Bytes>& table, int kvHead, std::int64_t slot, const float* from) {
    const CacheGeometry& g = geometry;
    unsigned char* const block = table[blockOf(kvHead, slot)].data();
    const std::int64_t row = slot % g.slotsPerBlock;
    unsigned char* const to = block + row * rowBytes();
    if (g.codes.bits == 0) {
        for (int c = 0; c < g.headDim; ++c)
            storeElement(g.type, from[c], to + c * elementBytes(g.type));
        return;
    }
    const RtnParams p = paramsOf(g.codes);
    Bytes codes(static_cast<std::size_t>(g.headDim));
    unsigned char* const scales = block + rowBytes() * g.slotsPerBlock;
    unsigned char* const zeros = scales + 2 * groupsOf(g) * g.slotsPerBlock;
    for (int group = 0; group < groupsOf(g); ++group) {
        const int first = group * p.group;
        const RtnGroup held =
            chooseRtnGroup(p, from + first, std::min(p.group, g.headDim - first), codes.data() + first);
        const std::int64_t at = std::int64_t{group} * g.slotsPerBlock + row;
        std::memcpy(scales + 2 * at, &held.scale, 2);
        if (g.codes.zeroBytes == 1)
            zeros[at] = static_cast<unsigned char>(held.zero);
        if (const auto wide = static_cast<std::int16_t>(held.zero); g.codes.zeroBytes == 2)
            std::memcpy(zeros + 2 * at, &wide, 2);
    }
    packCodes(p.bits, codes.data(), g.headDim, to);
}

std::vector<float> CacheModel::stored(const std::vector<Bytes>& table, int kvHead, std::int64_t slot) const {
    const CacheGeometry& g = geometry;
    const unsigned char* const block = table[blockOf(kvHead, slot)].data();
    const std::int64_t row = slot % g.slotsPerBlock;
    const unsigned char* const from = block + row * rowBytes();
    std::vector<float> result(static_cast<std::size_t>(g.headDim));
    Bytes codes(result.size());
    if (g.codes.bits > 0)
        unpackCodes(g.codes.bits, from, g.headDim, codes.data());
    const unsigned char* const scales = block + rowBytes() * g.slotsPerBlock;
    const unsigned char* const zeros = scales + 2 * groupsOf(g) * g.slotsPerBlock;
    for (int c = 0; c < g.headDim; ++c) {
        float& x = result[static_cast<std::size_t>(c)];
        if (g.codes.bits == 0) {
            x = loadElement(g.type, from + c * elementBytes(g.type));
            continue;
        }
        const std::int64_t at = std::int64_t{c / g.codes.group} * g.slotsPerBlock + row;
        std::uint16_t scale;
        std::int16_t wide = 0;
        std::memcpy(&scale, scales + 2 * at, 2);
        int zero = 1 << (g.codes.bits - 1);
        if (g.codes.zeroBytes == 1)
            zero = zeros[at];
        if (g.codes.zeroBytes == 2) {
            std::memcpy(&wide, zeros + 2 * at, 2);
            zero = wide;
        }
        x = (static_cast<float>(codes[static_cast<std::size_t>(c)]) - static_cast<float>(zero)) *
            fromHalf(scale);
    }
    return result;
}

void CacheModel::boundRow(int kvHead, std::int64_t slot) {
    const CacheGeometry& g = geometry;
    if (g.page == 0)
        return;
    const std::int64_t page = slot / g.page;
    const bool begins = pageRows[static_cast<std::size_t>(kvHead * g.pages() + page)]++ == 0;
    pagesBegun += begins;
    const int size = elementBytes(g.type);
    unsigned char* const least =
        bounds[static_cast<std::size_t>(kvHead * g.boundBlocks() + page / g.pagesPerBlock)].data() +
        page % g.pagesPerBlock * 2 * g.headDim * size;
    const std::vector<float> key = stored(keys, kvHead, slot);
    for (int c = 0; c < g.headDim; ++c) {
        const float x = key[static_cast<std::size_t>(c)];
        unsigned char *const low = least + c * size, *const high = low + g.headDim * size;
        if (begins || x < loadElement(g.type, low) || std::isnan(loadElement(g.type, low)))
            storeElement(g.type, x, low);
        if (begins || x > loadElement(g.type, high) || std::isnan(loadElement(g.type, high)))
            storeElement(g.type, x, high);
    }
}

void CacheModel::append(const std::vector<float>& k, const std::vector<float>& v,
                        const std::vector<std::int64_t>& positions) {
    const auto of = [&](const std::vector<float>& rows, int head) {
        const auto row = rows.begin() + static_cast<std::ptrdiff_t>(head) * geometry.headDim;
        return std::vector<float>(row, row + geometry.headDim);
    };
    for (int head = 0; head < geometry.kvHeads; ++head)
        appendTo(head, of(k, head), of(v, head), positions[static_cast<std::size_t>(head)]);
}

void CacheModel::appendTo(int kvHead, const std::vector<float>& k, const std::vector<float>& v,
                          std::int64_t position) {
    const CacheGeometry& g = geometry;
    const int size = elementBytes(g.type);
    SlotTable& table = slots[static_cast<std::size_t>(kvHead)];
    const std::int64_t slot = table.next();
    table.take(position);
    writeRow(keys, kvHead, slot, k.data());
    writeRow(values, kvHead, slot, v.data());
    for (int c = 0; g.keyColumns && c < g.headDim; ++c)
        storeElement(g.type, k[static_cast<std::size_t>(c)],
                     columns[blockOf(kvHead, slot)].data() +
                         (c * g.slotsPerBlock + slot % g.slotsPerBlock) * size);
    const std::vector<float> row = stored(values, kvHead, slot);
    for (int i = 0; g.valueSums && i < g.sums * g.headDim; ++i)
        sums[static_cast<std::size_t>(kvHead * g.sums * g.headDim + i)] +=
            row[static_cast<std::size_t>(i % g.headDim)];
    boundRow(kvHead, slot);
}

void CacheModel::copyRow(std::vector<Bytes>& table, int kvHead, SlotTable::Move move) {
    const CacheGeometry& g = geometry;
    const auto copy = [&](std::int64_t offset, std::int64_t stride, int bytes) {
        std::copy_n(table[blockOf(kvHead, move.from)].begin() + offset + move.from % g.slotsPerBlock * stride,
                    bytes,
                    table[blockOf(kvHead, move.to)].begin() + offset + move.to % g.slotsPerBlock * stride);
    };
    copy(0, rowBytes(), rowBytes());
    const std::int64_t scales = std::int64_t{rowBytes()} * g.slotsPerBlock,
                       zeros = scales + std::int64_t{2} * groupsOf(g) * g.slotsPerBlock;
    for (int group = 0; group < groupsOf(g); ++group) {
        copy(scales + 2 * group * g.slotsPerBlock, 2, 2);
        copy(zeros + g.codes.zeroBytes * group * g.slotsPerBlock, g.codes.zeroBytes, g.codes.zeroBytes);
    }
}

void CacheModel::sumAgain(int kvHead) {
    const CacheGeometry& g = geometry;
    float* const own = sums.data() + kvHead * g.headDim;
    std::fill_n(own, g.headDim, 0.0f);
    for (const std::int32_t slot : slots[static_cast<std::size_t>(kvHead)].byAge()) {
        const std::vector<float> row = stored(values, kvHead, slot);
        for (int c = 0; c < g.headDim; ++c)
            own[c] += row[static_cast<std::size_t>(c)];
    }
}

std::vector<SlotTable::Move> CacheModel::evict(int kvHead, const std::vector<std::int32_t>& leaving) {
    const CacheGeometry& g = geometry;
    bool numbers = true;
    for (const std::int32_t slot : leaving) {
        const std::vector<float> row = stored(values, kvHead, slot);
        for (int c = 0; g.valueSums && c < g.headDim; ++c) {
            sums[static_cast<std::size_t>(kvHead * g.headDim + c)] -= row[static_cast<std::size_t>(c)];
            numbers = numbers && std::isfinite(row[static_cast<std::size_t>(c)]);
        }
        if (g.page > 0)
            --pageRows[static_cast<std::size_t>(kvHead * g.pages() + slot / g.page)];
    }
    const auto released = slots[static_cast<std::size_t>(kvHead)].release(leaving);
    const std::vector<SlotTable::Move> moves(released.begin(), released.end());
    const int size = elementBytes(g.type);
    for (const SlotTable::Move move : moves) {
        copyRow(keys, kvHead, move);
        copyRow(values, kvHead, move);
        for (int c = 0; g.keyColumns && c < g.headDim; ++c)
            std::copy_n(columns[blockOf(kvHead, move.from)].begin() +
                            (c * g.slotsPerBlock + move.from % g.slotsPerBlock) * size,
                        size,
                        columns[blockOf(kvHead, move.to)].begin() +
                            (c * g.slotsPerBlock + move.to % g.slotsPerBlock) * size);
        if (g.page > 0)
            --pageRows[static_cast<std::size_t>(kvHead * g.pages() + move.from / g.page)];
        boundRow(kvHead, move.to);
    }
    if (!numbers)
        sumAgain(kvHead);
    return moves;
}

} // namespace fovea::cuda
