#pragma once
// The one truth of the window: model, prompt, the two plans, where decoding is said to begin, how tokens are
// chosen, and what is selected. Views and jobs read it; it changes only here. Edits that a user would want
// back are undo commands; the selection, like a text cursor, is not.

#include <QObject>
#include <QString>
#include <QUndoStack>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/window/prompt_text.h"
#include "core/engine/sampler.h"
#include "core/engine/session.h"
#include "core/plan/attention_plan.h"

namespace fovea {

struct LoadedModel;
struct ModelSpec;

enum class Side : std::uint8_t { A, B };

// SparQ scaled to the model's heads: a quarter of their components, and few enough tokens to leave some out.
AttentionPlan startingPlan(const ModelSpec& spec);

struct RunSettings {
    std::int64_t tokens = 96;     // to generate
    std::int64_t decodeFrom = -1; // -1: the prompt's length
    Backend device = Backend::Cpu; // or Cuda
    bool ignoreEnd = true;        // a fixed length makes two runs comparable
    // A small model that always takes the likeliest token soon repeats itself; a fixed seed repeats runs.
    SamplerOptions sampler{.temperature = 0.6f, .topP = 0.9f};

    bool operator==(const RunSettings& other) const;
};

struct Selection {
    int layer = 0, head = 0;
    std::int64_t query = -1; // -1: the newest
    bool operator==(const Selection&) const = default;
};

class Document : public QObject {
    Q_OBJECT

public:
    explicit Document(QObject* parent = nullptr);

    const std::shared_ptr<const LoadedModel>& model() const { return m_model; }
    const std::string& prompt() const { return m_prompt.text; }
    bool chat() const { return m_prompt.chat; } // the prompt is a user's turn
    const std::vector<int>& promptTokens() const { return m_prompt.tokens; } // BOS included
    const AttentionPlan& plan(Side side) const { return side == Side::A ? m_planA : m_planB; }
    const RunSettings& settings() const { return m_settings; }
    const Selection& selection() const { return m_selection; }
    // Position from which the plan's read acts.
    std::int64_t decodeFrom() const;
    // Longest prompt that leaves room for the tokens to generate, BOS included.
    std::int64_t longestPrompt() const;
    // Counts edits of plan B and of what it is drawn from; a picture made for a lower version is out of date.
    std::uint64_t version() const { return m_version; }
    QUndoStack& undoStack() { return m_undo; }

    // Undoable. `what` names the parameter ("r"); edits of one parameter within one gesture are one step.
    // A plan the model refuses changes nothing and answers with a sentence, else an empty string.
    QString editPlan(Side side, const AttentionPlan& plan, const QString& what);
    QString editPlanText(Side side, const QString& text);
    void endGesture() { ++m_gesture; }
    // The spans of a side's plan now lie in this file as well. The plan stays what it is: nothing to undo.
    void nameSpans(Side side, const std::string& file);
    // Encodes the text here and now; for a long one give a Prompt that a job has encoded with this model.
    QString editPrompt(const std::string& text);
    QString editPrompt(const Prompt& prompt);
    QString editSettings(const RunSettings& settings, const QString& what);

    // Not undoable.
    // What a window starts with, before a model is open; a plan left out becomes one that suits the model.
    void start(const std::string& prompt, std::optional<AttentionPlan> planA,
               std::optional<AttentionPlan> planB, const SamplerOptions& sampler = RunSettings{}.sampler);
    void open(std::shared_ptr<const LoadedModel> model);
    void select(const Selection& selection);

Q_SIGNALS:
    void modelChanged();
    void planChanged(fovea::Side side);
    void spansNamed(fovea::Side side);
    void promptChanged();
    void settingsChanged();
    void selectionChanged();

private:
    QString refused(const AttentionPlan& plan, Backend device) const;

    friend class PlanEdit;
    friend class PromptEdit;
    friend class SettingsEdit;
    void setPlan(Side side, const AttentionPlan& plan);
    void setPrompt(const Prompt& prompt);
    void setSettings(const RunSettings& settings);

    std::shared_ptr<const LoadedModel> m_model;
    Prompt m_prompt;
    AttentionPlan m_planA, m_planB;
    bool m_planBGiven = false;
    RunSettings m_settings;
    Selection m_selection;
    std::uint64_t m_version = 0;
    int m_gesture = 0;
    QUndoStack m_undo;
};

} // namespace fovea
