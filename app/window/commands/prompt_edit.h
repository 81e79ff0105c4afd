#pragma once
// One change of the prompt, as accepted by the prompt's dialog.

#include <QUndoCommand>

#include "app/window/document.h"

namespace fovea {

class PromptEdit final : public QUndoCommand {
public:
    PromptEdit(Document& document, const Prompt& prompt)
        : QUndoCommand(QObject::tr("change prompt")), m_document(document), m_before(document.m_prompt),
          m_after(prompt) {}

    void undo() override { m_document.setPrompt(m_before); }
    void redo() override { m_document.setPrompt(m_after); }

private:
    Document& m_document;
    const Prompt m_before, m_after; // with their tokens: undoing encodes nothing
};

} // namespace fovea
