#pragma once
// Runs the program fovea-sentencepiece (core/train/sentencepiece), which stands beside this program or where
// it was built.

#include <string>
#include <vector>

namespace fovea {

// What the program writes to stdout when given `input` on stdin. Throws std::runtime_error, one line, when it
// cannot be started or fails.
std::string runSentencepiece(const std::vector<std::string>& arguments, const std::string& input);

} // namespace fovea
