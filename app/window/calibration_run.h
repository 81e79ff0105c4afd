#pragma once
// A calibration that the window has started: `fovea calibrate --json`. What it says on the way is told on; a stopped one
// leaves nothing.

#include <filesystem>
#include <string>

#include "app/window/program_run.h"
#include "core/calibrate/text_blocks.h"

namespace fovea {

struct CalibrationRequest {
    bool ofStore = false;
    std::string method;   // as the command takes it: "gptq:bits=3,group=128"; of a store "kvquant:bits=2"
    bool weighted = true; // of a store: by squared gradients
    std::filesystem::path model, text; // no text: the bundled one
    std::filesystem::path to;          // empty: beside the model, where a plan looks for it
    TextBlocks blocks;

    bool operator==(const CalibrationRequest&) const = default;
};

class CalibrationRun : public ProgramRun {
    Q_OBJECT

public:
    explicit CalibrationRun(QString program, QObject* parent = nullptr);

    void start(const CalibrationRequest& request);

    const CalibrationRequest& request() const { return m_request; } // of the last one that was started
    // "block 3 of 64"; empty before the first.
    const QString& stage() const { return m_stage; }
    double fraction() const { return m_fraction; } // of the stage
    // What was lessened, and what the text is too short for.
    const QStringList& notes() const { return m_notes; }
    // What the last one left, folder or file; empty: nothing.
    const QString& made() const { return m_made; }
    double seconds() const { return m_seconds; } // that it took

protected:
    void takeLine(const QByteArray& line) override;
    void linesTaken() override { Q_EMIT stateChanged(); }
    void ended(int status, bool crashed, bool stopped) override;

private:
    CalibrationRequest m_request;
    QString m_stage, m_made;
    QStringList m_notes;
    double m_fraction = 0, m_seconds = 0;
};

} // namespace fovea
