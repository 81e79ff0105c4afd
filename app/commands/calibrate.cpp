#include "app/commands/calibrate.h"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

#include "app/commands/calibrate_store.h"
#include "app/commands/calibration_input.h"
#include "app/commands/calibration_text.h"
#include "app/commands/interrupt.h"
#include "app/commands/terminal.h"
#include "app/commands/threads.h"
#include "app/commands/usage_error.h"
#include "core/calibrate/calibrated_folder.h"
#include "core/calibrate/calibrated_model.h"
#include "core/calibrate/kv_rows.h"
#include "core/engine/machine_memory.h"
#include "core/engine/stopwatch.h"
#include "core/model/model_header.h"
#include "core/trace/byte_text.h"
#include "core/trace/file_writer.h"
#include "core/train/fingerprint.h"

namespace fovea {

namespace {

constexpr double kMostOfMachine = .8;

struct Options {
    CalibrationInput input;
    std::string weights, store, to;
    bool unweighted = false;
    int threads = 0;
    bool json = false;
    std::string version;
};

struct Result {
    std::filesystem::path folder;
    std::int64_t bytes = 0, before = 0; // of all weights
    double seconds = 0;
};

void requireRoom(const ModelSpec& spec, const WeightCalibration& calibration, const TextBlocks& blocks) {
    const std::int64_t needed = predictCalibrationBytes(spec, calibration, blocks.blocks * blocks.length),
                       machine = machineMemory();
    if (machine > 0 && static_cast<double>(needed) > kMostOfMachine * static_cast<double>(machine))
        throw UsageError("a calibration of " + std::to_string(blocks.blocks) + " blocks of " +
                         std::to_string(blocks.length) + " tokens would hold " + byteText(needed) +
                         " beside the model, more than 80 % of " + byteText(machine) +
                         "; give fewer --blocks");
}

std::string jsonOf(const Options& o, const Result& r, const TextBlocks& blocks) {
    const nlohmann::ordered_json json = {
        {"folder", r.folder.string()},    {"weights", o.weights}, {"blocks", blocks.blocks},
        {"length", blocks.length},        {"seed", blocks.seed},  {"weight_bytes", r.bytes},
        {"model_weight_bytes", r.before}, {"seconds", r.seconds}};
    return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

std::string textOf(const Result& r, const TextBlocks& blocks) {
    char text[160];
    std::snprintf(text, sizeof text,
                  "%s of weights instead of %s, from %lld blocks of %lld tokens in %.1f s: ",
                  byteText(r.bytes).c_str(), byteText(r.before).c_str(),
                  static_cast<long long>(blocks.blocks), static_cast<long long>(blocks.length), r.seconds);
    return text + r.folder.string() + "\n";
}

std::shared_ptr<const Model> made(const Model& model, const at::Tensor& blocks,
                                  const WeightCalibration& calibration, bool json) {
    CalibrationLine line("matrix", json);
    auto result = fovea::calibrateWeights(
        model, blocks, calibration, [&](std::int64_t done, std::int64_t all) { line.show(done, all); }, watchInterrupt());
    if (!result)
        throw Interrupted();
    return result;
}

// Known before the work is done.
void requireFolder(const std::filesystem::path& folder) {
    if (const auto why = folderRefusal(folder))
        throw UsageError("--to " + *why);
    const std::filesystem::path parent = folder.has_parent_path() ? folder.parent_path() : ".";
    makeFolder(parent);
    requireWritable(parent);
}

void calibrateWeights(const Options& o) {
    const WeightCalibration calibration = parseCalibration(o.weights);
    useThreads(o.threads);
    const std::filesystem::path path = o.input.modelPath();
    const std::string text = o.input.readText();
    const ModelSpec spec = readModelHeader(path);
    const TextBlocks blocks = o.input.blocksFor(spec);
    requireRoom(spec, calibration, blocks);
    const auto model = loadModel(path);
    if (const auto why = calibrationRefusal(*model, calibration))
        throw UsageError(*why);
    Result result{.folder = o.to.empty() ? calibratedFolder(path, calibrationName(calibration))
                                         : std::filesystem::path(o.to),
                  .before = model->spec.weightBytes};
    requireFolder(result.folder);
    const at::Tensor tokens = o.input.tokens(text, spec, blocks);
    const Stopwatch watch;
    const auto calibrated = made(*model, tokens, calibration, o.json);
    writeCalibratedFolder(result.folder, *model, *calibrated, calibration,
                          {.model = model->spec.name,
                           .text = o.input.textPath().filename().string(),
                           .textFingerprint = fingerprint(text),
                           .blocks = blocks,
                           .program = "fovea " + o.version});
    result.bytes = calibrated->spec.weightBytes;
    result.seconds = watch.seconds();
    printResult(o.json ? jsonOf(o, result, blocks) : textOf(result, blocks));
}

void run(const Options& o) {
    if (o.weights.empty() == o.store.empty())
        throw UsageError("--weights or --store is required, one of them: what is to be calibrated");
    if (!o.weights.empty())
        calibrateWeights(o);
    else
        calibrateStore({.store = o.store,
                        .input = o.input,
                        .weighted = !o.unweighted,
                        .to = o.to,
                        .threads = o.threads,
                        .json = o.json,
                        .version = o.version});
}

} // namespace

void addCalibrateCommand(CLI::App& program, const char* version) {
    auto* command = program.add_subcommand(
        "calibrate", "Learn from a text how to round a model's weights, saved as a model beside it, or the codebooks by "
                     "which a store rounds K and V");
    const auto options = std::make_shared<Options>();
    Options& o = *options;
    o.version = version;
    command->add_option("--weights", o.weights, "Method: " + std::string(acceptedCalibrations()));
    command->add_option("--store", o.store, "A store that is learnt: kvquant:bits=…,outliers=…,exact=…,norm=on|off or "
                                            "cq:channels=…,bits=…,recent=…");
    command->add_flag("--unweighted", o.unweighted,
                      "For --store: every number counts alike, not by the square of its gradient");
    command->add_option("--model", o.input.model,
                        "Hugging Face folder with weights that are floats (default: the bundled model)");
    command->add_option("--tokenizer", o.input.tokenizer, "Tokenizer file (default: what lies beside the model)");
    command->add_option("--text", o.input.text,
                        "Text to learn from, best one that the model is not judged by; - is standard input "
                        "(default: a bundled one, which is short)");
    const CLI::Option* blocks =
        command->add_option("--blocks", o.input.blocks.blocks,
                            "Runs of the text's tokens (default: " + std::to_string(o.input.blocks.blocks) +
                                ", for a store " + std::to_string(kStoreBlocks) + ")")
            ->check(CLI::Range(1, 1 << 20));
    command->add_option("--length", o.input.blocks.length, "Tokens of each")
        ->check(CLI::Range(2, 1 << 20))
        ->capture_default_str();
    command->add_option("--seed", o.input.blocks.seed, "Which runs, and where centroids begin")
        ->capture_default_str()
        ->check(CLI::NonNegativeNumber);
    command->add_option("--to", o.to,
                        "Folder to save to (default: beside the model, MODEL-gptq-4bit-g128, where "
                        "weights=gptq finds it); for a store the file");
    command->add_option("--threads", o.threads, "Threads (default: all processors)")
        ->check(CLI::Range(1, 1024));
    command->add_flag("--json", o.json, "One JSON object on stdout; progress as JSON lines on stderr");
    command->callback([options, blocks] {
        if (blocks->count() == 0 && !options->store.empty())
            options->input.blocks.blocks = kStoreBlocks;
        run(*options);
    });
}

} // namespace fovea
