#pragma once
// How a store makes codes of rows and reads them again: one of KV head's keys, one of its values. What a code means may be
// said beside each row (a side: scales, outliers) or once for several rows that were coded together (KIVI's keys), or only
// in tables that the codec holds for all rows (Coupled Quantisation).

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/cache/exact_rows.h"

namespace fovea {

namespace cpu {
struct TableCodes;
}

// Of a coded row: bytes of its codes, bytes of a side, and how many rows share one.
struct RowSizes {
    std::int64_t codes = 0, side = 0;
    int sharing = 1;

    // Of its own: what a block holds of a row.
    std::int64_t record() const { return codes + (sharing == 1 ? side : 0); }
    bool operator==(const RowSizes&) const = default;
};

// A coded row to be read: `to` (d).
struct CodedRow {
    const std::byte* codes;
    const std::byte* side;
    std::int64_t position; // of its token in the text
    float* to;
};
// A row to be coded: `values` (d).
struct UncodedRow {
    const float* values;
    std::int64_t position;
    std::byte* codes;
};

// Codes of even levels, x̂ = q·s + m, in the layout of quantise/code_run.h, with every s and then every m of a side in
// binary16: kernels form sums from such codes themselves.
struct EvenCodes {
    int bits;
    int group; // channels that have an s and an m together; 1: each its own
};

// Which numbers have the same levels: of `tokens` rows (0: of all rows) and so many channels.
struct LevelGroups {
    int perGroup; // levels
    std::int64_t tokens;
    int channels;
};

class RowCodec {
public:
    virtual ~RowCodec() = default;
    virtual const EvenCodes* even() const { return nullptr; }
    // Of codes that stand for what tables say (kernels/cpu/table_rows.h).
    virtual const cpu::TableCodes* table() const { return nullptr; }
    // Rows that share one side: at most `sharing`. Values that cannot be held come back as NaN.
    virtual void write(std::span<const UncodedRow> rows, std::byte* side) const = 0;
    // Any rows, in any order. Safe from any thread.
    virtual void read(std::span<const CodedRow> rows) const = 0;

    // What numbers of these rows may become when they are coded together, for pictures: (groups along channels, perGroup),
    // ascending; of keys that are coded before RoPE there.
    virtual LevelGroups levelGroups() const = 0;
    virtual std::vector<float> levels(std::span<const UncodedRow> rows) const = 0;
};

// How the rows of a component of KV are held under a store whose rows are exact for a while: by formulas, and by caches.
struct MixedForm {
    RowSizes sizes;
    ExactRows exact;
    bool operator==(const MixedForm&) const = default;
};
struct MixedStore {
    MixedForm keys, values;
    bool operator==(const MixedStore&) const = default;
};

// Of all KV heads of all layers, (layers, G), layer after layer; null in those of layers that borrow their KV.
struct StoreCodecs {
    std::vector<std::shared_ptr<const RowCodec>> keys, values;
};

} // namespace fovea
