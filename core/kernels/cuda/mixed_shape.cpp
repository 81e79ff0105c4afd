// Which mixed rows the kernels take. Compiled with or without CUDA.

#include "core/kernels/cuda/kernels.h"
#include "core/kernels/cuda/mixed_rows.h"

namespace fovea::cuda {
namespace {

constexpr int kMostCodeBits = 10; // of Coupled Quantisation: a code of more would lie in four bytes

std::string number(std::int64_t n) {
    return std::to_string(n);
}

std::string refuseBits(const MixedBlocks& rows) {
    const int b = rows.bits;
    switch (rows.kind) {
    case MixedKind::None:
        return "";
    case MixedKind::Kivi:
        if (b != 8 && b != 4 && b != 3 && b != 2)
            return "KIVI's rows have 8, 4, 3 or 2 bits, got " + number(b);
        if (rows.group != 32 && rows.group != 64 && (rows.group < 128 || rows.group % 128 != 0))
            return "KIVI's groups are of 32, 64 or a multiple of 128 channels, got " + number(rows.group);
        return "";
    case MixedKind::Kvquant:
        if (b != 4 && b != 3 && b != 2)
            return "KVQuant's rows have 4, 3 or 2 bits, got " + number(b);
        return rows.outliers < 0 ? "a row has no fewer than 0 outliers, got " + number(rows.outliers) : "";
    case MixedKind::Cq:
        if (b < 1 || b > kMostCodeBits)
            return "codes of coupled channels have 1 to " + number(kMostCodeBits) + " bits, got " + number(b);
        if (rows.channels != 1 && rows.channels != 2 && rows.channels != 4 && rows.channels != 8)
            return "1, 2, 4 or 8 channels are coupled, got " + number(rows.channels);
        return "";
    }
    return "";
}

std::string refuseTables(const MixedBlocks& rows) {
    for (const MixedPart* part : {&rows.keys, &rows.values}) {
        if (!part->places)
            return "mixed rows need the places of their slots";
        if (rows.kind == MixedKind::Kvquant && !part->levels)
            return "KVQuant's rows need the levels that their codes stand for";
        if (rows.kind == MixedKind::Cq && !part->centroids)
            return "rows of coupled channels need their centroids";
    }
    if (rows.kind == MixedKind::Kivi)
        return rows.keys.sides && rows.keys.sidesPerBlock > 0 ? ""
                                                              : "KIVI's keys need the sides that they share";
    if (rows.kind == MixedKind::Kvquant && !rows.keys.ranges)
        return "KVQuant's keys need the ranges of their channels";
    if (!rows.positions || (rows.turn.half > 0 && (!rows.turn.far || !rows.turn.near)))
        return "keys that are coded before RoPE need positions, and the angles to turn them by";
    return "";
}

} // namespace

std::string refuseMixedRows(const MixedBlocks& rows, int headDim) {
    if (const std::string why = refuseBits(rows); !why.empty())
        return why;
    const int multiple = rows.kind != MixedKind::Cq && rows.bits == 3 ? 16 : 8;
    if (headDim < 1 || headDim > kMaxHeadDim || headDim % multiple != 0)
        return "the CUDA attention kernel takes eight codes at a time: head width must be a multiple of " +
               number(multiple) + " up to " + number(kMaxHeadDim) + " in this store, got " + number(headDim);
    return refuseTables(rows);
}

} // namespace fovea::cuda
