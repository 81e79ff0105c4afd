#pragma once
// A chunk of a prompt on the GPU: its rows at once through products of many vectors, into the cache, and against what the
// cache holds.

#include <cstdint>
#include <span>
#include <vector>

#include "core/engine/decode_path.h"
#include "core/engine/device/device_layers.h"
#include "core/engine/device/prompt_turns.h"
#include "core/engine/device/room.h"
#include "core/engine/device/step_rows.h"
#include "core/engine/step_angles.h"
#include "core/kernels/cuda/cache_writes.h"
#include "core/kernels/cuda/prefill.h"

namespace fovea {

class DevicePrompt {
public:
    // All of it outlives it.
    DevicePrompt(const DecodeState& state, DeviceLayers& layers, cuda::Stream stream);

    // As DecodePath::readPrompt. Throws cuda::OutOfMemory with nothing changed that the host holds.
    bool read(Sequence& text, std::span<const int> tokens, std::int64_t length);

private:
    // How a chunk's queries find their rows.
    enum class Rows : std::uint8_t {
        InCache,    // where kernels write them, in the cache's twin
        AsTheyCame, // in floats, while the store makes codes of them
        AsHeld,     // as the host's cache gives them back, for it alone makes codes of mixed rows in a prompt
    };
    static Rows rowsFor(Sequence& text);
    bool takes(Sequence& text) const;
    void append(const DeviceLayers::Heads& heads, const cuda::CacheBlocks& to) const;
    void appendOnDevice(int layer, const DeviceLayers::Heads& heads, Sequence& text) const;
    void fetchToHost(int layer, Sequence& text);
    void giveToHost(int layer, Sequence& text);
    void tellObserver(int layer, Sequence& text);
    void prepare(Sequence& text, std::span<const int> tokens, std::int64_t length);
    void turnTo(std::int64_t first, std::int64_t length);
    void attend(int layer, Sequence& text);
    void see(cuda::AttendPrompt& chunk, int layer, std::int64_t first);

    const DecodeState& m;
    const ModelSpec& m_spec;
    DeviceLayers& m_layers;
    cuda::Stream m_stream;
    StepAngles m_angles;
    DevicePromptTurns m_turns;
    StepRows m_rows;
    std::int64_t m_count = 0; // T
    Rows m_see = Rows::InCache;
    Room<int> m_tokens, m_positions;
    Room<std::int64_t> m_first, m_oldest; // (G) where the chunk begins; (H, T)
    Room<cuda::HeadSpan> m_spans;         // (H)
    Room<float> m_attended;               // (T, H, d)
    std::int64_t m_slots = 0;             // S that any KV head may hold, where the keep hears the prompt
    Room<float> m_softmax, m_weights;     // (T, H, 2); (G, T, S) of one layer
    std::vector<Room<float>> m_cosines,
        m_sines;                         // (layers) (T, pairs), empty where an earlier layer's are the same
    std::vector<std::size_t> m_anglesOf; // (layers) whose those are
};

} // namespace fovea
