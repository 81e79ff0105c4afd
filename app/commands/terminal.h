#pragma once
// Results on stdout, progress on stderr.

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace fovea {

// Writes and flushes. Throws ExportError when stdout cannot take it ("No space left on device").
void printResult(std::string_view text);

// A line that is rewritten, shown only when stderr is a terminal and gone when the work is.
class Progress {
public:
    Progress(std::string what, std::int64_t total);
    ~Progress();
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;

    void advance();

private:
    std::string m_what;
    std::int64_t m_total, m_done = 0;
    bool m_shown;
    std::chrono::steady_clock::time_point m_next{}; // not rewritten before
};

} // namespace fovea
