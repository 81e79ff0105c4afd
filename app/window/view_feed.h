#pragma once
// Carries what the controller has to the views, and what a user picks in a view back to the document. The
// only place that knows both.

#include <QObject>

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "app/window/window_views.h"

namespace fovea {

class Controller;
class Document;
class RepaintWatch;

class ViewFeed : public QObject {
    Q_OBJECT

public:
    ViewFeed(Document& document, Controller& controller, const WindowViews& views, RepaintWatch& watch,
             QObject* parent = nullptr);

private:
    void connectPicks();
    void feedModel();
    void feedRuns();
    void feedTokens();
    void feedHead();
    void feedSelection();
    void feedPlan();
    void feedSpans();
    void feedTitles();
    void feedPaper();
    void focusMap();
    void feedEmpty(const QString& why);

    Document& m_document;
    Controller& m_controller;
    WindowViews m_views;
    RepaintWatch& m_watch;
    std::vector<int> m_tokens; // whose texts follow
    std::shared_ptr<const std::vector<std::string>> m_pieces; // the texts of a run from a file
    std::vector<QString> m_texts;
    std::set<int> m_pinned;
    bool m_mapFocused = false; // on this prompt, by us; from then on the user looks where the user wants
};

} // namespace fovea
