#include "core/engine/generation.h"

#include <algorithm>
#include <string>

#include "core/model/model_spec.h"
#include "core/plan/text_limit.h"

namespace fovea {

void requirePrompt(std::span<const int> prompt, std::int64_t context) {
    if (prompt.empty())
        throw EngineError("The prompt has no token: it needs one to start from, BOS at least.");
    if (std::ssize(prompt) > context)
        throw EngineError("The prompt has " + std::to_string(prompt.size()) +
                          " tokens and the model's context " + std::to_string(context) +
                          ": shorten the prompt.");
}

std::int64_t stepsAfter(std::int64_t promptTokens, const AttentionPlan& plan, const ModelSpec& spec,
                        const GenerateOptions& options) {
    const std::int64_t wanted =
        options.forced.empty() ? std::max<std::int64_t>(options.tokens, 0) : std::ssize(options.forced);
    const std::int64_t limit = options.decodeFrom <= spec.context ? textLimit(plan, spec) : spec.context;
    return std::min(wanted, limit - promptTokens + 1);
}

bool endsText(int token, const GenerateOptions& options) {
    return token == options.bos || token == options.eos ||
           std::find(options.ends.begin(), options.ends.end(), token) != options.ends.end();
}

} // namespace fovea
