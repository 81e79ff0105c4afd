#pragma once
// Cosines and sines of one position, for every layer: layers that share a Rope share them.

#include <cstdint>
#include <span>
#include <vector>

#include "core/model/model_spec.h"
#include "core/model/rope.h"

namespace fovea {

class StepAngles {
public:
    // `spec` must outlive it.
    explicit StepAngles(const ModelSpec& spec);

    // What follows is of this position; the sequence is as long as it, or `length`.
    void moveTo(std::int64_t position) { moveTo(position, position + 1); }
    void moveTo(std::int64_t position, std::int64_t length);
    // (rotated/2) each, empty where nothing turns; times the attention factor.
    std::span<const float> cosines(int layer) const { return of(layer).cosine; }
    std::span<const float> sines(int layer) const { return of(layer).sine; }

private:
    struct Shared {
        const Rope* rope = nullptr;
        RopeTable table;
        std::vector<float> cosine, sine;
    };
    const Shared& of(int layer) const { return m_shared[m_ofLayer[static_cast<std::size_t>(layer)]]; }

    int m_rotated;
    std::vector<Shared> m_shared;
    std::vector<std::size_t> m_ofLayer;
};

} // namespace fovea
