#include "core/train/sequences.h"

#include <algorithm>
#include <set>

#include "core/tasks/recall.h"

namespace fovea {

namespace {

constexpr int kNumbers = 1000;

void add(Sequence& to, std::span<const int> tokens, bool graded) {
    to.tokens.insert(to.tokens.end(), tokens.begin(), tokens.end());
    to.graded.insert(to.graded.end(), tokens.size(), graded);
}

void add(Sequence& to, int token, bool graded) {
    add(to, std::span<const int>(&token, 1), graded);
}

Sequence cut(Sequence sequence, std::int64_t length) {
    sequence.tokens.resize(static_cast<std::size_t>(length + 1));
    sequence.graded.resize(static_cast<std::size_t>(length + 1));
    return sequence;
}

std::int64_t size(const Sequence& sequence) {
    return static_cast<std::int64_t>(sequence.tokens.size());
}

} // namespace

SequenceSource::SequenceSource(const Tokenizer& tokenizer, std::span<const int> text,
                               const std::vector<std::string>& words, std::uint64_t seed)
    : m_bos(tokenizer.bos()), m_vocabulary(tokenizer.vocabulary()), m_text(text), m_random(seed) {
    for (const std::string& noun : recallNouns())
        m_nouns.push_back(tokenizer.encode(noun, false));
    for (const std::string& word : words)
        m_words.push_back(tokenizer.encode(word, false));
    for (int n = 0; n < kNumbers; ++n)
        m_numbers.push_back(tokenizer.encode(std::to_string(n), false));
    const auto marks = [&](std::initializer_list<const char*> texts) {
        std::vector<Piece> pieces;
        for (const char* mark : texts)
            pieces.push_back(tokenizer.encode(mark, false));
        return pieces;
    };
    m_joins = marks({"is", "=", "has", "has number", "stands for", "->"});
    m_stops = marks({".", ".", ",", ";", "and", "|"});
    // Marks that touch the word before them are pieces of their own, without the leading space.
    const auto attached = [&](const char* mark) { return Piece{tokenizer.encode(mark, false).back()}; };
    m_joins.push_back(attached("a:"));
    for (const char* mark : {"a.", "a,", "a;"})
        m_stops.push_back(attached(mark));
}

Sequence SequenceSource::next(std::int64_t length, double madeUp) {
    if (!m_random.chance(madeUp))
        return plainText(length);
    const double kind = m_random.uniform();
    if (kind < 0.5)
        return textList(length);
    return kind < 0.75 ? tokenList(length) : copies(length);
}

int SequenceSource::randomPiece() {
    return static_cast<int>(m_random.between(259, m_vocabulary - 1));
}

void SequenceSource::addText(Sequence& to, std::int64_t tokens) {
    const auto start = m_random.below(static_cast<std::int64_t>(m_text.size()) - tokens);
    add(to, m_text.subspan(static_cast<std::size_t>(start), static_cast<std::size_t>(tokens)), true);
}

Sequence SequenceSource::plainText(std::int64_t length) {
    Sequence s;
    add(s, m_bos, false);
    addText(s, length);
    return s;
}

// 0: two digits, 1: up to three digits, 2: a noun or another word.
SequenceSource::Piece SequenceSource::listValue(int kind) {
    if (kind == 0)
        return m_numbers[static_cast<std::size_t>(m_random.between(10, 99))];
    if (kind == 1)
        return m_random.pick(std::span<const Piece>(m_numbers));
    return m_random.pick(std::span<const Piece>(m_random.chance(0.5) || m_words.empty() ? m_nouns : m_words));
}

Sequence SequenceSource::textList(std::int64_t length) {
    const bool nouns = m_random.chance(0.6) || m_words.size() < 64;
    const int valueKind = m_random.chance(0.65) ? 0 : static_cast<int>(m_random.between(1, 2));
    const Piece join = m_random.chance(0.65) ? Piece{} : m_random.pick(std::span<const Piece>(m_joins));
    const Piece stop =
        m_random.chance(0.6) ? m_stops.front() : m_random.pick(std::span<const Piece>(m_stops));
    const bool gradeAll = m_random.chance(0.3); // so that the model can go on with a list of its own
    const auto pairs = m_random.between(2, std::min<std::int64_t>(40, std::max<std::int64_t>(3, length / 8)));

    Sequence s;
    add(s, m_bos, false);
    if (m_random.chance(0.4))
        addText(s, m_random.between(1, length / 3));
    std::vector<Piece> keys, values;
    std::set<Piece> used;
    for (std::int64_t i = 0; i < pairs; ++i) {
        const Piece& key = m_random.pick(std::span<const Piece>(nouns ? m_nouns : m_words));
        if (!used.insert(key).second)
            continue;
        keys.push_back(key);
        values.push_back(listValue(valueKind));
        add(s, key, gradeAll);
        add(s, join, true);
        add(s, values.back(), gradeAll);
        add(s, stop, true);
    }
    const bool withText = m_random.chance(0.6);
    while (size(s) <= length) {
        if (withText && m_random.chance(0.3))
            addText(s, m_random.between(2, 40));
        const auto chosen = static_cast<std::size_t>(m_random.below(static_cast<std::int64_t>(keys.size())));
        if (withText)
            add(s, stop, false);
        add(s, std::span<const int>(keys[chosen]).first(1), gradeAll);
        add(s, std::span<const int>(keys[chosen]).subspan(1), true);
        add(s, join, true);
        add(s, values[chosen], true);
        if (!withText || m_random.chance(0.5))
            add(s, stop, true);
    }
    return cut(std::move(s), length);
}

Sequence SequenceSource::tokenList(std::int64_t length) {
    const auto pairs = m_random.between(2, std::min<std::int64_t>(64, std::max<std::int64_t>(3, length / 8)));
    const Piece& stop = m_stops.front();
    Sequence s;
    add(s, m_bos, false);
    std::vector<int> keys, values;
    std::set<int> used;
    for (std::int64_t i = 0; i < pairs; ++i) {
        const int key = randomPiece();
        if (!used.insert(key).second)
            continue;
        keys.push_back(key);
        values.push_back(randomPiece());
        add(s, key, false);
        add(s, values.back(), false);
        add(s, stop, true);
    }
    while (size(s) <= length) {
        const auto chosen = static_cast<std::size_t>(m_random.below(static_cast<std::int64_t>(keys.size())));
        add(s, keys[chosen], false);
        add(s, values[chosen], true);
        add(s, stop, true);
    }
    return cut(std::move(s), length);
}

Sequence SequenceSource::copies(std::int64_t length) {
    Sequence s;
    add(s, m_bos, false);
    while (size(s) <= length) {
        Piece run(static_cast<std::size_t>(m_random.between(4, std::max<std::int64_t>(5, length / 3))));
        for (int& token : run)
            token = randomPiece();
        add(s, run, false);
        for (auto times = m_random.between(1, 4); times > 0; --times) {
            for (auto gap = m_random.chance(0.5) ? 0 : m_random.between(1, length / 4); gap > 0; --gap)
                add(s, randomPiece(), false);
            add(s, run.front(), false);
            add(s, std::span<const int>(run).subspan(1), true);
        }
    }
    return cut(std::move(s), length);
}

} // namespace fovea
