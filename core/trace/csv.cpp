#include "core/trace/csv.h"

#include <array>
#include <charconv>
#include <cmath>
#include <stdexcept>

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

} // namespace fovea
