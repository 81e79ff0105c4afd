#pragma once
// Where runs are made: the CPU or a GPU. The two are actions of the Run menu; the GPU's says its name once it was looked
// for, or why there is none. What runs are on screen is made again on the other device.

#include <QObject>
#include <QString>

namespace fovea {

class Document;
class JobRunner;
struct WindowActions;

class DeviceChoice : public QObject {
    Q_OBJECT

public:
    // Looks for a GPU in the background: a driver may take its time.
    DeviceChoice(Document& document, JobRunner& jobs, const WindowActions& actions, QObject* parent);

    // "NVIDIA H200"; empty while it is looked for, and where there is none.
    const QString& gpuName() const { return m_gpuName; }

Q_SIGNALS:
    void found(); // a GPU, or that there is none
    // A plan that the GPU does not take, in a sentence.
    void refused(const QString& line);

private:
    void look(JobRunner& jobs);
    void choose();
    void follow();

    Document& m_document;
    const WindowActions& m_actions;
    QString m_gpuName;
};

} // namespace fovea
