#pragma once
// What Jinja's operators and functions do to values.

#include "core/tokenizer/jinja/jinja_values.h"

namespace fovea::jinja {

// left op right: "+", "~", "==", "in", "<", … Throws Error where the two do not go together.
Value operate(const std::string& op, const Value& left, const Value& right);

// of.which or of[which]; undefined where it has none such.
Value memberOf(const Value& of, const Value& which);

Value range(const Arguments& given);
Value timeNow(const std::string& format);

} // namespace fovea::jinja
