#include "views/panels/parameter_slider.h"

#include <QMouseEvent>
#include <QPainter>
#include <QStyle>
#include <QWheelEvent>

#include <algorithm>

#include "views/theme.h"

namespace fovea {
namespace {

constexpr int kStepsPerOctave = 16;
constexpr double kKnob = 6; // radius

} // namespace

ParameterSlider::ParameterSlider(Scale scale, QWidget* parent)
    : QSlider(Qt::Horizontal, parent), m_scale(scale) {
    setSingleStep(1);
    setFocusPolicy(Qt::StrongFocus);
    setLimits(0, 0);
    connect(this, &QSlider::valueChanged, this, &ParameterSlider::moved);
    connect(this, &QSlider::sliderReleased, this, &ParameterSlider::editFinished);
}

void ParameterSlider::setLimits(int low, int high) {
    high = std::max(low, high);
    if (m_numbers.front() == low && m_numbers.back() == high && m_numbers.size() > 1)
        return;
    m_numbers.clear();
    for (int number = low; number < high;) {
        m_numbers.push_back(number);
        int step = 1;
        if (m_scale == Scale::Logarithmic)
            while (number >= 2 * kStepsPerOctave * step)
                step *= 2;
        number = (number / step + 1) * step;
    }
    m_numbers.push_back(high);
    m_setting = true;
    setRange(0, static_cast<int>(m_numbers.size()) - 1);
    setPageStep(m_scale == Scale::Logarithmic ? kStepsPerOctave / 2 : std::max(1, (high - low) / 8));
    setValue(positionOf(m_number));
    m_setting = false;
}

int ParameterSlider::positionOf(int number) const {
    auto at = std::lower_bound(m_numbers.begin(), m_numbers.end(), number);
    if (at == m_numbers.end() || (at != m_numbers.begin() && number - *(at - 1) < *at - number))
        --at;
    return static_cast<int>(at - m_numbers.begin());
}

void ParameterSlider::setNumber(int number) {
    m_number = number;
    m_setting = true;
    setValue(positionOf(number));
    m_setting = false;
    update();
}

void ParameterSlider::moved(int position) {
    if (m_setting)
        return;
    m_number = m_numbers[static_cast<std::size_t>(position)];
    Q_EMIT numberEdited(m_number);
    if (!isSliderDown())
        Q_EMIT editFinished();
}

void ParameterSlider::mousePressEvent(QMouseEvent* event) {
    if (event->button() != Qt::LeftButton)
        return;
    // To where the pointer is, then dragged from there.
    const int inset = static_cast<int>(kKnob);
    setSliderDown(true);
    setValue(QStyle::sliderValueFromPosition(minimum(), maximum(), qRound(event->position().x()) - inset,
                                             std::max(width() - 2 * inset, 1)));
}

void ParameterSlider::mouseMoveEvent(QMouseEvent* event) {
    if (!isSliderDown())
        return;
    const int inset = static_cast<int>(kKnob);
    setValue(QStyle::sliderValueFromPosition(minimum(), maximum(), qRound(event->position().x()) - inset,
                                             std::max(width() - 2 * inset, 1)));
}

void ParameterSlider::mouseReleaseEvent(QMouseEvent* event) {
    if (event->button() == Qt::LeftButton && isSliderDown())
        setSliderDown(false); // emits sliderReleased
}

void ParameterSlider::mouseDoubleClickEvent(QMouseEvent*) {
    if (!m_default) {
        Q_EMIT defaultRequested();
        return;
    }
    const int number = std::clamp(*m_default, m_numbers.front(), m_numbers.back());
    setNumber(number);
    Q_EMIT numberEdited(number);
    Q_EMIT editFinished();
}

void ParameterSlider::wheelEvent(QWheelEvent* event) {
    // In a scrolled panel the wheel scrolls; a slider takes it only once it has been chosen.
    if (hasFocus())
        QSlider::wheelEvent(event);
    else
        event->ignore();
}

void ParameterSlider::paintEvent(QPaintEvent*) {
    const auto& t = theme();
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    const double middle = height() / 2., left = kKnob, right = width() - kKnob;
    const double share =
        maximum() > minimum() ? double(sliderPosition() - minimum()) / (maximum() - minimum()) : 0;
    const double x = left + share * (right - left);
    const QColor fill = isEnabled() ? t.accent : t.faint;
    painter.setPen(Qt::NoPen);
    painter.setBrush(t.border);
    painter.drawRoundedRect(QRectF(left, middle - 1.5, right - left, 3), 1.5, 1.5);
    painter.setBrush(fill);
    painter.drawRoundedRect(QRectF(left, middle - 1.5, x - left, 3), 1.5, 1.5);
    if (hasFocus()) {
        QColor halo = t.accent;
        halo.setAlpha(70);
        painter.setBrush(halo);
        painter.drawEllipse(QPointF(x, middle), kKnob + 2.5, kKnob + 2.5);
        painter.setBrush(fill);
    }
    painter.drawEllipse(QPointF(x, middle), kKnob, kKnob);
    painter.setBrush(isEnabled() ? mixed(t.accent, Qt::white, 0.7) : t.border);
    painter.drawEllipse(QPointF(x, middle), kKnob - 3.5, kKnob - 3.5);
}

} // namespace fovea
