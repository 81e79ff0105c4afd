#include "core/calibrate/vector_clusters.h"

#include <algorithm>
#include <limits>

#include "core/tasks/random.h"

namespace fovea {

namespace {

constexpr double kLeastFall = 1e-3; // of the error, between rounds

class Clustering {
public:
    explicit Clustering(const ClusterTask& task)
        : m_task(task), m_width(static_cast<std::size_t>(task.width)),
          m_count(static_cast<std::size_t>(task.count)), m_vectors(task.vectors.size() / m_width),
          m_weights(task.weights.begin(), task.weights.end()) {
        // All of no weight, or none given.
        if (std::none_of(m_weights.begin(), m_weights.end(), [](float w) { return w > 0; }))
            m_weights.assign(m_vectors, 1.f);
    }

    Clusters run() {
        draw();
        m_nearest.assign(m_vectors, 0);
        double before = std::numeric_limits<double>::infinity();
        for (m_result.rounds = 1;; ++m_result.rounds) {
            m_result.error = assign();
            if (m_result.rounds >= m_task.mostRounds || !(m_result.error < before * (1 - kLeastFall)))
                break;
            before = m_result.error;
            move();
        }
        return std::move(m_result);
    }

private:
    const float* vector(std::size_t i) const { return m_task.vectors.data() + i * m_width; }
    float* centroid(std::size_t k) { return m_result.centroids.data() + k * m_width; }

    double squaredDistance(const float* a, const float* b) const {
        double sum = 0;
        for (std::size_t c = 0; c < m_width; ++c)
            sum += (static_cast<double>(a[c]) - b[c]) * (static_cast<double>(a[c]) - b[c]);
        return sum;
    }

    // k-means++
    void draw() {
        Random random(m_task.seed);
        m_result.centroids.resize(m_count * m_width);
        std::vector<double> nearest(m_vectors, std::numeric_limits<double>::infinity()), share(m_vectors);
        for (std::size_t i = 0; i < m_vectors; ++i)
            share[i] = m_weights[i];
        for (std::size_t k = 0; k < m_count; ++k) {
            std::copy_n(vector(drawn(share, random)), m_width, centroid(k));
            for (std::size_t i = 0; i < m_vectors; ++i) {
                nearest[i] = std::min(nearest[i], squaredDistance(vector(i), centroid(k)));
                share[i] = m_weights[i] * nearest[i];
            }
        }
    }

    // The number of a vector, each as likely as its share; where all shares are 0, the first.
    static std::size_t drawn(const std::vector<double>& share, Random& random) {
        double all = 0;
        for (const double s : share)
            all += s;
        double at = random.uniform() * all;
        std::size_t last = 0;
        for (std::size_t i = 0; i < share.size(); ++i) {
            if (share[i] <= 0)
                continue;
            last = i;
            at -= share[i];
            if (at < 0)
                break;
        }
        return last;
    }

    // Each vector's nearest centroid, and Σ w·|x − C|². |x − C|² = |x|² + (|C|² − 2·x·C), component by component over all
    // centroids, which lie side by side for that.
    double assign() {
        std::vector<float> columns(m_width * m_count), offset(m_count), distance(m_count);
        for (std::size_t k = 0; k < m_count; ++k)
            for (std::size_t c = 0; c < m_width; ++c) {
                const float x = centroid(k)[c];
                columns[c * m_count + k] = -2 * x;
                offset[k] += x * x;
            }
        double error = 0;
        for (std::size_t i = 0; i < m_vectors; ++i) {
            distance = offset;
            for (std::size_t c = 0; c < m_width; ++c) {
                const float x = vector(i)[c];
                const float* const column = columns.data() + c * m_count;
                for (std::size_t k = 0; k < m_count; ++k)
                    distance[k] += x * column[k];
            }
            m_nearest[i] = static_cast<std::size_t>(std::min_element(distance.begin(), distance.end()) -
                                                    distance.begin());
            error += m_weights[i] * squaredDistance(vector(i), centroid(m_nearest[i]));
        }
        return error;
    }

    // Each centroid to the weighted mean of its vectors.
    void move() {
        std::vector<double> sums(m_count * m_width), weights(m_count);
        for (std::size_t i = 0; i < m_vectors; ++i) {
            weights[m_nearest[i]] += m_weights[i];
            for (std::size_t c = 0; c < m_width; ++c)
                sums[m_nearest[i] * m_width + c] += static_cast<double>(m_weights[i]) * vector(i)[c];
        }
        for (std::size_t k = 0; k < m_count; ++k)
            for (std::size_t c = 0; c < m_width && weights[k] > 0; ++c)
                centroid(k)[c] = static_cast<float>(sums[k * m_width + c] / weights[k]);
    }

    const ClusterTask& m_task;
    const std::size_t m_width, m_count, m_vectors;
    std::vector<float> m_weights;
    std::vector<std::size_t> m_nearest; // of each vector
    Clusters m_result;
};

} // namespace

Clusters cluster(const ClusterTask& task) {
    return Clustering(task).run();
}

} // namespace fovea
