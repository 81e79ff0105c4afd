#include "core/train/train.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <thread>

#include "core/train/state.h"
#include "core/train/train_options.h"
#include "core/train/training.h"

namespace fovea {

namespace {

// libtorch's number of threads is one for the whole process: set while training, given back after.
class ThreadCount {
public:
    explicit ThreadCount(int count) : m_before(at::get_num_threads()) {
        at::set_num_threads(count > 0 ? count
                                      : static_cast<int>(std::max(1u, std::thread::hardware_concurrency())));
    }
    ~ThreadCount() { at::set_num_threads(m_before); }
    ThreadCount(const ThreadCount&) = delete;
    ThreadCount& operator=(const ThreadCount&) = delete;

private:
    int m_before;
};

} // namespace

std::optional<TrainOptions> unfinishedTraining(const std::filesystem::path& out) {
    const auto file = trainingStateIn(out);
    std::error_code ignored;
    if (!std::filesystem::exists(file, ignored))
        return std::nullopt;
    TrainOptions options = TrainingStateFile(file).state().options;
    options.out = out;
    return options;
}

TrainResult train(const TrainOptions& options, const TrainObserver& observer,
                  const std::atomic<bool>& cancel) {
    requireSound(options);
    const ThreadCount threads(options.threads);
    return Training(options, observer, cancel).run();
}

} // namespace fovea
