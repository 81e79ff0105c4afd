#pragma once
// One change of how tokens are made: their number, the sampler, where decoding is said to begin.

#include <QUndoCommand>

#include "app/window/commands/command_ids.h"
#include "app/window/document.h"

namespace fovea {

class SettingsEdit final : public QUndoCommand {
public:
    SettingsEdit(Document& document, const RunSettings& settings, const QString& what, int gesture)
        : QUndoCommand(QObject::tr("change %1").arg(what)), m_document(document), m_what(what),
          m_gesture(gesture), m_before(document.settings()), m_after(settings) {}

    int id() const override { return kSettingsEditId; }
    void undo() override { m_document.setSettings(m_before); }
    void redo() override { m_document.setSettings(m_after); }
    bool mergeWith(const QUndoCommand* other) override {
        const auto& next = *static_cast<const SettingsEdit*>(other);
        if (next.m_what != m_what || next.m_gesture != m_gesture)
            return false;
        m_after = next.m_after;
        setObsolete(m_after == m_before);
        return true;
    }

private:
    Document& m_document;
    const QString m_what;
    const int m_gesture;
    const RunSettings m_before;
    RunSettings m_after;
};

} // namespace fovea
