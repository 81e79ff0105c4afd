#include "core/train/train.h"

#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/tensor.h>
#include <torch/optim/adamw.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>
#include <stdexcept>
#include <thread>

#include "core/model/forward.h"
#include "core/model/parameters.h"
#include "core/model/sentencepiece_tokenizer.h"
#include "core/tasks/next_token.h"
#include "core/tasks/recall.h"
#include "core/train/corpus.h"
#include "core/train/folder.h"
#include "core/train/initialise.h"
#include "core/train/model_card.h"
#include "core/train/schedule.h"
#include "core/train/sequences.h"

namespace fovea {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::int64_t kUngraded = -100; // cross_entropy_loss skips this target
constexpr double kClip = 1.0;
constexpr std::size_t kWords = 3000; // of the text, as keys and values of lists

double secondsSince(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

void check(const TrainOptions& o) {
    const auto need = [](bool holds, const char* what) {
        if (!holds)
            throw std::invalid_argument(std::string("train: ") + what);
    };
    need(!o.text.empty(), "no text given; name at least one text file");
    need(!o.out.empty(), "no folder given to write the model to");
    need(o.minutes > 0 || o.tokens > 0, "minutes must be above 0");
    need(o.width >= 8 && o.layers >= 1 && o.ffn >= 8, "width and ffn must be at least 8, layers at least 1");
    need(o.heads >= 1 && o.kvHeads >= 1 && o.heads % o.kvHeads == 0, "heads must be a multiple of kv-heads");
    need(o.width % (2 * o.heads) == 0, "width must be an even multiple of heads");
    need(o.vocabulary >= 400 && o.vocabulary <= 65536, "vocabulary must lie between 400 and 65536");
    need(o.context >= 64 && (o.context & (o.context - 1)) == 0,
         "context must be a power of two, at least 64");
    need(o.batchTokens >= o.context, "batch-tokens must be at least the context");
    need(o.learningRate > 0, "the learning rate must be above 0");
}

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

// libtorch's number of threads is one for the whole process: set while training, given back after.
class ThreadCount {
public:
    explicit ThreadCount(int count) : m_before(at::get_num_threads()) {
        at::set_num_threads(count > 0 ? count
                                      : static_cast<int>(std::max(1u, std::thread::hardware_concurrency())));
    }
    ~ThreadCount() { at::set_num_threads(m_before); }
    ThreadCount(const ThreadCount&) = delete;
    ThreadCount& operator=(const ThreadCount&) = delete;

private:
    int m_before;
};

struct Batch {
    at::Tensor inputs, targets; // (B, T) int64
};

Batch makeBatch(SequenceSource& source, std::int64_t rows, std::int64_t length, double madeUp) {
    std::vector<std::int64_t> inputs, targets;
    for (std::int64_t row = 0; row < rows; ++row) {
        const Sequence s = source.next(length, madeUp);
        for (std::size_t i = 0; i < static_cast<std::size_t>(length); ++i) {
            inputs.push_back(s.tokens[i]);
            targets.push_back(s.graded[i + 1] ? s.tokens[i + 1] : kUngraded);
        }
    }
    return {at::tensor(inputs, at::kLong).view({rows, length}), at::tensor(targets, at::kLong)};
}

at::Tensor lossOf(const Model& model, const Batch& batch) {
    const at::Tensor hidden =
        hiddenStates(model, batch.inputs, 0, causalAttentionOf(model.spec), at::kBFloat16);
    const at::Tensor flat = logits(model, hidden).view({-1, model.spec.vocabulary});
    return at::cross_entropy_loss(flat, batch.targets, {}, /*mean*/ 1, kUngraded);
}

// The optimizer over a model's leaves. Biases and norms are not decayed.
class Optimizer {
public:
    Optimizer(const Model& model, double rate) : m_all(matrices(model)) {
        const std::vector<at::Tensor> norms = vectors(model);
        const auto options = [&](double decay) {
            return std::make_unique<torch::optim::AdamWOptions>(
                torch::optim::AdamWOptions(rate).betas({0.9, 0.99}).weight_decay(decay));
        };
        std::vector<torch::optim::OptimizerParamGroup> groups;
        groups.emplace_back(m_all, options(0.01));
        groups.emplace_back(norms, options(0));
        m_adam = std::make_unique<torch::optim::AdamW>(std::move(groups), torch::optim::AdamWOptions(rate));
        m_all.insert(m_all.end(), norms.begin(), norms.end());
    }

    void step(double rate) {
        clip();
        for (auto& group : m_adam->param_groups())
            static_cast<torch::optim::AdamWOptions&>(group.options()).lr(rate);
        m_adam->step();
        m_adam->zero_grad();
    }

private:
    void clip() {
        const at::NoGradGuard noGrad;
        double squares = 0;
        for (const at::Tensor& p : m_all)
            squares += std::pow(p.grad().norm().item<double>(), 2);
        const double norm = std::sqrt(squares);
        if (norm > kClip)
            for (const at::Tensor& p : m_all)
                p.grad().mul_(kClip / norm);
    }

    std::vector<at::Tensor> m_all;
    std::unique_ptr<torch::optim::AdamW> m_adam;
};

// What is stored is bf16, so what is measured is the same weights rounded.
Model asStored(const Model& model) {
    const auto rounded = [](const at::Tensor& t) { return t.detach().to(at::kBFloat16).to(at::kFloat); };
    Model stored = model;
    stored.embedding = rounded(model.embedding.stored());
    forEachStepParameter(
        stored, [&](Weight& w) { w = rounded(w.stored()); },
        [&](at::Tensor& vector) { vector = rounded(vector); });
    stored.head = stored.embedding;
    return stored;
}

class Training {
public:
    Training(const TrainOptions& options, const TrainObserver& observer, const std::atomic<bool>& cancel)
        : m_options(options), m_observer(observer), m_cancel(cancel) {
        std::vector<std::string> texts;
        std::string all;
        for (const auto& file : options.text)
            all += texts.emplace_back(readTrainingText(file));
        requireWritable(options.out); // now, not after an hour of training
        note("learning the vocabulary");
        m_tokenizerModel = trainTokenizer(texts, options.vocabulary, options.seed);
        m_tokenizer = parseSentencepiece(m_tokenizerModel, "the new tokenizer");
        m_corpus = makeCorpus(texts, *m_tokenizer);
        if (static_cast<std::int64_t>(m_corpus.training.size()) <= 4 * options.context)
            throw std::runtime_error("train: the text is shorter than four contexts; give more text");
        m_source = std::make_unique<SequenceSource>(*m_tokenizer, m_corpus.training, sampleWords(all, kWords),
                                                    options.seed + 1);
        m_model = initialModel(specOf(options, m_tokenizer->vocabulary()), options.seed);
        m_optimizer = std::make_unique<Optimizer>(m_model, options.learningRate);
    }

    TrainResult run() {
        m_start = m_lastSave = Clock::now();
        while (done() < 1 && !m_cancel)
            step();
        m_result.cancelled = m_cancel && done() < 1;
        m_result.seconds = secondsSince(m_start);
        save({});
        if (m_result.cancelled)
            return m_result;
        note("measuring");
        save(modelCard(asStored(m_model), *m_tokenizer, m_corpus.heldOut, m_options, m_result));
        return m_result;
    }

private:
    double done() const {
        // A run bounded by tokens does not look at the clock, so that the same seed gives the same weights.
        return m_options.tokens > 0
                   ? static_cast<double>(m_result.tokens) / static_cast<double>(m_options.tokens)
                   : secondsSince(m_start) / (60 * m_options.minutes);
    }

    void step() {
        const double at = done();
        const std::int64_t length = sequenceAt(at, m_options.context);
        const Batch batch = makeBatch(*m_source, m_options.batchTokens / length, length, madeUpAt(at));
        const at::Tensor loss = lossOf(m_model, batch);
        loss.backward();
        m_optimizer->step(learningRateAt(at, m_options.learningRate));
        const double value = loss.item<double>();
        if (!std::isfinite(value))
            throw std::runtime_error("train: the loss is no longer a number; lower the learning rate");
        m_result.loss = m_result.steps == 0 ? value : 0.98 * m_result.loss + 0.02 * value;
        ++m_result.steps;
        m_result.tokens += batch.inputs.numel();
        report(at, static_cast<int>(length), {});
        if (m_options.saveMinutes > 0 && secondsSince(m_lastSave) > 60 * m_options.saveMinutes) {
            checkpoint(at, static_cast<int>(length));
            m_lastSave = Clock::now();
        }
    }

    void checkpoint(double at, int length) {
        save({});
        const Model stored = asStored(m_model);
        const auto recall =
            scoreRecall(stored, *m_tokenizer, m_corpus.heldOut,
                        {16, std::min<std::int64_t>(512, m_options.context)}, 5, m_options.seed);
        const std::span<const int> heldOut = m_corpus.heldOut;
        const double bits =
            bitsPerCharacter(stored, *m_tokenizer, heldOut.first(std::min<std::size_t>(8192, heldOut.size())),
                             std::min(256, m_options.context));
        char text[160];
        std::snprintf(text, sizeof text,
                      "saved; held-out %.3f bits per character, recall of 16 pairs %.1f %%", bits,
                      100 * recall.accuracy);
        report(at, length, text);
    }

    void report(double at, int length, std::string text) {
        const double seconds = secondsSince(m_start);
        TrainProgress p;
        p.step = m_result.steps;
        p.tokens = m_result.tokens;
        p.done = at;
        p.sequence = length;
        p.loss = m_result.loss;
        p.tokensPerSecond = seconds > 0 ? static_cast<double>(m_result.tokens) / seconds : 0;
        p.secondsLeft = at > 0 ? seconds * (1 - at) / at : 0;
        p.note = std::move(text);
        if (m_observer)
            m_observer(p);
    }

    void note(std::string text) {
        TrainProgress p;
        p.note = std::move(text);
        if (m_observer)
            m_observer(p);
    }

    void save(const std::string& card) { writeModelFolder(m_options.out, m_model, m_tokenizerModel, card); }

    const TrainOptions& m_options;
    const TrainObserver& m_observer;
    const std::atomic<bool>& m_cancel;
    std::string m_tokenizerModel;
    std::shared_ptr<const Tokenizer> m_tokenizer;
    Corpus m_corpus;
    std::unique_ptr<SequenceSource> m_source;
    Model m_model;
    std::unique_ptr<Optimizer> m_optimizer;
    Clock::time_point m_start, m_lastSave;
    TrainResult m_result;
};

} // namespace

TrainResult train(const TrainOptions& options, const TrainObserver& observer,
                  const std::atomic<bool>& cancel) {
    check(options);
    const ThreadCount threads(options.threads);
    return Training(options, observer, cancel).run();
}

} // namespace fovea
