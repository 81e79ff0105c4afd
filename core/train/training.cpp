#include "core/train/training.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <stdexcept>

#include "core/tasks/next_token.h"
#include "core/trace/file_writer.h"
#include "core/train/folder.h"
#include "core/train/gradient.h"
#include "core/train/initialise.h"
#include "core/train/model_card.h"
#include "core/train/schedule.h"

namespace fovea {

namespace {

using Kind = TrainingEntry::Kind;

constexpr double kClip = 1.0;
constexpr std::int64_t kLogEvery = 10;       // steps
constexpr std::size_t kHeldOutTokens = 8192; // a held-out loss costs about one step
constexpr int kHeldOutWindow = 256;

double secondsBetween(std::chrono::steady_clock::time_point from, std::chrono::steady_clock::time_point to) {
    return std::chrono::duration<double>(to - from).count();
}

// What is stored is bf16, so what is measured is the same weights rounded.
Model asStored(const Model& model) {
    const at::NoGradGuard noGrad;
    Model stored = initialModel(model.spec, 0);
    const auto from = namedParameters(model), to = namedParameters(stored);
    for (std::size_t i = 0; i < to.size(); ++i)
        to[i].tensor.copy_(from[i].tensor.to(at::kBFloat16));
    return stored;
}

} // namespace

TrainResult Training::run() {
    while (done() < 1 && !m_cancel) {
        step();
        if (m_options.validateEvery > 0 && m_state.position.steps % m_options.validateEvery == 0)
            validate();
        if (saveIsDue())
            trySave();
    }
    const bool cancelled = m_cancel && done() < 1;
    const auto& heldOut = m_state.position.heldOut;
    if (!cancelled && m_options.validateEvery > 0 && (!heldOut || heldOut->step != m_state.position.steps))
        validate();
    save();
    const TrainResult result = this->result(cancelled);
    if (!cancelled) {
        note("measuring");
        const std::string card =
            modelCard(asStored(kept()), *m_tokenizer, m_corpus.heldOut, m_options, result);
        writeModelFolder(m_options.out, kept(), m_state.tokenizer, card);
        removeFile(trainingStateIn(m_options.out));
    }
    TrainingEntry entry;
    entry.kind = Kind::Ended;
    entry.early = cancelled;
    log(entry);
    return result;
}

double Training::seconds() const {
    return m_secondsBefore + secondsBetween(m_start, Clock::now());
}

double Training::done() const {
    // A run bounded by tokens does not look at the clock, so that the same seed gives the same weights.
    const double done = m_options.tokens > 0 ? static_cast<double>(m_state.position.tokens) /
                                                   static_cast<double>(m_options.tokens)
                                             : seconds() / (60 * m_options.minutes);
    return done;
}

bool Training::saveIsDue() const {
    return secondsBetween(m_lastSave, Clock::now()) >= m_options.saveSeconds;
}

void Training::step() {
    const double at = done();
    const std::int64_t length = sequenceAt(at, m_options.context);
    const double rate = learningRateAt(at, m_options.learningRate);
    const std::vector<Batch> parts =
        drawBatches(*m_source, m_options.batchTokens / length, length, madeUpAt(at), m_options.accumulate);
    const StepLoss loss = addGradients(m_model, parts, at::kBFloat16);
    const double mean = loss.mean();
    if (!std::isfinite(mean))
        throw std::runtime_error("train: the loss is no longer a number; lower the learning rate");
    clipGradients(m_adam->parameters(), kClip);
    m_adam->step(rate);

    TrainingPosition& p = m_state.position;
    p.loss = p.steps == 0 ? mean : 0.98 * p.loss + 0.02 * mean;
    ++p.steps;
    for (const Batch& part : parts)
        p.tokens += part.inputs.numel();
    p.loggedNats += loss.nats;
    p.loggedGraded += loss.graded;
    if (p.steps == 1 || p.steps % kLogEvery == 0)
        logStep(at, rate, length);
    report(at, length);
}

void Training::logStep(double at, double rate, std::int64_t length) {
    TrainingPosition& p = m_state.position;
    const double now = seconds(), taken = now - m_loggedSeconds;
    TrainingEntry entry;
    entry.kind = Kind::Step;
    entry.loss = p.loggedNats / static_cast<double>(p.loggedGraded);
    entry.done = std::min(1., at);
    entry.rate = rate;
    entry.sequence = static_cast<int>(length);
    entry.tokensPerSecond = taken > 0 ? static_cast<double>(p.tokens - p.loggedTokens) / taken : 0;
    entry.secondsLeft = at > 0 ? now * std::max(0., 1 - at) / at : 0;
    log(entry);
    p.loggedNats = 0;
    p.loggedGraded = 0;
    p.loggedTokens = p.tokens;
    m_loggedSeconds = now;
}

void Training::validate() {
    TrainingPosition& p = m_state.position;
    const std::span<const int> heldOut = m_corpus.heldOut;
    const double loss =
        natsPerToken(m_model, *m_tokenizer, heldOut.first(std::min(kHeldOutTokens, heldOut.size())),
                     std::min(kHeldOutWindow, m_options.context));
    if (!std::isfinite(loss))
        throw std::runtime_error("train: the held-out loss is no longer a number; lower the learning rate");
    p.heldOut = HeldOutLoss{p.steps, p.tokens, loss};
    const bool best = !p.best || loss < p.best->loss;
    if (best)
        p.best = p.heldOut;
    if (best && m_options.keepBest) {
        const at::NoGradGuard noGrad;
        if (!m_best)
            m_best = initialModel(m_model.spec, m_options.seed);
        const auto from = namedParameters(m_model), to = namedParameters(*m_best);
        for (std::size_t i = 0; i < to.size(); ++i)
            to[i].tensor.copy_(from[i].tensor);
    }
    TrainingEntry entry;
    entry.kind = Kind::HeldOut;
    entry.loss = loss;
    entry.best = best;
    log(entry);
    char text[80];
    std::snprintf(text, sizeof text, "held-out loss %.3f nats per token%s", loss, best ? ", the lowest" : "");
    note(text);
}

// Where the training stands is added. A log that cannot be written is no reason to stop learning.
void Training::log(const TrainingEntry& given) {
    TrainingEntry entry = given;
    entry.step = m_state.position.steps;
    entry.tokens = m_state.position.tokens;
    entry.seconds = seconds();
    TrainProgress progress;
    progress.entry = toJsonLine(entry);
    try {
        m_log->add(progress.entry);
    } catch (const ExportError& error) {
        if (m_logTrouble != error.what())
            note(m_logTrouble = error.what());
    }
    if (m_observer)
        m_observer(progress);
}

void Training::report(double at, std::int64_t length) {
    const double now = seconds();
    TrainProgress p;
    p.step = m_state.position.steps;
    p.tokens = m_state.position.tokens;
    p.done = at;
    p.sequence = static_cast<int>(length);
    p.loss = m_state.position.loss;
    p.tokensPerSecond = now > 0 ? static_cast<double>(p.tokens) / now : 0;
    p.secondsLeft = at > 0 ? now * (1 - at) / at : 0;
    if (m_observer)
        m_observer(p);
}

void Training::note(std::string text) {
    TrainProgress p;
    p.note = std::move(text);
    if (m_observer)
        m_observer(p);
}

std::vector<NamedTensor> Training::stateTensors() const {
    std::vector<NamedTensor> tensors = namedParameters(m_model);
    const std::vector<NamedTensor> weights = tensors;
    for (std::size_t i = 0; i < weights.size(); ++i) {
        tensors.push_back({"adam.first." + weights[i].name, m_adam->first()[i]});
        tensors.push_back({"adam.second." + weights[i].name, m_adam->second()[i]});
    }
    if (m_best)
        for (const NamedTensor& best : namedParameters(*m_best))
            tensors.push_back({"best." + best.name, best.tensor});
    return tensors;
}

void Training::saveState() {
    m_log->sync(); // before the state that counts on it
    TrainingPosition& p = m_state.position;
    p.seconds = seconds();
    p.logBytes = m_log->length();
    p.sequences = m_source->position();
    writeTrainingState(trainingStateIn(m_options.out), m_state, stateTensors());
}

void Training::save() {
    saveState();
    writeModelFolder(m_options.out, kept(), m_state.tokenizer, {});
    m_lastSave = Clock::now();
}

// The state before is still there, and the next attempt is not far.
void Training::trySave() {
    try {
        save();
    } catch (const ExportError& error) {
        note(std::string(error.what()) + "; the training goes on, its state is the one before");
        m_lastSave = Clock::now();
    }
}

TrainResult Training::result(bool cancelled) const {
    const TrainingPosition& p = m_state.position;
    TrainResult result;
    result.steps = p.steps;
    result.tokens = p.tokens;
    result.seconds = p.seconds;
    result.loss = p.loss;
    result.sittings = p.sittings;
    result.heldOut = p.heldOut;
    result.best = p.best;
    result.cancelled = cancelled;
    return result;
}

} // namespace fovea
