// What a head map says in words: its range, a cell under the mouse, its CSV.

#include <algorithm>
#include <cmath>

#include "views/maps/head_map_state.h"

namespace fovea {
namespace {

QString quoted(const std::vector<QString>& tokens, int index) {
    if (index < 0 || static_cast<std::size_t>(index) >= tokens.size())
        return {};
    QString text = tokens[static_cast<std::size_t>(index)];
    text.replace(QLatin1Char('\n'), QStringLiteral("↵")).replace(QLatin1Char('\t'), QStringLiteral("⇥"));
    return QStringLiteral(" \"%1\"").arg(text);
}

} // namespace

QString HeadMapView::rangeText() const {
    if (!m->scene.data)
        return {};
    const MapTransform& view = m->scene.view;
    return QStringLiteral("rows: queries %1–%2, columns: keys %3–%4")
        .arg(view.firstQuery())
        .arg(view.endQuery() - 1)
        .arg(view.firstKey())
        .arg(view.endKey() - 1);
}

QString HeadMapView::describe(int query, int key) const {
    const HeadMapData* shown = m->scene.data.get();
    if (!shown || query < 0 || key < 0 || query >= shown->map->tokens || key > query)
        return {};
    // Joined, not formatted: a token may well be "%1".
    const auto weight = static_cast<double>(shown->pyramid->at(0, query, key));
    if (shown->mode == MapMode::Difference)
        return QStringLiteral("query ") + QString::number(query) + quoted(m->scene.tokens, query) +
               QStringLiteral(" → key ") + QString::number(key) + quoted(m->scene.tokens, key) +
               QStringLiteral(": A uses %1, B uses %2, A − B %3")
                   .arg(static_cast<double>(shown->a(query, key)), 0, 'g', 3)
                   .arg(static_cast<double>(shown->b(query, key)), 0, 'g', 3)
                   .arg(weight, 0, 'g', 3)
                   .replace(QStringLiteral(" -"), QStringLiteral(" −"));
    QString text = QStringLiteral("query ") + QString::number(query) + quoted(m->scene.tokens, query) +
                   QStringLiteral(" → key ") + QString::number(key) + quoted(m->scene.tokens, key) +
                   QStringLiteral(": weight ") + QString::number(weight, 'g', 3);
    if (weight > 0)
        text += QStringLiteral(" (log10 %1)")
                    .arg(std::log10(weight), 0, 'f', 2)
                    .replace(QLatin1Char('-'), QStringLiteral("−"));
    if (!shown->anyChosen)
        return text;
    if (shown->chosenBy(query).empty())
        return text + QStringLiteral(", row read dense");
    return text + QStringLiteral(", read by ") + m->scene.planLabel +
           (shown->reads(query, key)     ? QStringLiteral(": yes")
            : shown->evicted(query, key) ? QStringLiteral(": no, evicted")
                                         : QStringLiteral(": no"));
}

QString HeadMapView::describeAt(const QPoint& position) const {
    if (!m->scene.data)
        return {};
    const QRect& map = m->layout.map;
    if (m->layout.missed.contains(position)) {
        const int query = cellAt(QPoint(map.left(), position.y())).y();
        return query < 0 ? QString()
                         : QStringLiteral("query %1: missed %2 % of its dense attention")
                               .arg(query)
                               .arg(static_cast<double>(m->scene.data->missed(query)) * 100, 0, 'g', 3);
    }
    if (m->layout.share.contains(position)) {
        const int key = cellAt(QPoint(position.x(), map.top())).x();
        const std::vector<float> shares = readShares(m->scene);
        const auto index = static_cast<std::size_t>(key - m->scene.view.firstKey());
        return key < 0 || index >= shares.size()
                   ? QString()
                   : QStringLiteral("key %1: read by %2 for %3 % of the planned queries in view")
                         .arg(key)
                         .arg(m->scene.planLabel)
                         .arg(static_cast<double>(shares[index]) * 100, 0, 'f', 0);
    }
    const QPoint cell = cellAt(position);
    return describe(cell.y(), cell.x());
}

QString HeadMapView::toCsv() const {
    const bool difference = m->scene.mode() == MapMode::Difference;
    QByteArray csv(difference ? "layer,head,query,key,a,b,difference\n" : "layer,head,query,key,weight,read,evicted\n");
    if (!m->scene.data)
        return QString::fromLatin1(csv);
    const auto number = [](float value) { return QByteArray::number(static_cast<double>(value), 'g', 9); };
    const HeadMap& map = *m->scene.data->map;
    const MapTransform& view = m->scene.view;
    const QByteArray head = QByteArray::number(map.layer) + ',' + QByteArray::number(map.head) + ',';
    for (std::int64_t query = view.firstQuery(); query < view.endQuery(); ++query) {
        const QByteArray row = head + QByteArray::number(static_cast<qlonglong>(query)) + ',';
        const std::int64_t end = std::min(view.endKey(), query + 1);
        for (std::int64_t key = view.firstKey(); key < end; ++key) {
            csv += row + QByteArray::number(static_cast<qlonglong>(key)) + ',';
            if (difference) {
                csv += number(m->scene.data->a(query, key)) + ',' + number(m->scene.data->b(query, key)) + ',' +
                       number(m->scene.data->pyramid->at(0, query, key)) + '\n';
                continue;
            }
            csv += number(m->scene.data->pyramid->at(0, query, key));
            csv += m->scene.data->reads(query, key) ? ",1" : ",0";
            csv += m->scene.data->evicted(query, key) ? ",1\n" : ",0\n";
        }
    }
    return QString::fromLatin1(csv);
}

} // namespace fovea
