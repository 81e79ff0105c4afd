#pragma once
// Comma-separated values as RFC 4180 has them: a header line, CRLF between lines, quotes where needed.

#include <cstddef>
#include <optional>
#include <stdexcept>
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

// Text that is no table. what() is the rest of a sentence that begins with what was read: "has quotes that are not closed".
class CsvError : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

// Splits what CsvTable writes, or a spreadsheet made of it: lines may end in LF alone. Nothing is believed: a row of more
// than `mostColumns` fields, or a field of more than kLongestCsvField bytes, is refused before it is kept. The text must
// outlive it.
inline constexpr std::size_t kLongestCsvField = 4096;

class CsvReader {
public:
    CsvReader(std::string_view text, std::size_t mostColumns) : m_text(text), m_mostColumns(mostColumns) {}

    bool done() const { return m_at >= m_text.size(); }
    // The next row, quotes taken off. Throws CsvError.
    std::vector<std::string> row();

private:
    std::string field();
    std::string quotedField();

    std::string_view m_text;
    std::size_t m_mostColumns, m_at = 0;
};

// The fields of one row as numbers, from left to right. Throws CsvError, which names row and column, for what is none or
// beyond its bounds.
class CsvFields {
public:
    // As many fields as `columns`, which must outlive it.
    CsvFields(std::vector<std::string> fields, std::size_t row, const std::vector<std::string>& columns);

    std::string text() { return m_fields[m_next++]; }
    double number(double least, double most);
    // Nothing for an empty field.
    std::optional<double> numberIfAny(double least, double most);
    unsigned long long whole(unsigned long long most);
    bool flag() { return whole(1) == 1; }

private:
    [[noreturn]] void refuse() const;

    std::vector<std::string> m_fields;
    std::size_t m_row, m_next = 0;
    const std::vector<std::string>& m_columns;
};

} // namespace fovea
