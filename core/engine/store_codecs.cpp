#include "core/engine/store_codecs.h"

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <span>
#include <vector>

#include "core/calibrate/calibrated_model.h"
#include "core/calibrate/codebook_file.h"
#include "core/engine/kept_models.h"
#include "core/methods/store/cq_codec.h"
#include "core/methods/store/kivi_codec.h"
#include "core/methods/store/kvquant_codec.h"
#include "core/methods/store/position_turn.h"
#include "core/model/model.h"
#include "core/plan/attention_plan.h"
#include "core/plan/learnt_store_text.h"

namespace fovea {

namespace {

constexpr std::size_t kCodecsKept = 2; // plans A and B

// A file that was written anew is another one.
struct LearntKey {
    Store store;
    std::filesystem::file_time_type written;
    bool operator==(const LearntKey&) const = default;
};

KeptModels<LearntKey, kCodecsKept, StoreCodecs>& keptCodecs() {
    static KeptModels<LearntKey, kCodecsKept, StoreCodecs> kept;
    return kept;
}

const std::atomic<bool> kGoOn = false;

template <class Number>
std::vector<Number> numbers(const at::Tensor& tensor) {
    if (!tensor.defined())
        return {};
    const at::Tensor flat = tensor.to(at::kFloat).contiguous();
    const std::span<const float> all(flat.data_ptr<float>(), static_cast<std::size_t>(flat.numel()));
    return {all.begin(), all.end()};
}

// The part of KV head g, of what heads have apart.
at::Tensor ofHead(const at::Tensor& heads, int g) {
    return heads.defined() ? heads[g] : heads;
}

KvquantLevels levelsOf(const KvquantTable& table, int g) {
    return {.levels = numbers<double>(table.levels),
            .read = numbers<float>(table.read),
            .offset = numbers<double>(ofHead(table.offset, g)),
            .range = numbers<double>(ofHead(table.range, g))};
}

void addHead(StoreCodecs& to, const KvquantParams& params, const LayerCodebooks& books, int g, int headDim,
             const std::shared_ptr<const PositionTurn>& turn) {
    to.keys.push_back(kvquantKeyCodec(params, headDim, levelsOf(books.keyTable, g), turn));
    to.values.push_back(kvquantValueCodec(params, headDim, levelsOf(books.valueTable, g)));
}

void addHead(StoreCodecs& to, const CqParams& params, const LayerCodebooks& books, int g, int headDim,
             const std::shared_ptr<const PositionTurn>& turn) {
    to.keys.push_back(cqCodec(params, headDim, numbers<float>(books.keyCentroids[g]), turn));
    to.values.push_back(cqCodec(params, headDim, numbers<float>(books.valueCentroids[g]), nullptr));
}

// What makes codebooks, as it is typed.
std::string command(const Model& model, const LearntStore& store) {
    return "`fovea calibrate --store " + learntStoreText(store) + " --model " + model.origin.string() + " --text FILE`";
}

std::optional<std::string> missingCodebooks(const Model& model, const Store& store) {
    const auto learnt = learntStore(store);
    if (!learnt)
        return std::nullopt;
    if (model.origin.empty())
        return "store=" + learntStoreText(*learnt) + " needs codebooks, which lie beside a model that was read from a file.";
    const std::filesystem::path file = codebooksPath(model.origin, *learnt);
    std::error_code failed;
    if (std::filesystem::exists(file, failed))
        return std::nullopt;
    return "store=" + learntStoreText(*learnt) + " has no codebooks yet: " + file.string() + " is made by " +
           command(model, *learnt) + ".";
}

std::shared_ptr<const StoreCodecs> openCodecs(const Model& model, const LearntStore& store) {
    const std::filesystem::path file = codebooksPath(model.origin, store);
    const StoreCodebooks books = readCodebooks(file, model);
    if (books.store != store) // a file that was renamed: its rows are of another size than the cache's
        throw CheckpointError(file.string() + ": holds codebooks of store=" + learntStoreText(books.store) +
                              "; make it again with fovea calibrate");
    return learntCodecs(books, model.spec);
}

} // namespace

std::shared_ptr<const StoreCodecs> plainCodecs(const Store& store, const ModelSpec& spec) {
    const auto* kivi = std::get_if<KiviParams>(&store);
    if (!kivi)
        return nullptr;
    const auto heads = static_cast<std::size_t>(spec.layers * spec.kvHeads); // which are coded alike
    return std::make_shared<StoreCodecs>(
        StoreCodecs{.keys = std::vector(heads, kiviKeyCodec(*kivi, spec.headDim)),
                    .values = std::vector(heads, kiviValueCodec(*kivi, spec.headDim))});
}

std::shared_ptr<const StoreCodecs> learntCodecs(const StoreCodebooks& books, const ModelSpec& spec) {
    auto codecs = std::make_shared<StoreCodecs>();
    const Rope* turned = nullptr; // layers that turn alike share their tables
    std::shared_ptr<const PositionTurn> turn;
    for (int layer = 0; layer < spec.layers; ++layer) {
        if (spec.rotated() > 0 && (!turned || !(*turned == spec.ropeOf(layer)))) {
            turned = &spec.ropeOf(layer);
            turn = std::make_shared<PositionTurn>(spec, layer);
        }
        for (int g = 0; g < spec.kvHeads; ++g) {
            if (!spec.ownsKv(layer)) {
                codecs->keys.push_back(nullptr);
                codecs->values.push_back(nullptr);
                continue;
            }
            std::visit(
                [&](const auto& params) {
                    addHead(*codecs, params, books.layers[static_cast<std::size_t>(layer)], g, spec.headDim, turn);
                },
                books.store);
        }
    }
    return codecs;
}

std::shared_ptr<const StoreCodecs> storeCodecs(const std::shared_ptr<const Model>& model, const ModelSpec& spec,
                                               const Store& store) {
    const auto learnt = learntStore(store);
    if (!learnt)
        return plainCodecs(store, spec);
    if (const auto why = missingCodebooks(*model, store))
        throw PlanError(*why);
    std::error_code none;
    const auto written = std::filesystem::last_write_time(codebooksPath(model->origin, *learnt), none);
    return keptCodecs().get(
        model, {store, written}, [&] { return openCodecs(*model, *learnt); }, kGoOn);
}

std::optional<std::string> missingCalibration(const Model& model, const AttentionPlan& plan) {
    if (auto why = calibrationMissing(model, plan))
        return why;
    return missingCodebooks(model, plan.store);
}

} // namespace fovea
