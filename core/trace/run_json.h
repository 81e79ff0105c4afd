#pragma once
// Runs as JSON, written and read back. One run is one object: text, tokens, plan, the model's shape, steps with their
// bytes, totals. A file of the window holds A and B and how B compares. Not kept: logits, the capture and the life of
// cached tokens, so that what is drawn from those needs a run of its own again.

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "core/engine/compare.h"
#include "core/engine/run.h"

namespace fovea {

// `text` is the decoded run, prompt included; bytes that are not UTF-8 become U+FFFD. Ends in a newline.
std::string runJson(const Run& run, std::string_view text);

struct RunFile {
    std::vector<std::shared_ptr<const Run>> runs; // A, and B which was fed A's tokens
    std::vector<std::string> pieces;              // what is written on each of A's tokens; or none
    std::optional<Comparison> comparison;         // of B with A
};

// Of one run or two. Ends in a newline.
std::string runFileJson(const RunFile& file);

// No such file as runFileJson or runJson write, in one line: where, what, what to do.
class RunFileError : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

inline constexpr std::size_t kLargestRunFile = std::size_t{256} << 20; // bytes

// What runFileJson wrote, or runJson. Every count is held against every other before it is believed. `name` begins the
// errors. Throws RunFileError.
RunFile readRunFile(std::string_view json, const std::string& name = "run");

} // namespace fovea
