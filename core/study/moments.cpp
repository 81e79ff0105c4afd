#include "core/study/moments.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace fovea {

void Moments::add(std::span<const float> values) {
    if (values.empty())
        return;
    Moments run;
    run.count = std::ssize(values);
    const auto n = static_cast<double>(run.count);
    double sum = 0;
    for (const float x : values) {
        sum += x;
        run.most = std::max(run.most, std::abs(static_cast<double>(x)));
    }
    run.mean = sum / n;
    for (const float x : values) {
        const double off = x - run.mean, square = off * off;
        run.second += square;
        run.third += square * off;
        run.fourth += square * square;
    }
    if (!std::isfinite(run.fourth)) // std::max passes over NaN
        run.most = run.mean = std::numeric_limits<double>::quiet_NaN();
    add(run);
}

void Moments::add(const Moments& b) {
    if (b.count == 0)
        return;
    if (count == 0) {
        *this = b;
        return;
    }
    const auto nA = static_cast<double>(count), nB = static_cast<double>(b.count), n = nA + nB;
    const double off = b.mean - mean, part = off / n, product = nA * nB;
    fourth += b.fourth + off * part * part * part * product * (nA * nA - product + nB * nB) +
              6 * part * part * (nA * nA * b.second + nB * nB * second) +
              4 * part * (nA * b.third - nB * third);
    third += b.third + off * part * part * product * (nA - nB) + 3 * part * (nA * b.second - nB * second);
    second += b.second + off * part * product;
    mean += part * nB;
    most = std::isnan(most) || std::isnan(b.most) ? std::numeric_limits<double>::quiet_NaN()
                                                  : std::max(most, b.most);
    count += b.count;
}

double Moments::deviation() const {
    return count > 0 ? std::sqrt(second / static_cast<double>(count)) : 0;
}

double Moments::kurtosis() const {
    return second == 0 ? 0 : static_cast<double>(count) * fourth / (second * second);
}

} // namespace fovea
