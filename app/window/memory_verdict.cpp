#include "app/window/memory_verdict.h"

#include "app/window/run_job.h"
#include "core/engine/machine_memory.h"

namespace fovea {

MemoryQuestion questionOf(const RunRequest& request) {
    MemoryQuestion question;
    question.plans = {request.planA, request.planB};
    question.prompt = std::max<std::int64_t>(1, std::ssize(request.promptTokens));
    question.tokens = request.settings.tokens;
    question.decodeFrom = request.settings.decodeFrom;
    question.spare = kSpareTokens;
    question.captureBudget = request.captureBudget;
    question.keepsLogits = true;
    return question;
}

MemoryVerdict judge(const ModelSpec& spec, const MemoryQuestion& question, std::int64_t budget) {
    MemoryVerdict verdict{.spec = spec, .question = question, .budget = budget};
    verdict.estimate = estimateMemory(spec, question);
    if (!verdict.fits())
        verdict.offers = memoryOffers(spec, question, budget);
    return verdict;
}

std::int64_t memoryBudgetOf(double share) {
    return static_cast<std::int64_t>(share * static_cast<double>(machineMemory()));
}

} // namespace fovea
