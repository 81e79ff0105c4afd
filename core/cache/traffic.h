#pragma once
// Bytes by component. The same type carries what a formula predicts and what the ledger counted, so that the
// two can be compared component by component, and bytes held as well as bytes moved.

#include <array>
#include <cstdint>
#include <string_view>

namespace fovea {

enum class Component : std::uint8_t {
    Keys,       // token-major K rows
    Values,     // V rows
    Scales,     // of rows that are held as codes: scales and zeros
    KeyColumns, // the component-major copy of K (SparQ)
    Mean,       // fp32 running sum of the values (SparQ)
    Bounds,     // per page of slots the least and the greatest of each key component (Quest)
    Scores,     // scores spilled between two passes, and what a keep remembers to rank tokens by
    Indices,    // lists of chosen slots and pages
    Weights,    // the model's own parameters
};
inline constexpr int kComponents = 9;

// Names in JSON, CSV and traces.
constexpr std::array<std::string_view, kComponents> kComponentNames = {
    "k", "v", "scales", "k_copy", "mean", "bounds", "scores", "indices", "weights"};

class Traffic {
public:
    std::int64_t& operator[](Component c) { return m_bytes[static_cast<std::size_t>(c)]; }
    std::int64_t operator[](Component c) const { return m_bytes[static_cast<std::size_t>(c)]; }

    std::int64_t total() const {
        std::int64_t sum = 0;
        for (auto b : m_bytes)
            sum += b;
        return sum;
    }
    // Everything but the model's parameters.
    std::int64_t attention() const { return total() - (*this)[Component::Weights]; }

    Traffic& operator+=(const Traffic& other) {
        for (int i = 0; i < kComponents; ++i)
            m_bytes[static_cast<std::size_t>(i)] += other.m_bytes[static_cast<std::size_t>(i)];
        return *this;
    }
    Traffic& operator-=(const Traffic& other) { return *this += other * -1; }
    friend Traffic operator*(Traffic t, std::int64_t n) {
        for (auto& b : t.m_bytes)
            b *= n;
        return t;
    }
    bool operator==(const Traffic&) const = default;

private:
    std::array<std::int64_t, kComponents> m_bytes{};
};

} // namespace fovea
