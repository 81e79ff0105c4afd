#pragma once
// A study's pictures for the command line, drawn without a display: losses and statistics, each as .svg and .png.

#include "app/commands/study.h"

namespace fovea {

// Empty in a build without the window.
StudyPictureWriter studyPictureWriter();

} // namespace fovea
