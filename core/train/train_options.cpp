#include "core/train/train_options.h"

#include <nlohmann/json.hpp>
#include <stdexcept>
#include <type_traits>

#include "core/train/exact_number.h"

namespace fovea {

namespace {

using Json = nlohmann::ordered_json;
using Paths = std::vector<std::filesystem::path>;

} // namespace

void requireSound(const TrainOptions& o) {
    const auto need = [](bool holds, const char* what) {
        if (!holds)
            throw std::invalid_argument(std::string("train: ") + what);
    };
    need(!o.text.empty(), "no text given; name at least one text file");
    need(!o.out.empty(), "no folder given to write the model to");
    need(o.minutes > 0 || o.tokens > 0, "minutes must be above 0");
    need(o.width >= 8 && o.layers >= 1 && o.ffn >= 8, "width and ffn must be at least 8, layers at least 1");
    need(o.heads >= 1 && o.kvHeads >= 1 && o.heads % o.kvHeads == 0, "heads must be a multiple of kv-heads");
    need(o.heads <= o.width / 2 && o.width % (2 * o.heads) == 0, "width must be an even multiple of heads");
    need(o.vocabulary >= 400 && o.vocabulary <= 65536, "vocabulary must lie between 400 and 65536");
    need(o.context >= 64 && (o.context & (o.context - 1)) == 0,
         "context must be a power of two, at least 64");
    need(o.accumulate >= 1, "accumulate must be at least 1");
    need(o.batchTokens / o.accumulate >= o.context,
         "batch-tokens must be at least accumulate times the context");
    need(o.learningRate > 0, "the learning rate must be above 0");
    need(o.saveSeconds >= 0, "save-every must be 0 seconds or more");
    need(o.validateEvery >= 0, "validate-every must be 0 steps or more");
    need(!o.keepBest || o.validateEvery > 0, "keep-best needs validate-every above 0");
}

Json toJson(const TrainOptions& options) {
    Json json;
    forEachTrainOption(options, [&](const char* name, const auto& value, bool) {
        if constexpr (std::is_same_v<std::decay_t<decltype(value)>, Paths>)
            for (const auto& path : value)
                json[name].push_back(path.string());
        else
            json[name] = value;
    });
    return json;
}

TrainOptions trainOptionsFrom(const Json& json) {
    TrainOptions options;
    forEachTrainOption(options, [&](const char* name, auto& value, bool) {
        using Value = std::decay_t<decltype(value)>;
        if constexpr (std::is_same_v<Value, Paths>)
            for (const Json& path : json.at(name))
                value.emplace_back(path.get<std::string>());
        else
            value = exactNumber<Value>(json.at(name));
    });
    return options;
}

std::optional<std::string> differingOption(const TrainOptions& saved, const TrainOptions& asked) {
    const Json before = toJson(saved), now = toJson(asked);
    std::optional<std::string> found;
    forEachTrainOption(saved, [&](const char* name, const auto&, bool matters) {
        if (matters && !found && before.at(name) != now.at(name))
            found = std::string("--") + name + " is " + now.at(name).dump() + " here and was " +
                    before.at(name).dump() +
                    " when this training was begun; leave it out, or begin anew with --fresh";
    });
    return found;
}

} // namespace fovea
