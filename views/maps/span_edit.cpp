#include "views/maps/span_edit.h"

#include <QCoreApplication>

#include <algorithm>

namespace fovea {

namespace {

QString tr(const char* text) {
    return QCoreApplication::translate("fovea::SpanMap", text);
}

} // namespace

QString name(const SpanTarget& target) {
    if (target.all())
        return tr("every head");
    if (target.head < 0)
        return tr("layer %1").arg(target.layer);
    if (target.layer < 0)
        return tr("head %1 of every layer").arg(target.head);
    return tr("L%1 H%2").arg(target.layer).arg(target.head);
}

QString name(SpanPart part) {
    return part == SpanPart::Alpha ? QStringLiteral("α") : QStringLiteral("β");
}

double stepOf(const MoaParams& params, SpanPart part) {
    return part == SpanPart::Alpha ? params.block : 1. / 32;
}

MoaParams moved(const MoaParams& params, const SpanShape& shape, const SpanTarget& target, SpanPart part,
                int steps) {
    const double by = steps * stepOf(params, part);
    const auto move = [&](MoaSpan& span) {
        if (part == SpanPart::Alpha)
            span.alpha = std::clamp(span.alpha + by, -MoaSpan::kLargestAlpha, MoaSpan::kLargestAlpha);
        else
            span.beta = std::clamp(span.beta + by, 0., 1.);
    };
    MoaParams after = params;
    if (steps == 0)
        return after;
    if (!params.spans && target.all()) {
        move(after.all);
        return after;
    }
    MoaSpans spans = moaSpansFor(params, shape.layers, shape.heads);
    for (int layer = 0; layer < shape.layers; ++layer)
        for (int head = 0; head < shape.heads; ++head)
            if (target.holds(layer, head))
                move(spans.spans[static_cast<std::size_t>(layer * shape.heads + head)]);
    after.spans = std::make_shared<const MoaSpans>(std::move(spans));
    after.file.clear();
    return after;
}

std::int64_t heldAt(const MoaParams& params, const SpanShape& shape, int layer, int head,
                    std::int64_t tokens) {
    const int first = head / shape.group * shape.group;
    std::int64_t held = 0;
    for (int h = first; h < first + shape.group; ++h)
        held = std::max(held, moaRule(params, layer, h).seen(tokens - 1));
    return held;
}

SpanShares sharesAt(const MoaParams& params, const SpanShape& shape, std::int64_t tokens) {
    SpanShares shares;
    const int heads = shape.layers * shape.heads;
    if (heads == 0 || tokens <= 0)
        return shares;
    for (int layer = 0; layer < shape.layers; ++layer)
        for (int head = 0; head < shape.heads; ++head) {
            shares.seen += static_cast<double>(moaRule(params, layer, head).seen(tokens - 1));
            if (head % shape.group == 0)
                shares.held += static_cast<double>(heldAt(params, shape, layer, head, tokens)) * shape.group;
        }
    shares.seen /= static_cast<double>(heads) * static_cast<double>(tokens);
    shares.held /= static_cast<double>(heads) * static_cast<double>(tokens);
    return shares;
}

} // namespace fovea
