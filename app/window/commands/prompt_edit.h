#pragma once
// One change of the prompt, as accepted by the prompt's dialog.

#include <QUndoCommand>

#include <string>

#include "app/window/document.h"

namespace fovea {

class PromptEdit final : public QUndoCommand {
public:
    PromptEdit(Document& document, const std::string& prompt)
        : QUndoCommand(QObject::tr("change prompt")), m_document(document), m_before(document.prompt()),
          m_after(prompt) {}

    void undo() override { m_document.setPrompt(m_before); }
    void redo() override { m_document.setPrompt(m_after); }

private:
    Document& m_document;
    const std::string m_before, m_after;
};

} // namespace fovea
