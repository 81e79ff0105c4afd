#include "app/commands/calibration_input.h"

#include <ATen/core/Tensor.h>
#include <nlohmann/json.hpp>

#include <cstdio>
#include <stdexcept>
#include <vector>

#include "app/commands/default_model.h"
#include "app/commands/interrupt.h"
#include "app/commands/terminal.h"
#include "app/commands/text_file.h"
#include "app/commands/usage_error.h"
#include "core/model/model_spec.h"
#include "core/tokenizer/tokenizer.h"

namespace fovea {

std::filesystem::path CalibrationInput::modelPath() const {
    return model.empty() ? defaultModel() : std::filesystem::path(model);
}

std::filesystem::path CalibrationInput::textPath() const {
    return text.empty() ? defaultText() : std::filesystem::path(text);
}

std::string CalibrationInput::readText() const {
    return readTextFile(textPath().string(), text.empty() ? "the bundled text" : "--text");
}

TextBlocks CalibrationInput::blocksFor(const ModelSpec& spec) const {
    const TextBlocks fitting = fittingBlocks(blocks, spec);
    if (fitting.length < blocks.length)
        sayCalibrating("blocks of " + std::to_string(fitting.length) +
                       " tokens, the model's context, instead of " + std::to_string(blocks.length));
    return fitting;
}

at::Tensor CalibrationInput::tokens(const std::string& read, const ModelSpec& spec,
                                    const TextBlocks& fitting) const {
    watchInterrupt(); // what is said from here on may be answered by Ctrl-C
    const auto known = loadTokenizer(modelPath(), tokenizer, spec.vocabulary);
    try {
        const std::vector<int> tokens = known->encode(read, false);
        const at::Tensor made = textBlocks(*known, tokens, fitting);
        if (const auto note = overlapNote(std::ssize(tokens), fitting))
            sayCalibrating(*note);
        return made;
    } catch (const std::invalid_argument& error) {
        throw UsageError(std::string("--text, --blocks, --length: ") + error.what());
    }
}

void sayCalibrating(const std::string& line) {
    std::fprintf(stderr, "%s\n", line.c_str());
}

CalibrationLine::CalibrationLine(std::string what, bool json) : m_what(std::move(what)), m_json(json) {}
CalibrationLine::~CalibrationLine() = default;

void CalibrationLine::show(std::int64_t done, std::int64_t all) {
    if (m_json) {
        const nlohmann::ordered_json line = {{"kind", m_what}, {"done", done}, {"of", all}};
        sayCalibrating(line.dump());
        return;
    }
    if (!m_line)
        m_line = std::make_unique<Progress>(m_what, all);
    for (; m_done < done; ++m_done)
        m_line->advance();
}

} // namespace fovea
