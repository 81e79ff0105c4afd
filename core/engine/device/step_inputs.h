#pragma once
// What the host tells the GPU before a step: tokens, positions, angles, and what each query head sees. All of it lies in
// one piece of memory and goes over in one copy.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/engine/decode_path.h"
#include "core/engine/device/device_turns.h"
#include "core/engine/device/room.h"
#include "core/engine/slot_turns.h"
#include "core/engine/step_angles.h"
#include "core/kernels/cuda/attend.h"
#include "core/model/model_spec.h"

namespace fovea {

class StepInputs {
public:
    // Both outlive it.
    StepInputs(const ModelSpec& spec, const LayerKeeps& keeps);

    // Of the tokens that are fed next. Throws cuda::OutOfMemory.
    void write(std::span<const Feed> feeds, cuda::Stream stream);

    // On the device, good until the next write.
    const int* tokens() const { return at<int>(m_tokens); }       // (n)
    const int* positions() const { return at<int>(m_positions); } // (n)
    const std::int64_t* cachePositions(std::int64_t text) const { // (G) times the text's own
        return at<std::int64_t>(m_cachePositions) + text * m_spec.kvHeads;
    }
    const float* cosines(int layer) const; // (n, pairs())
    const float* sines(int layer) const;
    int pairs() const { return m_pairs; } // 0: nothing turns
    // (n, H); null where all heads of each of this text's groups see the same, and none of its slots is met by turned queries.
    const cuda::HeadSight* sights(int layer, std::int64_t text) const;
    DeviceTurns turns(int layer, std::int64_t text) const;
    int mostTurns() const { return m_mostTurns; } // of any layer and text

private:
    template <class T>
    std::size_t put(std::span<const T> values);
    template <class T>
    const T* at(std::size_t offset) const {
        return reinterpret_cast<const T*>(m_device.data() + offset);
    }
    struct TurnPlaces {
        std::size_t slots = 0, cosines = 0, sines = 0;
        int count = 0;
    };
    bool findSights(int layer, const Feed& feed, std::span<cuda::HeadSight> sights);
    bool putTurns(int layer, const Feed& feed, const KeepRule& rule, std::span<cuda::HeadSight> sights);
    std::size_t indexOf(int layer, std::int64_t text) const {
        return static_cast<std::size_t>(layer * m_texts + text);
    }

    const ModelSpec& m_spec;
    const LayerKeeps& m_keeps;
    int m_pairs = 0;
    std::int64_t m_texts = 0;
    std::vector<StepAngles> m_angles; // (n)
    std::vector<std::byte> m_host;
    Room<std::byte> m_device;
    std::size_t m_tokens = 0, m_positions = 0, m_cachePositions = 0;
    std::vector<std::size_t> m_cosines, m_sines; // (layers) where they lie
    std::vector<std::size_t> m_sights;           // (layers) of all texts, or nowhere
    std::vector<char> m_bySight;                 // (layers, n) does the text need them?
    std::vector<TurnPlaces> m_turns;             // (layers, n)
    int m_mostTurns = 0;
    std::vector<SlotTurn> m_found; // scratch
    TurnAngles m_turnAngles;
};

} // namespace fovea
