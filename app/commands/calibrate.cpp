#include "app/commands/calibrate.h"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>

#include "app/commands/calibration_text.h"
#include "app/commands/default_model.h"
#include "app/commands/interrupt.h"
#include "app/commands/terminal.h"
#include "app/commands/text_file.h"
#include "app/commands/threads.h"
#include "app/commands/usage_error.h"
#include "core/calibrate/calibrated_folder.h"
#include "core/calibrate/calibrated_model.h"
#include "core/engine/machine_memory.h"
#include "core/engine/stopwatch.h"
#include "core/model/model_header.h"
#include "core/tokenizer/tokenizer.h"
#include "core/trace/byte_text.h"
#include "core/trace/file_writer.h"
#include "core/train/fingerprint.h"

namespace fovea {

namespace {

constexpr double kMostOfMachine = .8;

struct Options {
    std::string weights, model, tokenizer, text, to;
    TextBlocks blocks;
    int threads = 0;
    bool json = false;
    std::string version;
};

struct Result {
    std::filesystem::path folder;
    std::int64_t bytes = 0, before = 0; // of all weights
    double seconds = 0;
};

// What was asked for and cannot be had is said, not silently lessened.
void note(const std::string& line) {
    std::fprintf(stderr, "%s\n", line.c_str());
}

void requireRoom(const ModelSpec& spec, const WeightCalibration& calibration, const TextBlocks& blocks) {
    const std::int64_t needed = predictCalibrationBytes(spec, calibration, blocks.blocks * blocks.length),
                       machine = machineMemory();
    if (machine > 0 && static_cast<double>(needed) > kMostOfMachine * static_cast<double>(machine))
        throw UsageError("a calibration of " + std::to_string(blocks.blocks) + " blocks of " +
                         std::to_string(blocks.length) + " tokens would hold " + byteText(needed) +
                         " beside the model, more than 80 % of " + byteText(machine) +
                         "; give fewer --blocks");
}

at::Tensor blocksOf(const Options& o, const std::string& text, const std::filesystem::path& model,
                    const ModelSpec& spec, const TextBlocks& blocks) {
    const auto tokenizer = loadTokenizer(model, o.tokenizer, spec.vocabulary);
    try {
        return textBlocks(*tokenizer, text, blocks);
    } catch (const std::invalid_argument& error) {
        throw UsageError(std::string("--text, --blocks, --length: ") + error.what());
    }
}

std::string jsonOf(const Options& o, const Result& r, const TextBlocks& blocks) {
    const nlohmann::ordered_json json = {
        {"folder", r.folder.string()}, {"weights", o.weights},      {"blocks", blocks.blocks},
        {"length", blocks.length},     {"seed", blocks.seed},       {"weight_bytes", r.bytes},
        {"model_weight_bytes", r.before}, {"seconds", r.seconds}};
    return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

std::string textOf(const Result& r, const TextBlocks& blocks) {
    char text[160];
    std::snprintf(text, sizeof text, "%s of weights instead of %s, from %lld blocks of %lld tokens in %.1f s: ",
                  byteText(r.bytes).c_str(), byteText(r.before).c_str(), static_cast<long long>(blocks.blocks),
                  static_cast<long long>(blocks.length), r.seconds);
    return text + r.folder.string() + "\n";
}

// A line that rewrites itself on a terminal; for machines a line of JSON per matrix.
class CalibrationLine {
public:
    explicit CalibrationLine(bool json) : m_json(json) {}

    void show(int done, int all) {
        if (m_json) {
            const nlohmann::ordered_json line = {{"kind", "matrix"}, {"done", done}, {"of", all}};
            note(line.dump());
            return;
        }
        if (!m_line)
            m_line = std::make_unique<Progress>("matrix", all);
        for (; m_done < done; ++m_done)
            m_line->advance();
    }

private:
    bool m_json;
    std::unique_ptr<Progress> m_line;
    int m_done = 0;
};

std::shared_ptr<const Model> made(const Model& model, const at::Tensor& blocks,
                                  const WeightCalibration& calibration, bool json) {
    CalibrationLine line(json);
    auto result = calibrateWeights(
        model, blocks, calibration, [&](int done, int all) { line.show(done, all); }, watchInterrupt());
    if (!result)
        throw Interrupted();
    return result;
}

// Known before the work is done.
void requireFolder(const std::filesystem::path& folder) {
    const std::filesystem::path parent = folder.has_parent_path() ? folder.parent_path() : ".";
    makeFolder(parent);
    requireWritable(parent);
}

void run(const Options& o) {
    if (o.weights.empty())
        throw UsageError("--weights is required: what is to be calibrated");
    const WeightCalibration calibration = parseCalibration(o.weights);
    useThreads(o.threads);
    const std::filesystem::path path = o.model.empty() ? defaultModel() : std::filesystem::path(o.model);
    const std::filesystem::path textFile = o.text.empty() ? defaultText() : std::filesystem::path(o.text);
    const std::string text = readTextFile(textFile.string(), o.text.empty() ? "the bundled text" : "--text");
    const ModelSpec spec = readModelHeader(path);
    const TextBlocks blocks = fittingBlocks(o.blocks, spec);
    if (blocks.length < o.blocks.length)
        note("blocks of " + std::to_string(blocks.length) + " tokens, the model's context, instead of " +
             std::to_string(o.blocks.length));
    requireRoom(spec, calibration, blocks);
    const at::Tensor tokens = blocksOf(o, text, path, spec, blocks);
    const auto model = loadModel(path);
    if (const auto why = calibrationRefusal(*model, calibration))
        throw UsageError(*why);
    Result result{.folder = o.to.empty() ? calibratedFolder(path, calibrationName(calibration))
                                        : std::filesystem::path(o.to),
                  .before = model->spec.weightBytes};
    requireFolder(result.folder);
    const Stopwatch watch;
    const auto calibrated = made(*model, tokens, calibration, o.json);
    writeCalibratedFolder(result.folder, *model, *calibrated, calibration,
                          {.model = model->spec.name,
                           .text = textFile.filename().string(),
                           .textFingerprint = fingerprint(text),
                           .blocks = blocks,
                           .program = "fovea " + o.version});
    result.bytes = calibrated->spec.weightBytes;
    result.seconds = watch.seconds();
    printResult(o.json ? jsonOf(o, result, blocks) : textOf(result, blocks));
}

} // namespace

void addCalibrateCommand(CLI::App& program, const char* version) {
    auto* command = program.add_subcommand(
        "calibrate", "Learn from a text how to round a model's weights, and save it as a model beside it");
    const auto options = std::make_shared<Options>();
    Options& o = *options;
    o.version = version;
    command->add_option("--weights", o.weights, "Method: " + std::string(acceptedCalibrations()));
    command->add_option("--model", o.model,
                        "Hugging Face folder with weights that are floats (default: the bundled model)");
    command->add_option("--tokenizer", o.tokenizer, "Tokenizer file (default: what lies beside the model)");
    command->add_option("--text", o.text,
                        "Text to learn from, best one that the model is not judged by; - is standard input "
                        "(default: a bundled one, which is short)");
    command->add_option("--blocks", o.blocks.blocks, "Runs of the text's tokens")
        ->check(CLI::Range(1, 1 << 20))
        ->capture_default_str();
    command->add_option("--length", o.blocks.length, "Tokens of each")
        ->check(CLI::Range(2, 1 << 20))
        ->capture_default_str();
    command->add_option("--seed", o.blocks.seed, "Which runs")->capture_default_str();
    command->add_option("--to", o.to,
                        "Folder to save to (default: beside the model, MODEL-gptq-4bit-g128, where "
                        "weights=gptq finds it)");
    command->add_option("--threads", o.threads, "Threads (default: all processors)")
        ->check(CLI::Range(1, 1024));
    command->add_flag("--json", o.json, "One JSON object on stdout; progress as JSON lines on stderr");
    command->callback([options] { run(*options); });
}

} // namespace fovea
