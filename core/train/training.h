#pragma once
// One sitting of a training: begun or resumed, and gone through to the end or to where it is cancelled.

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/model/model.h"
#include "core/model/safetensors.h"
#include "core/tokenizer/tokenizer.h"
#include "core/train/adamw.h"
#include "core/train/corpus.h"
#include "core/train/sequences.h"
#include "core/train/state.h"
#include "core/train/train.h"
#include "core/train/training_log.h"

namespace fovea {

class Training {
public:
    // Reads the texts, and the state when there is one to go on with. Throws as train() does.
    Training(const TrainOptions& options, const TrainObserver& observer, const std::atomic<bool>& cancel);
    TrainResult run();

private:
    using Clock = std::chrono::steady_clock;

    // training_begin.cpp: from options to where the first step can be made
    void readTexts();
    void begin();
    void resume();
    void prepare();
    void restore(const TrainingStateFile& file);

    // training.cpp: the steps
    double done() const;
    double seconds() const;
    bool saveIsDue() const;
    void step();
    void validate();
    void logStep(double at, double rate, std::int64_t length);
    void log(const TrainingEntry& entry);
    void report(double at, std::int64_t length);
    void note(std::string text);
    void saveState();
    void save(); // the state, and the model as it is
    void trySave();
    std::vector<NamedTensor> stateTensors() const;
    const Model& kept() const { return m_best ? *m_best : m_model; }
    TrainResult result(bool cancelled) const;

    const TrainOptions m_options;
    const TrainObserver& m_observer;
    const std::atomic<bool>& m_cancel;
    std::unique_ptr<TrainingLog> m_log;
    std::vector<std::string> m_texts;
    TrainingState m_state;
    std::shared_ptr<const Tokenizer> m_tokenizer;
    Corpus m_corpus;
    std::unique_ptr<SequenceSource> m_source;
    Model m_model;
    std::optional<Model> m_best; // kept when asked to, from the first held-out loss on
    std::unique_ptr<AdamW> m_adam;
    Clock::time_point m_start, m_lastSave;
    double m_secondsBefore = 0; // of earlier sittings
    double m_loggedSeconds = 0; // at the log's last step line
    std::string m_logTrouble;   // said once
};

} // namespace fovea
