#include "core/tasks/sweep_table.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <tuple>

#include "core/plan/attention_plan.h"
#include "core/plan/plan_template.h"
#include "core/trace/csv.h"

namespace fovea {

namespace {

constexpr std::size_t kMostRows = 1 << 16, kLongestField = 4096;

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
                                                   "moved formula (bytes per token)",
                                                   "moved counted (bytes per token)",
                                                   "held formula (bytes)",
                                                   "held counted (bytes)",
                                                   "KL to dense mean (nats)",
                                                   "KL to dense max (nats)",
                                                   "top-1 agreement with dense",
                                                   "steps",
                                                   "seconds per token timed (s)"};
    return names;
}

// Splits RFC 4180 text; a field's quotes are taken off.
class Reader {
public:
    explicit Reader(std::string_view text) : m_text(text) {}

    bool done() const { return m_at >= m_text.size(); }
    std::vector<std::string> row() {
        std::vector<std::string> fields;
        while (true) {
            fields.push_back(field());
            if (fields.size() > columnNames().size())
                throw SweepError("has more columns than a sweep's table");
            if (m_at < m_text.size() && m_text[m_at] == ',') {
                ++m_at;
                continue;
            }
            if (m_text.substr(m_at, 2) == "\r\n")
                m_at += 2;
            else if (m_at < m_text.size() && m_text[m_at] == '\n')
                ++m_at;
            else if (!done())
                throw SweepError("is no table of comma-separated values");
            return fields;
        }
    }

private:
    std::string field() {
        std::string value;
        if (m_at < m_text.size() && m_text[m_at] == '"') {
            for (++m_at; m_at < m_text.size(); ++m_at) {
                if (m_text[m_at] == '"' && m_text.substr(m_at + 1, 1) != "\"") {
                    ++m_at;
                    return value;
                }
                m_at += m_text[m_at] == '"';
                value += m_text[m_at];
                requireShort(value.size());
            }
            throw SweepError("has quotes that are not closed");
        }
        const auto end = std::min(m_text.find_first_of(",\r\n", m_at), m_text.size());
        requireShort(end - m_at);
        value = m_text.substr(m_at, end - m_at);
        m_at = end;
        return value;
    }
    static void requireShort(std::size_t length) {
        if (length > kLongestField)
            throw SweepError("has a field of more than " + std::to_string(kLongestField) + " bytes");
    }

    std::string_view m_text;
    std::size_t m_at = 0;
};

class Fields {
public:
    Fields(std::vector<std::string> fields, std::size_t row) : m_fields(std::move(fields)), m_row(row) {
        if (m_fields.size() != columnNames().size())
            throw SweepError("row " + std::to_string(row) + " has " + std::to_string(m_fields.size()) +
                             " of " + std::to_string(columnNames().size()) + " columns");
    }
    std::string text() { return m_fields[m_next++]; }
    double number(double least, double most) {
        const std::string& field = m_fields[m_next];
        double value = 0;
        const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), value);
        if (error != std::errc() || end != field.data() + field.size() || !(value >= least && value <= most))
            throw SweepError("row " + std::to_string(m_row) + " has \"" + field.substr(0, 40) + "\" as " +
                             columnNames()[m_next]);
        ++m_next;
        return value;
    }
    std::uint64_t whole(std::uint64_t most) {
        const std::string& field = m_fields[m_next];
        std::uint64_t value = 0;
        const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), value);
        if (error != std::errc() || end != field.data() + field.size() || value > most)
            throw SweepError("row " + std::to_string(m_row) + " has \"" + field.substr(0, 40) + "\" as " +
                             columnNames()[m_next]);
        ++m_next;
        return value;
    }
    bool flag() { return whole(1) == 1; }

private:
    std::vector<std::string> m_fields;
    std::size_t m_row, m_next = 0;
};

SweepArguments argumentsOf(Fields& f) {
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

SweepRow rowFrom(Fields& f) {
    constexpr double kMostBytes = 1e18;
    SweepRow row;
    row.method = f.text();
    row.plan = f.text();
    row.refused = f.text();
    if (row.plan.empty())
        throw SweepError("has a row without a plan");
    if (!row.refused.empty())
        return row;
    row.score = {f.number(-1e12, 1e12), f.number(0, 1e12)};
    row.moved = {f.number(0, kMostBytes), f.number(0, kMostBytes)};
    row.held = {f.number(0, kMostBytes), f.number(0, kMostBytes)};
    row.klMean = f.number(0, 1e12);
    row.klMax = f.number(0, 1e12);
    row.agreement = f.number(0, 1);
    row.steps = static_cast<std::int64_t>(f.whole(std::uint64_t{1} << 40));
    row.secondsPerStep = f.number(0, 1e9);
    return row;
}

void addRow(CsvTable& table, const SweepArguments& a, const SweepRow& row) {
    table.text(a.model).text(a.task).text(a.figures).text(a.metric).integer(a.higherBetter).number(a.high);
    table.integer(a.samples).text(std::to_string(a.seed)).text(a.text).text(a.backend);
    table.text(row.method).text(row.plan).text(row.refused);
    if (!row.refused.empty()) {
        for (int i = 0; i < 11; ++i)
            table.blank();
        return;
    }
    table.number(row.score.mean).number(row.score.standardError);
    table.number(row.moved.formula)
        .number(row.moved.counted)
        .number(row.held.formula)
        .number(row.held.counted);
    table.number(row.klMean)
        .number(row.klMax)
        .number(row.agreement)
        .integer(row.steps)
        .number(row.secondsPerStep);
}

std::string shown(const std::string& value) {
    return value.empty() ? "nothing" : "\"" + value + "\"";
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

SweepRow rowOf(const PlanScore& score) {
    SweepRow row;
    row.plan = toText(score.plan);
    row.method = methodOf(row.plan);
    row.score = {score.mean, score.standardError};
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

SweepTable readSweepCsv(std::string_view text) {
    Reader reader(text);
    std::vector<std::string> header = reader.row();
    if (header != columnNames())
        throw SweepError("does not begin as a sweep's table does");
    SweepTable table;
    for (std::size_t row = 1; !reader.done(); ++row) {
        if (row > kMostRows)
            throw SweepError("has more than " + std::to_string(kMostRows) + " rows");
        Fields fields(reader.row(), row);
        const SweepArguments arguments = argumentsOf(fields);
        if (row == 1)
            table.arguments = arguments;
        else if (const std::string why = differenceOf(table.arguments, arguments); !why.empty())
            throw SweepError("holds rows of different sweeps");
        table.rows.push_back(rowFrom(fields));
    }
    return table;
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
