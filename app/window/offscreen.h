#pragma once
// A Qt application for pictures alone: without a display where there is none, and with fonts that do not depend on
// whose machine draws.

#include <memory>

class QApplication;

namespace fovea {

class Offscreen {
public:
    Offscreen();
    ~Offscreen();
    Offscreen(const Offscreen&) = delete;
    Offscreen& operator=(const Offscreen&) = delete;

    QApplication& application() { return *m_application; }

private:
    int m_count = 1;
    char m_name[6] = "fovea";
    char* m_arguments[2] = {m_name, nullptr};
    std::unique_ptr<QApplication> m_application;
};

} // namespace fovea
