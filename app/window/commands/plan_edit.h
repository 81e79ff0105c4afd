#pragma once
// One change of a plan. While a slider drags, every value merges into the one step that undo takes back.

#include <QUndoCommand>

#include "app/window/commands/command_ids.h"
#include "app/window/document.h"

namespace fovea {

class PlanEdit final : public QUndoCommand {
public:
    PlanEdit(Document& document, Side side, const AttentionPlan& plan, const QString& what, int gesture)
        : QUndoCommand(QObject::tr("change %1").arg(what)), m_document(document), m_side(side), m_what(what),
          m_gesture(gesture), m_before(document.plan(side)), m_after(plan) {}

    int id() const override { return kPlanEditId; }
    void undo() override { m_document.setPlan(m_side, m_before); }
    void redo() override { m_document.setPlan(m_side, m_after); }
    bool mergeWith(const QUndoCommand* other) override {
        const auto& next = *static_cast<const PlanEdit*>(other); // ids are equal, so are the types
        if (next.m_side != m_side || next.m_what != m_what || next.m_gesture != m_gesture)
            return false;
        m_after = next.m_after;
        setObsolete(m_after == m_before); // a drag that came back changed nothing
        return true;
    }

private:
    Document& m_document;
    const Side m_side;
    const QString m_what;
    const int m_gesture;
    const AttentionPlan m_before;
    AttentionPlan m_after;
};

} // namespace fovea
