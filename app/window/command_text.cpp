#include "app/window/command_text.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

#include "app/window/loaded_model.h"
#include "app/window/run_job.h"

namespace fovea {

namespace {

// The shortest text that reads back as the same number: "0.6", not "0.600000024".
std::string numberText(float value) {
    std::array<char, 32> text{};
    const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
    return {text.data(), end};
}

} // namespace

std::string shellQuoted(std::string_view text) {
    const auto plain = [](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) ||
               std::string_view("-_./=:,+@%").find(c) != std::string_view::npos;
    };
    if (!text.empty() && std::all_of(text.begin(), text.end(), plain))
        return std::string(text);
    // Inside single quotes only the quote itself is special: end, an escaped quote, begin again.
    std::string quoted = "'";
    for (const char c : text)
        quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return quoted + "'";
}

std::string compareCommand(const RunRequest& request) {
    std::string command = "./run compare";
    const auto add = [&](std::string_view option, const std::string& value) {
        command += ' ';
        command += option;
        command += ' ';
        command += shellQuoted(value);
    };
    if (request.model)
        add("--model", request.model->path.string());
    add("--prompt", request.prompt);
    if (request.chat)
        command += " --chat";
    add("--plan", toText(request.planA));
    add("--plan", toText(request.planB));
    add("--tokens", std::to_string(request.settings.tokens));
    if (request.settings.decodeFrom >= 0)
        add("--decode-from", std::to_string(request.settings.decodeFrom));
    const SamplerOptions& sampler = request.settings.sampler;
    if (sampler.temperature > 0) {
        add("--temperature", numberText(sampler.temperature));
        if (sampler.topK > 0)
            add("--top-k", std::to_string(sampler.topK));
        if (sampler.topP < 1)
            add("--top-p", numberText(sampler.topP));
        add("--seed", std::to_string(sampler.seed));
    }
    if (request.settings.device == Backend::Cuda)
        add("--backend", std::string(backendName(Backend::Cuda)));
    if (request.settings.ignoreEnd)
        command += " --ignore-eos";
    add("--out", "comparison");
    return command;
}

} // namespace fovea
