#include "app/window/device_choice.h"

#include <QAction>
#include <QActionGroup>

#include "app/window/document.h"
#include "app/window/job_runner.h"
#include "app/window/window_actions.h"
#include "core/kernels/cuda/device_memory.h"

namespace fovea {

DeviceChoice::DeviceChoice(Document& document, JobRunner& jobs, const WindowActions& actions, QObject* parent)
    : QObject(parent), m_document(document), m_actions(actions) {
    connect(actions.devices, &QActionGroup::triggered, this, &DeviceChoice::choose);
    connect(&document, &Document::settingsChanged, this, &DeviceChoice::follow);
    actions.gpu->setEnabled(false);
    look(jobs);
}

void DeviceChoice::look(JobRunner& jobs) {
    jobs.start(Lane::Disk, tr("looking for a GPU"), Supersede::Nothing, [this](Job&) -> Deliver {
        QString name, why;
        if (cuda::available())
            name = QString::fromStdString(cuda::deviceFacts().name);
        else
            why = QString::fromStdString(cuda::whyUnavailable());
        return [this, name, why] {
            m_gpuName = name;
            m_actions.gpu->setEnabled(!name.isEmpty());
            m_actions.gpu->setText(name.isEmpty() ? tr("GPU: none") : tr("GPU: %1").arg(name));
            m_actions.gpu->setToolTip(
                name.isEmpty()
                    ? tr("No run can be made on a GPU: %1").arg(why)
                    : tr("Prompts are read and steps are made on the GPU; it can be changed under runs"));
            Q_EMIT found();
        };
    });
}

void DeviceChoice::choose() {
    RunSettings settings = m_document.settings();
    settings.device = m_actions.gpu->isChecked() ? Backend::Cuda : Backend::Cpu;
    m_document.endGesture();
    const QString line = m_document.editSettings(settings, tr("device"));
    if (line.isEmpty())
        return;
    follow();
    Q_EMIT refused(line);
}

void DeviceChoice::follow() {
    (m_document.settings().device == Backend::Cuda ? m_actions.gpu : m_actions.cpu)->setChecked(true);
}

} // namespace fovea
