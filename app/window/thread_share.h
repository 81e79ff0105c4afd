#pragma once
// How the machine's cores are shared out while the window is open: the interface keeps one.

namespace fovea {

// Threads a model run may use: all cores but one, at least one; or as chosen.
int engineThreads();
// `threads` 0: as many as there are cores. `leaveCore`: one of the cores is not for the engine, however many
// threads were asked for. Counts for jobs that begin after this.
void chooseEngineThreads(int threads, bool leaveCore);

// Called once on each worker thread. When `modest`, the scheduler prefers the interface where both want the
// same core.
void takeThreadShare(bool modest);
// Called on a worker thread before each job: its tensor work uses engineThreads() from now on.
void followThreadShare();

} // namespace fovea
