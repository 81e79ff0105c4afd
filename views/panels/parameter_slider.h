#pragma once
// A slider over whole numbers whose steps grow with the value: k runs from 1 to 100,000 and 3 matters as much
// beside 4 as 3000 beside 4000.
//
// Arrow keys go to the next step, Page up and down by half an octave, a click in the groove goes there, a
// double click returns to the default. Values between steps can be set by the program and stay as they are.

#include <QSlider>

#include <optional>
#include <vector>

namespace fovea {

class ParameterSlider : public QSlider {
    Q_OBJECT
public:
    enum class Scale { Linear, Logarithmic };

    explicit ParameterSlider(Scale scale, QWidget* parent = nullptr);

    // 0 or 1 <= low <= high.
    void setLimits(int low, int high);
    void setNumber(int number); // does not emit
    int number() const { return m_number; }
    // Where a double click goes; without one it emits defaultRequested().
    void setDefault(std::optional<int> number) { m_default = number; }

Q_SIGNALS:
    void numberEdited(int number); // by the user
    void defaultRequested();       // double click with no default number
    void editFinished();           // button released, key stroke or double click done

protected:
    void mousePressEvent(QMouseEvent*) override;
    void mouseMoveEvent(QMouseEvent*) override;
    void mouseReleaseEvent(QMouseEvent*) override;
    void mouseDoubleClickEvent(QMouseEvent*) override;
    void wheelEvent(QWheelEvent*) override;
    void paintEvent(QPaintEvent*) override;
    QSize sizeHint() const override { return {120, 18}; }
    QSize minimumSizeHint() const override { return {60, 18}; }

private:
    int positionOf(int number) const;
    void moved(int position);

    Scale m_scale;
    std::vector<int> m_numbers{0}; // by slider position
    int m_number = 0;
    std::optional<int> m_default;
    bool m_setting = false;
};

} // namespace fovea
