#pragma once
// The tokens that the texts of a step go on with, chosen on the device, and how surprising each was.

#include <cstdint>
#include <vector>

#include "core/engine/decode_path.h"
#include "core/engine/device/room.h"
#include "core/kernels/cuda/sampling.h"

namespace fovea {

class DeviceChoice {
public:
    explicit DeviceChoice(int vocabulary) : m_vocabulary(vocabulary) {}

    // Do the kernels take it?
    bool takes(const TokenChoice& choice) const;
    // Before a step: its memory, draws or given tokens. Throws cuda::OutOfMemory.
    void prepare(const TokenChoice& choice, cuda::Stream stream);
    // Queues the choice from logits (n, V), and its way to the host.
    void queue(const float* logits, cuda::Stream stream);
    // Once the stream was waited for.
    void tell(const TokenChoice& choice) const;

private:
    static cuda::ChooseTokens stepOf(const TokenChoice& choice, int vocabulary);

    int m_vocabulary;
    cuda::ChooseTokens m_step; // the newest
    Room<float> m_draws, m_surprises;
    Room<std::int32_t> m_tokens;
    Room<unsigned char> m_scratch;
    HostRoom<std::int32_t> m_told;
    HostRoom<float> m_toldSurprises;
};

} // namespace fovea
