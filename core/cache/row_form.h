#pragma once
// How rows of K or V lie in a block of a cache: as floats, or as codes with a scale and a zero per group of components
// (store=rtn). The parts of coded rows lie apart, each for all rows of the block,
//
//   codes    (rows, codeBytes)   a row's d codes in the layout of core/methods/quantise/code_run.h
//   scales   (groups, rows)      binary16
//   zeros    (groups, rows)      a byte each where they are clamped, 16 bits where they are free; none in sym
//
// so that loops over many rows find both in runs, and a row's codes begin where a register's bytes do.

#include <cstddef>
#include <cstdint>
#include <optional>

#include "core/cache/element_type.h"
#include "core/cache/traffic.h"
#include "core/methods/quantise/rtn.h"

namespace fovea {

// The widest row that is coded, in components: beyond any head there is.
inline constexpr int kMostRowCodes = 1024;

struct RowForm {
    ElementType type = ElementType::F32; // of rows of floats
    int dims = 0, rows = 0;              // d, and rows of a block
    std::optional<RtnParams> codes = {};

    int groups() const { return codes ? (dims + codes->group - 1) / codes->group : 0; }
    int zeroBytes() const; // of one group of one row
    // Of one row: its elements or codes; its scales and zeros.
    std::int64_t codeBytes() const;
    std::int64_t scaleBytes() const { return std::int64_t{groups()} * (2 + zeroBytes()); }
    // Where the parts lie, in bytes from the block's beginning.
    std::int64_t scales() const { return codeBytes() * rows; }
    std::int64_t zeros() const { return scales() + std::int64_t{2} * groups() * rows; }
    std::int64_t blockBytes() const { return (codeBytes() + scaleBytes()) * rows; }

    // `n` rows were read or written as `component`.
    void count(Traffic& moved, Component component, std::int64_t n) const {
        moved[component] += n * codeBytes();
        moved[Component::Scales] += n * scaleBytes();
    }

    // Row `row` of a block = values (d): rounded to the type, or to the nearest codes. Values that cannot be held come
    // back as NaN.
    void write(std::byte* block, std::int64_t row, const float* values) const;
    // values (n, d) = rows [row, row + n), exactly
    void read(const std::byte* block, std::int64_t row, std::int64_t n, float* values) const;
    void copy(const std::byte* from, std::int64_t fromRow, std::byte* to, std::int64_t toRow) const;
};

} // namespace fovea
