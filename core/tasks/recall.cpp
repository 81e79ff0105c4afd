#include "core/tasks/recall.h"

#include <ATen/ops/argmax.h>

#include <algorithm>
#include <array>
#include <numeric>
#include <stdexcept>
#include <utility>

#include "core/model/model.h"
#include "core/tasks/next_token.h"
#include "core/tokenizer/tokenizer.h"

namespace fovea {

namespace {

using Piece = std::vector<int>;

void append(std::vector<int>& to, const Piece& what) {
    to.insert(to.end(), what.begin(), what.end());
}

template <typename T>
void shuffle(std::vector<T>& items, Random& random) {
    for (std::size_t i = items.size(); i > 1; --i)
        std::swap(items[i - 1], items[static_cast<std::size_t>(random.below(static_cast<std::int64_t>(i)))]);
}

struct List {
    std::vector<Piece> keys, values;
    Piece stop;
};

List makeList(const Tokenizer& tokenizer, int pairs, Random& random) {
    const auto nouns = recallNouns();
    if (pairs < 1 || pairs > static_cast<int>(nouns.size()))
        throw std::invalid_argument("recall: 1 to " + std::to_string(nouns.size()) + " pairs can be listed");
    std::vector<std::string> keys(nouns.begin(), nouns.end());
    shuffle(keys, random);
    List list;
    for (int i = 0; i < pairs; ++i) {
        list.keys.push_back(tokenizer.encode(keys[static_cast<std::size_t>(i)], false));
        list.values.push_back(tokenizer.encode(std::to_string(random.between(10, 99)), false));
    }
    list.stop = tokenizer.encode(".", false);
    return list;
}

} // namespace

std::span<const std::string> recallNouns() {
    static const std::array<std::string, 48> nouns = {
        "oak",   "elm",    "ash",   "fir",   "yew",   "pine",  "beech",  "birch", "maple", "cedar",
        "holly", "hazel",  "fox",   "owl",   "wolf",  "bear",  "hare",   "crow",  "swan",  "goat",
        "horse", "mouse",  "eagle", "tiger", "red",   "blue",  "green",  "white", "black", "brown",
        "gold",  "silver", "rose",  "lily",  "iron",  "stone", "lamp",   "bell",  "drum",  "boat",
        "chair", "knife",  "table", "spoon", "river", "tower", "bridge", "garden"};
    return nouns;
}

RecallExample makeRecall(const Tokenizer& tokenizer, std::span<const int> filler,
                         const RecallOptions& options, Random& random) {
    const List list = makeList(tokenizer, options.pairs, random);
    RecallExample example;
    example.tokens.push_back(tokenizer.bos());
    std::vector<std::int64_t> nearest; // of each pair, where its value begins
    for (std::size_t i = 0; i < list.keys.size(); ++i) {
        append(example.tokens, list.keys[i]);
        nearest.push_back(std::ssize(example.tokens));
        append(example.tokens, list.values[i]);
        append(example.tokens, list.stop);
    }
    if (static_cast<std::int64_t>(example.tokens.size()) > options.length)
        throw std::invalid_argument("recall: " + std::to_string(options.pairs) + " pairs take " +
                                    std::to_string(example.tokens.size()) + " tokens, more than the length");
    example.listed = std::ssize(example.tokens);
    const auto target = static_cast<std::size_t>(options.length);
    std::vector<std::size_t> order(list.keys.size());
    std::iota(order.begin(), order.end(), 0);
    while (example.tokens.size() < target) {
        // A stretch of text, so that what is asked for lies at every distance.
        const auto run = static_cast<std::size_t>(random.between(8, 40));
        if (filler.size() > run) {
            const auto start = random.below(static_cast<std::int64_t>(filler.size() - run));
            const auto text = filler.subspan(static_cast<std::size_t>(start), run);
            example.tokens.insert(example.tokens.end(), text.begin(), text.end());
        }
        shuffle(order, random);
        for (std::size_t i = 0; i < std::min<std::size_t>(4, order.size()); ++i) {
            const std::size_t chosen = order[i];
            append(example.tokens, list.stop);
            append(example.tokens, list.keys[chosen]);
            const std::int64_t first = std::ssize(example.tokens);
            const RecallExample::Answer answer{.first = first,
                                               .count = std::ssize(list.values[chosen]),
                                               .back = first - std::exchange(nearest[chosen], first)};
            append(example.tokens, list.values[chosen]);
            if (answer.first + answer.count <= options.length)
                example.answers.push_back(answer);
        }
        append(example.tokens, list.stop);
    }
    example.tokens.resize(target);
    return example;
}

RecallScore scoreRecall(const Model& model, const Tokenizer& tokenizer, std::span<const int> filler,
                        const RecallOptions& options, int contexts, std::uint64_t seed) {
    Random random(seed);
    RecallScore score;
    std::int64_t right = 0;
    for (int i = 0; i < contexts; ++i) {
        const RecallExample example = makeRecall(tokenizer, filler, options, random);
        const std::vector<std::int64_t> best = mostLikelyNext(model, example.tokens);
        for (const auto& answer : example.answers) {
            bool all = true;
            for (std::int64_t at = answer.first; at < answer.first + answer.count; ++at)
                all = all &&
                      best[static_cast<std::size_t>(at - 1)] == example.tokens[static_cast<std::size_t>(at)];
            right += all;
        }
        score.answers += static_cast<std::int64_t>(example.answers.size());
    }
    score.accuracy = score.answers ? static_cast<double>(right) / static_cast<double>(score.answers) : 0;
    const double chance = 1.0 / options.pairs;
    score.aboveChance = options.pairs > 1 ? (score.accuracy - chance) / (1 - chance) : score.accuracy;
    return score;
}

} // namespace fovea
