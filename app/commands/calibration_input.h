#pragma once
// What both kinds of calibration share: a model, a text in blocks, and progress.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "core/calibrate/text_blocks.h"

namespace at {
class Tensor;
}

namespace fovea {

struct ModelSpec;
class Progress;

struct CalibrationInput {
    std::string model, tokenizer, text; // empty: the bundled ones, and what lies beside the model
    TextBlocks blocks;

    std::filesystem::path modelPath() const;
    std::filesystem::path textPath() const;
    // Throws UsageError.
    std::string readText() const;
    // Blocks no longer than the model's context; said where that is less than was asked for.
    TextBlocks blocksFor(const ModelSpec& spec) const;
    // textBlocks by the model's tokenizer; said where they overlap for want of text. Throws UsageError.
    at::Tensor tokens(const std::string& read, const ModelSpec& spec, const TextBlocks& fitting) const;
};

// What was asked for and cannot be had is said on stderr, not silently lessened.
void sayCalibrating(const std::string& line);

// A line that rewrites itself on a terminal; for machines a line of JSON per `what`.
class CalibrationLine {
public:
    CalibrationLine(std::string what, bool json);
    ~CalibrationLine();
    void show(std::int64_t done, std::int64_t all);

private:
    const std::string m_what;
    const bool m_json;
    std::unique_ptr<Progress> m_line;
    std::int64_t m_done = 0;
};

} // namespace fovea
