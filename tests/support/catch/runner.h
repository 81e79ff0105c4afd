#pragma once
// Catch2 itself, compiled once for all test programs: a minute of one core that each of them would take. Whoever needs a
// main of its own calls this; every other program gets one that does no more.

namespace fovea::test {

// The program's exit status.
int runCases(int argc, char** argv);

} // namespace fovea::test
