// Launches prefill_weights.cuh: checks the limits, and picks the instance for the kind of rows and the head width.

#include "core/kernels/cuda/prefill_weights.cuh"

#include <stdexcept>

namespace fovea::cuda {
namespace {

template <class Rows, int kDim>
void launchWeights(const WeighArguments& w, Stream stream) {
    constexpr int kQueries = PromptTile<kDim>::kQueries;
    const AttendPrompt& chunk = w.chunk;
    const dim3 grid(static_cast<unsigned>((chunk.queries + kQueries - 1) / kQueries),
                    static_cast<unsigned>((w.slotsPerRow + kTileSlots - 1) / kTileSlots),
                    static_cast<unsigned>(chunk.texts * chunk.kvHeads));
    launch(weighTiles<Rows, kDim>, grid, dim3(kPromptThreads), promptSharedBytes<kDim>(), stream, w);
}

template <class Rows>
void chooseWidth(const WeighArguments& w, Stream stream) {
    if (w.chunk.headDim <= 64)
        launchWeights<Rows, 64>(w, stream);
    else if (w.chunk.headDim <= 128)
        launchWeights<Rows, 128>(w, stream);
    else
        launchWeights<Rows, 256>(w, stream);
}

} // namespace

void weighPrompt(const AttendPrompt& chunk, float* weights, std::int64_t slotsPerRow, Stream stream) {
    if (const std::string why = weighRefusal(chunk, weights, slotsPerRow); !why.empty())
        throw std::invalid_argument(why);
    const WeighArguments w{chunk, weights, slotsPerRow};
    switch (chunk.codes.bits) {
    case 8:
        return chooseWidth<CodedTiles<8>>(w, stream);
    case 4:
        return chooseWidth<CodedTiles<4>>(w, stream);
    case 3:
        return chooseWidth<CodedTiles<3>>(w, stream);
    case 2:
        return chooseWidth<CodedTiles<2>>(w, stream);
    default:
        withElement(chunk.type, [&](auto element) { chooseWidth<FloatTiles<decltype(element)>>(w, stream); });
    }
}

} // namespace fovea::cuda
