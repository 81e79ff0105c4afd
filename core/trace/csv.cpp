#include "core/trace/csv.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <stdexcept>
#include <utility>

#include "core/model/quoted_name.h"

namespace fovea {

std::string csvField(std::string_view text) {
    if (text.find_first_of(",\"\r\n") == text.npos)
        return std::string(text);
    std::string quoted = "\"";
    for (const char c : text) {
        if (c == '"')
            quoted += '"';
        quoted += c;
    }
    return quoted + '"';
}

std::string csvNumber(double value) {
    if (!std::isfinite(value))
        return {};
    std::array<char, 32> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
    return {digits.data(), end};
}

CsvTable::CsvTable(std::vector<std::string> columns) : m_columns(columns.size()) {
    for (const std::string& name : columns)
        text(name);
}

CsvTable& CsvTable::text(std::string_view field) {
    if (m_filled > 0)
        m_text += ',';
    m_text += csvField(field);
    if (++m_filled == m_columns) {
        m_text += "\r\n";
        m_filled = 0;
    }
    return *this;
}

CsvTable& CsvTable::number(double value) {
    return text(csvNumber(value));
}

CsvTable& CsvTable::integer(long long value) {
    return text(std::to_string(value));
}

const std::string& CsvTable::str() const {
    if (m_filled != 0)
        throw std::logic_error("a row of a table ended early");
    return m_text;
}

std::vector<std::string> CsvReader::row() {
    std::vector<std::string> fields;
    while (true) {
        fields.push_back(field());
        if (fields.size() > m_mostColumns)
            throw CsvError("has more columns than its " + std::to_string(m_mostColumns));
        if (m_at < m_text.size() && m_text[m_at] == ',') {
            ++m_at;
            continue;
        }
        if (m_text.substr(m_at, 2) == "\r\n")
            m_at += 2;
        else if (m_at < m_text.size() && m_text[m_at] == '\n')
            ++m_at;
        else if (!done())
            throw CsvError("is no table of comma-separated values");
        return fields;
    }
}

namespace {

void requireShort(std::size_t length) {
    if (length > kLongestCsvField)
        throw CsvError("has a field of more than " + std::to_string(kLongestCsvField) + " bytes");
}

} // namespace

std::string CsvReader::field() {
    if (m_at < m_text.size() && m_text[m_at] == '"')
        return quotedField();
    const auto end = std::min(m_text.find_first_of(",\r\n", m_at), m_text.size());
    requireShort(end - m_at);
    std::string value(m_text.substr(m_at, end - m_at));
    m_at = end;
    return value;
}

std::string CsvReader::quotedField() {
    std::string value;
    for (++m_at; m_at < m_text.size(); ++m_at) {
        if (m_text[m_at] == '"' && m_text.substr(m_at + 1, 1) != "\"") {
            ++m_at;
            return value;
        }
        m_at += m_text[m_at] == '"';
        value += m_text[m_at];
        requireShort(value.size());
    }
    throw CsvError("has quotes that are not closed");
}

CsvFields::CsvFields(std::vector<std::string> fields, std::size_t row,
                     const std::vector<std::string>& columns)
    : m_fields(std::move(fields)), m_row(row), m_columns(columns) {
    if (m_fields.size() != columns.size())
        throw CsvError("row " + std::to_string(row) + " has " + std::to_string(m_fields.size()) + " of " +
                       std::to_string(columns.size()) + " columns");
}

void CsvFields::refuse() const {
    throw CsvError("row " + std::to_string(m_row) + " has \"" +
                   withoutControls(m_fields[m_next].substr(0, 40)) + "\" as " + m_columns[m_next]);
}

double CsvFields::number(double least, double most) {
    const std::string& field = m_fields[m_next];
    double value = 0;
    const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), value);
    if (error != std::errc() || end != field.data() + field.size() || !(value >= least && value <= most))
        refuse();
    ++m_next;
    return value;
}

std::optional<double> CsvFields::numberIfAny(double least, double most) {
    if (!m_fields[m_next].empty())
        return number(least, most);
    ++m_next;
    return std::nullopt;
}

unsigned long long CsvFields::whole(unsigned long long most) {
    const std::string& field = m_fields[m_next];
    unsigned long long value = 0;
    const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), value);
    if (error != std::errc() || end != field.data() + field.size() || value > most)
        refuse();
    ++m_next;
    return value;
}

} // namespace fovea
