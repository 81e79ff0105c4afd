#pragma once
// QUndoStack merges only commands whose ids are equal.

namespace fovea {

inline constexpr int kPlanEditId = 1;
inline constexpr int kSettingsEditId = 2;

} // namespace fovea
