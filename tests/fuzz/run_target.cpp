#include "core/trace/run_json.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/fuzz/targets.h"

namespace fovea::fuzz {

namespace {

// Only what the program writes is asked to come back whole: a file may hold what it has no use for.
void requireSameAgain(const RunFile& file) {
    const std::string text = runFileJson(file);
    try {
        if (runFileJson(readRunFile(text)) != text)
            throw Finding("another run is read from what was written of it");
    } catch (const RunFileError& error) {
        throw Finding(std::string("a run that was read is refused once it is written: ") + error.what());
    }
}

} // namespace

bool readRun(std::string_view bytes) {
    RunFile file;
    try {
        file = readRunFile(bytes);
    } catch (const RunFileError& error) {
        requireOneLine(error.what());
        return false;
    }
    requireSameAgain(file);
    return true;
}

} // namespace fovea::fuzz
