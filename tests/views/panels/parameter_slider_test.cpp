#include <catch2/catch.hpp>

#include <QSignalSpy>

#include "views/panels/parameter_slider.h"

using namespace fovea;

TEST_CASE("A logarithmic slider reaches every small number and both ends of a large range",
          "[views.panels]") {
    ParameterSlider slider(ParameterSlider::Scale::Logarithmic);
    QSignalSpy edited(&slider, &ParameterSlider::numberEdited);
    slider.setLimits(1, 100'000);
    slider.setNumber(100'000);
    CHECK(slider.maximum() < 300); // finer than a pixel would be lost
    std::vector<int> seen;
    for (int position = slider.minimum(); position <= slider.maximum(); ++position) {
        slider.setValue(position);
        seen.push_back(slider.number());
    }
    for (int n = 1; n <= 32; ++n)
        CHECK(seen[static_cast<std::size_t>(n - 1)] == n);
    CHECK(seen.back() == 100'000);
    for (std::size_t i = 33; i < seen.size(); ++i) {
        CHECK(seen[i] > seen[i - 1]);
        CHECK(seen[i] <= seen[i - 1] * 1.07);
    }
    CHECK(edited.size() == slider.maximum() + 1);
}

TEST_CASE("A number between two steps stays what it is; limits change without emitting", "[views.panels]") {
    ParameterSlider slider(ParameterSlider::Scale::Logarithmic);
    QSignalSpy edited(&slider, &ParameterSlider::numberEdited);
    slider.setLimits(0, 1000);
    slider.setNumber(777);
    slider.setLimits(0, 800);
    slider.setLimits(0, 5000);
    CHECK(slider.number() == 777);
    CHECK(edited.isEmpty());
    slider.setLimits(5, 5);
    CHECK(slider.maximum() == slider.minimum());
}
