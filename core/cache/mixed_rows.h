#pragma once
// The keys, or the values, of one (layer, KV head) under a store that codes rows only after a while (ExactRows), or codes
// several together. Codes lie in the cache's blocks, RowSizes::record() bytes per slot; exact rows lie in a small pool, and
// a slot knows its place there; a side that rows share lies in another pool until the last of them has left:
//
//     slot -> place of an exact row | codes and own side in the block | codes in the block and a shared side
//
// so a row that changes slot takes its codes along, and an exact row, or a shared side, stays where it is.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <span>
#include <vector>

#include "core/cache/cache_block.h"
#include "core/cache/element_type.h"
#include "core/cache/mixed_count.h"
#include "core/cache/row_codec.h"
#include "core/cache/traffic.h"

namespace fovea {

// Where a KV head's slots lie: what its cache, or a view of it, knows.
struct SlotPlaces {
    const void* const* blocks;     // of records
    const std::int64_t* positions; // (slots)
    int perBlock;
};

class MixedRows {
public:
    MixedRows(const MixedForm& form, const RowCodec& codec, ElementType exact, int dims, Component component,
              std::pmr::memory_resource* memory);

    // Makes room for slots up to `slots`, for one more exact row and for the sides of one more coding. Throws
    // std::bad_alloc with nothing changed; then the calls below do not throw.
    void reserve(std::int64_t slots, int rowsPerBlock);
    std::int64_t reserved() const; // bytes of both pools

    // The row of the newest token, (d).
    void write(const SlotPlaces& at, std::int64_t slot, const float* values, Traffic& moved);
    // Exact rows that are to be coded once the text has `tokens`, oldest first. Good until the next call.
    std::span<const std::int32_t> due(const SlotPlaces& at, std::int64_t tokens);
    // Codes them, or the first of them.
    void code(const SlotPlaces& at, std::span<const std::int32_t> slots, Traffic& moved);
    void move(const SlotPlaces& at, std::int64_t from, std::int64_t to, Traffic& moved);
    // The row of `slot` has left.
    void release(std::int64_t slot);

    // rows (n, d) of slots first, first + 1, …; a shared side is read once for slots that follow each other, of which this
    // may be the middle of a longer run. Null: nobody counts, as of what is looked at beside a step.
    void read(const SlotPlaces& at, std::int64_t first, std::int64_t n, float* rows, Traffic* moved) const;
    // The same of listed slots, each with its side.
    void read(const SlotPlaces& at, std::span<const std::int32_t> slots, float* rows, Traffic* moved) const;

    // Slots from `first` on that are held alike: n of them, `most` or fewer, whose records lie one after the other.
    struct Run {
        std::int64_t n;
        const std::byte* codes; // of the first of them; null: they are exact
        const std::byte* side;  // of the first of them, or of all
    };
    Run run(const SlotPlaces& at, std::int64_t first, std::int64_t most) const;
    // visit(i, run) for the runs of slots [first, first + n), of which `first + i` is the run's first.
    template <class Visit>
    void eachRun(const SlotPlaces& at, std::int64_t first, std::int64_t n, const Visit& visit) const {
        for (std::int64_t i = 0; i < n;) {
            const Run next = run(at, first + i, n - i);
            visit(i, next);
            i += next.n;
        }
    }
    // What reading the run's codes moves.
    void countRun(std::int64_t first, const Run& run, Traffic& moved) const;
    // What reading rows would count that are read elsewhere, from a twin of these.
    void countRead(std::int64_t slots, Traffic& moved) const; // the first ones
    void countRead(std::span<const std::int32_t> slots, Traffic& moved) const;
    const RowCodec& codec() const { return m_codec; }
    // From record to record, in bytes.
    std::int64_t recordBytes() const { return m_form.sizes.record(); }

    // As whoever holds the same rows elsewhere needs them. By slot: the place of an exact row from 0 on, kOwn of a row of
    // codes, or kOwn - 1 - i of one that has shared side i.
    static constexpr std::int32_t kOwn = -1;
    std::span<const std::int32_t> places() const { return m_places; }
    // (most, d); null while there is none.
    const void* exactRows() const { return m_exactRows.empty() ? nullptr : m_exactRows.front().data(); }
    const std::vector<CacheBlock>& sideBlocks() const { return m_sideBlocks; }
    // Sides of a block, of a cache whose blocks have so many rows.
    static std::int64_t sidesPerBlock(const MixedForm& form, int rowsPerBlock);
    // The place that the row of the next token, at `position`, is written to; and which rows are coded then, in order, each
    // with its new place: they are put behind those of `to`.
    struct Coming {
        std::int32_t slot, place;
    };
    std::int32_t comingPlace(std::int64_t position) const;
    void comingCodes(const SlotPlaces& at, std::int64_t position, std::int64_t slot,
                     std::vector<Coming>& to) const;

    Traffic held() const; // bytes of live rows and their sides
    // What happened since last asked, and what is held now.
    MixedCount takeCount();

private:
    struct Exact {
        std::int32_t slot = -1; // -1: a free place
    };
    struct Side {
        std::int32_t rows = 0; // live; 0: free
    };
    static bool isExact(std::int32_t place) { return place >= 0; }
    static bool isShared(std::int32_t place) { return place < kOwn; }
    static std::size_t sideOf(std::int32_t place) { return static_cast<std::size_t>(kOwn - 1 - place); }

    std::int64_t exactBytes() const { return std::int64_t{m_dims} * elementBytes(m_type); }
    std::byte* recordAt(const SlotPlaces& at, std::int64_t slot) const;
    std::byte* exactAt(std::int32_t place) const;
    std::byte* sideAt(std::size_t side) const;
    std::int32_t freePlace() const;
    std::size_t freeSide() const;
    void makeExact(std::int64_t slot, const float* values);
    CodedRow codedRow(const SlotPlaces& at, std::int64_t slot, std::int32_t place, float* to) const;
    void takeExact(std::int32_t place, float* values) const;
    void codeTogether(const SlotPlaces& at, std::span<const std::int32_t> slots);
    void count(Traffic& moved, std::int64_t exact, std::int64_t coded, std::int64_t sides) const;
    bool beginsRun(std::int64_t slot) const;
    // What a read met.
    struct Met {
        std::int64_t rows = 0, exact = 0, sides = 0;
    };
    void count(Traffic* moved, const Met& met) const;

    MixedForm m_form;
    const RowCodec& m_codec;
    ElementType m_type; // of exact rows
    int m_dims;
    Component m_component;
    std::pmr::memory_resource* m_memory;
    std::vector<std::int32_t> m_places; // (slots)
    std::vector<Exact> m_exact;         // (places)
    std::vector<CacheBlock> m_exactRows; // one, once there are any
    std::vector<Side> m_sides;
    std::vector<CacheBlock> m_sideBlocks; // of m_sidesPerBlock each
    std::size_t m_sidesPerBlock = 0;
    std::vector<std::int32_t> m_due;
    std::vector<float> m_values;        // (sharing, d) of rows on the way to codes
    std::vector<UncodedRow> m_uncoded;  // (sharing)
    std::int64_t m_codedRows = 0, m_exactHeld = 0, m_sidesHeld = 0;
    std::int64_t m_still = 0, m_coded = 0;
    mutable std::atomic<std::int64_t> m_exactMet = 0, m_sidesMet = 0; // by any thread
};

} // namespace fovea
