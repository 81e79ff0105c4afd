#pragma once
// Models that a run's plans convert (share, weights), made before the run begins: on the engine's lane, with progress, once.

namespace fovea {

class Job;
struct RunRequest;

// The converted models of the request's plans, which the sessions then find (core/engine/converted_models.h). Tells
// the job what it does and how far it is, and leaves its title as it was. False when cancelled.
bool convertForRun(const RunRequest& request, Job& job);

} // namespace fovea
