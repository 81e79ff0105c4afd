#include "app/window/conversion_job.h"

#include <QCoreApplication>

#include "app/window/job_runner.h"
#include "app/window/loaded_model.h"
#include "app/window/run_job.h"
#include "core/engine/converted_models.h"
#include "core/plan/attention_plan.h"

namespace fovea {

namespace {

// What of the plan makes another model: "share=cla:2 weights=rtn".
std::string textOfConversion(const AttentionPlan& plan) {
    const bool smooth = std::holds_alternative<SmoothActs>(plan.acts); // which is another checkpoint's
    return toText({.share = plan.share, .weights = plan.weights, .acts = smooth ? plan.acts : Acts()});
}

} // namespace

bool convertForRun(const RunRequest& request, Job& job) {
    forgetClosedModels();
    const QString title = job.title();
    for (const AttentionPlan* plan : {&request.planA, &request.planB}) {
        if (isThere(request.model->model, *plan) || refusal(*plan, request.model->spec))
            continue; // what is refused says so when it is run
        job.setTitle(QCoreApplication::translate("fovea::ConversionJob", "converting weights, %1")
                         .arg(QString::fromStdString(textOfConversion(*plan))));
        job.progress(0);
        const auto progress = [&job](int done, int all) { job.progress(static_cast<double>(done) / all); };
        if (!modelUnder(request.model->model, *plan, progress, job.cancelled()))
            return false;
    }
    job.setTitle(title);
    job.progress(0);
    return true;
}

} // namespace fovea
