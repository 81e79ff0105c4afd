#include "app/commands/bench_device.h"

#include <chrono>
#include <ctime>
#include <fstream>
#include <optional>
#include <stdexcept>

#include "app/commands/bench_device_json.h"
#include "app/commands/line_text.h"
#include "app/commands/result_file.h"
#include "app/commands/terminal.h"
#include "core/bench/device_suite.h"
#include "core/plan/attention_plan.h"
#include "core/trace/byte_text.h"

namespace fovea {

namespace {

// As the kernel's module says it of itself: "NVRM version: NVIDIA UNIX x86_64 Kernel Module  …".
std::string driverText() {
    std::ifstream file("/proc/driver/nvidia/version");
    std::string line;
    std::getline(file, line);
    return line;
}

std::string dateText() {
    const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
    std::tm utc{};
    gmtime_r(&now, &utc);
    char written[32];
    std::strftime(written, sizeof written, "%Y-%m-%dT%H:%M:%SZ", &utc);
    return written;
}

std::string lineOf(const DeviceRow& row, const DeviceRow& first, double copyGbps, const std::string& name) {
    if (!row.time)
        return lineText("  %35s  %-9s  %38s  ", "-", byteText(row.formulaBytes).c_str(), "") + name + ": " +
               row.whyNot + "\n";
    std::string line = lineText("  %11.1f us  %16.1f us  %-9s  %8.1f  %6.1f %%", row.time->median * 1e6,
                                row.time->spread * 1e6, byteText(row.formulaBytes).c_str(), row.gbps(),
                                100 * row.gbps() / copyGbps);
    if (&row == &first || !first.time)
        line += lineText("  %7s  %8s", "-", "-");
    else
        line += lineText("  %6.2fx  %7.2fx", first.time->median / row.time->median,
                         static_cast<double>(first.formulaBytes) / static_cast<double>(row.formulaBytes));
    return line + "  " + name + "\n";
}

constexpr const char* kColumns =
    "  timed (median)        spread (IQR)  formula        GB/s  of limit   faster  promised  ";

std::string tableOf(const DeviceCell& cell) {
    const DeviceShape& shape = cell.question.shape;
    std::string written =
        lineText("\nB = %d, S = %lld, H = %d, G = %d, d = %d; copied at %.1f GB/s, %d layers in turn\n",
                 shape.batch, static_cast<long long>(shape.context), shape.heads, shape.kvHeads,
                 shape.headDim, cell.copyGbps, cell.layers);
    written += std::string(kColumns) + "plan\n";
    for (std::size_t i = 0; i < cell.rows.size(); ++i)
        written += lineOf(cell.rows[i], cell.rows.front(), cell.copyGbps, toTitle(cell.question.plans[i]));
    if (cell.torch)
        written += lineOf(*cell.torch, cell.rows.front(), cell.copyGbps, "libtorch's attention, dense");
    return written;
}

std::string tableOf(const DeviceProductCell& cell) {
    const DeviceProductQuestion& asked = cell.question;
    std::string written =
        lineText("\n%lld x %lld by %d; copied at %.1f GB/s\n", static_cast<long long>(asked.rows),
                 static_cast<long long>(asked.columns), asked.vectors, cell.copyGbps);
    written += std::string(kColumns) + "weights\n";
    for (std::size_t i = 0; i < cell.rows.size(); ++i)
        written += lineOf(cell.rows[i], cell.rows.front(), cell.copyGbps, formText(asked.forms[i]));
    return written;
}

std::string tableOf(const DeviceBench& bench) {
    std::string written = lineText("%s, %s of %s free, %d multiprocessors\n", bench.device.name.c_str(),
                                   byteText(static_cast<std::int64_t>(bench.device.freeMemory)).c_str(),
                                   byteText(static_cast<std::int64_t>(bench.device.memory)).c_str(),
                                   bench.device.multiprocessors);
    for (const DeviceCells& table : bench.tables) {
        written += "\n" + table.title + "\n";
        for (const DeviceCell& cell : table.cells)
            written += tableOf(cell);
    }
    written += "\nProducts of matrices and vectors\n";
    for (const DeviceProductCell& cell : bench.products)
        written += tableOf(cell);
    return written;
}

} // namespace

void benchDevice(const DeviceBenchWanted& wanted) {
    if (!cuda::available())
        throw std::runtime_error("--device cuda needs a GPU: " + cuda::whyUnavailable());
    requireResultFile(wanted.jsonFile);
    DeviceBenchOptions suite = deviceSuite();
    suite.repeats = wanted.repeats;
    std::optional<Progress> progress;
    suite.progress = [&](int, int total) {
        if (!progress)
            progress.emplace("measuring on the GPU", total);
        progress->advance();
    };
    const DeviceBench bench = runDeviceBench(suite);
    progress.reset();
    if (!wanted.json)
        return printResult(tableOf(bench));
    const DeviceBenchOrigin origin{dateText(), driverText(),
                                   "fovea bench all --device cuda --repeats " +
                                       std::to_string(wanted.repeats) + " --json"};
    writeResult(jsonOf(bench, origin).dump(2) + "\n", wanted.jsonFile);
}

} // namespace fovea
