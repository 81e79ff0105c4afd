#include "app/window/view_feed.h"

#include <QComboBox>

#include <algorithm>

#include "app/window/controller.h"
#include "app/window/document.h"
#include "app/window/latency.h"
#include "app/window/loaded_model.h"
#include "app/window/paper_facts.h"
#include "app/window/query_facts.h"
#include "app/window/token_texts.h"
#include "views/charts/timelines.h"
#include "views/maps/atlas_view.h"
#include "views/maps/head_map_view.h"
#include "views/panel_frame.h"
#include "views/panels/inspector.h"
#include "views/panels/plan_panel.h"
#include "views/panels/span_panel.h"
#include "views/panels/summary_table.h"
#include "views/tokens/token_strip.h"

namespace fovea {

ViewFeed::ViewFeed(Document& document, Controller& controller, const WindowViews& views, RepaintWatch& watch,
                   QObject* parent)
    : QObject(parent), m_document(document), m_controller(controller), m_views(views), m_watch(watch) {
    connect(&document, &Document::modelChanged, this, &ViewFeed::feedModel);
    connect(&document, &Document::promptChanged, this, [this] {
        m_mapFocused = false;
        feedTokens();
    });
    connect(&document, &Document::selectionChanged, this, &ViewFeed::feedSelection);
    // The recorder's clock starts with the edit itself, before any work that the edit causes.
    connect(&document, &Document::planChanged, this, [this](Side side) {
        if (side == Side::B && m_controller.head())
            m_watch.edited(m_document.version());
        feedPlan();
    });
    connect(&controller, &Controller::runsChanged, this, &ViewFeed::feedRuns);
    connect(&controller, &Controller::headChanged, this, &ViewFeed::feedHead);
    connect(&controller, &Controller::emptied, this, &ViewFeed::feedEmpty);
    connect(&controller, &Controller::summariesChanged, this, [this] {
        const auto& model = m_document.model();
        m_views.atlas->setHeads(m_controller.summaries(), model ? model->spec.group() : 1);
    });
    connectPicks();
    m_views.tokens->setDetail([this](int index) {
        const auto& model = m_document.model();
        const auto at = static_cast<std::size_t>(index);
        return model && at < m_tokens.size() ? tokenDetail(*model->tokenizer, m_tokens, at) : QString();
    });
}

void ViewFeed::connectPicks() {
    const auto pickQuery = [this](qint64 query) {
        Selection selection = m_document.selection();
        if (m_controller.lastQuery() < 0)
            return;
        selection.query = std::clamp<std::int64_t>(query, 0, m_controller.lastQuery());
        m_document.select(selection);
    };
    connect(m_views.tokens, &TokenStrip::tokenPicked, this, pickQuery);
    connect(m_views.headMap, &HeadMapView::queryPicked, this, pickQuery);
    connect(m_views.inspector, &Inspector::queryRequested, this, pickQuery);
    connect(m_views.timelines, &Timelines::stepPicked, this, pickQuery);
    connect(m_views.tokens, &TokenStrip::tokenPinned, this, [this](int index) {
        if (!m_pinned.erase(index))
            m_pinned.insert(index);
        m_views.tokens->setPinned(m_pinned);
        feedTitles();
    });
    connect(m_views.tokenColour, &QComboBox::currentIndexChanged, this, [this] {
        m_views.tokens->setColour(static_cast<TokenColour>(m_views.tokenColour->currentData().toInt()));
        feedTokens();
    });
    connect(m_views.atlas, &AtlasView::headPicked, this, [this](int layer, int head) {
        Selection selection = m_document.selection();
        selection.layer = layer;
        selection.head = head;
        m_document.select(selection);
    });
    connect(m_views.headMap, &HeadMapView::rangeChanged, this, &ViewFeed::feedTitles);
    connect(
        m_views.plan, &PlanPanel::planEdited, this, [this](const AttentionPlan& plan, const QString& what) {
            if (!m_document.editPlan(Side::B, plan, what).isEmpty())
                m_views.plan->setPlan(m_document.plan(Side::B)); // refused: the controls go back to what is
        });
    connect(m_views.plan, &PlanPanel::editFinished, &m_document, &Document::endGesture);
    connect(m_views.spans, &SpanPanel::edited, this, [this](const MoaParams& params, const QString& what) {
        AttentionPlan plan = m_document.plan(Side::B);
        plan.keep = params;
        if (!m_document.editPlan(Side::B, plan, what).isEmpty())
            feedSpans();
    });
    connect(m_views.spans, &SpanPanel::editFinished, &m_document, &Document::endGesture);
    connect(m_views.spans, &SpanPanel::headPicked, this, [this](int layer, int head) {
        Selection selection = m_document.selection();
        selection.layer = layer;
        selection.head = head;
        m_document.select(selection);
    });
    connect(&m_document, &Document::spansNamed, this, &ViewFeed::feedPlan);
}

void ViewFeed::feedModel() {
    const ModelSpec& spec = m_document.model()->spec;
    m_views.plan->setSpec(spec);
    m_views.spans->setShape({spec.layers, spec.queryHeads, spec.group(), spec.context});
    m_tokens.clear();
    m_texts.clear();
    m_pinned.clear();
    m_views.tokens->setPinned({});
    feedSelection();
}

void ViewFeed::feedRuns() {
    const RunPair& runs = m_controller.runs();
    m_views.timelines->setRuns(runs.a, runs.b);
    m_views.timelines->setComparison(runs.comparison);
    m_views.table->setRuns(runs.a, runs.b);
    m_views.table->setComparison(runs.comparison);
    if (m_controller.lastQuery() >= 0)
        m_views.inspector->setQueryLimits(0, m_controller.lastQuery());
    feedTokens();
    feedSelection();
    feedPaper();
}

void ViewFeed::feedTokens() {
    const auto& model = m_document.model();
    const RunPair& runs = m_controller.runs();
    if (!model && !runs.pieces)
        return;
    const std::vector<int>& tokens = runs.a ? runs.a->tokens : m_document.promptTokens();
    if (runs.pieces != m_pieces) {
        m_pieces = runs.pieces;
        m_tokens.clear(); // what is written on them comes from elsewhere now
    }
    if (tokens != m_tokens && runs.pieces) {
        m_texts.clear();
        for (const std::string& piece : *runs.pieces)
            m_texts.push_back(QString::fromStdString(piece));
        m_tokens = tokens;
        m_views.headMap->setTokens(m_texts);
    } else if (tokens != m_tokens) {
        // Growing by a token is the usual case: texts of the others stay.
        std::size_t same = 0;
        while (same < std::min(tokens.size(), m_tokens.size()) && tokens[same] == m_tokens[same])
            ++same;
        std::vector<QString> texts = tokenTexts(*model->tokenizer, tokens, same);
        std::copy_n(m_texts.begin(), same, texts.begin());
        m_texts = std::move(texts);
        m_tokens = tokens;
        m_views.headMap->setTokens(m_texts);
    }
    const auto prompt = runs.a ? static_cast<std::size_t>(runs.a->promptTokens) : tokens.size();
    m_views.tokens->setTokens(
        tokenCells(m_texts, prompt, m_views.tokens->colour(), runs.a.get(), m_controller.head().get()));
    feedTitles();
}

void ViewFeed::feedHead() {
    const auto& head = m_controller.head();
    m_views.headMap->setData(head ? head->data : nullptr);
    m_views.inspector->setStages(head ? head->stages : nullptr);
    if (head)
        m_watch.shown(head->request.version);
    focusMap();
    feedTokens();
}

// A finished run is first shown where the plan acted, with a third as many dense rows before it to compare
// with.
void ViewFeed::focusMap() {
    const auto& head = m_controller.head();
    if (m_mapFocused || !head || !head->data || m_controller.makingTokens())
        return;
    const HeadMap& map = *head->data->map;
    const std::int64_t planned = map.tokens - map.decodeFrom;
    if (!head->data->anyChosen || planned < 8 || map.tokens != m_controller.runs().a->capturedTokens)
        return;
    m_mapFocused = true;
    const std::int64_t first = std::max<std::int64_t>(map.decodeFrom - planned / 3, 0);
    m_views.headMap->showRange(static_cast<int>(first), static_cast<int>(map.tokens - 1), 0,
                               static_cast<int>(map.tokens - 1));
}

void ViewFeed::feedSelection() {
    const Selection& selection = m_document.selection();
    const std::int64_t query = m_controller.query();
    m_views.atlas->setSelected(selection.layer, selection.head);
    m_views.headMap->setQuery(static_cast<int>(query));
    m_views.tokens->setQuery(static_cast<int>(query));
    m_views.timelines->setCursor(query);
    if (const auto& model = m_document.model())
        m_views.timelines->setHead(selection.layer, selection.head / model->spec.group());
    m_views.table->setCursor(query);
    m_views.plan->setTokens(query + 1);
    m_views.plan->setPrompt(m_document.decodeFrom());
    m_views.spans->setTokens(query + 1);
    m_views.spans->setSelected(selection.layer, selection.head);
    const bool known = query >= 0 && query < static_cast<std::int64_t>(m_texts.size());
    m_views.inspector->setTokenText(known ? m_texts[static_cast<std::size_t>(query)] : QString());
    feedTitles();
}

void ViewFeed::feedPlan() {
    m_views.plan->setPlan(m_document.plan(Side::B));
    feedSpans();
    feedPaper();
}

void ViewFeed::feedSpans() {
    const auto* moa = std::get_if<MoaParams>(&m_document.plan(Side::B).keep);
    m_views.spans->setParams(moa ? std::optional(*moa) : std::nullopt);
}

void ViewFeed::feedTitles() {
    const RunPair& runs = m_controller.runs();
    const auto prompt = m_document.promptTokens().size();
    m_views.tokensFrame->setSubtitle(
        runs.a ? tr("%1 prompt + %2 generated")
                     .arg(runs.a->promptTokens)
                     .arg(static_cast<qint64>(runs.a->tokens.size()) - runs.a->promptTokens)
               : tr("%1 prompt, context %2")
                     .arg(prompt)
                     .arg(m_document.model() ? m_document.model()->spec.context : 0));
    m_views.tokensFrame->setNote(
        queryNote(runs, m_controller.query(), m_texts, m_pinned.size(),
                  [this](int token) { return tokenText(*m_document.model()->tokenizer, -1, token); }));
    const Selection& selection = m_document.selection();
    const auto& model = m_document.model();
    if (!model)
        return;
    const QString where = tr("L%1 H%2 · KV %3")
                              .arg(selection.layer)
                              .arg(selection.head)
                              .arg(selection.head / model->spec.group());
    const bool drawn = m_controller.head() != nullptr;
    m_views.headMapFrame->setSubtitle(drawn ? where + QStringLiteral("   ") + m_views.headMap->rangeText()
                                            : where);
    // Replay answers a narrower question than a run, and says which.
    m_views.headMapFrame->setNote(drawn ? tr("this layer only") : QString(),
                                  m_controller.replaysB()
                                      ? tr("Replayed from B's own run, whose layers share K and V: what this plan "
                                           "does with the Q, K and V that came to it there")
                                      : tr("Replayed from A's dense Q, K and V: what B would have done here, had all "
                                           "layers before been dense"));
}

void ViewFeed::feedPaper() {
    m_views.inspector->setPaper(
        paperFacts(m_document.plan(Side::B), m_controller.runs(), m_controller.query()));
}

void ViewFeed::feedEmpty(const QString& why) {
    m_views.headMap->setEmptyText(why);
}

} // namespace fovea
