#pragma once
// Opens the window and runs it until it is closed.

#include <filesystem>
#include <string>

namespace fovea {

// Empty: what the window used last, else what is bundled.
struct WindowOptions {
    std::filesystem::path model, tokenizer;
    std::string prompt;
    std::string planA, planB; // text form
    std::string theme;        // "dark", "light"
};

// The process's exit code: 0 when closed, 1 when there is no model to open, 2 for a plan that cannot be read.
// Throws std::runtime_error where there is no display.
int openWindow(const WindowOptions& options);

} // namespace fovea
