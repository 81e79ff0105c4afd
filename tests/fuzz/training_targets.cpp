#include <exception>
#include <string>

#include "core/train/state.h"
#include "core/train/train_options.h"
#include "core/train/training_log.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/fuzz/targets.h"

namespace fovea::fuzz {

bool readTrainingState(std::string_view bytes) {
    const MemoryFile file(bytes);
    return accepted([&] {
        const TrainingStateFile state(file.path());
        static const Folder folder;
        const auto again = trainingStateIn(folder.path());
        writeTrainingState(again, state.state(), {});
        try {
            const TrainingStateFile same(again);
            if (differingOption(state.state().options, same.state().options) ||
                same.state().tokenizer != state.state().tokenizer ||
                same.state().texts != state.state().texts)
                throw Finding("another state is read from what was written of it");
        } catch (const CheckpointError& error) {
            throw Finding(std::string("a state that was read is refused once it is written: ") +
                          error.what());
        }
        state.verify();
    });
}

bool readTrainingLog(std::string_view bytes) {
    const MemoryFile file(bytes);
    TrainingLogReader reader(file.path());
    try {
        reader.poll();
    } catch (const std::runtime_error& error) {
        requireOneLine(error.what());
        return false;
    }
    for (const TrainingEntry& entry : reader.entries()) {
        const std::string line = toJsonLine(entry);
        if (toJsonLine(parseTrainingEntry(line)) != line)
            throw Finding("another entry is read from its line");
    }
    return !reader.entries().empty();
}

} // namespace fovea::fuzz
