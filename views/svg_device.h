#pragma once
// A paint device that writes SVG 1.1: paths, text as text, images as PNG within, and clips. (Qt's own generator leaves
// clips out up to 6.4 at least: whatever a view hides beyond its edge would be seen.)

#include <QPaintDevice>
#include <QSize>
#include <QString>

#include <memory>
#include <string>

namespace fovea {

class SvgDevice final : public QPaintDevice {
public:
    // One unit is one pixel of the screen. `title` is what readers of the file are told it shows.
    SvgDevice(QSize size, const QString& title);
    ~SvgDevice() override;

    QPaintEngine* paintEngine() const override;
    // The whole file, once the painter has ended.
    std::string svg() const;

protected:
    int metric(PaintDeviceMetric metric) const override;

private:
    class Engine;
    const QSize m_size;
    const QString m_title;
    std::unique_ptr<Engine> m_engine;
};

} // namespace fovea
