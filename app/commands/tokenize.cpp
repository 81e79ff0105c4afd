#include "app/commands/tokenize.h"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "app/commands/default_model.h"
#include "app/commands/terminal.h"
#include "app/commands/text_file.h"
#include "app/commands/usage_error.h"
#include "core/tokenizer/tokenizer.h"

namespace fovea {

namespace {

using Json = nlohmann::ordered_json;

struct Options {
    std::string tokenizer, file, text, separator;
    std::optional<bool> special; // not given: as the format's own library does
    bool bos = false, json = false;
};

// What stands between newline, separator, newline; a separator at the very end begins no further piece.
std::vector<std::string> piecesOf(const std::string& text, const std::string& separator) {
    if (separator.empty())
        return {text};
    const std::string line = '\n' + separator + '\n';
    std::vector<std::string> pieces;
    std::size_t begin = 0;
    for (std::size_t end; (end = text.find(line, begin)) != text.npos; begin = end + line.size())
        pieces.push_back(text.substr(begin, end - begin));
    if (begin < text.size() || pieces.empty())
        pieces.push_back(text.substr(begin));
    return pieces;
}

// A text on one line, in double quotes.
std::string quotedText(const std::string& text) {
    return Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string listing(const Tokenizer& tokenizer, const std::string& text, const Encoding& encoding) {
    std::ostringstream out;
    out << encoding.ids.size() << (encoding.ids.size() == 1 ? " token\n" : " tokens\n");
    for (std::size_t i = 0; i < encoding.ids.size(); ++i) {
        const TextSpan span = encoding.spans[i];
        std::ostringstream bytes;
        bytes << span.begin << "-" << span.end;
        out.width(8);
        out << encoding.ids[i] << "  ";
        out.width(15);
        out << std::left << bytes.str() << std::right
            << quotedText(std::string(tokenizer.name(encoding.ids[i])));
        if (span.begin < span.end)
            out << "  of " << quotedText(text.substr(span.begin, span.end - span.begin));
        out << '\n';
    }
    return out.str();
}

void runTokenize(const Options& o) {
    if (o.file.empty() == o.text.empty())
        throw UsageError("what to tokenize is missing or given twice, give --file F or --text T");
    const std::string text = o.file.empty() ? o.text : readTextFile(o.file, "--file");
    const auto tokenizer =
        loadTokenizer(o.tokenizer.empty() ? defaultModel() : std::filesystem::path(), o.tokenizer, 0);
    const bool special = o.special.value_or(tokenizer->parsesSpecialByDefault());
    Json ids = Json::array();
    std::string listed;
    for (const std::string& piece : piecesOf(text, o.separator)) {
        const Encoding encoding = tokenizer->encodeWithSpans(piece, o.bos, special);
        if (o.json)
            ids.push_back(encoding.ids);
        else
            listed += (listed.empty() ? "" : "\n") + listing(*tokenizer, piece, encoding);
    }
    printResult(o.json ? Json{{"ids", std::move(ids)}}.dump() + "\n" : listed);
}

} // namespace

void addTokenizeCommand(CLI::App& program) {
    auto* command = program.add_subcommand("tokenize", "The token ids of a text, and what each token covers");
    const auto options = std::make_shared<Options>();
    command->add_option("--tokenizer", options->tokenizer,
                        "tokenizer.json, tokenizer.model, tokenizer.bin, a .gguf file or a model's folder "
                        "(default: the bundled model's)");
    command->add_option("--file", options->file, "File with the text; - is standard input");
    command->add_option("--text", options->text, "The text itself");
    command->add_option("--separator", options->separator,
                        "Cut the text at each line that is this; every part is encoded on its own");
    command->add_flag(
        "--special,!--no-special", options->special,
        "Take markers such as <|im_end|> in the text for the tokens they name, or for plain text "
        "(default: tokens, but text with the formats of sentencepiece and llama2.c, as their libraries have "
        "it)");
    command->add_flag("--bos", options->bos, "Put the BOS token first where the model wants one");
    command->add_flag("--json", options->json,
                      R"(One JSON object on stdout: {"ids": [[…], …]}, a list per part)");
    command->callback([options] { runTokenize(*options); });
}

} // namespace fovea
