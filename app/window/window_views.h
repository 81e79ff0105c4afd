#pragma once
// The views of the window and the frames around them. They are made here and know nothing of each other.

class QComboBox;
class QLabel;
class QWidget;

namespace fovea {

class AtlasView;
class CheckPanel;
class HeadMapView;
class Inspector;
class PanelFrame;
class PlanPanel;
class SharingDiagram;
class SpanPanel;
class StoredView;
class SummaryTable;
class Timelines;
class TokenStrip;

struct WindowViews {
    PanelFrame* tokensFrame = nullptr;
    TokenStrip* tokens = nullptr;
    QComboBox* tokenColour = nullptr;
    PanelFrame* planFrame = nullptr;
    QWidget* planColumn = nullptr; // plan panel over the table
    PlanPanel* plan = nullptr;
    QLabel* conversionNote = nullptr; // over the table, where what it shows was converted
    SummaryTable* table = nullptr;
    PanelFrame* atlasFrame = nullptr;
    AtlasView* atlas = nullptr;
    PanelFrame* headMapFrame = nullptr;
    HeadMapView* headMap = nullptr;
    PanelFrame* inspectorFrame = nullptr;
    Inspector* inspector = nullptr;
    PanelFrame* checkFrame = nullptr;
    CheckPanel* check = nullptr;
    PanelFrame* sharingFrame = nullptr;
    SharingDiagram* sharing = nullptr;
    PanelFrame* spansFrame = nullptr;
    SpanPanel* spans = nullptr;
    PanelFrame* storedFrame = nullptr;
    StoredView* stored = nullptr;
    PanelFrame* timelinesFrame = nullptr;
    Timelines* timelines = nullptr;
};

// Made with `parent` as their owner until a dock takes them.
WindowViews makeViews(QWidget* parent);

} // namespace fovea
