// What can be said of products without a GPU: why they cannot be launched.

#include "core/kernels/cuda/gemv.h"

namespace fovea::cuda {
namespace {

constexpr std::int64_t kMostRows = std::int64_t{1} << 31;    // of all matrices together
constexpr std::int64_t kMostColumns = std::int64_t{1} << 24; // beyond any model's
constexpr std::int64_t kMostInAll =
    8 * std::int64_t{65535}; // vectors: eight per block of a grid's second dimension

bool aligned16(const void* pointer) {
    return reinterpret_cast<std::uintptr_t>(pointer) % 16 == 0;
}

} // namespace

std::string refusal(const Gemv& step) {
    if (step.count < 1 || step.count > kMostProducts)
        return "a launch has 1 to " + std::to_string(kMostProducts) + " products, got " +
               std::to_string(step.count);
    if (step.in < 1 || step.in > kMostColumns || step.vectors < 1 || step.vectors > kMostInAll)
        return "a product needs vectors of elements, up to " + std::to_string(kMostInAll) + " of " +
               std::to_string(kMostColumns) + ", got " + std::to_string(step.vectors) + " of " +
               std::to_string(step.in);
    std::int64_t rows = 0;
    for (int i = 0; i < step.count; ++i) {
        const Product& product = step.products[i];
        if (product.rows < 1 || product.rows > kMostRows)
            return "a matrix needs rows, got " + std::to_string(product.rows);
        if (!product.w || !product.y)
            return "a product lacks its matrix or its result";
        if (!aligned16(product.w))
            return "a matrix on the GPU must begin at a multiple of 16 bytes";
        rows += product.rows;
    }
    if (rows > kMostRows)
        return "the matrices of one launch have " + std::to_string(rows) + " rows, more than 2^31";
    if (!step.x || !aligned16(step.x))
        return "a product needs its vectors, aligned to 16 bytes";
    return "";
}

std::string refusal(const PackedRows& rows, const Gemv& step) {
    if (rows.bits != 8 && rows.bits != 4 && rows.bits != 3 && rows.bits != 2)
        return "packed weights have 8, 4, 3 or 2 bits, got " + std::to_string(rows.bits);
    const bool whole = rows.group >= 128 && rows.group % 128 == 0 && rows.group <= kMostColumns;
    if (rows.group != 32 && rows.group != 64 && !whole)
        return "packed weights have groups of 32, 64 or a multiple of 128, got " + std::to_string(rows.group);
    if (const std::string why = refusal(step); !why.empty())
        return why;
    const std::int64_t scales = 2 * ((step.in + rows.group - 1) / rows.group);
    const std::int64_t codes = (step.in * rows.bits + 7) / 8;
    if (rows.zerosAt < scales || rows.codesAt < rows.zerosAt || rows.bytes < rows.codesAt + codes)
        return "the parts of a packed row overlap: zeros at " + std::to_string(rows.zerosAt) + ", codes at " +
               std::to_string(rows.codesAt) + " of " + std::to_string(rows.bytes) + " bytes";
    return "";
}

bool wholeWords(const PackedRows& rows, std::int64_t in) {
    const std::int64_t word = rows.bits >= 4 ? 4 : 2;
    return rows.codesAt % word == 0 && rows.bytes % word == 0 && (rows.bits != 8 || in % 4 == 0);
}

bool takesWholeVectors(const PackedRows& rows, std::int64_t in) {
    constexpr int kUnit = 128;
    return rows.group % kUnit == 0 && in >= kUnit;
}

std::string refusal(const PackedRows& rows, const WholeVectors& by, const Gemv& step) {
    if (const std::string why = refusal(rows, step); !why.empty())
        return why;
    if (!takesWholeVectors(rows, step.in))
        return "whole numbers are multiplied by codes in groups of a multiple of 128, got groups of " +
               std::to_string(rows.group) + " in rows of " + std::to_string(step.in) + " columns";
    if (!by.codes || !by.zeros || !by.scales || !aligned16(by.codes))
        return "a product of whole numbers lacks their codes, aligned to 16 bytes, zeros or scales";
    return "";
}

std::string refusal(BlockType type, const Gemv& step) {
    const BlockShape block = blockShape(type);
    if (block.elements == 0 || step.in % block.elements != 0)
        return "rows of blocks are whole ones, got " + std::to_string(step.in) + " columns in blocks of " +
               std::to_string(block.elements);
    return refusal(step);
}

} // namespace fovea::cuda
