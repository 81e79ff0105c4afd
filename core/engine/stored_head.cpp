#include "core/engine/stored_head.h"

#include <ATen/core/Tensor.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/engine/capture.h"
#include "core/engine/stored_rows.h"

namespace fovea {

namespace {

std::vector<float> copied(const at::Tensor& rows) {
    const at::Tensor whole = rows.contiguous();
    const auto* first = whole.data_ptr<float>();
    return {first, first + whole.numel()};
}

std::vector<ChannelSize> channelSizes(const std::vector<float>& rows, int d) {
    std::vector<ChannelSize> sizes(static_cast<std::size_t>(d));
    std::vector<double> sums(sizes.size());
    std::vector<std::int64_t> counts(sizes.size());
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const float size = std::abs(rows[i]);
        const std::size_t channel = i % sizes.size();
        if (!std::isfinite(size))
            continue;
        sizes[channel].most = std::max(sizes[channel].most, size);
        sums[channel] += static_cast<double>(size);
        ++counts[channel];
    }
    for (std::size_t channel = 0; channel < sizes.size(); ++channel)
        if (counts[channel] > 0)
            sizes[channel].mean = static_cast<float>(sums[channel] / static_cast<double>(counts[channel]));
    return sizes;
}

void measureErrors(StoredPart& part) {
    double lost = 0, all = 0;
    std::vector<double> squares(static_cast<std::size_t>(part.channels));
    std::vector<std::int64_t> counts(squares.size());
    for (std::size_t i = 0; i < part.exact.size(); ++i) {
        const double x = static_cast<double>(part.exact[i]), e = x - static_cast<double>(part.held[i]);
        if (!std::isfinite(e))
            continue;
        lost += e * e;
        all += x * x;
        squares[i % squares.size()] += e * e;
        ++counts[i % squares.size()];
        part.mostError = std::max(part.mostError, static_cast<float>(std::abs(e)));
    }
    part.relativeError = all > 0 ? std::sqrt(lost / all) : 0;
    for (std::size_t c = 0; c < squares.size(); ++c)
        part.channelError.push_back(
            counts[c] > 0 ? static_cast<float>(std::sqrt(squares[c] / static_cast<double>(counts[c]))) : 0);
}

struct Spread {
    double least = std::numeric_limits<double>::infinity(), most = -least;
    double mean = 0, deviation = 0;
    std::int64_t count = 0;
};

Spread spreadOf(const std::vector<float>& rows) {
    Spread spread;
    double sum = 0;
    for (const float value : rows) {
        if (!std::isfinite(value))
            continue;
        const double x = static_cast<double>(value);
        spread.least = std::min(spread.least, x);
        spread.most = std::max(spread.most, x);
        sum += x;
        ++spread.count;
    }
    if (spread.count == 0)
        return {.least = 0, .most = 0};
    spread.mean = sum / static_cast<double>(spread.count);
    double squares = 0; // about the mean: sums of squares would lose small spreads far from 0
    for (const float value : rows)
        if (std::isfinite(value))
            squares +=
                (static_cast<double>(value) - spread.mean) * (static_cast<double>(value) - spread.mean);
    spread.deviation = std::sqrt(squares / static_cast<double>(spread.count));
    return spread;
}

// A single number has no width: its bins are given one.
NumberHistogram histogramOf(const std::vector<float>& rows, const Spread& spread) {
    NumberHistogram histogram{.first = spread.least, .last = spread.most, .counts = {}};
    if (!(histogram.first < histogram.last))
        histogram.first -= .5, histogram.last += .5;
    histogram.counts.resize(kHistogramBins);
    const double perBin = kHistogramBins / (histogram.last - histogram.first);
    for (const float value : rows)
        if (std::isfinite(value)) {
            const double bin = (static_cast<double>(value) - histogram.first) * perBin;
            ++histogram.counts[static_cast<std::size_t>(std::clamp(bin, 0., kHistogramBins - 1.))];
        }
    return histogram;
}

Outliers outliersOf(const std::vector<float>& rows, int d, const Spread& spread) {
    const double reach = kOutlierDeviations * spread.deviation;
    Outliers outliers{.below = spread.mean - reach, .above = spread.mean + reach, .perChannel = {}};
    outliers.perChannel.resize(static_cast<std::size_t>(d));
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const double x = static_cast<double>(rows[i]);
        if (std::isfinite(x) && (x < outliers.below || x > outliers.above)) {
            ++outliers.count;
            ++outliers.perChannel[i % outliers.perChannel.size()];
        }
    }
    return outliers;
}

StoredPart partOf(StoredRows rows) {
    StoredPart part;
    part.tokens = rows.exact.size(0);
    part.channels = static_cast<int>(rows.exact.size(1));
    part.beforeRope = rows.beforeRope;
    part.exact = copied(rows.exact);
    part.held = copied(rows.held);
    part.levels = std::move(rows.levels);
    measureErrors(part);
    const Spread spread = spreadOf(part.exact);
    part.notFinite = static_cast<std::int64_t>(part.exact.size()) - spread.count;
    part.histogram = histogramOf(part.exact, spread);
    part.outliers = outliersOf(part.exact, part.channels, spread);
    return part;
}

} // namespace

float StoredPart::error(std::int64_t token, int channel) const {
    const auto i = static_cast<std::size_t>(token * channels + channel);
    return std::abs(exact[i] - held[i]);
}

StoredHead storedHead(const Capture& capture, const Store& store, std::int64_t tokens, int layer,
                      int kvHead) {
    StoredHead head{.layer = layer, .kvHead = kvHead, .type = storedFloats(store, capture.spec().type)};
    head.keys = partOf(storedRows(capture, store, tokens, layer, kvHead, KvPart::Keys));
    head.values = partOf(storedRows(capture, store, tokens, layer, kvHead, KvPart::Values));
    const int d = capture.headDim();
    const float* after = capture.k(layer, kvHead);
    head.keys.sizes = channelSizes({after, after + tokens * d}, d);
    if (const at::Tensor before = keysTurnedBack(capture, tokens, layer, kvHead); before.defined())
        head.keys.before = channelSizes(copied(before), d);
    head.values.sizes = channelSizes(head.values.exact, d);
    head.keys.bits = storedBits(store, capture.spec().type, d, Component::Keys);
    head.values.bits = storedBits(store, capture.spec().type, d, Component::Values);
    return head;
}

} // namespace fovea
