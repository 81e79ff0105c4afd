// The scenes of the tour in which plans are judged: masked prompts, two backends held against each other, a sweep,
// a study of rounding.
#include <QCheckBox>
#include <QPushButton>

#include <algorithm>
#include <stdexcept>

#include "app/window/bundled.h"
#include "app/window/demo_tour.h"
#include "app/window/dock_panels.h"
#include "app/window/export_actions.h"
#include "app/window/main_window.h"
#include "app/window/study_form.h"
#include "app/window/study_window.h"
#include "app/window/sweep_form.h"
#include "app/window/sweep_window.h"
#include "core/engine/check.h"
#include "views/maps/head_map_view.h"
#include "views/panels/check_panel.h"

namespace fovea {

// A prompt that is masked: the rows before decode-from are the keep's as well.
void DemoTour::masked() {
    Document& document = m_window->document();
    const AttentionPlan before = document.plan(Side::B);
    const auto tokens = static_cast<int>(m_window->controller().runs().a->tokens.size());
    AttentionPlan plan;
    plan.keep = StreamingParams{.window = std::max(tokens / 6, 8)};
    plan.prefill = AttentionPlan::Prefill::Masked;
    document.editPlan(Side::B, plan, QStringLiteral("plan"));
    settle();
    m_window->views().headMap->fit();
    idle(200);
    m_window->exports().saveImage(m_window->grab().toImage(), QString::fromStdString(path("masked.png")));
    waitFor("saving the masked prompt", [this] { return !m_window->jobs().busy(Lane::Disk); });
    document.editPlan(Side::B, before, QStringLiteral("plan"));
    settle();
}

// Plan B through both backends, the prompt too.
void DemoTour::check() {
    m_window->panels().bringUp("checkDock");
    settle();
    CheckPanel& panel = *m_window->views().check;
    auto* prompt = panel.findChild<QCheckBox*>(QStringLiteral("checkPrompt"));
    if (!prompt)
        throw std::runtime_error("the tour found no box to check the prompt with");
    prompt->setChecked(true);
    panel.button().click();
    waitFor("the check", [&panel] { return panel.report() != nullptr; });
    settle();
    idle(200);
    m_window->exports().saveImage(m_window->grab().toImage(), QString::fromStdString(path("check.png")));
    waitFor("saving the check", [this] { return !m_window->jobs().busy(Lane::Disk); });
    if (!panel.report()->within())
        throw std::runtime_error("the tour's check found the backends apart: " +
                                 panel.verdict().toStdString());
    m_window->actions().restoreLayout->trigger();
    settle();
}

// A small sweep of recall, in its own window.
void DemoTour::sweep() {
    SweepWindow* window = showSweep(*m_window);
    SweepRequest request;
    request.task.name = "recall";
    request.task.length = 384;
    request.task.prompt = 192; // H2O hears the first questions
    request.text = bundledText();
    request.samples = 2;
    request.templates = {"read=sparq:r={4,8},k={8,16,32}", "keep=streaming:window={28,60,92}",
                         "keep=h2o:heavy={28,56,84},recent=8"};
    window->form().setRequest(request);
    window->startButton().click();
    waitFor("the sweep",
            [window] { return !window->run().running() && !window->run().table().rows.empty(); });
    idle(200);
    m_window->exports().saveImage(window->grab().toImage(), QString::fromStdString(path("sweep.png")));
    window->savePicture(QString::fromStdString(path("sweep.svg")));
    window->saveTable(QString::fromStdString(path("sweep.csv")));
    waitFor("saving the sweep", [this, window] {
        return !m_window->jobs().busy(Lane::Disk) &&
               window->statusText().contains(QStringLiteral("sweep.csv"));
    });
    window->close();
    settle();
}

// A small study of rounding, in its own window.
void DemoTour::study() {
    StudyWindow* window = showStudy(*m_window);
    StudyRequest request;
    request.options.samples = 1;
    request.options.length = 160;
    request.options.pairs = 4;
    request.text = bundledText();
    window->form().setRequest(request);
    window->startButton().click();
    waitFor("the study", [window] { return !window->run().running() && window->run().result(); });
    idle(200);
    m_window->exports().saveImage(window->grab().toImage(), QString::fromStdString(path("study.png")));
    window->savePicture(QString::fromStdString(path("study_losses.svg")));
    window->saveTable(QString::fromStdString(path("study.csv")));
    waitFor("saving the study", [this, window] {
        return !m_window->jobs().busy(Lane::Disk) &&
               window->statusText().contains(QStringLiteral("study.csv"));
    });
    window->close();
    settle();
}

} // namespace fovea
