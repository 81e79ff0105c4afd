#include "core/plan/moa_file.h"

#include <nlohmann/json.hpp>

#include "core/model/checked_file.h"
#include "core/model/checkpoint_error.h"
#include "core/model/quoted_name.h"
#include "core/plan/attention_plan.h"
#include "core/trace/file_writer.h"

namespace fovea {

namespace {

// Four numbers of each head at most, and their commas and blanks in the widest of layouts.
constexpr std::uint64_t kLargestFile = std::uint64_t{64} << 20;
constexpr const char* kWhatToDo =
    R"(; name a plan file, {"alphas": [layers][heads], "betas": [layers][heads]})";

// What is wrong, in words that follow the file's name.
struct Wrong {
    std::string what;
};

// Reads the two tables as the text goes by: no tree of values is ever built, and what is too large is refused at the
// first number too many.
class Tables : public nlohmann::json_sax<nlohmann::json> {
public:
    struct Table {
        bool there = false;
        std::vector<double> numbers;
        std::vector<int> rows; // how many numbers each has
    };
    Table alphas, betas;

    bool key(string_t& name) override {
        m_table = name == "alphas" ? &alphas : name == "betas" ? &betas : nullptr;
        if (!m_table)
            throw Wrong{"has \"" + clipped(name) + "\", which no plan has"};
        if (m_table->there)
            throw Wrong{"has \"" + name + "\" twice"};
        m_table->there = true;
        return true;
    }
    bool start_object(std::size_t) override {
        return m_objects++ == 0 && m_depth == 0 ? true : misplaced("an object");
    }
    bool end_object() override { return true; }
    bool start_array(std::size_t) override {
        if (!m_table || ++m_depth > 2)
            return misplaced("a list");
        if (m_depth == 2) {
            if (m_table->rows.size() == MoaSpans::kMostLayers)
                throw Wrong{"has more than " + std::to_string(MoaSpans::kMostLayers) + " layers"};
            m_table->rows.push_back(0);
        }
        return true;
    }
    bool end_array() override {
        --m_depth;
        return true;
    }
    bool number_integer(number_integer_t value) override { return number(static_cast<double>(value)); }
    bool number_unsigned(number_unsigned_t value) override { return number(static_cast<double>(value)); }
    bool number_float(number_float_t value, const string_t&) override { return number(value); }
    bool null() override { return misplaced("null"); }
    bool boolean(bool) override { return misplaced("a truth value"); }
    bool string(string_t&) override { return misplaced("a text"); }
    bool binary(binary_t&) override { return misplaced("bytes"); }
    bool parse_error(std::size_t position, const std::string&,
                     const nlohmann::json::exception& error) override {
        if (error.id == 406) // of the library: a number that no type holds
            throw Wrong{"has a number that is too large, at byte " + std::to_string(position)};
        throw Wrong{"is no JSON at byte " + std::to_string(position)};
    }

private:
    static std::string clipped(const std::string& name) {
        return quotedName(name.size() <= 40 ? name : name.substr(0, 40) + "...");
    }
    [[noreturn]] static bool misplaced(const std::string& what) {
        throw Wrong{"has " + what + " where a plan has none"};
    }
    bool number(double value) {
        if (m_depth != 2)
            return misplaced("a number");
        if (++m_table->rows.back() > MoaSpans::kMostHeads)
            throw Wrong{"has more than " + std::to_string(MoaSpans::kMostHeads) + " heads in a layer"};
        m_table->numbers.push_back(value);
        return true;
    }

    Table* m_table = nullptr;
    int m_depth = 0, m_objects = 0;
};

void requireRectangle(const Tables::Table& table, const char* name) {
    if (!table.there)
        throw Wrong{std::string("has no \"") + name + "\""};
    if (table.rows.empty() || table.rows.front() == 0)
        throw Wrong{std::string("has no number in \"") + name + "\""};
    for (const int row : table.rows)
        if (row != table.rows.front())
            throw Wrong{std::string("has layers of ") + std::to_string(table.rows.front()) + " and of " +
                        std::to_string(row) + " heads in \"" + name + "\""};
}

std::string shapeText(const Tables::Table& table) {
    return std::to_string(table.rows.size()) + " layers of " + std::to_string(table.rows.front()) + " heads";
}

MoaSpans spansOf(const Tables& tables) {
    requireRectangle(tables.alphas, "alphas");
    requireRectangle(tables.betas, "betas");
    if (tables.alphas.rows != tables.betas.rows)
        throw Wrong{"has \"alphas\" of " + shapeText(tables.alphas) + " and \"betas\" of " +
                    shapeText(tables.betas)};
    MoaSpans spans{.layers = static_cast<int>(tables.alphas.rows.size()),
                   .heads = tables.alphas.rows.front(),
                   .spans = {}};
    for (std::size_t i = 0; i < tables.alphas.numbers.size(); ++i) {
        spans.spans.push_back({tables.alphas.numbers[i], tables.betas.numbers[i]});
        if (!spans.spans.back().valid())
            throw Wrong{"has a span beyond what makes sense in layer " +
                        std::to_string(i / static_cast<std::size_t>(spans.heads)) + ", head " +
                        std::to_string(i % static_cast<std::size_t>(spans.heads)) +
                        ": alpha is a number of tokens, beta lies from 0 to 1"};
    }
    return spans;
}

} // namespace

MoaSpans readMoaPlan(std::string_view json, const std::string& name) {
    const std::string place = quotedName(name);
    try {
        if (json.size() > kLargestFile)
            throw Wrong{"is larger than any plan (" + std::to_string(kLargestFile >> 20) + " MiB)"};
        Tables tables;
        nlohmann::json::sax_parse(json.begin(), json.end(), &tables);
        return spansOf(tables);
    } catch (const Wrong& wrong) {
        throw PlanError(place + ": " + wrong.what + kWhatToDo);
    }
}

MoaSpans readMoaFile(const std::filesystem::path& file) {
    std::error_code error;
    const auto kind = std::filesystem::status(file, error).type();
    const std::string place = quotedName(file.string());
    if (kind == std::filesystem::file_type::not_found || file.empty())
        throw PlanError(place + ": no such file; check the path");
    if (kind != std::filesystem::file_type::regular)
        throw PlanError(place + ": not a regular file" + kWhatToDo);
    std::string bytes;
    try {
        bytes = readFile(file, kLargestFile);
    } catch (const CheckpointError&) {
        throw PlanError(place +
                        ": cannot be read, or is larger than any plan; check its size and permissions");
    }
    return readMoaPlan(bytes, file.string());
}

std::string moaPlanJson(const MoaSpans& spans) {
    const auto table = [&](double MoaSpan::*number) {
        std::string text = "[";
        for (int layer = 0; layer < spans.layers; ++layer) {
            text += layer == 0 ? "\n    [" : ",\n    [";
            for (int head = 0; head < spans.heads; ++head)
                text += (head == 0 ? "" : ", ") + nlohmann::json(spans.of(layer, head).*number).dump();
            text += "]";
        }
        return text + "\n  ]";
    };
    return "{\n  \"alphas\": " + table(&MoaSpan::alpha) + ",\n  \"betas\": " + table(&MoaSpan::beta) +
           "\n}\n";
}

void writeMoaFile(const std::filesystem::path& file, const MoaSpans& spans) {
    writeFile(file, moaPlanJson(spans));
}

} // namespace fovea
