#pragma once
// A sweep's picture for the command line, drawn without a display.

#include "app/commands/sweep.h"

namespace fovea {

// Empty in a build without the window.
SweepPictureWriter sweepPictureWriter();

} // namespace fovea
