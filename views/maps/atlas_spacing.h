#pragma once
// Distances of the atlas, in pixels: between its layout and its drawing.

namespace fovea::atlas {

inline constexpr double kMargin = 8, kLabelWidth = 26, kHeadLabels = 20, kNote = 20;
inline constexpr double kGap = 4, kGroupGap = 10;
inline constexpr double kBarSpace = 8, kBarHeight = 3;      // below a thumbnail
inline constexpr double kTextSpace = 13;                    // each line below a ranked one
inline constexpr double kLargestSide = 120, kTallest = 1.6; // pixels; height / width
inline constexpr double kSideForName = 30, kSideForFigure = 46;

} // namespace fovea::atlas
