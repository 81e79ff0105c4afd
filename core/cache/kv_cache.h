#pragma once
// The KV cache: slots in blocks, per (owner layer, KV head). A layer that borrows is given its owner's; it appends and
// evicts nothing itself. Rows are stored in `type`, or as codes; the component-major copy of K, the fp32 value sum and the
// bounds of pages of keys, all of them floats, exist only when the plan's read asks for them. An evicted token's slot
// goes to the next token; blocks that no live row can reach any more are given back.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <memory_resource>
#include <span>
#include <vector>

#include "core/cache/huge_pages.h"
#include "core/cache/kv_view.h"
#include "core/cache/ledger.h"
#include "core/cache/row_form.h"
#include "core/cache/slot_follower.h"
#include "core/cache/slot_history.h"
#include "core/cache/slot_table.h"

namespace fovea {

struct CacheLayout {
    int layers = 0, kvHeads = 0, headDim = 0;
    ElementType type = ElementType::F32; // of all that is held as floats
    std::optional<RtnParams> codes = {}; // of the rows of K and V; empty: they are floats, or mixed
    std::optional<MixedStore> mixed = {}; // rows that are exact for a while, and then what `codecs` makes of them
    bool keyColumns = false;
    bool valueSum = false;
    int valueSums = 1; // per KV head, where there are any: one, or one per query head of its group
    int slotsPerBlock = 256;
    int page = 0;      // slots whose keys have bounds together; 0: no bounds are kept
    int pagedFrom = 0; // the first layer that reads by them

    RowForm rows() const { return {type, headDim, slotsPerBlock, codes}; }
    // Bounds have blocks of their own, since a page need not divide a block of rows.
    int pagesPerBlock() const { return page > 0 ? std::max(1, slotsPerBlock / page) : 0; }
    std::int64_t boundsBytes() const { return std::int64_t{2} * headDim * elementBytes(type); } // of one page

    // Where blocks come from; it must outlive the cache. Tests give one that counts or fails.
    std::pmr::memory_resource* memory = hugePageMemory();
    std::shared_ptr<const StoreCodecs> codecs = {};
    std::vector<int> sources = {}; // (layers) the layer whose rows each reads, itself where it owns them; empty: itself

    // Do the keys of an owner have bounds: does any layer read them by pages?
    bool paged(int layer) const {
        bool read = false;
        for (int reader = std::max(layer, pagedFrom); reader < layers; ++reader)
            read |= sourceOf(reader) == layer;
        return page > 0 && read;
    }

    int sourceOf(int layer) const { return sources.empty() ? layer : sources[static_cast<std::size_t>(layer)]; }
};

// What happened to the rows of one layer, all KV heads together, since last asked.
struct SlotChanges {
    std::int64_t dropped = 0;  // rows evicted
    std::int64_t moved = 0;    // rows that changed slot
    std::int64_t resummed = 0; // values added up again, because one that was no number left the sum
    std::int64_t sums = 0;     // sums written by that
    std::int64_t pagesBegun = 0; // rows that were the first of their page, whose bounds they became
    MixedCounts mixed = {};      // of a mixed store
};

class KvCache {
public:
    // Throws std::invalid_argument when a count in `layout` is not positive.
    explicit KvCache(CacheLayout layout);
    ~KvCache();
    KvCache(KvCache&&) noexcept;

    // Gives position `position` a slot in every KV head of `layer`, an owner, and writes its rows k, v (G, d) fp32.
    // Takes a new block where needed; throws std::bad_alloc with nothing changed.
    void append(int layer, std::int64_t position, const float* k, const float* v, Ledger& ledger);
    // Frees live `slots` (ascending) of one KV head; `at` is the first query position that does not see them.
    // Rows move so that live slots stay the first ones, one free slot excepted, which the next append takes. The
    // moves, for whoever remembers something by slot; good until that head's next eviction.
    // Where each query head has a sum of its own, they have left all of those before: see hide.
    std::span<const SlotTable::Move> evict(int layer, int kvHead, std::span<const std::int32_t> slots,
                                           std::int64_t at, Ledger& ledger);

    // Takes live slots from one of several sums, of a query head that sees them no more while others of its group
    // may. `staying` are those it still sees, which are added up again where one that leaves was no number.
    void hide(int layer, int kvHead, int sum, std::span<const std::int32_t> leaving,
              std::span<const std::int32_t> staying, Ledger& ledger);

    const CacheLayout& layout() const { return m_layout; }
    std::int64_t slots(int layer, int kvHead = 0) const; // live ones
    std::int64_t position(int layer, int kvHead, std::int64_t slot) const;
    // Live slots, oldest token first.
    std::span<const std::int32_t> byAge(int layer, int kvHead) const;
    // Good until the layer's next append or eviction. After an eviction the live slots are the first ones
    // again only once the next token is appended.
    KvView view(int layer, int kvHead) const;

    Traffic held() const; // live bytes by component, counted as slots are filled and freed
    std::int64_t reserved() const; // bytes of rows, columns, sums and bounds taken from the allocator
    // Is there a free slot before a live one? The next append takes it.
    bool hasHole(int layer, int kvHead) const;
    // The slot that the next append takes.
    std::int64_t nextSlot(int layer, int kvHead) const;
    SlotChanges takeChanges(int layer);
    // Every slot taken and freed from now on is told to `history`, which must outlive the cache; null:
    // nobody.
    void tell(SlotHistory* history) { m_history = history; }
    // The same for one who follows; it must outlive the cache, or have itself taken off by null.
    void follow(SlotFollower* follower) { m_follower = follower; }

private:
    struct Head; // slots and blocks of one (layer, KV head)
    struct Layer;

    std::size_t blockBytes(std::size_t kind) const;
    std::size_t boundsBlockBytes() const;
    std::size_t kinds() const { return m_layout.keyColumns ? 3 : 2; }
    Head& head(int layer, int kvHead) const;
    void mixRows(int layer);
    void growFor(Layer& layer);
    void boundRow(Head& head, std::int64_t slot, SlotChanges& changes, Traffic& moved);
    void widenBounds(Head& head, std::int64_t slot, Traffic& moved);
    void leavePage(Head& head, std::int64_t slot);
    void freeEmptyBounds(Head& head);
    void writeRow(Head& head, std::int64_t slot, const float* k, const float* v, Traffic& moved);
    void moveRow(Head& head, std::int64_t from, std::int64_t to, Traffic& moved);
    void copyColumns(Head& head, std::int64_t from, std::int64_t to);
    void writeColumns(Head& head, std::int64_t slot, const float* k);
    // A row of keys or values, widened; good until the next call. `moved`, where there is one, hears that it is read.
    const float* storedRow(const Head& head, Component rows, std::int64_t slot, Traffic* moved = nullptr);
    void codeDueRows(int layer, int kvHead, std::int64_t tokens, Traffic& moved);
    void codeValues(Head& head, std::span<const std::int32_t> slots, Traffic& moved);
    bool subtract(Head& head, int sum, std::int64_t slot, Traffic& moved);
    void sumAgain(Head& head, int sum, std::span<const std::int32_t> slots, SlotChanges& changes, Traffic& moved);
    void freeEmptyBlocks(Head& head);
    void told(int layer, int kvHead, std::int64_t at, std::int64_t position, std::int64_t slot,
              SlotEvent::Kind kind);

    CacheLayout m_layout;
    std::vector<Layer> m_layers;
    Traffic m_held;
    RowForm m_rows;
    std::vector<float> m_stored;      // (d)
    std::vector<std::byte> m_floats;  // d elements
    std::vector<float> m_bounds;      // (2, d): those of the page in work
    SlotHistory* m_history = nullptr;
    SlotFollower* m_follower = nullptr;
};

} // namespace fovea
