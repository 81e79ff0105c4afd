#pragma once
// How the machine's cores are shared out while the window is open: the interface keeps one.

namespace fovea {

// Threads a model run may use: all cores but one, at least one.
int engineThreads();

// Called once on each worker thread. Sets the number of threads its tensor work may use, and, when `modest`,
// lets the scheduler prefer the interface where both want the same core.
void takeThreadShare(bool modest);

} // namespace fovea
