#include "core/tokenizer/tokenizer_json_steps.h"

#include <algorithm>

#include "core/model/checkpoint_error.h"
#include "core/model/quoted_name.h"
#include "core/tokenizer/character_class.h"

namespace fovea {

namespace {

constexpr int kDeepest = 8; // sequences within sequences

// The steps of `place`, sequences laid out flat.
void flatten(const JsonPlace& place, const char* members, int depth, std::vector<JsonPlace>& steps) {
    if (depth > kDeepest)
        place.refuse("nests too deep; this is no tokenizer that Fovea knows");
    if (place.type() != "Sequence") {
        steps.push_back(place);
        return;
    }
    for (const JsonPlace& member : place.list(members))
        flatten(member, members, depth + 1, steps);
}

std::vector<JsonPlace> stepsOf(const JsonPlace& file, const char* key, const char* members) {
    std::vector<JsonPlace> steps;
    if (file.has(key))
        flatten(file.at(key), members, 0, steps);
    return steps;
}

[[noreturn]] void refuseKind(const JsonPlace& step) {
    step.refuse("is of a kind that is not known: " + quotedName(step.type()) +
                "; this tokenizer cannot be read exactly");
}

TextPattern patternOf(const JsonPlace& step) {
    const JsonPlace pattern = step.at("pattern");
    if (pattern.has("String"))
        return TextPattern::literal(pattern.string("String"));
    try {
        return TextPattern::regex(pattern.string("Regex"));
    } catch (const CheckpointError& error) {
        step.refuse(std::string("has a pattern that cannot be used: ") + error.what());
    }
}

SplitBehavior behaviorOf(const JsonPlace& step, const std::string& fallback = {}) {
    const std::string name = fallback.empty() ? step.string("behavior") : step.string("behavior", fallback);
    if (name == "Removed")
        return SplitBehavior::Removed;
    if (name == "Isolated")
        return SplitBehavior::Isolated;
    if (name == "MergedWithPrevious")
        return SplitBehavior::MergedWithPrevious;
    if (name == "MergedWithNext")
        return SplitBehavior::MergedWithNext;
    if (name == "Contiguous")
        return SplitBehavior::Contiguous;
    step.at("behavior")
        .refuse("is not known: " + quotedName(name) + "; this tokenizer cannot be read exactly");
}

NormalizerStep normalizerStep(const JsonPlace& step) {
    const std::string type = step.type();
    if (type == "NFC")
        return unicodeForm(UnicodeForm::Nfc);
    if (type == "NFKC")
        return unicodeForm(UnicodeForm::Nfkc);
    if (type == "NFD")
        return unicodeForm(UnicodeForm::Nfd);
    if (type == "NFKD")
        return unicodeForm(UnicodeForm::Nfkd);
    if (type == "Lowercase")
        return lowercase();
    if (type == "Strip")
        return stripBlanks(step.flag("strip_left", true), step.flag("strip_right", true));
    if (type == "StripAccents")
        return stripAccents();
    if (type == "Prepend")
        return prepend(step.string("prepend"));
    if (type == "Replace")
        return replace(patternOf(step), step.string("content"));
    if (type == "ByteLevel")
        return spellBytes();
    refuseKind(step);
}

// How tokenizer.json says it today, and said it before 0.15.
PrefixScheme schemeOf(const JsonPlace& step) {
    const std::string name = step.string("prepend_scheme", "always");
    if (name != "always" && name != "first" && name != "never")
        step.at("prepend_scheme")
            .refuse("is not known: " + quotedName(name) + "; this tokenizer cannot be read exactly");
    if (!step.flag("add_prefix_space", true) || name == "never")
        return PrefixScheme::Never;
    return name == "first" ? PrefixScheme::First : PrefixScheme::Always;
}

std::string spaceOf(const JsonPlace& step) {
    const std::string space = step.string("replacement", "\xe2\x96\x81");
    if (space.empty())
        step.refuse("has an empty replacement; copy the file again");
    return space;
}

void addPreTokenizerSteps(const JsonPlace& step, PreTokenizer& steps) {
    const std::string type = step.type();
    const auto contiguousOr = [&](bool each) {
        return each ? SplitBehavior::Isolated : SplitBehavior::Contiguous;
    };
    if (type == "Split") {
        steps.push_back(split(patternOf(step), behaviorOf(step), step.flag("invert", false)));
    } else if (type == "ByteLevel") {
        // The space comes before the words are cut.
        if (step.flag("add_prefix_space", true))
            steps.push_back(spaceInFront());
        if (step.flag("use_regex", true))
            steps.push_back(gpt2Words());
        steps.push_back(byteLevel());
    } else if (type == "Metaspace") {
        steps.push_back(metaspace(spaceOf(step), schemeOf(step), step.flag("split", true)));
    } else if (type == "Digits") {
        steps.push_back(splitAt(isNumber, contiguousOr(step.flag("individual_digits", false))));
    } else if (type == "Punctuation") {
        steps.push_back(splitAt(isPunctuation, behaviorOf(step, "Isolated")));
    } else if (type == "WhitespaceSplit") {
        steps.push_back(splitAt(isBlank, SplitBehavior::Removed));
    } else if (type == "Whitespace") {
        steps.push_back(words());
    } else if (type == "BertPreTokenizer") {
        steps.push_back(splitAt(isBlank, SplitBehavior::Removed));
        steps.push_back(splitAt(isPunctuation, SplitBehavior::Isolated));
    } else if (type == "CharDelimiterSplit") {
        steps.push_back(split(TextPattern::literal(step.string("delimiter")), SplitBehavior::Removed));
    } else {
        refuseKind(step);
    }
}

std::size_t countOf(const JsonPlace& step, const char* key) {
    const std::int64_t count = step.integer(key);
    if (count < 0)
        step.at(key).refuse("is negative; copy the file again");
    return static_cast<std::size_t>(count);
}

DecoderStep stripStep(const JsonPlace& step, bool fused) {
    const std::string character = step.string("content");
    const std::size_t start = countOf(step, "start"), stop = countOf(step, "stop");
    if (character.empty() || (fused && stop > 0))
        step.refuse("takes off what only a whole text has; this tokenizer cannot be decoded token by token");
    return stripPiece(character, start, stop, fused);
}

} // namespace

Normalizer readNormalizer(const JsonPlace& file) {
    Normalizer steps;
    for (const JsonPlace& step : stepsOf(file, "normalizer", "normalizers"))
        steps.push_back(normalizerStep(step));
    return steps;
}

PreTokenizer readPreTokenizer(const JsonPlace& file) {
    PreTokenizer steps;
    for (const JsonPlace& step : stepsOf(file, "pre_tokenizer", "pretokenizers"))
        addPreTokenizerSteps(step, steps);
    return steps;
}

PieceDecoder readDecoder(const JsonPlace& file) {
    PieceDecoder steps;
    bool fused = false; // from then on a step sees the whole text
    for (const JsonPlace& step : stepsOf(file, "decoder", "decoders")) {
        const std::string type = step.type();
        if (type == "ByteLevel")
            steps.push_back(lettersToBytes());
        else if (type == "ByteFallback")
            steps.push_back(bytePiecesToBytes());
        else if (type == "Metaspace")
            steps.push_back(metaspaceToBlanks(spaceOf(step), schemeOf(step) != PrefixScheme::Never));
        else if (type == "Replace")
            steps.push_back(replaceInPiece(patternOf(step), step.string("content")));
        else if (type == "Strip")
            steps.push_back(stripStep(step, fused));
        else if (type == "Fuse")
            fused = true;
        else
            refuseKind(step);
    }
    if (!file.has("decoder"))
        steps.push_back([](std::string piece, bool first) { return first ? piece : " " + piece; });
    return steps;
}

} // namespace fovea
