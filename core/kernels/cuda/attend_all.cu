// Launches attend_all.cuh: checks the limits, and picks the instance for the type, the head width and the
// group.

#include "core/kernels/cuda/attend_all.cuh"

#include <stdexcept>

#include "core/kernels/cuda/kernels.h"

namespace fovea::cuda {
namespace {

constexpr double kLog2E = 1.44269504088896340736;

SpanArguments argumentsOf(const AttendAll& step) {
    SpanArguments a{};
    a.q = step.q;
    a.keys = step.keys;
    a.values = step.values;
    a.blocksPerHead = step.blocksPerHead;
    a.slots = step.slots;
    a.out = step.out;
    if (step.splits > 1) {
        const std::int64_t spans = static_cast<std::int64_t>(step.heads) * step.splits;
        a.partialOut = step.partials;
        a.partialState = reinterpret_cast<float2*>(step.partials + spans * step.headDim);
    }
    a.queryScale = static_cast<float>(step.scale * kLog2E);
    a.group = step.heads / step.kvHeads;
    a.headDim = step.headDim;
    a.slotsPerBlock = step.slotsPerBlock;
    a.splits = step.splits;
    return a;
}

template <class T, int kLanes, int kGroup>
void launchSpans(const AttendAll& step, Stream stream) {
    const SpanArguments a = argumentsOf(step);
    const unsigned tiles = static_cast<unsigned>((a.group + kGroup - 1) / kGroup);
    const dim3 grid(tiles, static_cast<unsigned>(step.splits), static_cast<unsigned>(step.kvHeads));
    launch(attendSpan<T, kLanes, kGroup>, grid, dim3(kAttendThreads), spanSharedBytes<kLanes, kGroup>(),
           stream, a);
    if (step.splits > 1)
        launch(mergeSpans, dim3(static_cast<unsigned>(step.heads)), dim3(kAttendThreads), 0, stream,
               a.partialOut, a.partialState, a.out, step.splits, step.headDim);
}

template <class T, int kLanes>
void chooseTile(const AttendAll& step, Stream stream) {
    static_assert(kMaxQueryTile == 8, "one case per tile");
    switch (queryTile(step.heads / step.kvHeads)) {
    case 1: return launchSpans<T, kLanes, 1>(step, stream);
    case 2: return launchSpans<T, kLanes, 2>(step, stream);
    case 4: return launchSpans<T, kLanes, 4>(step, stream);
    default: return launchSpans<T, kLanes, 8>(step, stream);
    }
}

// Lanes of a team: the least that hold a row, so that head widths of 32, 64, 96, 128, 256 and all between
// share three instances.
template <class T>
void chooseLanes(const AttendAll& step, Stream stream) {
    static_assert(kMaxHeadDim == 32 * kElements, "a warp holds the widest row");
    if (step.headDim <= 8 * kElements)
        return chooseTile<T, 8>(step, stream);
    if (step.headDim <= 16 * kElements)
        return chooseTile<T, 16>(step, stream);
    chooseTile<T, 32>(step, stream);
}

}  // namespace

void attendAll(const AttendAll& step, Stream stream) {
    if (const std::string why = refusal(step); !why.empty())
        throw std::invalid_argument(why);
    switch (step.type) {
    case ElementType::F32: return chooseLanes<float>(step, stream);
    case ElementType::F16: return chooseLanes<__half>(step, stream);
    case ElementType::BF16: return chooseLanes<__nv_bfloat16>(step, stream);
    }
    throw std::invalid_argument("unknown element type");
}

}  // namespace fovea::cuda
