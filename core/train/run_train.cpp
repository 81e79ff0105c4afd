#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <exception>

#include "core/train/train.h"

namespace fovea {

namespace {

std::atomic<bool> interrupted = false;
static_assert(std::atomic<bool>::is_always_lock_free);

void onInterrupt(int) { interrupted = true; }

// One line that rewrites itself on a terminal; elsewhere a line per minute or so.
class ProgressLine {
public:
    void operator()(const TrainProgress& p) {
        if (!p.note.empty()) {
            clear();
            std::fprintf(stderr, "%5.1f M tokens  %s\n", static_cast<double>(p.tokens) / 1e6, p.note.c_str());
            return;
        }
        if (p.step % (m_terminal ? 5 : 100) != 0)
            return;
        clear();
        std::fprintf(stderr, "%3.0f %%  step %lld  %.2f M tokens  sequence %d  loss %.3f  %.1f k tokens/s  %.0f min left%s",
                     100 * p.done, static_cast<long long>(p.step), static_cast<double>(p.tokens) / 1e6, p.sequence, p.loss,
                     p.tokensPerSecond / 1e3, p.secondsLeft / 60, m_terminal ? "" : "\n");
        m_open = m_terminal;
        std::fflush(stderr);
    }
    void clear() {
        if (m_open)
            std::fputs("\r\x1b[K", stderr);
        m_open = false;
    }

private:
    const bool m_terminal = ::isatty(STDERR_FILENO) == 1;
    bool m_open = false;
};

}  // namespace

int runTrain(const TrainOptions& options, bool quiet) {
    interrupted = false;
    const auto before = std::signal(SIGINT, onInterrupt);
    ProgressLine line;
    int exitCode = 0;
    try {
        const TrainResult result =
            train(options, quiet ? TrainObserver{} : [&](const TrainProgress& p) { line(p); }, interrupted);
        line.clear();
        std::fprintf(stderr, "%s%.1f M tokens in %.1f min, loss %.3f: %s\n", result.cancelled ? "ended early: " : "",
                     static_cast<double>(result.tokens) / 1e6, result.seconds / 60, result.loss, options.out.c_str());
    } catch (const std::invalid_argument& error) {
        line.clear();
        std::fprintf(stderr, "%s\n", error.what());
        exitCode = 2;
    } catch (const std::exception& error) {
        line.clear();
        std::fprintf(stderr, "%s\n", error.what());
        exitCode = 1;
    }
    std::signal(SIGINT, before);
    return exitCode;
}

}  // namespace fovea
