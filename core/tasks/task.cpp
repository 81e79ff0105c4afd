#include "core/tasks/task.h"

#include <algorithm>
#include <stdexcept>

#include "core/engine/run.h"
#include "core/tasks/random.h"

namespace fovea {

std::unique_ptr<Task> makeTask(const TaskOptions& options, const ModelSpec& spec,
                               std::shared_ptr<const Tokenizer> tokenizer) {
    if (options.length < 0 || options.length > spec.context)
        throw std::invalid_argument("samples of " + std::to_string(options.length) +
                                    " tokens do not fit the model's context of " +
                                    std::to_string(spec.context));
    if (options.prompt > 0 && options.name != "recall")
        throw std::invalid_argument("only recall's prompt can be made longer, the other tasks have one of their own");
    if (options.name == "recall")
        return makeRecallTask(options, spec, std::move(tokenizer));
    if (options.name == "repetition")
        return makeRepetitionTask(options, spec, std::move(tokenizer));
    if (options.name == "text")
        return makeTextTask(options, spec, std::move(tokenizer));
    throw std::invalid_argument("there is no task \"" + options.name + "\": recall, repetition, text");
}

std::uint64_t sampleSeed(std::uint64_t seed, int index) {
    Random random(seed);
    return random.bits() ^ Random(static_cast<std::uint64_t>(index) + 0x5eed).bits();
}

int firstChoice(const Run& run, std::size_t step) {
    const auto V = static_cast<std::ptrdiff_t>(run.spec.vocabulary);
    const auto row = run.logits->begin() + static_cast<std::ptrdiff_t>(step) * V;
    return static_cast<int>(std::max_element(row, row + V) - row);
}

} // namespace fovea
