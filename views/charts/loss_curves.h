#pragma once
// A training's log as curves over the tokens learnt from.

#include <QString>

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "core/train/training_log.h"

namespace fovea {

// Losses are in nats per token. Those of training count the graded tokens of text and of made-up sequences,
// those on held-out text every token of it: the two are not the same task, and only each by itself can be
// compared over time.
struct LossCurves {
    struct Points {
        std::vector<double> tokens, loss;
        std::vector<std::int64_t> steps;
    };
    Points training, heldOut;
    std::vector<double> smoothed;    // of training, per point the mean of up to nine on either side
    std::vector<int> sequence;       // tokens in a sequence, one per training point
    std::vector<double> rate;        // of learning, one per training point
    std::vector<double> resumed;     // tokens at which it went on after an end
    std::optional<std::size_t> best; // of the held-out points, the lowest
};

// The mean of the last ten training points; nothing before the first.
std::optional<double> recentLoss(const LossCurves& curves);

LossCurves lossCurves(std::span<const TrainingEntry> entries);

// "step,tokens,training [nats per graded token],held-out [nats per token],sequence,rate": one row per point
// of either curve, in the order they were measured; empty where nothing was.
QString toCsv(const LossCurves& curves);

// "950", "12 k", "1.25 M": tokens, in as few characters as tell them apart.
QString tokenCountText(double tokens);

} // namespace fovea
