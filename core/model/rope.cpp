#include "core/model/rope.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace fovea {

namespace {

constexpr double kTurn = 2 * std::numbers::pi;

std::vector<double> plainFrequencies(double theta, int rotated) {
    std::vector<double> frequency;
    for (int i = 0; i < rotated; i += 2)
        frequency.push_back(std::pow(theta, -static_cast<double>(i) / rotated));
    return frequency;
}

double grownTheta(const Rope& rope, int rotated, std::int64_t length) {
    const auto original = static_cast<double>(rope.scaling.originalContext);
    const double stretch = std::max(static_cast<double>(length), original) / original;
    const double factor = rope.scaling.factor;
    return rope.theta * std::pow(factor * stretch - (factor - 1), rotated / (rotated - 2.0));
}

double llama3Frequency(double frequency, const RopeScaling& s) {
    const double turns =
        static_cast<double>(s.originalContext) * frequency / kTurn; // within the original context
    if (turns > s.highFrequency)
        return frequency;
    if (turns < s.lowFrequency)
        return frequency / s.factor;
    const double kept = (turns - s.lowFrequency) / (s.highFrequency - s.lowFrequency);
    return (1 - kept) * frequency / s.factor + kept * frequency;
}

// The component, counted in pairs, that turns `turns` times within the original context.
double pairThatTurns(double turns, const Rope& rope, int rotated) {
    const auto original = static_cast<double>(rope.scaling.originalContext);
    return rotated * std::log(original / (turns * kTurn)) / (2 * std::log(static_cast<double>(rope.theta)));
}

void blendYarn(std::vector<double>& frequency, const Rope& rope, int rotated) {
    const RopeScaling& s = rope.scaling;
    double low = pairThatTurns(s.betaFast, rope, rotated), high = pairThatTurns(s.betaSlow, rope, rotated);
    if (s.truncate) {
        low = std::floor(low);
        high = std::ceil(high);
    }
    low = std::max(low, 0.0);
    high = std::min(high, rotated - 1.0);
    if (low == high)
        high += 0.001; // a step, not 0/0
    for (std::size_t i = 0; i < frequency.size(); ++i) {
        const double stretched = std::clamp((static_cast<double>(i) - low) / (high - low), 0.0, 1.0);
        frequency[i] = frequency[i] / s.factor * stretched + frequency[i] * (1 - stretched);
    }
}

} // namespace

RopeTable ropeTable(const Rope& rope, int rotated, std::int64_t length) {
    const RopeScaling& s = rope.scaling;
    const bool grows = s.kind == RopeScaling::Kind::Dynamic;
    RopeTable table{plainFrequencies(grows ? grownTheta(rope, rotated, length) : rope.theta, rotated)};
    if (s.kind == RopeScaling::Kind::Linear)
        for (double& frequency : table.frequency)
            frequency /= s.factor;
    if (s.kind == RopeScaling::Kind::Llama3)
        for (double& frequency : table.frequency)
            frequency = llama3Frequency(frequency, s);
    if (s.kind == RopeScaling::Kind::Yarn) {
        blendYarn(table.frequency, rope, rotated);
        table.attentionFactor = s.attentionFactor;
    }
    return table;
}

} // namespace fovea
