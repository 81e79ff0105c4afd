#pragma once
// Turns the document's changes into work and the work's results into what views show. A change of plan does
// two things: at once the head on screen is replayed; after a quiet moment B is run again on the same tokens.

#include <QElapsedTimer>
#include <QObject>
#include <QString>
#include <QTimer>

#include <memory>
#include <optional>

#include "app/window/head_job.h"
#include "app/window/job_runner.h"
#include "app/window/memory_verdict.h"
#include "app/window/run_job.h"

namespace fovea {

struct OpenRequest;

class Controller : public QObject {
    Q_OBJECT

public:
    Controller(Document& document, JobRunner& jobs, QObject* parent = nullptr);

    void openModel(const QString& path, const QString& tokenizer = {});
    // The same for a model that was looked at before. Ends with opened(), failed(), or modelBeyondBudget(),
    // which leaves everything as it was.
    void openModel(const OpenRequest& request);
    void cancelOpening(); // the model on screen stays
    void setLimits(const RunLimits& limits);
    const RunLimits& limits() const { return m_limits; }
    // What a run started now would hold; nothing without a model.
    std::optional<MemoryVerdict> memoryOfRun() const;
    // Makes the run what was offered, as edits that can be undone; the capture's budget counts from now on.
    void accept(const MemoryOffer& offer);

    // Runs from a file, shown like finished ones. Their plans become the document's, as edits that can be
    // undone, where the model takes them.
    void showRuns(const RunPair& runs);

    void run(); // prefill and generate with A, then B on the same tokens; or runBeyondBudget()
    void runAnyway();
    void step(); // one more token
    void stop(); // keeps what there is
    bool running() const { return m_jobs.busy(Lane::Engine); }
    // An edit's quiet moment has not passed yet; work will follow.
    bool waiting() const { return m_quietForSummaries.isActive() || m_quietForRerun.isActive(); }
    // Prompt, model or plan A are no longer those of the runs on screen: Run makes new ones.
    bool outdated() const { return m_outdated; }

    // What the head map draws: the weights that A uses, those that B uses, or A − B.
    void setMapMode(MapMode mode);
    MapMode mapMode() const { return m_mapMode; }

    // What there is to show; null where there is nothing yet.
    const RunPair& runs() const { return m_runs; }
    const std::shared_ptr<const HeadPicture>& head() const { return m_head; }
    // The picture is of B's own run, not of A's: its layers share KV otherwise.
    bool replaysB() const { return m_head && replayedRun(m_head->request) != m_head->request.run.get(); }
    const std::shared_ptr<const Summaries>& summaries() const { return m_summaries; }
    bool makingTokens() const { return m_makingTokens; }
    // B as run is B as planned; false while an edited plan waits for its run.
    bool comparisonCurrent() const { return m_comparisonCurrent; }
    // What a run started now would be.
    RunRequest request() const;
    // The query on screen, as a position; -1 where there is none.
    std::int64_t query() const;
    std::int64_t lastQuery() const; // that can be looked at

Q_SIGNALS:
    void runsChanged();
    void headChanged();
    void summariesChanged();
    void stateChanged();              // running, outdated, comparisonCurrent
    void emptied(const QString& why); // the head cannot be drawn
    void failed(const QString& line);
    void opened(const QString& path); // the document has the model
    void modelBeyondBudget(const fovea::OpenRequest& request, const fovea::MemoryVerdict& verdict);
    void runBeyondBudget(const fovea::MemoryVerdict& verdict);
    void limitsChanged();
    void runFinished(); // a Run, Step or re-run has come to its end, or was stopped

private:
    HeadRequest headRequest() const;
    using EngineWork = std::function<RunPair(const PairObserver&, const std::atomic<bool>&)>;
    enum class Purpose { MakeTokens, Follow };
    // The models that the request's plans convert are made before the work begins.
    void startEngine(const QString& title, Purpose purpose, RunRequest request, EngineWork work);
    void conversionStopped();
    void beginLive();
    void showOnTheWay(const RunPair& soFar);
    void runEnded(const RunPair& runs);
    void takeModel(const OpenRequest& request, std::shared_ptr<const LoadedModel> model);
    void requestHead();
    void chooseHead();
    void requestSummaries();
    void rerun();
    void planEdited(Side side);
    void settingsEdited();
    void setOutdated(bool outdated);

    Document& m_document;
    JobRunner& m_jobs;
    RunLimits m_limits;
    MapMode m_mapMode = MapMode::A;
    std::shared_ptr<LivePair> m_live; // touched by engine jobs alone
    RunSettings m_ranSettings;        // that the runs on screen were made with
    RunPair m_runs;
    std::shared_ptr<const HeadPicture> m_head;
    std::shared_ptr<const Summaries> m_summaries;
    QTimer m_quietForSummaries, m_quietForRerun;
    bool m_outdated = true;
    bool m_comparisonCurrent = false;
    bool m_rerunBoth = false;
    bool m_makingTokens = false; // the engine runs what no edit of a plan may throw away
    bool m_choseHead = false;    // the first run ends on a head worth looking at; later the user chooses
    QElapsedTimer m_sinceHead;
};

} // namespace fovea
