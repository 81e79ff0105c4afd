#include "app/window/scrolled.h"

#include <QScrollArea>

namespace fovea {

QScrollArea* scrolled(QWidget* content) {
    auto* scroll = new QScrollArea;
    scroll->setWidgetResizable(true);
    scroll->setFrameShape(QFrame::NoFrame);
    scroll->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    scroll->setWidget(content);
    for (QWidget* const plain : {scroll->viewport(), content}) // the second by the scroll area, just now
        plain->setAutoFillBackground(false);
    return scroll;
}

} // namespace fovea
