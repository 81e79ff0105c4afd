#include "app/window/token_texts.h"

#include <QStringDecoder>

#include "core/tokenizer/tokenizer.h"

namespace fovea {

QString tokenText(const Tokenizer& tokenizer, int previous, int token) {
    if (token == tokenizer.bos())
        return QStringLiteral("<s>");
    if (token == tokenizer.eos())
        return QStringLiteral("</s>");
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

} // namespace fovea
