// Rows of codes as their tables say, on every instruction set, against code by code.

#include "core/kernels/cpu/table_rows.h"

#include <catch2/catch.hpp>
#include <hwy/targets.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "core/kernels/cpu/kernels.h"
#include "core/methods/quantise/code_run.h"
#include "core/model/half_float.h"
#include "tests/core/kernels/kv_blocks.h"
#include "tests/support/only_target.h"

using namespace fovea;
using namespace fovea::test;

namespace {

constexpr float kUnread = -777;
constexpr int kRows = 5;

// Rows of d floats with a number behind each that nobody may touch.
struct Floats {
    int dims;
    std::vector<float> all = std::vector<float>(static_cast<std::size_t>(kRows * (dims + 1)), kUnread);

    float* row(int i) { return all.data() + i * (dims + 1); }
    void requireInside() {
        for (int i = 0; i < kRows; ++i)
            REQUIRE(row(i)[dims] == kUnread);
    }
};

std::vector<std::uint8_t> someCodes(int n, int below, unsigned seed) {
    std::mt19937 random(seed);
    std::vector<std::uint8_t> codes(static_cast<std::size_t>(n));
    for (auto& code : codes)
        code = static_cast<std::uint8_t>(random() % static_cast<unsigned>(below));
    return codes;
}

void putHalf(std::byte* to, float x) {
    const std::uint16_t half = toHalf(x);
    std::memcpy(to, &half, sizeof half);
}

// What a sum of two products may lose.
void requireClose(float is, double should, double size) {
    REQUIRE(std::fabs(static_cast<double>(is) - should) <= 4e-7 * size);
}

template <class Check>
void onEveryTarget(const Check& check) {
    std::set<std::string> seen;
    for (const std::int64_t target : hwy::SupportedAndGeneratedTargets()) {
        const OnlyTarget only(target);
        INFO(cpu::instructionSet());
        seen.insert(cpu::instructionSet());
        check();
    }
    CHECK((seen.size() > 1 || hwy::SupportedAndGeneratedTargets().size() == 1));
}

} // namespace

TEST_CASE("Levels are read as code, range and outliers say", "[core.kernels]") {
    const int bits = GENERATE(2, 3, 4), d = GENERATE(1, 8, 31, 32, 48, 64, 80, 96, 128, 160, 256, 257);
    const bool ofChannels = GENERATE(true, false);
    const int outliers = d < 32 ? 0 : 3;
    const std::vector<float> read = normals(std::size_t{1} << bits, 3);
    const std::vector<float> offset = normals(static_cast<std::size_t>(d), 4),
                             range = normals(static_cast<std::size_t>(d), 5);
    cpu::LevelTable table{.bits = bits, .dims = d, .outliers = outliers};
    table.repeat(read);
    if (ofChannels)
        table.offset = offset.data(), table.range = range.data();

    onEveryTarget([&] {
        Floats floats{d};
        std::vector<std::vector<std::uint8_t>> codes;
        std::vector<std::vector<std::byte>> bytes, sides;
        std::vector<CodedRow> rows;
        for (int i = 0; i < kRows; ++i) {
            codes.push_back(someCodes(d, 1 << bits, static_cast<unsigned>(i)));
            bytes.emplace_back(static_cast<std::size_t>(codeBytes(bits, d)));
            packCodes(bits, codes.back().data(), d, reinterpret_cast<std::uint8_t*>(bytes.back().data()));
            auto& side = sides.emplace_back(static_cast<std::size_t>((ofChannels ? 0 : 4) + 4 * outliers));
            std::byte* at = side.data();
            if (!ofChannels) {
                putHalf(at, .5f * static_cast<float>(i)), putHalf(at + 2, 1.f + static_cast<float>(i));
                at += 4;
            }
            const std::uint16_t channels[] = {static_cast<std::uint16_t>(d - 1),
                                              static_cast<std::uint16_t>(d), 7};
            for (int o = 0; o < outliers; ++o, at += 4) {
                putHalf(at, 100.f + static_cast<float>(o));
                std::memcpy(at + 2, &channels[o], 2);
            }
            rows.push_back({bytes.back().data(), side.data(), 0, floats.row(i)});
        }
        cpu::readLevels(table, rows);
        floats.requireInside(); // the outlier of channel d is none
        for (int i = 0; i < kRows; ++i)
            for (int c = 0; c < d; ++c) {
                INFO("bits " << bits << ", d " << d << ", row " << i << ", channel " << c);
                const auto channel = static_cast<std::size_t>(c);
                const double r = ofChannels ? range[channel] : 1. + i,
                             o = ofChannels ? offset[channel] : .5 * i;
                const double level = read[codes[static_cast<std::size_t>(i)][channel]];
                if (outliers > 0 && (c == d - 1 || c == 7))
                    REQUIRE(floats.row(i)[c] == (c == 7 ? 102 : 100));
                else
                    requireClose(floats.row(i)[c], level * r + o, std::fabs(level * r) + std::fabs(o));
            }
    });
}

TEST_CASE("A row whose range is no number is none", "[core.kernels]") {
    const int d = 48;
    cpu::LevelTable table{.bits = 3, .dims = d};
    table.repeat(normals(8, 1));
    onEveryTarget([&] {
        std::vector<float> to(d, 0);
        std::byte codes[18] = {}, side[4];
        putHalf(side, std::numeric_limits<float>::quiet_NaN()), putHalf(side + 2, 0);
        const CodedRow row{codes, side, 0, to.data()};
        cpu::readLevels(table, {&row, 1});
        for (const float x : to)
            REQUIRE(std::isnan(x));
    });
}

TEST_CASE("Centroids are read as their numbers say", "[core.kernels]") {
    const int channels = GENERATE(1, 2, 4, 8), bits = GENERATE(1, 3, 7, 8, 9, 10),
              d = GENERATE(8, 32, 40, 128);
    const int groups = d / channels;
    std::vector<std::uint16_t> centroids;
    for (const float x : normals(static_cast<std::size_t>(d) << bits, 6))
        centroids.push_back(toHalf(x));
    const cpu::CentroidTable table{
        .channels = channels, .bits = bits, .dims = d, .centroids = centroids.data()};
    onEveryTarget([&] {
        Floats floats{d};
        std::mt19937 random(7);
        std::vector<std::vector<unsigned>> codes;
        std::vector<std::vector<std::byte>>
            bytes; // as many as needed: a sanitizer sees what is read behind them
        std::vector<CodedRow> rows;
        for (int i = 0; i < kRows; ++i) {
            auto& row = codes.emplace_back();
            auto& packed = bytes.emplace_back(static_cast<std::size_t>(codeBytes(bits, groups)));
            for (int g = 0; g < groups; ++g) {
                row.push_back(random() % (1u << bits));
                for (int bit = 0; bit < bits; ++bit)
                    packed[static_cast<std::size_t>((g * bits + bit) / 8)] |=
                        static_cast<std::byte>((row.back() >> bit & 1) << (g * bits + bit) % 8);
            }
            rows.push_back({packed.data(), nullptr, 0, floats.row(i)});
        }
        cpu::readCentroids(table, rows);
        floats.requireInside();
        for (int i = 0; i < kRows; ++i)
            for (int c = 0; c < d; ++c) {
                INFO("c " << channels << ", b " << bits << ", d " << d << ", row " << i << ", channel " << c);
                const int group = c / channels;
                const auto at = static_cast<std::size_t>(
                    (group * (1 << bits) +
                     static_cast<int>(codes[static_cast<std::size_t>(i)][static_cast<std::size_t>(group)])) *
                        channels +
                    c % channels);
                REQUIRE(floats.row(i)[c] == fromHalf(centroids[at]));
            }
    });
}

TEST_CASE("Rows turn by their positions", "[core.kernels]") {
    const int half = GENERATE(1, 4, 8, 16, 20, 32, 64), d = 2 * half + 3; // the last do not turn
    const double factor = 1.25;
    const std::int64_t positions[kRows] = {0, 1, cpu::kTurnNear - 1, cpu::kTurnNear, 3 * cpu::kTurnNear + 17};
    const auto frequency = [&](int i) { return std::pow(.3, i * 8. / half); };
    std::vector<float> near, far;
    const auto add = [&](std::vector<float>& to, std::int64_t position, double by) {
        for (int i = 0; i < half; ++i)
            to.push_back(static_cast<float>(by * std::cos(static_cast<double>(position) * frequency(i))));
        for (int i = 0; i < half; ++i)
            to.push_back(static_cast<float>(by * std::sin(static_cast<double>(position) * frequency(i))));
    };
    for (std::int64_t i = 0; i < cpu::kTurnNear; ++i)
        add(near, i, 1);
    for (std::int64_t i = 0; i < 4; ++i)
        add(far, i * cpu::kTurnNear, factor);
    onEveryTarget([&] {
        Floats floats{d};
        std::vector<CodedRow> rows;
        const std::vector<float> before = normals(static_cast<std::size_t>(d), 8);
        for (int i = 0; i < kRows; ++i) {
            std::copy(before.begin(), before.end(), floats.row(i));
            rows.push_back({nullptr, nullptr, positions[i], floats.row(i)});
        }
        cpu::turnRows({.half = half, .far = far.data(), .near = near.data()}, rows);
        floats.requireInside();
        for (int i = 0; i < kRows; ++i) {
            for (int c = 0; c < half; ++c) {
                INFO("half " << half << ", position " << positions[i] << ", pair " << c);
                const double angle = static_cast<double>(positions[i]) * frequency(c);
                const double x = before[static_cast<std::size_t>(c)],
                             y = before[static_cast<std::size_t>(half + c)];
                const double size = 2 * (std::fabs(x) + std::fabs(y));
                requireClose(floats.row(i)[c], factor * (x * std::cos(angle) - y * std::sin(angle)), size);
                requireClose(floats.row(i)[half + c], factor * (y * std::cos(angle) + x * std::sin(angle)),
                             size);
            }
            for (int c = 2 * half; c < d; ++c)
                REQUIRE(floats.row(i)[c] == before[static_cast<std::size_t>(c)]);
        }
    });
}
