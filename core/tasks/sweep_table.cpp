#include "core/tasks/sweep_table.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <limits>
#include <tuple>

#include "core/model/quoted_name.h"
#include "core/plan/attention_plan.h"
#include "core/plan/plan_template.h"
#include "core/trace/csv.h"

namespace fovea {

namespace {

constexpr std::size_t kMostRows = 1 << 16;

const std::vector<std::string>& columnNames() {
    static const std::vector<std::string> names = {"model",
                                                   "task",
                                                   "figures",
                                                   "metric",
                                                   "higher is better",
                                                   "metric's bound",
                                                   "samples",
                                                   "seed",
                                                   "text",
                                                   "backend",
                                                   "method",
                                                   "plan",
                                                   "refused",
                                                   "score",
                                                   "standard error",
                                                   "change from dense",
                                                   "standard error of the change",
                                                   "moved formula (bytes per token)",
                                                   "moved counted (bytes per token)",
                                                   "held formula (bytes)",
                                                   "held counted (bytes)",
                                                   "weights formula (bytes per token)",
                                                   "weights counted (bytes per token)",
                                                   "KL to dense mean (nats)",
                                                   "KL to dense max (nats)",
                                                   "top-1 agreement with dense",
                                                   "parts",
                                                   "steps",
                                                   "seconds per token timed (s)"};
    return names;
}

SweepArguments argumentsOf(CsvFields& f) {
    SweepArguments a;
    a.model = f.text();
    a.task = f.text();
    a.figures = f.text();
    a.metric = f.text();
    a.higherBetter = f.flag();
    a.high = f.number(0, 1e12);
    a.samples = static_cast<int>(f.whole(1 << 20));
    a.seed = f.whole(~std::uint64_t{0});
    a.text = f.text();
    a.backend = f.text();
    return a;
}

// "up to 64 tokens back: 0.98 0.01 -0.02 0.01 120; …": score, its error, change, its error, answers.
std::string partsText(const std::vector<PartScore>& parts, int samples) {
    std::string text;
    for (const PartScore& part : parts) {
        text += (text.empty() ? "" : "; ") + part.name + ":";
        for (const double value : {part.score.mean, writtenError(part.score, samples), part.change.mean,
                                   writtenError(part.change, samples)})
            text += ' ' + csvNumber(value);
        text += ' ' + std::to_string(part.asked);
    }
    return text;
}

// As writtenError left it; of one sample, 0 is read as well.
double errorFrom(CsvFields& f, int samples) {
    constexpr double kMost = 1e12;
    return samples > 1 ? f.number(0, kMost) : f.numberIfAny(0, kMost).value_or(0);
}

PartScore partFrom(std::string_view text, int samples) {
    static const std::vector<std::string> names = {"part",       "its score",          "its standard error",
                                                   "its change", "its change's error", "its answers"};
    const auto colon = text.find(": ");
    if (colon == text.npos)
        throw SweepError("has a part without a name");
    std::vector<std::string> fields = {std::string(text.substr(0, colon))};
    for (auto at = colon + 1; at < text.size() && fields.size() <= names.size();) {
        const auto end = std::min(text.find(' ', at + 1), text.size());
        fields.emplace_back(text.substr(at + 1, end - at - 1));
        at = end;
    }
    CsvFields f(std::move(fields), 0, names);
    PartScore part;
    part.name = f.text();
    part.score = {f.number(0, 1), errorFrom(f, samples)};
    part.change = {f.number(-1, 1), errorFrom(f, samples)};
    part.asked = static_cast<std::int64_t>(f.whole(std::uint64_t{1} << 40));
    return part;
}

std::vector<PartScore> partsFrom(std::string_view text, int samples) {
    std::vector<PartScore> parts;
    for (std::size_t at = 0; at < text.size();) {
        const auto end = std::min(text.find("; ", at), text.size());
        parts.push_back(partFrom(text.substr(at, end - at), samples));
        at = end + 2;
    }
    return parts;
}

SweepRow rowFrom(CsvFields& f, int samples) {
    constexpr double kMostBytes = 1e18;
    SweepRow row;
    row.method = f.text();
    row.plan = f.text();
    row.refused = f.text();
    if (row.plan.empty())
        throw SweepError("has a row without a plan");
    if (!row.refused.empty())
        return row;
    row.score = {f.number(-1e12, 1e12), errorFrom(f, samples)};
    row.change = {f.number(-1e12, 1e12), errorFrom(f, samples)};
    row.moved = {f.number(0, kMostBytes), f.number(0, kMostBytes)};
    row.held = {f.number(0, kMostBytes), f.number(0, kMostBytes)};
    row.weights = {f.number(0, kMostBytes), f.number(0, kMostBytes)};
    row.klMean = f.number(0, 1e12);
    row.klMax = f.number(0, 1e12);
    row.agreement = f.number(0, 1);
    row.parts = partsFrom(f.text(), samples);
    row.steps = static_cast<std::int64_t>(f.whole(std::uint64_t{1} << 40));
    row.secondsPerStep = f.number(0, 1e9);
    return row;
}

void addRow(CsvTable& table, const SweepArguments& a, const SweepRow& row) {
    table.text(a.model).text(a.task).text(a.figures).text(a.metric).integer(a.higherBetter).number(a.high);
    table.integer(a.samples).text(std::to_string(a.seed)).text(a.text).text(a.backend);
    table.text(row.method).text(row.plan).text(row.refused);
    if (!row.refused.empty()) {
        for (int i = 0; i < 16; ++i)
            table.blank();
        return;
    }
    table.number(row.score.mean).number(writtenError(row.score, a.samples));
    table.number(row.change.mean).number(writtenError(row.change, a.samples));
    table.number(row.moved.formula)
        .number(row.moved.counted)
        .number(row.held.formula)
        .number(row.held.counted);
    table.number(row.weights.formula).number(row.weights.counted);
    table.number(row.klMean)
        .number(row.klMax)
        .number(row.agreement)
        .text(partsText(row.parts, a.samples))
        .integer(row.steps)
        .number(row.secondsPerStep);
}

std::string shown(const std::string& value) {
    return value.empty() ? "nothing" : '"' + withoutControls(value) + '"';
}

} // namespace

std::string textMark(std::string_view name, std::string_view content) {
    std::uint64_t hash = 0xcbf29ce484222325u; // FNV-1a
    for (const char c : content)
        hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
    std::array<char, 64> mark{};
    std::snprintf(mark.data(), mark.size(), ", %zu bytes, %08llx", content.size(),
                  static_cast<unsigned long long>(hash >> 32));
    return std::string(name) + mark.data();
}

const SweepRow* SweepTable::find(std::string_view plan) const {
    const auto found =
        std::find_if(rows.begin(), rows.end(), [&](const SweepRow& row) { return row.plan == plan; });
    return found == rows.end() ? nullptr : &*found;
}

double writtenError(const Spread& spread, int samples) {
    return samples > 1 ? spread.standardError : std::numeric_limits<double>::quiet_NaN();
}

SweepRow rowOf(const PlanScore& score) {
    SweepRow row;
    row.plan = toText(score.plan);
    row.method = methodOf(row.plan);
    row.score = {score.mean, score.standardError};
    row.change = score.change;
    row.parts = score.parts;
    row.weights = score.weights;
    row.moved = score.moved;
    row.held = score.held;
    row.klMean = score.klMean;
    row.klMax = score.klMax;
    row.agreement = score.agreement;
    row.secondsPerStep = score.secondsPerStep;
    row.steps = score.steps;
    return row;
}

std::string sweepCsv(const SweepTable& table) {
    CsvTable csv(columnNames());
    for (const SweepRow& row : table.rows)
        addRow(csv, table.arguments, row);
    return csv.str();
}

SweepTable readSweepCsv(std::string_view text) try {
    CsvReader reader(text, columnNames().size());
    if (reader.row() != columnNames())
        throw SweepError("does not begin as a sweep's table does");
    SweepTable table;
    for (std::size_t row = 1; !reader.done(); ++row) {
        if (row > kMostRows)
            throw SweepError("has more than " + std::to_string(kMostRows) + " rows");
        CsvFields fields(reader.row(), row, columnNames());
        const SweepArguments arguments = argumentsOf(fields);
        if (row == 1)
            table.arguments = arguments;
        else if (const std::string why = differenceOf(table.arguments, arguments); !why.empty())
            throw SweepError("holds rows of different sweeps");
        table.rows.push_back(rowFrom(fields, arguments.samples));
    }
    return table;
} catch (const CsvError& error) {
    throw SweepError(error.what());
}

std::string differenceOf(const SweepArguments& there, const SweepArguments& here) {
    const auto say = [](const char* what, const std::string& a, const std::string& b) {
        return std::string(what) + " is " + shown(a) + " there and " + shown(b) + " here";
    };
    const std::tuple<const char*, const std::string&, const std::string&> texts[] = {
        {"model", there.model, here.model},       {"task", there.task, here.task},
        {"text", there.text, here.text},          {"what is run", there.figures, here.figures},
        {"backend", there.backend, here.backend}, {"metric", there.metric, here.metric}};
    for (const auto& [what, a, b] : texts)
        if (a != b)
            return say(what, a, b);
    if (there.samples != here.samples)
        return say("samples", std::to_string(there.samples), std::to_string(here.samples));
    if (there.seed != here.seed)
        return say("seed", std::to_string(there.seed), std::to_string(here.seed));
    return there == here ? "" : "the metric's bounds are others there";
}

} // namespace fovea
