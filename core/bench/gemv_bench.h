#pragma once
// Times the product of a matrix and vectors, as decoding does with every matrix of every layer, beside what the machine
// can read, all in the same run. A small matrix would stay in a cache and be timed there; so there are as many as
// fill the working set, one after the other like a model's layers. Limit and forms are measured in turn (R A B R A B …),
// so that a machine that slows down slows all of them.

#include <cstdint>
#include <functional>
#include <string>
#include <variant>
#include <vector>

#include "core/cache/element_type.h"
#include "core/methods/quantise/rtn.h"

namespace fovea {

// In what form a matrix lies.
using MatrixForm = std::variant<ElementType, RtnParams>;
// "bf16", "rtn:bits=4,group=128" (as in weights=…). Throws PlanError.
MatrixForm parseMatrixForm(const std::string& text);
std::string formText(const MatrixForm& form);
// Formula: ⌈…⌉ as rtn.h has it, or rows·columns·e.
std::int64_t matrixFormBytes(const MatrixForm& form, std::int64_t rows, std::int64_t columns);

struct GemvBenchOptions {
    std::int64_t rows = 4096, columns = 4096;
    int vectors = 1; // multiplied at once
    std::vector<MatrixForm> forms;
    std::int64_t workingSet = 256 << 20; // bytes of each form, whole matrices, one at least
    int threads = 0;                     // 0: as many as libtorch has now
    int repeats = 15;                    // rounds
    std::function<void(int done, int total)> progress;
};

struct GemvBenchResult {
    MatrixForm form;
    double medianSeconds = 0, spread = 0, fastestSeconds = 0; // of one product; spread: interquartile range
    std::int64_t bytes = 0; // of one matrix, by formula: what a product reads of it
    double gbps = 0;        // bytes / medianSeconds, 10^9 bytes per second
};

struct GemvBench {
    double readGbps = 0; // median of reading a buffer of the working set, same threads
    int threads = 0;
    std::vector<GemvBenchResult> results; // in the order of the forms
};

// Bytes runGemvBench will allocate.
std::int64_t gemvBenchMemory(const GemvBenchOptions& options);

// Throws std::invalid_argument where the options make no sense or need more memory than there is, std::bad_alloc.
GemvBench runGemvBench(const GemvBenchOptions& options);

} // namespace fovea
