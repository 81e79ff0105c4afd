#include "views/theme.h"

#include <QApplication>
#include <QPalette>
#include <QStyle>
#include <QStyleFactory>

namespace fovea {
namespace {

Theme dark() {
    Theme t;
    t.kind = ThemeKind::Dark;
    t.window = QColor(0x14, 0x17, 0x1c);
    t.panel = QColor(0x1b, 0x1f, 0x26);
    t.header = QColor(0x1e, 0x22, 0x2a);
    t.field = QColor(0x22, 0x27, 0x30);
    t.border = QColor(0x2d, 0x33, 0x3d);
    t.grid = QColor(0x2a, 0x2f, 0x38);
    t.text = QColor(0xe4, 0xe7, 0xec);
    t.mutedText = QColor(0x93, 0x9b, 0xa9);
    t.faint = QColor(0x4a, 0x52, 0x60);
    t.accent = QColor(0x4f, 0xc3, 0xf7);
    t.planA = QColor(0x9a, 0xa2, 0xb0);
    t.planB = QColor(0xff, 0xb4, 0x54);
    t.chosen = QColor(0x5e, 0x4a, 0x30);
    t.good = QColor(0x7e, 0xd8, 0x8f);
    t.warning = QColor(0xff, 0xcf, 0x5c);
    t.bad = QColor(0xff, 0x7b, 0x72);
    t.causal = QColor(0x1b, 0x1f, 0x26);
    t.veil = QColor(0x6d, 0x73, 0x80);
    return t;
}

Theme light() {
    Theme t;
    t.kind = ThemeKind::Light;
    t.window = QColor(0xec, 0xee, 0xf2);
    t.panel = QColor(0xff, 0xff, 0xff);
    t.header = QColor(0xfa, 0xfb, 0xfc);
    t.field = QColor(0xf3, 0xf5, 0xf8);
    t.border = QColor(0xd3, 0xd8, 0xe0);
    t.grid = QColor(0xe6, 0xe9, 0xee);
    t.text = QColor(0x1b, 0x20, 0x29);
    t.mutedText = QColor(0x5c, 0x65, 0x74);
    t.faint = QColor(0xb8, 0xbf, 0xca);
    t.accent = QColor(0x04, 0x73, 0xb8);
    t.planA = QColor(0x6b, 0x73, 0x82);
    t.planB = QColor(0xc9, 0x66, 0x00);
    t.chosen = QColor(0xf3, 0xd2, 0xab);
    t.good = QColor(0x1a, 0x7f, 0x37);
    t.warning = QColor(0x9a, 0x67, 0x00);
    t.bad = QColor(0xc9, 0x2a, 0x2a);
    t.causal = QColor(0xf3, 0xf5, 0xf8);
    t.veil = QColor(0x9a, 0xa0, 0xac);
    return t;
}

Theme& current() {
    static Theme value = dark();
    return value;
}

QPalette paletteOf(const Theme& t) {
    QPalette p;
    p.setColor(QPalette::Window, t.window);
    p.setColor(QPalette::WindowText, t.text);
    p.setColor(QPalette::Base, t.field);
    p.setColor(QPalette::AlternateBase, mixed(t.field, t.border, 0.3));
    p.setColor(QPalette::Text, t.text);
    p.setColor(QPalette::PlaceholderText, t.mutedText);
    p.setColor(QPalette::Button, t.field);
    p.setColor(QPalette::ButtonText, t.text);
    p.setColor(QPalette::BrightText, t.bad);
    p.setColor(QPalette::ToolTipBase, t.field);
    p.setColor(QPalette::ToolTipText, t.text);
    p.setColor(QPalette::Highlight, t.accent);
    p.setColor(QPalette::HighlightedText, t.kind == ThemeKind::Dark ? t.window : Qt::white);
    p.setColor(QPalette::Link, t.accent);
    p.setColor(QPalette::Light, mixed(t.border, t.text, 0.15));
    p.setColor(QPalette::Midlight, t.border);
    p.setColor(QPalette::Mid, t.border);
    p.setColor(QPalette::Dark, mixed(t.window, Qt::black, 0.2));
    p.setColor(QPalette::Shadow, Qt::black);
    for (const QPalette::ColorRole role : {QPalette::WindowText, QPalette::Text, QPalette::ButtonText})
        p.setColor(QPalette::Disabled, role, mixed(t.mutedText, t.panel, 0.4));
    return p;
}

QString styleSheetOf(const Theme& t) {
    const QString sheet = QStringLiteral(R"(
fovea--PanelFrame { background: @panel; border: 1px solid @border; border-radius: 4px; }
fovea--PanelFrame[headed="false"] { border-top: none; border-top-left-radius: 0; border-top-right-radius: 0; }
QFrame#panelHeader[apart="true"] { background: @panel; border: 1px solid @border; border-bottom: none;
    border-top-left-radius: 4px; border-top-right-radius: 4px; }
QMainWindow::separator { background: @window; width: 4px; height: 4px; }
QMainWindow::separator:hover { background: @accent; }
QSplitter::handle { background: @window; }
QSplitter::handle:hover { background: @accent; }
QToolTip { background: @field; color: @text; border: 1px solid @border; padding: 4px; }
QMenuBar { background: @window; color: @text; padding: 2px 4px; }
QMenuBar::item { padding: 4px 7px; border-radius: 4px; background: transparent; }
QMenuBar::item:selected { background: @field; }
QMenu { background: @panel; color: @text; border: 1px solid @border; padding: 4px; }
QMenu::item { padding: 4px 24px 4px 20px; border-radius: 3px; }
QMenu::item:selected { background: @accent; color: @onaccent; }
QMenu::item:disabled { color: @faint; }
QMenu::separator { height: 1px; background: @border; margin: 4px 2px; }
QToolBar { background: @window; border: none; spacing: 6px; padding: 3px 8px; }
QStatusBar { background: @window; color: @muted; }
QStatusBar::item { border: none; }
QPushButton, QToolBar QToolButton {
    background: @field; color: @text; border: 1px solid @border; border-radius: 4px; padding: 3px 10px; }
QPushButton:hover, QToolBar QToolButton:hover { border-color: @muted; }
QPushButton:pressed, QToolBar QToolButton:pressed { background: @border; }
QPushButton:checked, QToolBar QToolButton:checked { border-color: @planB; }
QPushButton:focus, QToolBar QToolButton:focus { border-color: @accent; }
QPushButton:disabled, QToolBar QToolButton:disabled { color: @faint; }
QToolButton[header="true"] { background: transparent; border: none; color: @muted; padding: 0 2px; }
QToolButton[header="true"]:hover { color: @text; }
QToolButton[header="true"]:focus { color: @accent; }
QToolButton[header="true"]:checked { color: @text; font-weight: bold; border-bottom: 2px solid @planB; }
QToolButton[header="true"]:disabled { color: @faint; }
QToolButton[header="true"]::menu-indicator { image: none; }
QComboBox[header="true"] { background: transparent; border: none; color: @muted; padding: 0 2px; }
QComboBox[header="true"]:hover { color: @text; }
QComboBox[header="true"]:focus { color: @accent; }
QLabel[role="title"] { color: @text; font-weight: bold; }
QLabel[role="muted"] { color: @muted; }
QFrame[role="card"] { background: @field; border: none; border-radius: 4px; }
QSlider::groove:horizontal { height: 3px; border-radius: 1px; background: @border; }
QSlider::sub-page:horizontal { height: 3px; border-radius: 1px; background: @accent; }
QSlider::handle:horizontal { width: 11px; height: 11px; margin: -4px 0; border-radius: 5px; background: @accent; }
QSlider::handle:horizontal:focus { border: 2px solid @text; margin: -6px 0; border-radius: 7px; }
QSlider::sub-page:horizontal:disabled, QSlider::handle:horizontal:disabled { background: @faint; }
QProgressBar { background: @border; border: none; border-radius: 2px; max-height: 4px; }
QProgressBar::chunk { background: @accent; border-radius: 2px; }
QScrollBar:vertical { background: transparent; width: 9px; margin: 0; }
QScrollBar:horizontal { background: transparent; height: 9px; margin: 0; }
QScrollBar::handle { background: @faint; border-radius: 3px; margin: 1px; min-height: 20px; min-width: 20px; }
QScrollBar::handle:hover { background: @muted; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }
QDockWidget { color: @text; }
)");
    QString text = sheet;
    const std::pair<const char*, QColor> names[] = {
        {"@panel", t.panel}, {"@window", t.window},
        {"@field", t.field}, {"@border", t.border},
        {"@text", t.text},   {"@muted", t.mutedText},
        {"@faint", t.faint}, {"@accent", t.accent},
        {"@planB", t.planB}, {"@onaccent", t.kind == ThemeKind::Dark ? t.window : QColor(Qt::white)}};
    for (const auto& [word, colour] : names)
        text.replace(QLatin1String(word), colour.name());
    return text;
}

} // namespace

const Theme& theme() {
    return current();
}

// Qt 6.4 has no word for a dark desktop; its palette tells.
ThemeKind systemThemeKind() {
    static const ThemeKind kind = [] {
        const QPalette palette = QApplication::palette();
        return palette.color(QPalette::Window).lightness() < palette.color(QPalette::WindowText).lightness()
                   ? ThemeKind::Dark
                   : ThemeKind::Light;
    }();
    return kind;
}

void setTheme(QApplication& application, ThemeKind kind) {
    systemThemeKind(); // asked before the palette is ours
    current() = kind == ThemeKind::Dark ? dark() : light();
    if (QStyle* fusion = QStyleFactory::create(QStringLiteral("Fusion")))
        application.setStyle(fusion);
    application.setPalette(paletteOf(current()));
    application.setFont(uiFont());
    application.setStyleSheet(styleSheetOf(current()));
}

QFont uiFont(int size, bool bold) {
    QFont font;
    font.setFamilies({QStringLiteral("Inter"), QStringLiteral("DejaVu Sans"), QStringLiteral("Sans Serif")});
    font.setPixelSize(size);
    font.setBold(bold);
    return font;
}

QFont numberFont(int size) {
    QFont font;
    font.setFamilies({QStringLiteral("DejaVu Sans Mono"), QStringLiteral("Monospace")});
    font.setStyleHint(QFont::Monospace);
    font.setFixedPitch(true);
    font.setPixelSize(size);
    return font;
}

QColor readableOn(const QColor& fill) {
    const double light = 0.299 * fill.redF() + 0.587 * fill.greenF() + 0.114 * fill.blueF();
    return light > 0.5 ? QColor(0x14, 0x17, 0x1c) : QColor(0xf4, 0xf6, 0xf9);
}

QColor mixed(const QColor& a, const QColor& b, double share) {
    const auto channel = [share](int x, int y) { return static_cast<int>(x + (y - x) * share + 0.5); };
    return {channel(a.red(), b.red()), channel(a.green(), b.green()), channel(a.blue(), b.blue())};
}

} // namespace fovea
