#pragma once
// A plan's decode step on a made-up cache of the GPU: dense attention, or SparQ's choice and attention over what it
// chose. What is timed is what a session queues between projections; nothing of it waits for the host.

#include <cstdint>
#include <string>

#include "core/bench/device_cache.h"
#include "core/kernels/cuda/attend.h"
#include "core/kernels/cuda/reads.h"
#include "core/plan/attention_plan.h"

namespace fovea {

// Why this plan cannot be timed on the GPU by this bench, in a sentence; empty: it can. It takes stores of floats and
// of rounded rows, under read=all and read=sparq.
std::string deviceRefusal(const AttentionPlan& plan);
// How its rows lie in blocks of a cache for this shape. A plan without `store` runs on f16.
RowForm deviceRowForm(const AttentionPlan& plan, const DeviceShape& shape);
bool readsColumns(const AttentionPlan& plan);
// Formula: bytes that one step of one layer reads for all texts (core/methods/predict.h), the new token's row not among
// them, for none is written here.
std::int64_t deviceStepBytes(const AttentionPlan& plan, const DeviceShape& shape);

// The queries of a step, where its results go, and how many slots live.
class DeviceQueries {
public:
    DeviceQueries(const DeviceShape& shape, RandomMemory& random, cuda::Stream stream);
    static std::int64_t bytes(const DeviceShape& shape);

    const float* q() const { return m_q.as<float>(); }     // (B·H, d)
    const void* halves() const { return m_halves.data(); } // as many in binary16, other numbers
    const std::int64_t* slots() const { return m_slots.as<std::int64_t>(); } // (B·G)
    float* out() const { return m_out.as<float>(); }                         // (B·H, d)

private:
    cuda::DeviceBuffer m_q, m_halves, m_slots, m_out;
};

class DeviceAttention {
public:
    // Room between its launches, which steps that are not queued at once may share.
    static std::int64_t scratchBytes(const AttentionPlan& plan, const DeviceShape& shape);

    // `cache` has the plan's form, and columns where it reads them. Throws std::invalid_argument with a sentence where the
    // kernels do not take the shape.
    DeviceAttention(const AttentionPlan& plan, const DeviceShape& shape, const DeviceCache& cache,
                    const DeviceQueries& queries, std::byte* scratch);
    // One step of every layer of the cache.
    void queue(cuda::Stream stream);

private:
    const DeviceCache& m_cache;
    bool m_chooses;
    cuda::AttendAll m_step;
    cuda::SparqChoice m_choice;
    cuda::MeanValue m_mean;
};

} // namespace fovea
