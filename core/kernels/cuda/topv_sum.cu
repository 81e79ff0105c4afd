// Top-k V's sum: launches sum_values.cuh.

#include <stdexcept>

#include "core/kernels/cuda/reads.h"
#include "core/kernels/cuda/sum_values.cuh"

namespace fovea::cuda {
namespace {

template <class T, int kLanes, int kGroup>
void launchSum(const TopvSum& sum, Stream stream) {
    const ReadStep& step = sum.step;
    SumArguments a{};
    a.values = sum.values;
    a.blocksPerHead = step.blocksPerHead;
    a.slots = sum.chosen.slots;
    a.counts = sum.chosen.counts;
    a.most = sum.chosen.most;
    a.weights = sum.weights;
    a.kept = sum.renormalise ? sum.kept : nullptr;
    a.out = sum.out;
    a.group = step.group();
    a.headDim = step.headDim;
    a.slotsPerBlock = step.slotsPerBlock;
    const dim3 grid(static_cast<unsigned>((a.group + kGroup - 1) / kGroup),
                    static_cast<unsigned>(step.kvHeads));
    launch(sumValues<T, kLanes, kGroup>, grid, dim3(kSumThreads), sumSharedBytes<kLanes, kGroup>(), stream,
           a);
}

// As topv_choice.cu's.
template <class T, int kLanes>
void chooseTile(const TopvSum& sum, Stream stream) {
    const int group = sum.step.group();
    if (group == 1)
        return launchSum<T, kLanes, 1>(sum, stream);
    if (group <= 4)
        return launchSum<T, kLanes, 4>(sum, stream);
    launchSum<T, kLanes, 8>(sum, stream);
}

template <class T>
void chooseLanes(const TopvSum& sum, Stream stream) {
    if (sum.step.headDim <= 8 * kElements)
        return chooseTile<T, 8>(sum, stream);
    if (sum.step.headDim <= 16 * kElements)
        return chooseTile<T, 16>(sum, stream);
    chooseTile<T, 32>(sum, stream);
}

} // namespace

void sumTopv(const TopvSum& sum, Stream stream) {
    if (const std::string why = refusal(sum); !why.empty())
        throw std::invalid_argument(why);
    switch (sum.step.type) {
    case ElementType::F32:
        return chooseLanes<float>(sum, stream);
    case ElementType::F16:
        return chooseLanes<__half>(sum, stream);
    case ElementType::BF16:
        return chooseLanes<__nv_bfloat16>(sum, stream);
    }
}

} // namespace fovea::cuda
