#pragma once
// Plan files as MoA's authors publish them: {"alphas": [L][H] numbers, "betas": [L][H] numbers}, nothing else.

#include <filesystem>
#include <string>
#include <string_view>

#include "core/methods/keep/moa.h"

namespace fovea {

// Throws PlanError, one line that begins with the file's name: no such file, not JSON, rows of unequal lengths, a
// number that is none or out of range, more than a plan can have. Nothing is built before all of it is known to fit.
MoaSpans readMoaFile(const std::filesystem::path& file);
// The same from memory; `name` begins the errors.
MoaSpans readMoaPlan(std::string_view json, const std::string& name);

// The file's text; reads back equal.
std::string moaPlanJson(const MoaSpans& spans);
// Replaces or creates the file, all of it or nothing. Throws ExportError.
void writeMoaFile(const std::filesystem::path& file, const MoaSpans& spans);

} // namespace fovea
