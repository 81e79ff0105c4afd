#pragma once
// What is done to a text before it is cut: each step makes an aligned text of an aligned text.

#include <functional>
#include <string>
#include <vector>

#include "core/tokenizer/aligned_text.h"
#include "core/tokenizer/text_pattern.h"

namespace fovea {

using NormalizerStep = std::function<AlignedText(AlignedText)>;
using Normalizer = std::vector<NormalizerStep>;

AlignedText normalize(const Normalizer& steps, AlignedText text);

enum class UnicodeForm { Nfc, Nfkc, Nfd, Nfkd };

NormalizerStep unicodeForm(UnicodeForm form);
// Each character on its own, so a final sigma stays σ.
NormalizerStep lowercase();
NormalizerStep stripBlanks(bool left, bool right);
// Leaves out every mark (M*); of use after Nfd.
NormalizerStep stripAccents();
// In front of a text that is not empty.
NormalizerStep prepend(std::string what);
NormalizerStep replace(TextPattern pattern, std::string with);
// GPT-2's spelling of bytes.
NormalizerStep spellBytes();

} // namespace fovea
