#pragma once
// A head's replay takes and frees blocks of a few MiB every frame. Given back to the system each time, their
// pages are cleared and mapped anew, which costs as much as the replay itself.

namespace fovea {

// From now on freed memory stays with the process for its next use. 1,024 tokens, every row sparse:
// replayHead 35 -> 20 ms. Does nothing where the C library offers no such choice.
void keepFreedMemory();

} // namespace fovea
