#include <vector>

#include "core/model/llama2c_tokenizer.h"
#include "core/model/sentencepiece_tokenizer.h"
#include "core/model/tokenizer.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/fuzz/targets.h"

namespace fovea::fuzz {

namespace {

constexpr std::size_t kLongestText = 64;

void requireIds(const Tokenizer& tokenizer, std::string_view text, bool bos) {
    const std::vector<int> ids = tokenizer.encode(text, bos);
    for (const int id : ids)
        if (id < 0 || id >= tokenizer.vocabulary())
            throw Finding("an id outside the vocabulary");
    tokenizer.decode(ids);
}

// Encodes text, the file's own last bytes among it, and spells every piece.
void use(const Tokenizer& tokenizer, std::string_view bytes) {
    for (const std::string_view text :
         {std::string_view{}, std::string_view("  the tree\n\t<0x41> \xe2\x96\x81 \xf0\x9f\x8c\xb3"),
          bytes.substr(bytes.size() - std::min(bytes.size(), kLongestText))}) {
        requireIds(tokenizer, text, true);
        requireIds(tokenizer, text, false);
    }
    for (int id = -2; id < tokenizer.vocabulary() + 2; ++id) {
        tokenizer.piece(-1, id);
        tokenizer.piece(tokenizer.bos(), id);
        tokenizer.piece(id, id);
    }
}

} // namespace

bool readLlama2cTokenizer(std::string_view bytes) {
    if (bytes.size() < 2)
        return false;
    const int vocabulary = static_cast<unsigned char>(bytes[0]) | static_cast<unsigned char>(bytes[1]) << 8;
    const MemoryFile file(bytes.substr(2));
    return accepted([&] { use(*fovea::readLlama2cTokenizer(file.path(), vocabulary), bytes); });
}

bool readSentencepiece(std::string_view bytes) {
    const MemoryFile file(bytes);
    return accepted([&] { use(*fovea::readSentencepiece(file.path()), bytes); });
}

} // namespace fovea::fuzz
