#pragma once
// Feeds the quantisation view: what plan B's store makes of the captured keys and values of the head on screen, computed in
// a lane of its own as long as the view can be seen. And takes a picked token back to the document.

#include <QObject>

#include <cstdint>
#include <memory>

#include "core/methods/store/store.h"

namespace fovea {

class Capture;
class Controller;
class Document;
class JobRunner;
struct HeadRequest;
struct WindowViews;

class StoredFeed : public QObject {
    Q_OBJECT

public:
    StoredFeed(Document& document, Controller& controller, JobRunner& jobs, const WindowViews& views,
               QObject* parent = nullptr);

private:
    // What the view is drawn from; equal requests are one picture.
    struct Request {
        std::shared_ptr<const Capture> capture;
        std::int64_t tokens = 0;
        Store store;
        int layer = 0, kvHead = 0;
        bool operator==(const Request&) const = default;
    };

    void feed();
    void empty();
    Request wanted(const HeadRequest& request) const;

    Document& m_document;
    Controller& m_controller;
    JobRunner& m_jobs;
    const WindowViews& m_views;
    Request m_asked; // drawn, or being drawn
};

} // namespace fovea
