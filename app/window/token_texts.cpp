#include "app/window/token_texts.h"

#include <QStringDecoder>
#include <algorithm>

#include "core/tokenizer/tokenizer.h"

namespace fovea {

namespace {

QString nameOf(const Tokenizer& tokenizer, int token) {
    const std::string_view name = tokenizer.name(token);
    return QString::fromUtf8(name.data(), static_cast<qsizetype>(name.size())).trimmed();
}

bool within(char byte) {
    return (static_cast<unsigned char>(byte) & 0xc0) == 0x80;
}

} // namespace

QString tokenText(const Tokenizer& tokenizer, int previous, int token) {
    if (tokenizer.special(token) || token == tokenizer.bos() || token == tokenizer.eos())
        return nameOf(tokenizer, token);
    if (token < 0 || token >= tokenizer.vocabulary())
        return QStringLiteral("<%1>").arg(token);
    const std::string bytes = tokenizer.piece(previous, token);
    QStringDecoder decoder(QStringDecoder::Utf8);
    QString text = decoder(QByteArrayView(bytes.data(), static_cast<qsizetype>(bytes.size())));
    if (!decoder.hasError() && !text.contains(QChar::ReplacementCharacter) &&
        !(text.isEmpty() && !bytes.empty()))
        return text;
    text.clear();
    for (const char byte : bytes)
        text +=
            QStringLiteral("<%1>").arg(static_cast<unsigned char>(byte), 2, 16, QLatin1Char('0')).toUpper();
    return text;
}

std::vector<QString> tokenTexts(const Tokenizer& tokenizer, const std::vector<int>& tokens,
                                std::size_t from) {
    std::vector<QString> texts(tokens.size());
    for (std::size_t i = from; i < tokens.size(); ++i)
        texts[i] = tokenText(tokenizer, i ? tokens[i - 1] : -1, tokens[i]);
    return texts;
}

QString tokenDetail(const Tokenizer& tokenizer, const std::vector<int>& tokens, std::size_t index) {
    const QString name = nameOf(tokenizer, tokens[index]);
    QString detail = QStringLiteral("id %1, %2").arg(tokens[index]).arg(name.isEmpty() ? "no token" : name);
    // A character has at most four bytes, so at most three more tokens on either side.
    constexpr std::size_t kReach = 3;
    std::string text;
    std::size_t begin = 0, end = 0;
    for (std::size_t i = index - std::min(index, kReach); i < std::min(tokens.size(), index + kReach + 1);
         ++i) {
        if (i == index)
            begin = text.size();
        text += tokenizer.piece(i ? tokens[i - 1] : -1, tokens[i]);
        if (i == index)
            end = text.size();
    }
    std::size_t first = begin, last = end;
    while (first > 0 && first < text.size() && within(text[first]))
        --first;
    while (last < text.size() && within(text[last]))
        ++last;
    QStringDecoder decoder(QStringDecoder::Utf8);
    const QString whole = decoder(QByteArrayView(text.data() + first, static_cast<qsizetype>(last - first)));
    if ((first < begin || last > end) && begin < end && !decoder.hasError())
        detail += QStringLiteral(", a part of %1").arg(whole);
    return detail;
}

} // namespace fovea
