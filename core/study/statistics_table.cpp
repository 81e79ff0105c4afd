#include "core/study/statistics_table.h"

#include <algorithm>
#include <cmath>
#include <iterator>

#include "core/trace/csv.h"

namespace fovea {

namespace {

constexpr std::size_t kMostRows = 1 << 16;
constexpr double kMost = 1e300;

const std::vector<std::string>& columnNames() {
    static const std::vector<std::string> names = {"model",
                                                   "text",
                                                   "blocks",
                                                   "tokens of each",
                                                   "seed",
                                                   "layer",
                                                   "tensor",
                                                   "part",
                                                   "values",
                                                   "AbsMax",
                                                   "mean",
                                                   "standard deviation",
                                                   "kurtosis (3: normal)"};
    return names;
}

// Deviation and kurtosis come back as they were of these.
void setShape(Moments& moments, double deviation, double kurtosis) {
    moments.second = deviation * deviation * static_cast<double>(moments.count);
    moments.fourth = kurtosis * moments.second * moments.second / static_cast<double>(moments.count);
}

TensorStatistics rowFrom(CsvFields& f) {
    TensorStatistics row;
    row.layer = static_cast<int>(f.whole(1 << 20));
    const std::string tensor = f.text();
    const auto* const name =
        std::find(std::begin(kStudiedTensorNames), std::end(kStudiedTensorNames), tensor);
    if (name == std::end(kStudiedTensorNames))
        throw CsvError("has a tensor of no known type");
    row.tensor = static_cast<StudiedTensor>(name - std::begin(kStudiedTensorNames));
    row.part = f.text();
    row.moments.count = static_cast<std::int64_t>(f.whole(std::uint64_t{1} << 60));
    if (row.moments.count == 0)
        throw CsvError("has a row of no values");
    row.moments.most = f.number(0, kMost);
    row.moments.mean = f.number(-kMost, kMost);
    const double deviation = f.number(0, kMost);
    setShape(row.moments, deviation, f.number(0, kMost));
    if (!std::isfinite(row.moments.deviation()) || !std::isfinite(row.moments.kurtosis()))
        throw CsvError("has a row of numbers too far apart");
    return row;
}

} // namespace

bool StatisticsTable::sameQuestion(const StatisticsTable& o) const {
    return model == o.model && text == o.text && blocks == o.blocks && length == o.length && seed == o.seed;
}

std::string statisticsCsv(const StatisticsTable& table) {
    CsvTable csv(columnNames());
    for (const TensorStatistics& row : table.rows) {
        csv.text(table.model).text(table.text).integer(table.blocks).integer(table.length);
        csv.text(std::to_string(table.seed)).integer(row.layer);
        csv.text(kStudiedTensorNames[static_cast<std::size_t>(row.tensor)]).text(row.part);
        csv.integer(row.moments.count).number(row.moments.most).number(row.moments.mean);
        csv.number(row.moments.deviation()).number(row.moments.kurtosis());
    }
    return csv.str();
}

std::optional<StatisticsTable> readStatisticsCsv(std::string_view text) try {
    CsvReader reader(text, columnNames().size());
    if (reader.row() != columnNames())
        return std::nullopt;
    StatisticsTable table;
    for (std::size_t number = 1; !reader.done(); ++number) {
        if (number > kMostRows)
            return std::nullopt;
        CsvFields f(reader.row(), number, columnNames());
        StatisticsTable own;
        own.model = f.text();
        own.text = f.text();
        own.blocks = static_cast<std::int64_t>(f.whole(1 << 30));
        own.length = static_cast<std::int64_t>(f.whole(1 << 30));
        own.seed = f.whole(~std::uint64_t{0});
        if (number > 1 && !own.sameQuestion(table))
            return std::nullopt;
        own.rows = std::move(table.rows);
        own.rows.push_back(rowFrom(f));
        table = std::move(own);
    }
    return table.rows.empty() ? std::nullopt : std::optional(std::move(table));
} catch (const CsvError&) {
    return std::nullopt;
}

} // namespace fovea
