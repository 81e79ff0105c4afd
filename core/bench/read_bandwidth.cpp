#include "core/bench/read_bandwidth.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/bench/read_bandwidth.cpp"
#include <hwy/foreach_target.h> // IWYU pragma: keep

#include <hwy/highway.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "core/cache/huge_pages.h"
#include "core/kernels/cpu/tasks.h"

HWY_BEFORE_NAMESPACE();
namespace fovea::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Two streams, each asked for a little ahead, are what this reads fastest with: the limit is to be the machine's and
// not this loop's. On the Xeon of CONTRIBUTING one stream gives 30 GB/s, asked for ahead 32, two of these 39.
constexpr std::int64_t kAhead = 1024; // bytes

// Eight sums hide the latency of the additions.
std::uint32_t sumTarget(const std::uint32_t* from, std::int64_t words) {
    const hn::ScalableTag<std::uint32_t> d;
    const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
    hn::Vec<decltype(d)> sum[8];
    for (auto& s : sum)
        s = hn::Zero(d);
    const std::uint32_t* const streams[] = {from, from + words / 2};
    for (std::int64_t i = 0; i < words / 2; i += 8 * lanes)
        for (const std::uint32_t* stream : streams)
            for (int s = 0; s < 8; ++s) {
                const std::uint32_t* const here = stream + i + s * lanes;
                __builtin_prefetch(here + kAhead / 4, 0, 2);
                sum[s] = hn::Add(sum[s], hn::LoadU(d, here));
            }
    for (int s = 1; s < 8; ++s)
        sum[0] = hn::Add(sum[0], sum[s]);
    return hn::GetLane(hn::SumOfLanes(d, sum[0]));
}

} // namespace fovea::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace fovea {
HWY_EXPORT(sumTarget);

void FreeAligned::operator()(void* memory) const {
    std::free(memory);
}

AlignedMemory alignedMemory(std::int64_t bytes) {
    const auto whole = (static_cast<std::size_t>(bytes) + kHugePage - 1) / kHugePage * kHugePage;
    void* const memory = std::aligned_alloc(kHugePage, whole);
    if (!memory)
        throw std::bad_alloc();
    adviseHugePages(memory, whole);
    return AlignedMemory(static_cast<unsigned char*>(memory));
}

std::uint32_t sumOf(const void* memory, std::int64_t bytes) {
    // Whole pages of 4096, enough spans for every thread.
    const std::int64_t share = bytes / at::get_num_threads() / 4096 * 4096;
    const std::int64_t span = std::clamp<std::int64_t>(share, 4096, 1 << 20);
    std::atomic<std::uint32_t> total{0};
    cpu::forEachTask((bytes + span - 1) / span, bytes, [&](std::int64_t task) {
        const auto* const from = static_cast<const unsigned char*>(memory) + task * span;
        total += HWY_DYNAMIC_DISPATCH(sumTarget)(reinterpret_cast<const std::uint32_t*>(from),
                                                 std::min(span, bytes - task * span) / 4);
    });
    return total;
}

} // namespace fovea
#endif
