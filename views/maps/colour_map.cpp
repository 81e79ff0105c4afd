#include "views/maps/colour_map.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace fovea {
namespace {

// Evenly spaced control points, as published.
constexpr QRgb kViridis[] = {0xff440154, 0xff482878, 0xff3e4989, 0xff31688e, 0xff26828e,
                             0xff1f9e89, 0xff35b779, 0xff6ece58, 0xffb5de2b, 0xfffde725};
constexpr QRgb kCividis[] = {0xff00224e, 0xff123570, 0xff3b496c, 0xff575d6d, 0xff707173,
                             0xff8a8678, 0xffa59c74, 0xffc3b369, 0xffe1cc55, 0xfffee838};
constexpr QRgb kBlueOrange[] = {0xff0b4f8a, 0xff2f86cf, 0xff8fc1ea, 0xffe4e6ea,
                                0xfff5bd80, 0xffdd7a1c, 0xff8f4300};

ColourTable interpolate(std::span<const QRgb> points) {
    ColourTable table;
    const double last = static_cast<double>(points.size() - 1);
    for (std::size_t i = 0; i < table.size(); ++i) {
        const double place = last * static_cast<double>(i) / 255.0;
        const auto at = std::min(static_cast<std::size_t>(place), points.size() - 2);
        const double share = place - static_cast<double>(at);
        const auto channel = [&](int a, int b) { return static_cast<int>(std::lround(a + (b - a) * share)); };
        const QRgb a = points[at], b = points[at + 1];
        table[i] =
            qRgb(channel(qRed(a), qRed(b)), channel(qGreen(a), qGreen(b)), channel(qBlue(a), qBlue(b)));
    }
    return table;
}

constexpr double kUniformFloor = 1e-2;
constexpr double kUniformCeiling = 1e3;

// The look-up's range of floats: 2^-24 (below every floor) to 2^11, 10 bits of mantissa kept.
constexpr std::uint32_t kShift = 13;
constexpr std::uint32_t kFirst = (127u - 24u) << (23 - kShift);
constexpr std::uint32_t kCount = 35u << (23 - kShift);

} // namespace

const ColourTable& colourTable(ColourMap map) {
    static const ColourTable viridis = interpolate(kViridis);
    static const ColourTable cividis = interpolate(kCividis);
    static const ColourTable blueOrange = interpolate(kBlueOrange);
    switch (map) {
    case ColourMap::Cividis:
        return cividis;
    case ColourMap::BlueOrange:
        return blueOrange;
    case ColourMap::Viridis:
        break;
    }
    return viridis;
}

QString name(ColourScale scale) {
    switch (scale) {
    case ColourScale::Linear:
        return QStringLiteral("linear");
    case ColourScale::Sqrt:
        return QStringLiteral("√");
    case ColourScale::RowMax:
        return QStringLiteral("per-row max");
    case ColourScale::TimesUniform:
        return QStringLiteral("× uniform");
    case ColourScale::Log10:
        break;
    }
    return QStringLiteral("log₁₀");
}

QString name(ColourMap map) {
    switch (map) {
    case ColourMap::Cividis:
        return QStringLiteral("cividis");
    case ColourMap::BlueOrange:
        return QStringLiteral("blue–orange");
    case ColourMap::Viridis:
        break;
    }
    return QStringLiteral("viridis");
}

std::pair<double, double> rangeOf(ColourScale scale) {
    switch (scale) {
    case ColourScale::Log10:
        return {kLogFloor, 1};
    case ColourScale::TimesUniform:
        return {kUniformFloor, kUniformCeiling};
    default:
        return {0, 1};
    }
}

double fraction(ColourScale scale, double value) {
    if (!(value > 0))
        return 0;
    const auto [low, high] = rangeOf(scale);
    const double clamped = std::clamp(value, low, high);
    switch (scale) {
    case ColourScale::Log10:
    case ColourScale::TimesUniform:
        return std::log10(clamped / low) / std::log10(high / low);
    case ColourScale::Sqrt:
        return std::sqrt(clamped);
    default:
        return clamped;
    }
}

double valueAt(ColourScale scale, double place) {
    const auto [low, high] = rangeOf(scale);
    switch (scale) {
    case ColourScale::Log10:
    case ColourScale::TimesUniform:
        return low * std::pow(high / low, place);
    case ColourScale::Sqrt:
        return place * place;
    default:
        return place;
    }
}

std::vector<ColourTick> colourTicks(ColourScale scale) {
    const auto tick = [scale](double value, const char* label) {
        return ColourTick{fraction(scale, value), QString::fromLatin1(label)};
    };
    switch (scale) {
    case ColourScale::Log10:
        return {tick(1, "1"),       tick(1e-1, ".1"),   tick(1e-2, ".01"), tick(1e-3, "1e-3"),
                tick(1e-4, "1e-4"), tick(1e-5, "1e-5"), tick(1e-6, "1e-6")};
    case ColourScale::TimesUniform:
        return {tick(1e3, "1000"), tick(1e2, "100"), tick(10, "10"),
                tick(1, "1"),      tick(1e-1, ".1"), tick(1e-2, ".01")};
    case ColourScale::Sqrt:
        return {tick(1, "1"), tick(.5, ".5"), tick(.2, ".2"), tick(.05, ".05"), tick(.01, ".01"), {0, "0"}};
    default:
        return {tick(1, "1"), tick(.8, ".8"), tick(.6, ".6"), tick(.4, ".4"), tick(.2, ".2"), {0, "0"}};
    }
}

double differenceFraction(ColourScale scale, double value) {
    return 0.5 + (value < 0 ? -0.5 : 0.5) * fraction(scale, std::abs(value));
}

std::vector<ColourTick> differenceTicks(ColourScale scale) {
    std::vector<ColourTick> above;
    // Half the bar has room for half the numbers; the lowest is 0's own place.
    const std::vector<ColourTick> all = colourTicks(scale);
    for (std::size_t i = 0; i + 1 < all.size(); i += 2)
        above.push_back(all[i]);
    std::vector<ColourTick> ticks;
    for (const ColourTick& tick : above)
        ticks.push_back({0.5 + tick.fraction / 2, tick.label});
    ticks.push_back({0.5, QStringLiteral("0")});
    for (auto tick = above.rbegin(); tick != above.rend(); ++tick)
        ticks.push_back({0.5 - tick->fraction / 2, QStringLiteral("−") + tick->label});
    return ticks;
}

const ColourTable& differenceTable() {
    static const ColourTable table = [] {
        ColourTable reversed = colourTable(ColourMap::BlueOrange);
        std::reverse(reversed.begin(), reversed.end());
        return reversed;
    }();
    return table;
}

ColourLookup::ColourLookup(ColourScale scale) : m_scale(scale), m_table(kCount) {
    for (std::uint32_t i = 0; i < kCount; ++i) {
        // The middle of the floats that share these upper bits.
        const float value = std::bit_cast<float>(((kFirst + i) << kShift) + (1u << (kShift - 1)));
        m_table[i] = static_cast<std::uint8_t>(std::lround(fraction(scale, value) * 255));
    }
}

std::uint8_t ColourLookup::operator()(float value) const {
    if (!(value > 0))
        return 0;
    const std::uint32_t bits = std::bit_cast<std::uint32_t>(value) >> kShift;
    if (bits < kFirst)
        return 0;
    return m_table[std::min(bits - kFirst, kCount - 1)];
}

std::uint8_t ColourLookup::ofDifference(float value) const {
    const int half = (*this)(std::abs(value)) / 2;
    return static_cast<std::uint8_t>(value < 0 ? 127 - half : 128 + half);
}

} // namespace fovea
