#pragma once
// A study's pictures for the command line, drawn without a display: losses.svg and .png, statistics.svg and .png.

#include "app/commands/study.h"

namespace fovea {

inline constexpr const char* kStudyPictures[] = {"losses", "statistics"};

// Empty in a build without the window.
StudyPictureWriter studyPictureWriter();

} // namespace fovea
