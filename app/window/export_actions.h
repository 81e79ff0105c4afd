#pragma once
// The Export menu: asks where, takes the picture or table, and writes it off the interface's thread.

#include <QImage>
#include <QObject>
#include <QString>

#include <functional>
#include <string>

namespace fovea {

struct Picture;
class MainWindow;

class ExportActions : public QObject {
    Q_OBJECT

public:
    explicit ExportActions(MainWindow& window);

    // Without asking: for tests and the tour. A failure arrives as one line through the status line.
    void savePicture(const QString& view, const QString& path);
    void saveTable(const QString& view, const QString& path);
    void saveWindow(const QString& path);
    // PNG, SVG or PDF, by the path's ending. Painted now, written later.
    void savePicture(const Picture& picture, const QString& path);
    void saveImage(const QImage& picture, const QString& path);
    void saveTrace(const QString& path);
    void saveCompare(const QString& path);
    void saveRun(const QString& path);
    void copyAsCommand();

Q_SIGNALS:
    void saved(const QString& path);

private:
    // `make` runs on the disk's thread.
    void write(const QString& path, std::function<std::string()> make);
    void ask(const QString& suggested, const QString& filter,
             const std::function<void(const QString&)>& save);

    MainWindow& m_window;
};

} // namespace fovea
