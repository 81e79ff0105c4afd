#include "tests/core/kernels/cuda/quest_case.h"

#include <algorithm>
#include <cmath>

namespace fovea::cuda {

namespace {

std::int64_t pagesOf(std::int64_t slots, int page) {
    return (slots + page - 1) / page;
}

// The least (0) or the greatest (1) of a page's live keys.
float boundOf(const ReadCase& problem, int kvHead, std::int64_t page, int slotsOfPage, int c, int which) {
    const std::int64_t first = page * slotsOfPage;
    float bound = problem.key(kvHead, first, c);
    for (std::int64_t slot = first; slot < std::min(problem.live(kvHead), first + slotsOfPage); ++slot)
        bound = which == 0 ? std::min(bound, problem.key(kvHead, slot, c))
                           : std::max(bound, problem.key(kvHead, slot, c));
    return bound;
}

DeviceBlocks boundsOf(const ReadCase& problem, const QuestSettings& settings, std::int64_t blocksPerHead) {
    const ReadGeometry& g = problem.geometry;
    const int size = elementBytes(g.type);
    return {g.kvHeads, blocksPerHead, static_cast<std::size_t>(settings.pagesPerBlock * 2 * g.headDim * size),
            [&](int head, std::int64_t block, unsigned char* to) {
                for (int row = 0; row < settings.pagesPerBlock; ++row)
                    for (int which = 0; which < 2; ++which)
                        for (int c = 0; c < g.headDim; ++c, to += size) {
                            const std::int64_t page = block * settings.pagesPerBlock + row;
                            const bool live = page < pagesOf(problem.live(head), settings.page);
                            storeElement(g.type,
                                         live ? boundOf(problem, head, page, settings.page, c, which)
                                              : problem.behindTheLastSlot,
                                         to);
                        }
            }};
}

// Whose scores of a page are added up: the query heads that see a row of it, or where none does the one that sees most.
std::vector<int> headsOf(const ReadCase& problem, const QuestSettings& settings, int kvHead,
                         std::int64_t page) {
    const std::int64_t first = page * settings.page,
                       end = std::min(problem.live(kvHead), first + settings.page);
    const int firstHead = kvHead * problem.geometry.group;
    std::vector<int> heads;
    int furthest = firstHead;
    for (int h = firstHead; h < firstHead + problem.geometry.group; ++h) {
        bool sees = false;
        for (std::int64_t slot = first; slot < end; ++slot)
            sees = sees || problem.sees(h, slot);
        if (sees)
            heads.push_back(h);
        if (!problem.sights.empty() && problem.sights[static_cast<std::size_t>(h)].oldest <
                                           problem.sights[static_cast<std::size_t>(furthest)].oldest)
            furthest = h;
    }
    return heads.empty() ? std::vector<int>{furthest} : heads;
}

} // namespace

bool QuestOutcome::operator==(const QuestOutcome& other) const {
    return pages == other.pages && slots == other.slots && sameBits(scores, other.scores);
}

QuestOutcome runQuest(const ReadCase& problem, const QuestSettings& settings, Stream stream) {
    const auto G = static_cast<std::size_t>(problem.geometry.kvHeads);
    const std::int64_t pages = pagesOf(problem.geometry.slots, settings.page), stride = pages + 3;
    const std::int64_t blocks = (pages + settings.pagesPerBlock - 1) / settings.pagesPerBlock;
    const std::int64_t most = std::min<std::int64_t>(settings.pages * settings.page, problem.geometry.slots);
    const DeviceBlocks bounds = boundsOf(problem, settings, blocks);
    const UploadedStep uploaded(problem);
    const std::int64_t ageStride = problem.stride();
    std::vector<std::int32_t> ages(G * static_cast<std::size_t>(ageStride), -1);
    for (std::size_t g = 0; g < settings.byAge.size(); ++g)
        std::copy(settings.byAge[g].begin(), settings.byAge[g].end(),
                  ages.begin() + static_cast<std::ptrdiff_t>(g) * ageStride);
    const machine::Buffer byAge = machine::upload(ages);

    QuestChoice choice;
    choice.step = uploaded.step;
    choice.step.blocksPerHead = blocks;
    choice.page = settings.page;
    choice.pages = settings.pages;
    choice.pagesPerBlock = settings.pagesPerBlock;
    choice.bounds = bounds.table<const void* const*>();
    choice.byAge = settings.byAge.empty() ? nullptr : static_cast<const std::int32_t*>(byAge.data());
    choice.ageStride = ageStride;
    const Guarded<float> scores(G * static_cast<std::size_t>(stride));
    const Guarded<std::int32_t> chosen(G * static_cast<std::size_t>(settings.pages)), pageCounts(G),
        slots(G * static_cast<std::size_t>(most)), slotCounts(G);
    choice.scores = scores.data();
    choice.stride = stride;
    choice.chosenPages = chosen.data();
    choice.pageCounts = pageCounts.data();
    choice.chosen = {most, slots.data(), slotCounts.data()};
    chooseQuest(choice, stream);
    machine::finish();

    QuestOutcome outcome{scores.read("scores"), {}, {}};
    const std::vector<std::int32_t> pageRows = chosen.read("pages"), n = pageCounts.read("page counts"),
                                    slotRows = slots.read("slots"), rows = slotCounts.read("slot counts");
    for (std::size_t g = 0; g < G; ++g) {
        outcome.pages.push_back(rowOf(pageRows, settings.pages, static_cast<int>(g), n[g]));
        outcome.slots.push_back(rowOf(slotRows, most, static_cast<int>(g), rows[g]));
    }
    return outcome;
}

std::string wrongQuest(const ReadCase& problem, const QuestSettings& settings, const QuestOutcome& outcome) {
    constexpr double kTolerance = 2e-5;
    const int d = problem.geometry.headDim, group = problem.geometry.group;
    const std::int64_t stride = pagesOf(problem.geometry.slots, settings.page) + 3;
    for (int kvHead = 0; kvHead < problem.geometry.kvHeads; ++kvHead) {
        const auto g = static_cast<std::size_t>(kvHead);
        const std::int64_t S = problem.live(kvHead), pages = pagesOf(S, settings.page);
        std::vector<double> scores;
        for (std::int64_t page = 0; page < pages; ++page) {
            double score = 0;
            for (const int h : headsOf(problem, settings, kvHead, page))
                for (int c = 0; c < d; ++c) {
                    const double q = problem.q[static_cast<std::size_t>(h * d + c)];
                    score += std::max(q * boundOf(problem, kvHead, page, settings.page, c, 0),
                                      q * boundOf(problem, kvHead, page, settings.page, c, 1));
                }
            scores.push_back(score * problem.scale);
            const double own = outcome.scores[static_cast<std::size_t>(kvHead * stride + page)];
            if (!(std::abs(own - scores.back()) <= kTolerance * (1 + std::abs(scores.back()))))
                return "the score of page " + std::to_string(page);
        }
        std::vector<std::int32_t> newest, slots;
        if (S > 0)
            newest.push_back((settings.byAge.empty() ? static_cast<std::int32_t>(S - 1)
                                                     : settings.byAge[g][static_cast<std::size_t>(S - 1)]) /
                             settings.page);
        const std::string wrong =
            wrongChoice(outcome.pages[g], scores, std::min<std::int64_t>(settings.pages, pages), newest,
                        2 * kTolerance * group);
        if (!wrong.empty())
            return wrong;
        for (const std::int32_t page : outcome.pages[g])
            for (std::int32_t slot = page * settings.page;
                 slot < std::min<std::int64_t>(S, (page + 1) * settings.page); ++slot)
                slots.push_back(slot);
        if (outcome.slots[g] != slots)
            return "the slots are not those of the pages";
    }
    return "";
}

} // namespace fovea::cuda
