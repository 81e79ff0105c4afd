#pragma once
// The four questions of a plan, and the two precisions, as controls. Every change by the user is emitted at
// once, while a slider drags too; what the program sets is never emitted back. The panel is the content of a
// PanelFrame, whose header furnish() fills; it does not scroll by itself.

#include <QString>
#include <QWidget>

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <variant>

#include "core/model/model_spec.h"
#include "core/plan/attention_plan.h"

class QAction;
class QVBoxLayout;

namespace fovea {

class PanelFrame;

class PlanPanel : public QWidget {
    Q_OBJECT
public:
    explicit PlanPanel(QWidget* parent = nullptr);
    ~PlanPanel() override;

    // What the sliders range over: r up to head_dim, k up to the context.
    void setSpec(const ModelSpec& spec);
    void setPlan(const AttentionPlan& plan);
    const AttentionPlan& plan() const { return m_plan; }
    // S at the cursor, for the share that k is of it.
    void setTokens(std::int64_t tokens);
    // Tokens before the plan acts, which shares are of; 0: not known yet.
    void setPrompt(std::int64_t tokens);
    // Where a double-click on a slider returns to, and what choosing SparQ starts from.
    void setDefaults(const SparqParams& defaults);
    // The window's own actions, so that text, state and shortcut stay in one place. They are not owned.
    void setUndoActions(QAction* undo, QAction* redo);
    // Title, undo, redo and "Copy as command" into the frame's header.
    void furnish(PanelFrame* frame);

Q_SIGNALS:
    // `what` names the control, the same through one drag: "share", "factor", "pattern", "convert", "keep", "sinks",
    // "window", "positions", "prefill", "store", "read", "r", "k", "local", "alpha", "tau", "select", "renormalise", "page",
    // "pages", "skip", and MoA's "α", "β", "block", "minimum", "length", "spans", "weights", "acts", "act bits", "act alpha", or what
    // RtnRows says, or what ScoredKeepRows says.
    // Consecutive edits of one name may merge into one undo step until editFinished().
    void planEdited(fovea::AttentionPlan plan, QString what);
    void editFinished();
    void copyAsCommandRequested();
    void sharingDiagramRequested();
    void spanMapRequested();

private:
    struct Rows;
    void buildSections();
    void buildShare(QVBoxLayout* column);
    void buildKeep(QVBoxLayout* column);
    void buildMoa(QVBoxLayout* column);
    void buildSparq(QVBoxLayout* section);
    void buildTopvAndQuest(QVBoxLayout* section);
    void buildStore(QVBoxLayout* column);
    void buildWeights(QVBoxLayout* column);
    void nameWeights();
    void connectStore();
    void connectWeights();
    void buildActs(QVBoxLayout* column);
    void connectActs();
    void showActs();
    void showStore();
    void showWeights();
    void nameRows();
    void connectRows();
    void connectShare();
    void connectKeep();
    Share startingShare(int index) const;
    void connectMoa();
    void connectRead();
    Keep startingKeep(int index) const;
    MoaParams startingMoa() const;
    Read startingRead(int index) const;
    SparqParams fitting(SparqParams params) const;
    void showUndo();
    void edit(const AttentionPlan& plan, const QString& what);
    void showPlan();
    void showShare();
    void showKeep();
    void offerShares();
    void showMoa(const MoaParams& params);
    void offerWhatFits();
    void showRead();
    void showSparq(const SparqParams& params);
    void showTopv(const TopvParams& params);
    void showQuest(const QuestParams& params);
    int longest() const;

    ModelSpec m_spec;
    AttentionPlan m_plan;
    SparqParams m_defaults, m_last; // m_last: what READ returns to after a visit to "all"
    std::optional<ClaParams> m_lastCla;             // what SHARE returns to
    std::optional<StreamingParams> m_lastStreaming; // what KEEP returns to
    std::optional<LmInfiniteParams> m_lastInfinite;
    std::optional<MoaParams> m_lastMoa;
    std::array<std::optional<Store>, std::variant_size_v<Store>> m_lastStores; // what STORE and WEIGHTS return to
    std::optional<RtnParams> m_lastRtn;
    std::optional<TopvParams> m_lastTopv; // what READ returns to
    std::optional<QuestParams> m_lastQuest;
    std::map<std::size_t, Keep> m_lastScored; // by the index of Keep
    std::int64_t m_tokens = 0, m_prompt = 0;
    bool m_showing = false; // controls are being set from m_plan
    std::unique_ptr<Rows> m_rows;
};

} // namespace fovea
