#include "core/train/state.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/model/model.h"
#include "core/train/exact_number.h"
#include "core/train/fingerprint.h"
#include "core/train/train_options.h"

namespace fovea {

namespace {

using Json = nlohmann::ordered_json;

constexpr int kFormat = 1;
constexpr const char* kKey = "fovea.training";

[[noreturn]] void refuse(const std::filesystem::path& file, const std::string& what) {
    throw CheckpointError(file.string() + ": " + what + "; begin anew with --fresh");
}

std::string hex(const std::string& bytes) {
    constexpr char kDigits[] = "0123456789abcdef";
    std::string text;
    for (const char c : bytes) {
        text += kDigits[static_cast<unsigned char>(c) >> 4];
        text += kDigits[static_cast<unsigned char>(c) & 15];
    }
    return text;
}

std::string fromHex(const std::string& text) {
    const auto digit = [](char c) {
        if (c >= '0' && c <= '9')
            return c - '0';
        if (c >= 'a' && c <= 'f')
            return c - 'a' + 10;
        throw std::runtime_error("no hexadecimal digit");
    };
    if (text.size() % 2 != 0)
        throw std::runtime_error("half a byte");
    std::string bytes;
    for (std::size_t i = 0; i < text.size(); i += 2)
        bytes += static_cast<char>(digit(text[i]) << 4 | digit(text[i + 1]));
    return bytes;
}

// visit(name, value) for every number of a position.
template <class Position, class Visit>
void forEachNumber(Position& p, const Visit& visit) {
    visit("steps", p.steps);
    visit("tokens", p.tokens);
    visit("seconds", p.seconds);
    visit("loss", p.loss);
    visit("logged_nats", p.loggedNats);
    visit("logged_graded", p.loggedGraded);
    visit("logged_tokens", p.loggedTokens);
    visit("sequences", p.sequences);
    visit("sittings", p.sittings);
    visit("log_bytes", p.logBytes);
}

Json toJson(const std::optional<HeldOutLoss>& loss) {
    return loss ? Json{{"step", loss->step}, {"tokens", loss->tokens}, {"loss", loss->loss}} : Json();
}

std::optional<HeldOutLoss> heldOutFrom(const Json& json) {
    if (json.is_null())
        return std::nullopt;
    return HeldOutLoss{exactNumber<std::int64_t>(json.at("step")),
                       exactNumber<std::int64_t>(json.at("tokens")), exactNumber<double>(json.at("loss"))};
}

TrainingState stateFrom(const Json& json) {
    TrainingState state;
    state.options = trainOptionsFrom(json.at("options"));
    state.texts = json.at("texts").get<std::vector<std::uint64_t>>();
    state.tokenizer = fromHex(json.at("tokenizer").get<std::string>());
    TrainingPosition& p = state.position;
    const Json& position = json.at("position");
    forEachNumber(p, [&](const char* name, auto& value) {
        using Value = std::decay_t<decltype(value)>;
        value = exactNumber<Value>(position.at(name));
        // Counts, times and losses, which go on from here; where the sequences stand is any number.
        constexpr double kMost = std::is_same_v<Value, int> ? 1e9 : 0x1p53;
        if (!std::is_unsigned_v<Value> && !(value >= 0 && static_cast<double>(value) <= kMost))
            throw std::runtime_error("a number that makes no sense");
    });
    p.heldOut = heldOutFrom(position.at("held_out"));
    p.best = heldOutFrom(position.at("best"));
    if (state.texts.size() != state.options.text.size())
        throw std::runtime_error("other texts than its options have");
    requireSound([&] {
        TrainOptions options = state.options;
        options.out = "any"; // is not saved: the folder may have been moved
        return options;
    }());
    return state;
}

std::string_view bytesOf(const at::Tensor& tensor) {
    return {static_cast<const char*>(tensor.data_ptr()), tensor.nbytes()};
}

// By name, so that the order does not matter.
template <class Tensors>
std::uint64_t fingerprintOf(const Tensors& byName) {
    std::uint64_t sum = 0;
    for (const auto& [name, tensor] : byName)
        sum = fingerprint(bytesOf(tensor), fingerprint(name, sum));
    return sum;
}

SafetensorsFile openContainer(const std::filesystem::path& file) {
    try {
        return SafetensorsFile(file);
    } catch (const CheckpointError&) {
        refuse(file, "not a whole state of a training");
    }
}

} // namespace

std::filesystem::path trainingStateIn(const std::filesystem::path& out) {
    return out / "training.state";
}

void writeTrainingState(const std::filesystem::path& file, const TrainingState& state,
                        const std::vector<NamedTensor>& tensors) {
    std::map<std::string, at::Tensor> byName;
    for (const auto& [name, tensor] : tensors)
        byName.emplace(name, tensor.detach().contiguous());
    Json position;
    forEachNumber(state.position, [&](const char* name, const auto& value) { position[name] = value; });
    position["held_out"] = toJson(state.position.heldOut);
    position["best"] = toJson(state.position.best);
    const Json json = {{"format", kFormat},    {"options", toJson(state.options)},
                       {"texts", state.texts}, {"tokenizer", hex(state.tokenizer)},
                       {"position", position}, {"fingerprint", fingerprintOf(byName)}};
    writeSafetensors(file, tensors, {{kKey, json.dump(-1, ' ', false, Json::error_handler_t::replace)}});
}

TrainingStateFile::TrainingStateFile(const std::filesystem::path& file) : m_file(openContainer(file)) {
    const auto found = m_file.metadata().find(kKey);
    if (found == m_file.metadata().end())
        refuse(file, "not the state of a training");
    const Json json = Json::parse(found->second, nullptr, /*allow_exceptions=*/false);
    const auto format = json.is_object() && json.contains("format") && json["format"].is_number_integer()
                            ? json["format"].get<std::int64_t>()
                            : 0;
    if (format > kFormat)
        refuse(file, "a newer Fovea's state, of format " + std::to_string(format) + " where " +
                         std::to_string(kFormat) + " is known; resume it with that one");
    try {
        if (format != kFormat)
            throw std::runtime_error("no format");
        m_state = stateFrom(json);
        m_fingerprint = json.at("fingerprint").get<std::uint64_t>();
    } catch (const std::exception&) { // of the JSON library, whose texts would not help
        refuse(file, "its description makes no sense");
    }
}

void TrainingStateFile::readTensors(const std::vector<NamedTensor>& into) const {
    if (m_file.entries().size() != into.size())
        refuse(m_file.path(), "it holds " + std::to_string(m_file.entries().size()) + " tensors where " +
                                  std::to_string(into.size()) + " belong to its options");
    for (const auto& [name, tensor] : into) {
        const auto found = m_file.entries().find(name);
        if (found == m_file.entries().end() || found->second.type != at::kFloat ||
            found->second.shape != tensor.sizes().vec())
            refuse(m_file.path(), "tensor " + name + " is missing or does not fit its options");
    }
    const auto byName = readAll();
    const at::NoGradGuard noGrad;
    for (const auto& [name, tensor] : into)
        tensor.copy_(byName.at(name));
}

void TrainingStateFile::verify() const {
    readAll();
}

std::map<std::string, at::Tensor> TrainingStateFile::readAll() const {
    std::map<std::string, at::Tensor> byName;
    for (const auto& [name, entry] : m_file.entries())
        byName.emplace(name, m_file.read(name));
    if (fingerprintOf(byName) != m_fingerprint)
        refuse(m_file.path(), "its tensors are not those that were written");
    return byName;
}

} // namespace fovea
