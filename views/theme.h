#pragma once
// The look of the window, in one place: one colour per role, two kinds, one palette and one short style
// sheet over Qt's Fusion style. Views take every colour and font from here and none of their own.

#include <QColor>
#include <QFont>

class QApplication;

namespace fovea {

enum class ThemeKind { Dark, Light };

struct Theme {
    ThemeKind kind = ThemeKind::Dark;
    // Surfaces, from the back to the front.
    QColor window; // between the panels
    QColor panel;  // the inside of a panel
    QColor header; // a panel's title row
    QColor field;  // combo boxes, cards, chart backgrounds
    QColor border; // frames and separators, 1 px
    QColor grid;   // lines inside charts
    // Text.
    QColor text;
    QColor mutedText; // subtitles, axis numbers, units
    QColor faint;     // disabled, bars of what was not chosen
    // One accent per role.
    QColor accent; // the cursor and the selected head or query
    QColor planA;  // grey: the baseline
    QColor planB;  // orange: the plan under test
    QColor chosen; // the quiet form of planB, behind text
    QColor good;
    QColor warning;
    QColor bad;
    // Maps. Causal, not read and zero never share a colour.
    QColor causal; // above the diagonal: no such weight
    QColor veil;   // laid over keys that a plan did not read
};

const Theme& theme();
// Style, palette, fonts and style sheet of the whole application. Widgets that cache pictures drop them on
// QEvent::PaletteChange.
void setTheme(QApplication& application, ThemeKind kind);
// What the desktop's own palette is, as it was before the first setTheme.
ThemeKind systemThemeKind();

// `size` in pixels; 12 is the body size, 11 that of axes and notes.
QFont uiFont(int size = 12, bool bold = false);
QFont numberFont(int size = 12); // fixed width, so that digits stand still while they change

// Dark or light text, whichever can be read on `fill`.
QColor readableOn(const QColor& fill);

// a·(1 − share) + b·share, opaque.
QColor mixed(const QColor& a, const QColor& b, double share);

} // namespace fovea
