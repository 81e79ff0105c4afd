// Quest's choice: launches page_bounds.cuh, or where heads differ in what they see page_bounds_seen.cuh.

#include "core/kernels/cuda/page_bounds_seen.cuh"

#include <stdexcept>

#include "core/kernels/cuda/reads.h"

namespace fovea::cuda {
namespace {

PageArguments argumentsOf(const QuestChoice& choice) {
    const ReadStep& step = choice.step;
    PageArguments a{};
    a.q = step.q;
    a.bounds = choice.bounds;
    a.blocksPerHead = step.blocksPerHead;
    a.slots = step.slots;
    a.sights = {step.sights, step.positions};
    a.byAge = choice.byAge;
    a.ageStride = choice.ageStride;
    a.scores = choice.scores;
    a.stride = choice.stride;
    a.chosenPages = choice.chosenPages;
    a.pageCounts = choice.pageCounts;
    a.chosenSlots = choice.chosen.slots;
    a.slotCounts = choice.chosen.counts;
    a.most = choice.chosen.most;
    a.scale = step.scale;
    a.kvHeads = step.kvHeads;
    a.group = step.group();
    a.headDim = step.headDim;
    a.page = choice.page;
    a.pages = choice.pages;
    a.pagesPerBlock = choice.pagesPerBlock;
    a.batch = step.batch;
    return a;
}

template <class T>
void launchBounds(const QuestChoice& choice, Stream stream) {
    const std::int64_t spans = spansOf(pagesOf(choice.step.longest, choice.page), kPageSpan);
    const dim3 grid(static_cast<unsigned>(spans),
                    static_cast<unsigned>(choice.step.kvHeads * choice.step.batch.count));
    launch(choice.step.sights ? boundSeenPages<T> : boundPages<T>, grid, dim3(kPageThreads), 0, stream,
           argumentsOf(choice));
}

void launchBounds(const QuestChoice& choice, Stream stream) {
    switch (choice.step.type) {
    case ElementType::F32:
        return launchBounds<float>(choice, stream);
    case ElementType::F16:
        return launchBounds<__half>(choice, stream);
    case ElementType::BF16:
        return launchBounds<__nv_bfloat16>(choice, stream);
    }
}

} // namespace

void chooseQuest(const QuestChoice& choice, Stream stream) {
    if (const std::string why = refusal(choice); !why.empty())
        throw std::invalid_argument(why);
    launchBounds(choice, stream);
    launch(choosePages, dim3(static_cast<unsigned>(choice.step.kvHeads * choice.step.batch.count)),
           dim3(kChoiceThreads), choiceSharedBytes(), stream, argumentsOf(choice));
}

} // namespace fovea::cuda
