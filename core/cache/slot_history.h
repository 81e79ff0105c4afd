#pragma once
// The life of every cached token: where it was put, where it was moved to, when it left. Per (owner layer, KV
// head); lanes that lived the same life share one story, so that a method that treats all heads alike costs
// one.

#include <cstdint>
#include <span>
#include <vector>

namespace fovea {

struct SlotEvent {
    enum class Kind : std::uint8_t { Born, Moved, Evicted };

    std::int64_t at = 0;       // the first query position that finds it so
    std::int64_t position = 0; // of the token
    std::int32_t slot = 0;     // where it lies from then on; of an eviction: where it lay
    Kind kind = Kind::Born;

    bool operator==(const SlotEvent&) const = default;
};

class SlotHistory {
public:
    SlotHistory() = default;
    // sources: the layer whose slots each layer reads (KvCache); empty: its own.
    SlotHistory(int layers, int kvHeads, std::vector<int> sources = {});

    int layers() const { return m_kvHeads > 0 ? static_cast<int>(m_lanes.size()) / m_kvHeads : 0; }
    int kvHeads() const { return m_kvHeads; }
    // In order; of a layer that borrows, its owner's. Layers beyond layers() have none.
    std::span<const SlotEvent> of(int layer, int kvHead) const;
    // Did all lanes live the same life?
    bool alike() const;

    // Layers beyond layers() are ignored.
    void add(int layer, int kvHead, const SlotEvent& event);
    // Becomes equal to `later`, a continuation of this one, by copying what is new.
    void catchUp(const SlotHistory& later);

private:
    struct Lane {
        std::size_t story = 0, events = 0; // the first `events` of that story are this lane's
    };

    int sourceOf(int layer) const;
    Lane* lane(int layer, int kvHead);

    int m_kvHeads = 0;
    std::vector<int> m_sources;
    std::vector<Lane> m_lanes; // (layers, kvHeads)
    std::vector<std::vector<SlotEvent>> m_stories;
};

} // namespace fovea
