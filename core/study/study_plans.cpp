#include "core/study/study_plans.h"

#include "core/plan/attention_plan.h"

namespace fovea {

namespace {

// A plan that does not parse stays as it is: its row says why.
std::string shortest(const std::string& plan) {
    try {
        return toText(parsePlan(plan));
    } catch (const PlanError&) {
        return plan;
    }
}

std::string bitsText(double bits) {
    return std::to_string(static_cast<int>(bits));
}

void addWeights(std::vector<StudyPlan>& plans) {
    const auto add = [&](const char* method, int bits) {
        plans.push_back({.tensors = RoundedTensors::Weights,
                         .label = 'W' + std::to_string(bits),
                         .method = method,
                         .plan = std::string("weights=") + method + ":bits=" + std::to_string(bits),
                         .weightBits = static_cast<double>(bits)});
    };
    for (const int bits : {8, 4, 3, 2})
        add("rtn", bits);
    for (const char* method : {"awq", "gptq"})
        for (const int bits : {4, 3, 2})
            add(method, bits);
}

void addActivations(std::vector<StudyPlan>& plans) {
    constexpr int kPairs[][2] = {{8, 8}, {4, 8}, {4, 4}};
    for (const std::string method : {"rtn", "smooth"})
        for (const auto& [w, a] : kPairs)
            plans.push_back({.tensors = RoundedTensors::WeightsActivations,
                             .label = 'W' + std::to_string(w) + 'A' + std::to_string(a),
                             .method = method,
                             .plan = "weights=rtn:bits=" + std::to_string(w) + " acts=" + method +
                                     ":bits=" + std::to_string(a),
                             .weightBits = static_cast<double>(w),
                             .activationBits = static_cast<double>(a)});
}

void addCache(std::vector<StudyPlan>& plans) {
    const auto add = [&](const char* method, double bits, const std::string& switches) {
        plans.push_back({.tensors = RoundedTensors::Cache,
                         .label = "KV" + bitsText(bits),
                         .method = method,
                         .plan = std::string("store=") + method + ":" + switches,
                         .cacheBits = bits});
    };
    for (const int bits : {8, 4, 3, 2})
        add("rtn", bits, "bits=" + std::to_string(bits));
    for (const char* method : {"kivi", "kvquant"})
        for (const int bits : {4, 3, 2})
            add(method, bits, "bits=" + std::to_string(bits));
    // b bits per c channels: the papers' 2c8b, 4c8b and 8c8b.
    for (const int channels : {2, 4, 8})
        add("cq", 8. / channels, "channels=" + std::to_string(channels) + ",bits=8");
}

void addBoth(std::vector<StudyPlan>& plans) {
    for (const int w : {8, 4})
        for (const int kv : {8, 4, 3})
            plans.push_back(
                {.tensors = RoundedTensors::WeightsCache,
                 .label = 'W' + std::to_string(w) + "KV" + std::to_string(kv),
                 .method = "rtn",
                 .plan = "weights=rtn:bits=" + std::to_string(w) + " store=rtn:bits=" + std::to_string(kv),
                 .weightBits = static_cast<double>(w),
                 .cacheBits = static_cast<double>(kv)});
}

} // namespace

std::vector<StudyPlan> studyPlans() {
    std::vector<StudyPlan> plans;
    addWeights(plans);
    addActivations(plans);
    addCache(plans);
    addBoth(plans);
    for (StudyPlan& plan : plans)
        plan.plan = shortest(plan.plan);
    return plans;
}

} // namespace fovea
