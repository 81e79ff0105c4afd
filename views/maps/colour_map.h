#pragma once
// From a number to a colour. Tables of 256 colours are interpolated between published control points, so
// that a picture and its colour bar cannot disagree.
//
// Sources   viridis: van der Walt & Smith, matplotlib (CC0)
//           cividis: Nuñez, Anderton & Renslow, "Optimizing colormaps with consideration for color vision
//           deficiency", PLoS ONE 13(7), 2018
//           blue-orange: diverging, zero is neutral; ours

#include <QColor>
#include <QString>
#include <array>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace fovea {

enum class ColourMap { Viridis, Cividis, BlueOrange };

using ColourTable = std::array<QRgb, 256>;
const ColourTable& colourTable(ColourMap map);

// How a softmax weight becomes a place on the colour bar.
enum class ColourScale {
    Log10,        // 1e-6 .. 1; below the floor is the floor's colour
    Linear,       // 0 .. 1
    Sqrt,         // 0 .. 1
    RowMax,       // weight / largest of its row, 0 .. 1
    TimesUniform, // weight · visible keys, 1e-2 .. 1e3 in log10: 1 is what uniform attention gives
};
inline constexpr double kLogFloor = 1e-6;

QString name(ColourScale scale);                      // "log₁₀", "linear", …
QString name(ColourMap map);                          // "viridis"
std::pair<double, double> rangeOf(ColourScale scale); // value at the bar's foot and head

// Place on the bar, 0 .. 1, of a value (already divided by its row's largest or multiplied by its visible
// keys where the scale asks for that). Inverse: valueAt.
double fraction(ColourScale scale, double value);
double valueAt(ColourScale scale, double fraction);

struct ColourTick {
    double fraction;
    QString label; // "1", ".1", "1e-3"
};
std::vector<ColourTick> colourTicks(ColourScale scale);

// Differences: 0 in the middle of the bar, the scale going up from there and, mirrored, down.
double differenceFraction(ColourScale scale, double value);
std::vector<ColourTick> differenceTicks(ColourScale scale); // head to foot, "−.1" below the middle
// Blue above 0, where A weighs more; orange, B's colour, below.
const ColourTable& differenceTable();

// A whole scale as one table look-up per value: a non-negative float's upper bits index the colour's number.
// 2^-11 of a value's size is all that is lost, less than a step of any bar here.
class ColourLookup {
public:
    explicit ColourLookup(ColourScale scale);
    ColourScale scale() const { return m_scale; }
    std::uint8_t operator()(float value) const; // 0 .. 255; negative and NaN give 0
    std::uint8_t ofDifference(float value) const;

private:
    ColourScale m_scale;
    std::vector<std::uint8_t> m_table;
};

} // namespace fovea
