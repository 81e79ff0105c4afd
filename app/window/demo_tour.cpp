#include "app/window/demo_tour.h"

#include <QAction>
#include <QActionGroup>
#include <QApplication>
#include <QDockWidget>
#include <QElapsedTimer>
#include <QEventLoop>
#include <QMouseEvent>
#include <QSlider>
#include <QTimer>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <stdexcept>

#include "app/window/dock_panels.h"
#include "app/window/export_actions.h"
#include "app/window/exports.h"
#include "app/window/loaded_model.h"
#include "app/window/main_window.h"
#include "core/tokenizer/tokenizer.h"
#include "core/trace/file_writer.h"
#include "views/maps/head_map_view.h"
#include "views/maps/span_map_view.h"
#include "views/panels/plan_panel.h"
#include "views/panels/span_panel.h"

namespace fovea {

namespace {

constexpr QSize kWindow(1680, 1050);
constexpr int kPatienceMs = 120'000;
constexpr int kMoveEveryMs = 16; // a mouse reports about 60 times a second here
constexpr int kMoves = 90;
constexpr std::int64_t kLongRun = 1024;
const QString kSlotsPicture = QStringLiteral("cache_slots"), kSharingPicture = QStringLiteral("sharing"),
              kSpansPicture = QStringLiteral("span_map"), kStoredPicture = QStringLiteral("quantisation");

void sendMouse(QWidget& widget, QEvent::Type type, QPointF at, Qt::MouseButton button,
               Qt::MouseButtons buttons) {
    QMouseEvent event(type, at, widget.mapToGlobal(at), button, buttons, Qt::NoModifier);
    QApplication::sendEvent(&widget, &event);
}

void print(const char* title, const Quantiles& q) {
    std::printf("%s: median %.1f ms, p95 %.1f ms, longest %.1f ms over %zu edits\n", title, q.median, q.p95,
                q.longest, q.count);
    std::fflush(stdout);
}

} // namespace

DemoTour::DemoTour(const WindowOptions& options, std::filesystem::path out, bool dark)
    : m_options(options), m_out(std::move(out)), m_dark(dark) {}

DemoTour::~DemoTour() = default;

void DemoTour::take() {
    open();
    run();
    const AttentionPlan asOpened = m_window->document().plan(Side::B);
    char title[64];
    std::snprintf(title, sizeof title, "slider to repaint at %zu tokens",
                  m_window->controller().runs().a->tokens.size());
    drag(title);
    // The pictures show the plan the window opened with, its deltas filled in.
    m_window->document().editPlan(Side::B, asOpened, QStringLiteral("plan"));
    settle();
    savePictures();
    saveData();
    stream();
    masked();
    share();
    spans();
    stored();
    calibrate();
    check();
    sweep();
    study();
    dragLong();
}

void DemoTour::open() {
    m_window = std::make_unique<MainWindow>(m_options, nullptr);
    m_window->setDark(m_dark);
    m_window->resize(kWindow);
    QObject::connect(&m_window->controller(), &Controller::failed, m_window.get(),
                     [this](const QString& line) { m_failure = line.toStdString(); });
    m_window->show();
    waitFor("opening the model", [this] { return m_window->document().model() != nullptr; });
    idle(100);
}

void DemoTour::run() {
    Controller& controller = m_window->controller();
    bool finished = false;
    const auto connection = QObject::connect(&controller, &Controller::runFinished, &controller,
                                             [&finished] { finished = true; });
    m_window->blockWatch().start();
    m_window->actions().run->trigger();
    waitFor("the run", [&finished] { return finished; });
    settle();
    m_window->blockWatch().stop();
    QObject::disconnect(connection);
    std::printf("longest block of the interface during a run: %.1f ms\n", m_window->blockWatch().longestMs());
}

// Back and forth over the slider, as a hand that is looking for something.
void DemoTour::dragSlider(const char* name) {
    auto* slider = m_window->views().plan->findChild<QSlider*>(QLatin1String(name));
    if (!slider)
        throw std::runtime_error(std::string("the tour found no slider ") + name);
    const double y = slider->height() / 2.0;
    const auto at = [&](int move) {
        const double share = std::abs(2.0 * move / kMoves - 1); // 1 … 0 … 1
        return QPointF(4 + share * (slider->width() - 8), y);
    };
    sendMouse(*slider, QEvent::MouseButtonPress, at(0), Qt::LeftButton, Qt::LeftButton);
    for (int move = 1; move <= kMoves; ++move) {
        sendMouse(*slider, QEvent::MouseMove, at(move), Qt::NoButton, Qt::LeftButton);
        idle(kMoveEveryMs);
    }
    sendMouse(*slider, QEvent::MouseButtonRelease, at(kMoves), Qt::LeftButton, Qt::NoButton);
}

void DemoTour::drag(const char* title) {
    settle();
    m_window->repaintWatch().clear();
    dragSlider("r");
    dragSlider("k");
    settle();
    print(title, quantiles(m_window->repaintWatch().milliseconds()));
}

void DemoTour::showMap(MapMode mode) {
    for (QAction* action : m_window->actions().mapModes->actions())
        if (action->data().toInt() == static_cast<int>(mode))
            action->trigger();
    settle();
}

// The whole text told in a stream: held bytes flatten, and the cache-slot timeline shows who came and who
// left.
void DemoTour::stream() {
    Document& document = m_window->document();
    const AttentionPlan before = document.plan(Side::B);
    const RunSettings settings = document.settings();
    const auto tokens = static_cast<int>(m_window->controller().runs().a->tokens.size());
    AttentionPlan plan;
    plan.keep = StreamingParams{.window = std::max(tokens / 6, 8)};
    RunSettings all = settings;
    all.decodeFrom = 0;
    document.editSettings(all, QStringLiteral("decode from"));
    document.editPlan(Side::B, plan, QStringLiteral("plan"));
    settle();
    m_window->views().headMap->fit();
    idle(200);
    ExportActions& exports = m_window->exports();
    exports.saveImage(m_window->grab().toImage(), QString::fromStdString(path("streaming.png")));
    exports.savePicture(kSlotsPicture, QString::fromStdString(path("cache_slots.png")));
    showMap(MapMode::Difference);
    exports.saveImage(m_window->grab().toImage(), QString::fromStdString(path("difference.png")));
    showMap(MapMode::A);
    exports.saveTable(kSlotsPicture, QString::fromStdString(path("cache_slots.csv")));
    waitFor("saving the stream", [this] { return !m_window->jobs().busy(Lane::Disk); });
    document.editSettings(settings, QStringLiteral("decode from"));
    document.editPlan(Side::B, before, QStringLiteral("plan"));
    settle();
}

// Layers share KV: who owns it, what is held and what is read, and the text's price for it.
void DemoTour::share() {
    Document& document = m_window->document();
    const AttentionPlan before = document.plan(Side::B);
    AttentionPlan plan;
    plan.share = ClaParams{};
    document.editPlan(Side::B, plan, QStringLiteral("plan"));
    m_window->panels().bringUp("sharingDock");
    settle();
    idle(200);
    ExportActions& exports = m_window->exports();
    exports.saveImage(m_window->grab().toImage(), QString::fromStdString(path("sharing_window.png")));
    exports.savePicture(kSharingPicture, QString::fromStdString(path("sharing.png")));
    exports.savePicture(kSharingPicture, QString::fromStdString(path("sharing.svg")));
    exports.saveTable(kSharingPicture, QString::fromStdString(path("sharing.csv")));
    waitFor("saving the sharing diagram", [this] { return !m_window->jobs().busy(Lane::Disk); });
    document.editPlan(Side::B, before, QStringLiteral("plan"));
    m_window->actions().restoreLayout->trigger();
    settle();
}

// Each head with a span of its own: the map of spans, dragged, and the head map of a head that sees half.
void DemoTour::spans() {
    Document& document = m_window->document();
    const AttentionPlan before = document.plan(Side::B);
    const RunSettings settings = document.settings();
    const ModelSpec& spec = document.model()->spec;
    const auto tokens = static_cast<double>(m_window->controller().runs().a->tokens.size());
    MoaSpans table{.layers = spec.layers, .heads = spec.queryHeads, .spans = {}};
    for (int layer = 0; layer < spec.layers; ++layer)
        for (int head = 0; head < spec.queryHeads; ++head) {
            // Two rules per layer at most, as plans of the paper have them.
            const bool far = (head + layer) % 4 == 0;
            table.spans.push_back(far ? MoaSpan{0, std::max(0., 1 - layer * 0.125)}
                                      : MoaSpan{std::round(tokens / 8), 0.125 * (layer % 3)});
        }
    MoaParams moa;
    moa.sinks = 4, moa.block = 8, moa.minimum = 16;
    moa.spans = std::make_shared<const MoaSpans>(std::move(table));
    AttentionPlan plan;
    plan.keep = moa;
    RunSettings all = settings;
    all.decodeFrom = 0;
    document.editSettings(all, QStringLiteral("decode from"));
    document.editPlan(Side::B, plan, QStringLiteral("plan"));
    m_window->panels().bringUp("spansDock");
    settle();
    m_window->views().headMap->fit();
    dragSpan();
    settle();
    idle(200);
    ExportActions& exports = m_window->exports();
    exports.saveImage(m_window->grab().toImage(), QString::fromStdString(path("spans.png")));
    exports.savePicture(kSpansPicture, QString::fromStdString(path("span_map.png")));
    exports.saveTable(kSpansPicture, QString::fromStdString(path("span_map.csv")));
    waitFor("saving the spans", [this] { return !m_window->jobs().busy(Lane::Disk); });
    m_window->panels().dock("spansDock")->hide();
    document.editSettings(settings, QStringLiteral("decode from"));
    document.editPlan(Side::B, before, QStringLiteral("plan"));
    settle();
}

// One cell of the span map, as a hand would.
void DemoTour::dragSpan() {
    SpanMapView& map = *m_window->views().spans->map();
    const QPointF cell = map.rectOf({1, 1}).center();
    sendMouse(map, QEvent::MouseButtonPress, cell, Qt::LeftButton, Qt::LeftButton);
    for (int move = 1; move <= 20; ++move) {
        sendMouse(map, QEvent::MouseMove, cell - QPointF(0, 3 * move), Qt::NoButton, Qt::LeftButton);
        idle(kMoveEveryMs);
    }
    sendMouse(map, QEvent::MouseButtonRelease, cell - QPointF(0, 60), Qt::LeftButton, Qt::NoButton);
}

// The same at the length that the interface promises its speed for.
void DemoTour::dragLong() {
    Document& document = m_window->document();
    const Tokenizer& tokenizer = *document.model()->tokenizer;
    const std::int64_t length = std::min<std::int64_t>(kLongRun, document.model()->spec.context);
    const auto wanted = static_cast<std::size_t>(length - document.settings().tokens);
    std::vector<int> tokens = document.promptTokens();
    while (tokens.size() < wanted)
        tokens.insert(tokens.end(), document.promptTokens().begin() + 1, document.promptTokens().end());
    // Cutting may split a word, whose parts encode to more tokens than before: then a shorter cut fits.
    for (std::size_t size = wanted; size > 1; --size) {
        tokens.resize(size);
        if (document.editPrompt(tokenizer.decode({tokens.begin() + 1, tokens.end()})).isEmpty())
            break;
    }
    run();
    const std::size_t reached = m_window->controller().runs().a->tokens.size();
    char title[96];
    std::snprintf(title, sizeof title, "slider to repaint at %zu tokens", reached);
    drag(title);
    RunSettings settings = document.settings();
    settings.decodeFrom = 0;
    document.editSettings(settings, QStringLiteral("decode from"));
    settle();
    std::snprintf(title, sizeof title, "slider to repaint at %zu tokens, every row read by the plan",
                  reached);
    drag(title);
}

void DemoTour::savePictures() {
    ExportActions& exports = m_window->exports();
    // Both are taken before either is saved: saving says so in the status line.
    QImage windows[2];
    for (const bool dark : {!m_dark, m_dark}) {
        m_window->setDark(dark);
        idle(200);
        windows[dark] = m_window->grab().toImage();
    }
    exports.saveImage(windows[true], QString::fromStdString(path("window_dark.png")));
    exports.saveImage(windows[false], QString::fromStdString(path("window_light.png")));
    for (const QString& view : pictureNames())
        // Nothing leaves, is shared, has a span or is rounded here: their scenes have these.
        if (view != kSlotsPicture && view != kSharingPicture && view != kSpansPicture && view != kStoredPicture)
            exports.savePicture(view, QString::fromStdString(path((view.toStdString() + ".png").c_str())));
    waitFor("saving the pictures", [this] { return !m_window->jobs().busy(Lane::Disk); });
}

void DemoTour::saveData() {
    m_window->exports().saveTrace(QString::fromStdString(path("trace.json")));
    m_window->exports().saveCompare(QString::fromStdString(path("compare.csv")));
    waitFor("saving the data", [this] { return !m_window->jobs().busy(Lane::Disk); });
}

// Until nothing runs, nothing waits and everything is painted.
void DemoTour::settle() {
    int quiet = 0;
    waitFor("the window's coming to rest", [this, &quiet] {
        quiet = m_window->jobs().idle() && !m_window->controller().waiting() ? quiet + 1 : 0;
        return quiet > 4;
    });
}

void DemoTour::idle(int milliseconds) {
    QEventLoop loop;
    QTimer::singleShot(milliseconds, Qt::PreciseTimer, &loop, &QEventLoop::quit);
    loop.exec();
}

void DemoTour::waitFor(const char* what, const std::function<bool()>& done) {
    QElapsedTimer clock;
    clock.start();
    while (!done()) {
        if (!m_failure.empty())
            throw std::runtime_error(m_failure);
        if (clock.elapsed() > kPatienceMs)
            throw std::runtime_error(std::string("the tour waited in vain for ") + what);
        idle(10);
    }
    if (!m_failure.empty())
        throw std::runtime_error(m_failure);
}

} // namespace fovea
