#pragma once
// Feeds the sharing diagram: who owns KV under each plan, by formula as soon as a plan is edited, with what was counted
// once its run is there. And takes a picked layer back to the document.

#include <QObject>

namespace fovea {

class Controller;
class Document;
struct WindowViews;

class SharingFeed : public QObject {
    Q_OBJECT

public:
    SharingFeed(Document& document, Controller& controller, const WindowViews& views,
                QObject* parent = nullptr);

private:
    void feed();
    void feedNotes();

    Document& m_document;
    Controller& m_controller;
    const WindowViews& m_views;
};

} // namespace fovea
