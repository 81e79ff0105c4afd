#include "app/commands/terminal.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <system_error>

#include "core/trace/file_writer.h"

namespace fovea {

namespace {
constexpr std::chrono::milliseconds kRewriteEvery{50}; // steps are faster than eyes
}

void printResult(std::string_view text) {
    const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
    if (!written || std::fflush(stdout) != 0)
        throw ExportError("cannot write to standard output: " + std::generic_category().message(errno));
}

Progress::Progress(std::string what, std::int64_t total)
    : m_what(std::move(what)), m_total(total), m_shown(::isatty(STDERR_FILENO) != 0) {}

Progress::~Progress() {
    if (m_shown && m_done > 0)
        std::fputs("\r\033[K", stderr);
}

void Progress::advance() {
    ++m_done;
    const auto now = std::chrono::steady_clock::now();
    if (!m_shown || now < m_next)
        return;
    m_next = now + kRewriteEvery;
    std::fprintf(stderr, "\r\033[K%s %lld of %lld", m_what.c_str(), static_cast<long long>(m_done),
                 static_cast<long long>(m_total));
}

} // namespace fovea
