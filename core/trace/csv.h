#pragma once
// Comma-separated values as RFC 4180 has them: a header line, CRLF between lines, quotes where needed.

#include <string>
#include <string_view>
#include <vector>

namespace fovea {

// Quoted when it holds a comma, a quote or a line break; quotes inside are doubled.
std::string csvField(std::string_view text);
// Shortest text that reads back as the same number; nan and inf become empty fields.
std::string csvNumber(double value);

class CsvTable {
public:
    // Column names carry their unit in brackets: "seconds (s)".
    explicit CsvTable(std::vector<std::string> columns);

    // Fields fill rows from left to right; a row ends with its last column.
    CsvTable& text(std::string_view field);
    CsvTable& number(double value);
    CsvTable& integer(long long value);
    CsvTable& blank() { return text({}); }

    // Throws std::logic_error when the last row is short.
    const std::string& str() const;

private:
    std::size_t m_columns;
    std::size_t m_filled = 0; // fields in the row under way
    std::string m_text;
};

} // namespace fovea
