#pragma once
// How long one thing took, each time that it was done.

#include <vector>

namespace fovea {

class Samples {
public:
    void add(double seconds) { m_seconds.push_back(seconds); }
    // There must be a sample. Between two of them in proportion.
    double quantile(double q) const;
    double spread() const { return quantile(0.75) - quantile(0.25); } // interquartile range

private:
    std::vector<double> m_seconds;
};

} // namespace fovea
