#include "views/view_keys.h"

#include <QCoreApplication>

namespace fovea {

namespace {

QString tr(const char* text) {
    return QCoreApplication::translate("fovea::ViewKeys", text);
}

ViewKeys tokens() {
    return {tr("Tokens"),
            {{{Qt::Key_Left, Qt::Key_Right}, tr("the token before, the next one")},
             {{Qt::Key_Home, Qt::Key_End}, tr("the first token, the last one")}},
            {{tr("click"), tr("look at this token's query")}, {tr("Shift+click"), tr("pin")}}};
}

ViewKeys atlas() {
    return {tr("Atlas"),
            {{{Qt::Key_Left, Qt::Key_Right, Qt::Key_Up, Qt::Key_Down}, tr("the head beside")},
             {{Qt::Key_Home, Qt::Key_End}, tr("the first head, the last one")}},
            {{tr("click"), tr("look at this head")}}};
}

ViewKeys headMap() {
    return {tr("Head map"),
            {{{Qt::Key_Up, Qt::Key_Down}, tr("the query before, the next one")},
             {{Qt::Key_PageUp, Qt::Key_PageDown}, tr("16 queries back, forward")},
             {{Qt::Key_Home, Qt::Key_End}, tr("the first query, the last one")},
             {{Qt::Key_Left, Qt::Key_Right}, tr("the key before, the next one")},
             {{Qt::Key_F}, tr("the whole map")},
             {{Qt::Key_D}, tr("the rows that the plan read")},
             {{Qt::Key_Plus, Qt::Key_Equal}, tr("closer")},
             {{Qt::Key_Minus}, tr("further away")}},
            {{tr("wheel"), tr("zoom about the cursor; Ctrl: keys only, Shift: queries only")},
             {tr("drag"), tr("pan")},
             {tr("click"), tr("pick query and key")}}};
}

ViewKeys inspector() {
    return {tr("Inspector"),
            {{{Qt::Key_Left, Qt::Key_Right}, tr("the query before, the next one")}},
            {}};
}

ViewKeys spanMap() {
    return {tr("Span map"),
            {{{Qt::Key_Left, Qt::Key_Right, Qt::Key_Up, Qt::Key_Down}, tr("the head beside")},
             {{Qt::Key_L}, tr("aim at the whole layer")},
             {{Qt::Key_H}, tr("aim at this head of every layer")},
             {{Qt::Key_A}, tr("aim at every head")},
             {{Qt::Key_Plus, Qt::Key_Equal}, tr("a longer span")},
             {{Qt::Key_Minus}, tr("a shorter span")}},
            {{tr("drag a cell"), tr("its span, longer or shorter")},
             {tr("drag a name"), tr("the spans of the layer, of the head, or of all")}}};
}

ViewKeys timelines() {
    return {tr("Timelines"),
            {{{Qt::Key_W, Qt::Key_Plus}, tr("closer")},
             {{Qt::Key_S, Qt::Key_Minus}, tr("further away")},
             {{Qt::Key_A, Qt::Key_D}, tr("earlier, later")},
             {{Qt::Key_Left, Qt::Key_Right}, tr("the step before, the next one")},
             {{Qt::Key_F}, tr("the selection, or all of it")},
             {{Qt::Key_Escape}, tr("no selection; all of it")}},
            {{tr("drag"), tr("select steps; Shift: pan")},
             {tr("wheel"), tr("zoom about the cursor; Shift: pan")},
             {tr("click"), tr("look at this step's query")}}};
}

ViewKeys sharing() {
    return {tr("Sharing"),
            {{{Qt::Key_Up, Qt::Key_Down}, tr("the layer above, the one below")},
             {{Qt::Key_Home, Qt::Key_End}, tr("the first layer, the last one")}},
            {{tr("click"), tr("look at this layer")}}};
}

ViewKeys quantisation() {
    return {tr("Quantisation"),
            {{{Qt::Key_Left, Qt::Key_Right}, tr("the query before, the next one")},
             {{Qt::Key_Up, Qt::Key_Down}, tr("the channel before, the next one")}},
            {{tr("click"), tr("look at this token, this channel and their group's levels")}}};
}

ViewKeys panels() {
    return {tr("Panels"),
            {},
            {{tr("drag a header"), tr("move the panel")},
             {tr("double click a header"), tr("float the panel, or dock it")},
             {tr("right click a header"), tr("list the panels")},
             {tr("double click a slider"), tr("its default")}}};
}

} // namespace

const QList<ViewKeys>& viewKeys() {
    static const QList<ViewKeys> all{tokens(),  atlas(),        headMap(),   inspector(), sharing(),
                                     spanMap(), quantisation(), timelines(), panels()};
    return all;
}

} // namespace fovea
