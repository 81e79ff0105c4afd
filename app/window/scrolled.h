#pragma once

class QScrollArea;
class QWidget;

namespace fovea {

// Room for what is as high as it must be, on however low a screen.
QScrollArea* scrolled(QWidget* content);

} // namespace fovea
