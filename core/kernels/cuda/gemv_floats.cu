// Launches gemv_floats.cuh: checks the limits, and picks the instance for the type and the vectors.

#include "core/kernels/cuda/gemv_floats.cuh"

#include <stdexcept>

#include "core/kernels/cuda/gemv_launch.cuh"

namespace fovea::cuda {
namespace {

// Rows a warp and words in flight per row: with one vector more of the latter, with many more rows for each load
// of x. Either way 64 to 128 bytes a lane are on their way.
template <class T, int kVectors>
void launchWords(const Gemv& step, Stream stream) {
    constexpr int kRows = kVectors == 1 ? 2 : 4, kLoads = kVectors == 1 ? 4 : 2;
    launchGemv<kRows, kVectors>(multiplyFloats<T, kVectors, kRows, kLoads, true>, step, stream);
}

template <class T>
void chooseVectors(const Gemv& step, Stream stream) {
    static_assert(kMostVectors == 8, "one case per tile");
    if (step.in % Columns<T, true>::kCount != 0) // rows that are no whole words: rare, so of two tiles alone
        return step.vectors == 1
                   ? launchGemv<4, 1>(multiplyFloats<T, 1, 4, 4, false>, step, stream)
                   : launchGemv<4, kMostVectors>(multiplyFloats<T, kMostVectors, 4, 2, false>, step, stream);
    switch (vectorTile(step.vectors)) {
    case 1:
        return launchWords<T, 1>(step, stream);
    case 2:
        return launchWords<T, 2>(step, stream);
    case 4:
        return launchWords<T, 4>(step, stream);
    default:
        return launchWords<T, 8>(step, stream);
    }
}

} // namespace

void gemv(ElementType type, const Gemv& step, Stream stream) {
    if (const std::string why = refusal(step); !why.empty())
        throw std::invalid_argument(why);
    withElement(type, [&](auto element) { chooseVectors<decltype(element)>(step, stream); });
}

} // namespace fovea::cuda
