// From options to where the first step can be made: texts, vocabulary, weights, and what an earlier sitting
// left.
#include <filesystem>
#include <stdexcept>
#include <system_error>

#include "core/model/checked_file.h"
#include "core/tokenizer/sentencepiece_tokenizer.h"
#include "core/trace/file_writer.h"
#include "core/train/fingerprint.h"
#include "core/train/folder.h"
#include "core/train/initialise.h"
#include "core/train/train_options.h"
#include "core/train/training.h"

namespace fovea {

namespace {

constexpr std::size_t kWords = 3000; // of the text, as keys and values of lists

ModelSpec specOf(const TrainOptions& o, int vocabulary) {
    ModelSpec spec;
    spec.name = (o.out.has_filename() ? o.out : o.out.parent_path()).filename().string();
    spec.architecture = "llama";
    spec.layers = o.layers;
    spec.width = o.width;
    spec.queryHeads = o.heads;
    spec.kvHeads = o.kvHeads;
    spec.headDim = o.width / o.heads;
    spec.ffn = o.ffn;
    spec.vocabulary = vocabulary;
    spec.context = o.context;
    spec.tiedEmbedding = true;
    spec.type = ElementType::BF16;
    return spec;
}

std::vector<at::Tensor> tensorsOf(const Model& model) {
    std::vector<at::Tensor> tensors;
    for (const NamedTensor& named : namedParameters(model))
        tensors.push_back(named.tensor);
    return tensors;
}

// A state that claims a model larger than itself is not believed: nothing is allocated for it.
void requireFits(const std::filesystem::path& file, const TrainOptions& o) {
    const auto bytes = checkedProduct(std::int64_t{o.width} * o.layers, o.width + 3 * std::int64_t{o.ffn});
    if (!bytes || static_cast<std::uint64_t>(*bytes) > fileSize(file))
        throw CheckpointError(file.string() +
                              ": its options make a model that it cannot hold; begin anew with --fresh");
}

} // namespace

Training::Training(const TrainOptions& options, const TrainObserver& observer,
                   const std::atomic<bool>& cancel)
    : m_options(options), m_observer(observer), m_cancel(cancel) {
    readTexts();
    makeFolder(options.out);
    requireWritable(options.out); // now, not after an hour of training
    const bool unfinished = std::filesystem::exists(trainingStateIn(options.out));
    if (options.begin == Begin::New && unfinished)
        throw std::runtime_error(options.out.string() + ": an unfinished training is there; go on with it by "
                                                        "--resume, or throw it away by --fresh");
    if (options.begin == Begin::Resume && !unfinished)
        throw std::runtime_error(options.out.string() +
                                 ": no unfinished training is there; leave --resume out to begin one");
    m_log = std::make_unique<TrainingLog>(trainingLogIn(options.out));
    m_start = Clock::now();
    options.begin == Begin::Resume ? resume() : begin();
    m_start = m_lastSave = Clock::now(); // getting ready is not training
}

void Training::readTexts() {
    for (const auto& file : m_options.text) {
        m_texts.push_back(readTrainingText(file));
        m_state.texts.push_back(fingerprint(m_texts.back()));
    }
}

void Training::begin() {
    removeFile(trainingStateIn(m_options.out));
    m_log->cutTo(0);
    note("learning the vocabulary");
    m_state.options = m_options;
    for (auto& file : m_state.options.text) // resumed from wherever
        file = std::filesystem::absolute(file);
    m_state.tokenizer = trainTokenizer(m_texts, m_options.vocabulary, m_options.seed);
    prepare();
    m_state.position.sequences = m_source->position();
    TrainingEntry entry;
    entry.kind = TrainingEntry::Kind::Begun;
    entry.model = m_model.spec.name;
    entry.parameters = m_model.spec.parameters;
    entry.totalTokens = m_options.tokens;
    entry.totalSeconds = m_options.tokens > 0 ? 0 : 60 * m_options.minutes;
    log(entry);
    saveState(); // from here on there is something to resume; a model that is in the folder stays for now
}

void Training::resume() {
    const TrainingStateFile file(trainingStateIn(m_options.out));
    if (const auto differing = differingOption(file.state().options, m_options))
        throw std::invalid_argument("train: " + *differing);
    const std::vector<std::uint64_t>& before = file.state().texts;
    for (std::size_t i = 0; i < m_state.texts.size() || i < before.size(); ++i)
        if (i >= before.size() || i >= m_state.texts.size() || m_state.texts[i] != before[i])
            throw std::invalid_argument(
                "train: --text is not the text that this training was begun with" +
                (i < m_options.text.size() ? " (" + m_options.text[i].string() + ")" : std::string()) +
                "; give that, or begin anew with --fresh");
    requireFits(trainingStateIn(m_options.out), m_options);
    m_state = file.state();
    m_state.options.threads = m_options.threads;
    m_state.options.saveSeconds = m_options.saveSeconds;
    prepare();
    restore(file);
    TrainingPosition& p = m_state.position;
    m_secondsBefore = m_loggedSeconds = p.seconds;
    ++p.sittings;
    if (!m_log->cutTo(p.logBytes)) {
        m_log->cutTo(0);
        note("training.jsonl has been cut or is gone: its earlier losses are lost, the training is not");
    }
    TrainingEntry entry;
    entry.kind = TrainingEntry::Kind::Resumed;
    entry.step = p.steps;
    entry.tokens = p.tokens;
    entry.seconds = p.seconds;
    log(entry);
    note("goes on from step " + std::to_string(p.steps));
}

void Training::prepare() {
    m_tokenizer = parseSentencepiece(m_state.tokenizer, "the new tokenizer");
    m_corpus = makeCorpus(m_texts, *m_tokenizer);
    if (static_cast<std::int64_t>(m_corpus.training.size()) <= 4 * m_options.context)
        throw std::runtime_error("train: the text is shorter than four contexts; give more text");
    std::string all;
    for (const std::string& text : m_texts)
        all += text;
    m_texts.clear();
    m_source = std::make_unique<SequenceSource>(*m_tokenizer, m_corpus.training, sampleWords(all, kWords),
                                                m_options.seed + 1);
    m_model = initialModel(specOf(m_options, m_tokenizer->vocabulary()), m_options.seed);
    m_adam = std::make_unique<AdamW>(tensorsOf(m_model));
}

void Training::restore(const TrainingStateFile& file) {
    if (m_options.keepBest && m_state.position.best)
        m_best = initialModel(m_model.spec, m_options.seed);
    file.readTensors(stateTensors());
    m_adam->setSteps(m_state.position.steps);
    m_source->seek(m_state.position.sequences);
}

} // namespace fovea
