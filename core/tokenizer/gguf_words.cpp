#include "core/tokenizer/gguf_words.h"

#include <algorithm>
#include <array>
#include <vector>

namespace fovea {

namespace {

enum class Words {
    Default,
    Gpt2,
    Llama3,
    Qwen2,
    DigitsThenGpt2,
    Falcon,
    DeepseekCoder,
    Deepseek3,
    Tekken,
    Bloom,
    Viking
};

struct Name {
    std::string_view text;
    Words words;
};

constexpr std::array kNames = {Name{"default", Words::Default},
                               Name{"gpt-2", Words::Gpt2},
                               Name{"mpt", Words::Gpt2},
                               Name{"olmo", Words::Gpt2}, // GPT-NeoX and Pythia, too
                               Name{"jais", Words::Gpt2},
                               Name{"phi-2", Words::Gpt2},
                               Name{"llama-bpe", Words::Llama3},
                               Name{"llama3", Words::Llama3},
                               Name{"llama-v3", Words::Llama3},
                               Name{"falcon3", Words::Llama3},
                               Name{"dbrx", Words::Llama3},
                               Name{"smaug-bpe", Words::Llama3},
                               Name{"chatglm-bpe", Words::Llama3},
                               Name{"glm4", Words::Llama3},
                               Name{"qwen2", Words::Qwen2},
                               Name{"deepseek-r1-qwen", Words::Qwen2},
                               Name{"stablelm2", Words::Qwen2},
                               Name{"smollm", Words::DigitsThenGpt2},
                               Name{"starcoder", Words::DigitsThenGpt2},
                               Name{"refact", Words::DigitsThenGpt2},
                               Name{"command-r", Words::DigitsThenGpt2},
                               Name{"codeshell", Words::DigitsThenGpt2},
                               Name{"exaone", Words::DigitsThenGpt2},
                               Name{"minerva-7b", Words::DigitsThenGpt2},
                               Name{"falcon", Words::Falcon},
                               Name{"deepseek-coder", Words::DeepseekCoder},
                               Name{"deepseek-v3", Words::Deepseek3},
                               Name{"tekken", Words::Tekken},
                               Name{"bloom", Words::Bloom},
                               Name{"poro-chat", Words::Bloom},
                               Name{"gpt3-finnish", Words::Bloom},
                               Name{"viking", Words::Viking}};

constexpr const char* kGpt2 = R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
// Contractions in either case, then a word with one mark before it; Llama 3 takes three digits at once.
const std::string kContractions = "(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|";
const std::string kLetters = R"([^\r\n\p{L}\p{N}]?\p{L}+|)";
const std::string kRest = R"(| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr const char* kSentence = R"( ?[^(\s|.,!?…。，、।۔،)]+)";
// Words that begin in upper case, or are of one case.
constexpr const char* kTekken =
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|)"
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|)"
    R"(\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr const char* kDeepseek3 =
    R"([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+|)"
    R"( ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

std::vector<std::string> patternsOf(Words words) {
    switch (words) {
    case Words::Gpt2:
        return {kGpt2};
    case Words::Llama3:
        return {kContractions + kLetters + R"(\p{N}{1,3})" + kRest};
    case Words::Qwen2:
        return {kContractions + kLetters + R"(\p{N})" + kRest};
    case Words::DigitsThenGpt2:
        return {R"(\p{N})", kGpt2};
    case Words::Falcon:
        return {R"([\p{P}\$\+<=>\^~\|`]+)", kGpt2, "[0-9][0-9][0-9]"};
    case Words::DeepseekCoder:
        return {R"([\r\n])", R"(\s?\p{L}+)", R"(\s?\p{P}+)", "[一-龥ࠀ-一가-\uD7FF]+", R"(\p{N})"};
    case Words::Deepseek3:
        return {R"(\p{N}{1,3})", "[一-龥\u3040-ゟ゠-ヿ]+", kDeepseek3};
    case Words::Tekken:
        return {kTekken};
    case Words::Bloom:
        return {kSentence};
    case Words::Viking:
        return {kSentence, R"(\p{N})"};
    case Words::Default:
        break;
    }
    return {R"([\p{P}\$\+<=>\^~\|]+)", kGpt2, R"(\p{N}+)", "[0-9][0-9][0-9]"};
}

} // namespace

std::optional<PreTokenizer> wordsOf(std::string_view name) {
    const auto* const found =
        std::find_if(kNames.begin(), kNames.end(), [&](const Name& n) { return n.text == name; });
    if (found == kNames.end())
        return std::nullopt;
    PreTokenizer steps;
    for (const std::string& pattern : patternsOf(found->words))
        steps.push_back(split(TextPattern::regex(pattern), SplitBehavior::Isolated));
    return steps;
}

std::string knownWords() {
    std::string list;
    for (const Name& name : kNames)
        list += (list.empty() ? "" : ", ") + std::string(name.text);
    return list;
}

bool wordsIgnoreMerges(std::string_view name) {
    return name == "llama-bpe" || name == "llama3" || name == "llama-v3" || name == "falcon3" ||
           name == "tekken";
}

bool wordsAddBos(std::string_view name) {
    return wordsIgnoreMerges(name);
}

} // namespace fovea
