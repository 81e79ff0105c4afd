#pragma once

#include <string>

namespace fovea {

struct DeviceBenchWanted {
    int repeats = 15;     // rounds
    bool json = false;    // one JSON object in place of a table
    std::string jsonFile; // where it goes; empty: to stdout
};

// `fovea bench all --device cuda`: attention and products on the GPU. Throws std::runtime_error where there is none,
// ExportError where the file cannot be written.
void benchDevice(const DeviceBenchWanted& wanted);

} // namespace fovea
