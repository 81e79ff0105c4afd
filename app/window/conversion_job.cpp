#include "app/window/conversion_job.h"

#include <QCoreApplication>

#include "app/window/job_runner.h"
#include "app/window/loaded_model.h"
#include "app/window/run_job.h"
#include "core/engine/converted_models.h"
#include "core/plan/share_text.h"

namespace fovea {

bool convertForRun(const RunRequest& request, Job& job) {
    forgetClosedModels();
    const QString title = job.title();
    for (const AttentionPlan* plan : {&request.planA, &request.planB}) {
        if (isConverted(request.model->model, plan->share) || refusal(*plan, request.model->spec))
            continue; // what is refused says so when it is run
        job.setTitle(QCoreApplication::translate("fovea::ConversionJob", "converting weights, %1")
                         .arg(QString::fromStdString(shareText(plan->share))));
        job.progress(0);
        const auto progress = [&job](int done, int all) { job.progress(static_cast<double>(done) / all); };
        if (!convertedModel(request.model->model, plan->share, progress, job.cancelled()))
            return false;
    }
    job.setTitle(title);
    job.progress(0);
    return true;
}

} // namespace fovea
