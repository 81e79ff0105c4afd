#include "app/commands/calibrate_store.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdio>
#include <stdexcept>

#include "app/commands/interrupt.h"
#include "app/commands/terminal.h"
#include "app/commands/threads.h"
#include "app/commands/usage_error.h"
#include "core/calibrate/codebook_file.h"
#include "core/engine/stopwatch.h"
#include "core/model/model.h"
#include "core/plan/learnt_store_text.h"
#include "core/trace/byte_text.h"
#include "core/trace/file_writer.h"
#include "core/train/fingerprint.h"

namespace fovea {

namespace {

constexpr std::int64_t kFewRows = 32; // per centroid: the authors' 32,768 tokens for 1,024 centroids

struct Result {
    std::filesystem::path file;
    std::int64_t rows = 0;
    double seconds = 0;
};

// As many blocks as there is room for the rows of.
TextBlocks blocksWithin(const StoreCalibration& o, const ModelSpec& spec, const KvRowsOptions& rows) {
    const TextBlocks wanted = o.input.blocksFor(spec), within = blocksWithRoom(wanted, spec, rows);
    if (within.blocks < wanted.blocks)
        sayCalibrating(std::to_string(within.blocks) + " blocks instead of " + std::to_string(wanted.blocks) +
                       ": the rows of more would take more than " + byteText(kMostRowBytes));
    return within;
}

KvRows rowsOf(const Model& model, const at::Tensor& tokens, const LearntStore& store,
              const StoreCalibration& o) {
    CalibrationLine line("block", o.json);
    try {
        return collectKvRows(
            model, tokens, rowsFor(store, o.weighted),
            [&line](std::int64_t done, std::int64_t all) { line.show(done, all); }, watchInterrupt());
    } catch (const std::invalid_argument& error) {
        throw UsageError(std::string("--store, --length: ") + error.what());
    }
}

StoreCodebooks learn(const Model& model, const at::Tensor& tokens, const LearntStore& store,
                     const StoreCalibration& o, Result& result) {
    const KvRows rows = rowsOf(model, tokens, store, o);
    if (rows.layers.empty())
        throw Interrupted();
    result.rows = rows.rows;
    if (const auto* cq = std::get_if<CqParams>(&store); cq && rows.rows < kFewRows * cq->centroids())
        sayCalibrating(std::to_string(rows.rows) + " rows are few for " + std::to_string(cq->centroids()) +
                       " centroids; more --blocks of a longer text would teach them better");
    CalibrationLine line("layer", o.json);
    StoreCodebooks books{.store = store, .layers = {}, .origin = {}};
    books.layers = learnCodebooks(
        rows, store, o.input.blocks.seed,
        [&line](std::int64_t done, std::int64_t all) { line.show(done, all); }, watchInterrupt());
    if (books.layers.empty())
        throw Interrupted();
    return books;
}

std::string jsonOf(const StoreCalibration& o, const Result& r, const StoreCodebooks& books) {
    const nlohmann::ordered_json json = {{"file", r.file.string()},
                                         {"store", learntStoreText(books.store)},
                                         {"tokens", books.origin.tokens},
                                         {"rows", r.rows},
                                         {"weighted", books.origin.weighted},
                                         {"seed", o.input.blocks.seed},
                                         {"bytes", std::filesystem::file_size(r.file)},
                                         {"seconds", r.seconds}};
    return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

std::string textOf(const Result& r, const StoreCodebooks& books) {
    char figures[120];
    std::snprintf(figures, sizeof figures, ": %s of codebooks from %lld tokens in %.1f s: ",
                  byteText(static_cast<std::int64_t>(std::filesystem::file_size(r.file))).c_str(),
                  static_cast<long long>(books.origin.tokens), r.seconds);
    return learntStoreText(books.store) + figures + r.file.string() + "\n";
}

} // namespace

void calibrateStore(const StoreCalibration& o) {
    const LearntStore store = parseLearntStore(o.store);
    useThreads(o.threads);
    const std::filesystem::path path = o.input.modelPath();
    const std::string text = o.input.readText();
    const auto model = loadModel(path);
    if (const auto why = learntStoreRefusal(store, model->spec))
        throw UsageError(*why);
    const TextBlocks blocks = blocksWithin(o, model->spec, rowsFor(store, o.weighted));
    Result result{.file = o.to.empty() ? codebooksPath(path, store) : std::filesystem::path(o.to)};
    const std::filesystem::path folder = result.file.has_parent_path() ? result.file.parent_path() : ".";
    requireWritable(folder); // known before the work
    const at::Tensor tokens = o.input.tokens(text, model->spec, blocks);
    const Stopwatch watch;
    StoreCodebooks books = learn(*model, tokens, store, o, result);
    books.origin = {.model = model->spec.name,
                    .text = o.input.textPath().filename().string(),
                    .modelFingerprint = modelFingerprint(*model),
                    .textFingerprint = fingerprint(text),
                    .tokens = tokens.numel(),
                    .seed = o.input.blocks.seed,
                    .weighted = o.weighted,
                    .program = "fovea " + o.version};
    writeCodebooks(result.file, books);
    result.seconds = watch.seconds();
    printResult(o.json ? jsonOf(o, result, books) : textOf(result, books));
}

} // namespace fovea
