#pragma once
// OUT/training.state: all that an unfinished training needs to go on exactly where it stood, in one file that
// is replaced whole. The container is safetensors (fp32: weights, Adam's two means, the best weights if they
// are kept); what is no tensor is JSON in its metadata, with a fingerprint of the tensors.

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/model/safetensors.h"
#include "core/train/train.h"

namespace fovea {

// Where a training stands, but for the tensors. Everything else follows from the options.
struct TrainingPosition {
    std::int64_t steps = 0, tokens = 0;
    double seconds = 0;    // all sittings
    double loss = 0;       // the running mean that is shown
    double loggedNats = 0; // since the log's last step line
    std::int64_t loggedGraded = 0;
    std::int64_t loggedTokens = 0; // at that line
    std::uint64_t sequences = 0;   // where the source of sequences stands
    int sittings = 1;
    std::optional<HeldOutLoss> heldOut, best;
    std::int64_t logBytes = 0; // what of the log belongs to this position
};

struct TrainingState {
    TrainOptions options;             // without the folder
    std::vector<std::uint64_t> texts; // fingerprint of each
    std::string tokenizer;            // sentencepiece, serialised
    TrainingPosition position;
};

std::filesystem::path trainingStateIn(const std::filesystem::path& out); // OUT/training.state

// `tensors` in any order, named as readTensors will ask for them. Throws ExportError; the state before is
// then as it was.
void writeTrainingState(const std::filesystem::path& file, const TrainingState& state,
                        const std::vector<NamedTensor>& tensors);

class TrainingStateFile {
public:
    // Reads the header and checks it. Throws CheckpointError, one line: the file, what is wrong, what to do.
    explicit TrainingStateFile(const std::filesystem::path& file);

    const TrainingState& state() const { return m_state; }
    // Fills tensors of the same names and shapes. Throws CheckpointError when one is missing or of another
    // shape, or when the bytes are not those that were written.
    void readTensors(const std::vector<NamedTensor>& into) const;
    // Reads everything. Throws CheckpointError when the bytes are not those that were written.
    void verify() const;

private:
    std::map<std::string, at::Tensor> readAll() const;

    SafetensorsFile m_file;
    TrainingState m_state;
    std::uint64_t m_fingerprint = 0;
};

} // namespace fovea
