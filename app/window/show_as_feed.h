#pragma once
// "Show as": redraws the byte timelines for a model that is not here, from the plans' closed forms.

#include <QObject>

namespace fovea {

class Controller;
class Document;
class Timelines;

class ShowAsFeed : public QObject {
    Q_OBJECT

public:
    ShowAsFeed(Document& document, Controller& controller, Timelines& timelines, QObject* parent = nullptr);

private:
    void fill();
    void show(int choice);

    Document& m_document;
    Controller& m_controller;
    Timelines& m_timelines;
};

} // namespace fovea
