#include "views/panels/span_panel.h"

#include <QFileInfo>
#include <QPainter>
#include <QSplitter>
#include <QToolButton>
#include <QVBoxLayout>

#include "views/charts/span_lines.h"
#include "views/maps/span_map_view.h"
#include "views/panel_frame.h"
#include "views/theme.h"

namespace fovea {

SpanPanel::SpanPanel(QWidget* parent)
    : QWidget(parent), m_map(new SpanMapView), m_lines(new SpanLines),
      m_splitter(new QSplitter(Qt::Vertical)) {
    m_splitter->addWidget(m_map);
    m_splitter->addWidget(m_lines);
    m_splitter->setChildrenCollapsible(false);
    m_splitter->setStretchFactor(0, 3);
    m_splitter->setStretchFactor(1, 2);
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(0, 0, 0, 0);
    column->addWidget(m_splitter);
    connect(m_map, &SpanMapView::targetChanged, m_lines, &SpanLines::setTarget);
    connect(m_map, &SpanMapView::edited, this, [this](const MoaParams& params, const QString& what) {
        m_lines->setParams(params);
        showHeader();
        Q_EMIT edited(params, what);
    });
    connect(m_map, &SpanMapView::editFinished, this, &SpanPanel::editFinished);
    connect(m_map, &SpanMapView::headPicked, this, &SpanPanel::headPicked);
}

void SpanPanel::setShape(const SpanShape& shape) {
    m_map->setShape(shape);
    m_lines->setShape(shape);
}

void SpanPanel::setParams(const std::optional<MoaParams>& params) {
    m_map->setParams(params);
    m_lines->setParams(params);
    showHeader();
}

void SpanPanel::setTokens(std::int64_t tokens) {
    m_map->setTokens(tokens);
    m_lines->setTokens(tokens);
}

void SpanPanel::setSelected(int layer, int head) {
    m_map->setSelected(layer, head);
}

void SpanPanel::furnish(PanelFrame* frame) {
    m_frame = frame;
    const auto add = [&](const QString& text, const QString& tip) {
        auto* button = headerButton(text, frame);
        button->setToolTip(tip);
        frame->addHeaderWidget(button);
        return button;
    };
    m_part = add(
        {}, tr("What dragging a cell changes: α, in blocks of tokens, or β, in shares of the text. Click to "
               "change."));
    m_part->setObjectName(QStringLiteral("dragged"));
    connect(m_part, &QToolButton::clicked, this, [this] {
        m_map->setDragged(m_map->dragged() == SpanPart::Alpha ? SpanPart::Beta : SpanPart::Alpha);
        showHeader();
    });
    auto* load = add(tr("Load…"), tr("Spans from a plan file, as MoA's authors publish them"));
    connect(load, &QToolButton::clicked, this, &SpanPanel::loadRequested);
    m_save = add(tr("Save…"), tr("These spans into a plan file"));
    connect(m_save, &QToolButton::clicked, this, &SpanPanel::saveRequested);
    showHeader();
}

void SpanPanel::showHeader() {
    if (!m_frame)
        return;
    const auto& params = m_map->params();
    m_part->setText(tr("drag: %1").arg(name(m_map->dragged())));
    m_part->setEnabled(params.has_value());
    m_save->setEnabled(params.has_value());
    QString kept;
    if (params && !params->spans)
        kept = tr("all alike");
    else if (params)
        kept =
            params->file.empty() ? tr("unsaved") : QFileInfo(QString::fromStdString(params->file)).fileName();
    m_frame->setSubtitle(kept);
}

void SpanPanel::resizeEvent(QResizeEvent* event) {
    QWidget::resizeEvent(event);
    m_splitter->setOrientation(beside(size()) ? Qt::Horizontal : Qt::Vertical);
}

void SpanPanel::paintInto(QPainter& painter, QSize size) const {
    const bool wide = beside(size);
    const QSize map =
        wide ? QSize(size.width() * 3 / 5, size.height()) : QSize(size.width(), size.height() * 3 / 5);
    m_map->paintInto(painter, map);
    painter.translate(wide ? map.width() : 0, wide ? 0 : map.height());
    m_lines->paintInto(painter, wide ? QSize(size.width() - map.width(), size.height())
                                     : QSize(size.width(), size.height() - map.height()));
}

} // namespace fovea
