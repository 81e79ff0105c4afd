#include "core/train/corpus.h"

#include <algorithm>
#include <cctype>
#include <fstream>
#include <iterator>
#include <set>
#include <stdexcept>

#include "core/tasks/recall.h"
#include "core/train/sentencepiece_process.h"

namespace fovea {

namespace {

constexpr std::size_t kWrapped = 60; // a line this long that is followed by another was wrapped, not ended
constexpr int kListLines = 11000; // of ten pairs: enough for every noun and two-digit number to earn a piece

std::string listLine(Random& random) {
    std::string line;
    for (int pair = 0; pair < 10; ++pair)
        line += random.pick(recallNouns()) + " " + std::to_string(random.between(10, 99)) + " . ";
    return line;
}

} // namespace

std::string readTrainingText(const std::filesystem::path& file) {
    std::ifstream in(file, std::ios::binary);
    if (!in)
        throw std::runtime_error(file.string() + ": cannot be read; name a text file");
    const std::string raw{std::istreambuf_iterator<char>(in), {}};
    if (raw.find('\0') != std::string::npos || raw.size() < 1000)
        throw std::runtime_error(file.string() +
                                 ": not a text of at least 1000 characters; name a text file");
    std::string text;
    std::size_t lineStart = 0;
    for (std::size_t i = 0; i < raw.size(); ++i) {
        if (raw[i] == '\r')
            continue;
        if (raw[i] != '\n') {
            text += raw[i];
            continue;
        }
        const bool more = i + 1 < raw.size() && raw[i + 1] != '\n' && raw[i + 1] != '\r';
        text += more && i - lineStart >= kWrapped ? ' ' : '\n';
        lineStart = i + 1;
    }
    return text;
}

std::vector<std::string> sampleWords(const std::string& text, std::size_t count) {
    std::set<std::string> seen;
    std::vector<std::string> words;
    std::string word;
    const std::size_t stride = std::max<std::size_t>(1, text.size() / (count * 40));
    std::size_t found = 0;
    for (const char c : text) {
        if (std::isalpha(static_cast<unsigned char>(c))) {
            word += c;
            continue;
        }
        if (word.size() > 2 && word.size() < 11 && found++ % stride == 0 && seen.insert(word).second)
            words.push_back(word);
        word.clear();
        if (words.size() == count)
            break;
    }
    return words;
}

std::string trainTokenizer(const std::vector<std::string>& texts, int vocabulary, std::uint64_t seed) {
    std::string lines;
    for (const std::string& text : texts)
        lines += text + '\n';
    Random random(seed);
    for (int i = 0; i < kListLines; ++i)
        lines += listLine(random) + '\n';
    return runSentencepiece({"train", std::to_string(vocabulary)}, lines);
}

Corpus makeCorpus(const std::vector<std::string>& texts, const Tokenizer& tokenizer) {
    Corpus corpus;
    for (const std::string& text : texts) {
        const std::vector<int> ids = tokenizer.encode(text, false);
        const auto cut = ids.begin() + static_cast<std::ptrdiff_t>(ids.size() - ids.size() / 50);
        corpus.training.insert(corpus.training.end(), ids.begin(), cut);
        corpus.heldOut.insert(corpus.heldOut.end(), cut, ids.end());
    }
    return corpus;
}

} // namespace fovea
