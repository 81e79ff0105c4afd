#pragma once
// Writes what a chat template makes of its variables.

#include <map>
#include <string>

#include "core/tokenizer/jinja/jinja_node.h"

namespace fovea::jinja {

// Throws Error: for what is not understood, for a raise_exception of the template, and for a template that
// works too long or writes too much.
std::string write(const Node& tree, const std::map<std::string, Value>& variables);

} // namespace fovea::jinja
