#pragma once
// Times attention and products on the GPU beside what the card can copy, and beside libtorch's attention where it has
// one, all in the same run. Limit and rows are measured in turn (R A B R A B …), so that a card that slows down slows all
// of them. Nothing is reckoned: what cannot be timed has a sentence in place of a time.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/bench/device_cache.h"
#include "core/bench/device_work.h"
#include "core/bench/gemv_bench.h"
#include "core/plan/attention_plan.h"

namespace fovea {

// A cell: one shape, and the plans that are timed on it in turn; the others are held against the first.
struct DeviceQuestion {
    DeviceShape shape;
    std::vector<AttentionPlan> plans;
    bool torch = false; // libtorch's scaled_dot_product_attention too, on the first plan's rows
};

struct DeviceTable {
    std::string title; // what the cells are for
    std::vector<DeviceQuestion> cells;
};

// A matrix in several forms; the others are held against the first.
struct DeviceProductQuestion {
    std::int64_t rows = 4096, columns = 4096;
    int vectors = 1; // multiplied at once
    std::vector<MatrixForm> forms;
};

struct DeviceBenchOptions {
    std::vector<DeviceTable> tables;
    std::vector<DeviceProductQuestion> products;
    int repeats = 15; // rounds; a sample lasts at least 2 ms
    // Bytes of rows, or weights, that steps go through before they meet the first again: many times what the card's
    // caches hold.
    std::int64_t workingSet = std::int64_t{1} << 30;
    std::function<void(int done, int total)> progress;
};

struct DeviceRow {
    std::int64_t formulaBytes = 0;  // that one step of one layer, or one product, reads
    std::int64_t neededBytes = 0;   // of the card's memory, for one layer or matrix
    std::optional<DeviceTime> time; // of one step of one layer, or one product
    std::string whyNot;             // where there is no time

    double gbps() const {
        return static_cast<double>(formulaBytes) / time->median / 1e9;
    } // where there is a time
};

struct DeviceCell {
    DeviceQuestion question;
    int layers = 0;              // that were gone through in turn
    double copyGbps = 0;         // median of the same rounds, reading and writing; 0 where no row was timed
    std::vector<DeviceRow> rows; // in the order of the plans
    std::optional<DeviceRow> torch; // where it was asked for
};

struct DeviceCells {
    std::string title;
    std::vector<DeviceCell> cells;
};

struct DeviceProductCell {
    DeviceProductQuestion question;
    double copyGbps = 0;
    std::vector<DeviceRow> rows; // in the order of the forms
};

struct DeviceBench {
    cuda::DeviceFacts device;
    std::int64_t copyBytes = 0; // that the limit is measured with
    std::vector<DeviceCells> tables;
    std::vector<DeviceProductCell> products;
};

// Throws std::runtime_error with whyUnavailable()'s sentence where there is no GPU, or with what went wrong on it;
// std::invalid_argument where the options make no sense.
DeviceBench runDeviceBench(const DeviceBenchOptions& options);

} // namespace fovea
