#include "core/engine/converted_models.h"

#include <algorithm>
#include <chrono>
#include <mutex>
#include <vector>

#include "core/model/model.h"

namespace fovea {

namespace {

struct Kept {
    std::weak_ptr<const Model> of;
    std::vector<int> sources;
    KvConversion convert = KvConversion::Mean;
    std::shared_ptr<const Model> model;

    bool isOf(const std::shared_ptr<const Model>& model_) const {
        return !of.expired() && of.lock() == model_;
    }
};

// Both guarded by the mutex, which is held while one is made: whoever wants the same waits for it.
struct Conversions {
    std::timed_mutex mutex;
    std::vector<Kept> kept; // the longest unused first

    static Conversions& all() {
        static Conversions conversions;
        return conversions;
    }
    void dropClosed() {
        std::erase_if(kept, [](const Kept& one) { return one.of.expired(); });
    }
    // Moves what is found to the end; null: not there.
    std::shared_ptr<const Model> use(const std::shared_ptr<const Model>& model, const Share& share) {
        const std::vector<int> sources = kvSources(share, model->spec);
        const auto found = std::find_if(kept.begin(), kept.end(), [&](const Kept& one) {
            return one.isOf(model) && one.sources == sources && one.convert == conversionOf(share);
        });
        if (found == kept.end())
            return nullptr;
        std::rotate(found, found + 1, kept.end());
        return kept.back().model;
    }
};

} // namespace

std::shared_ptr<const Model> convertedModel(const std::shared_ptr<const Model>& model, const Share& share,
                                            const ConversionProgress& progress,
                                            const std::atomic<bool>& cancel) {
    if (std::holds_alternative<OwnKv>(share))
        return model;
    Conversions& all = Conversions::all();
    std::unique_lock lock(all.mutex, std::defer_lock);
    while (!lock.try_lock_for(std::chrono::milliseconds(20)))
        if (cancel)
            return nullptr;
    all.dropClosed();
    if (auto known = all.use(model, share))
        return known;
    // Room first: the one that goes is not held beside the one that comes.
    if (all.kept.size() >= kConversionsKept)
        all.kept.erase(all.kept.begin());
    auto made = convertKv(*model, share, progress, cancel);
    if (made)
        all.kept.push_back({model, kvSources(share, model->spec), conversionOf(share), made});
    return made;
}

std::shared_ptr<const Model> convertedModel(const std::shared_ptr<const Model>& model, const Share& share) {
    const std::atomic<bool> goOn = false;
    return convertedModel(model, share, {}, goOn);
}

bool isConverted(const std::shared_ptr<const Model>& model, const Share& share) {
    if (std::holds_alternative<OwnKv>(share))
        return true;
    const std::unique_lock lock(Conversions::all().mutex, std::try_to_lock);
    return lock && Conversions::all().use(model, share) != nullptr;
}

void forgetClosedModels() {
    const std::unique_lock lock(Conversions::all().mutex, std::try_to_lock);
    if (lock)
        Conversions::all().dropClosed();
}

} // namespace fovea
