// Rows of W are the first operand, as they lie; x is put into the order of the second one once, and 16 × 16 results are
// turned as they are written.
//   a task    32 rows of W, all vectors, 32 at a time: four tiles of sums, two of W, two of x
//   reads     W once, and x (L2) once per task
//   memory    x as both halves (or one, of whole numbers), padded to whole tiles; of a task 32 rows of W, unless they
//             are bf16 in whole tiles already

#include "core/kernels/cpu/tile_product.h"

#include <hwy/base.h>

#if HWY_ARCH_X86_64 && defined(__linux__) && (HWY_COMPILER_GCC_ACTUAL >= 1200 || HWY_COMPILER_CLANG >= 1200)
#define FOVEA_TILES 1
#else
#define FOVEA_TILES 0
#endif

#if FOVEA_TILES
#include <ATen/Parallel.h>
#include <cpuid.h>
#include <immintrin.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <span>
#include <vector>

#include "core/kernels/cpu/line_allocator.h"

HWY_PUSH_ATTRIBUTES("avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,amx-tile,amx-bf16")
namespace fovea::cpu {
namespace {

constexpr int kSide = 16;                 // rows and vectors of a tile
constexpr int kDepth = 32;                // columns
constexpr int kElements = kSide * kDepth; // bf16 of a tile
constexpr int kRows = 2 * kSide;          // of W in a task

using Halves = std::vector<std::uint16_t, RawLineAllocator<std::uint16_t>>;

std::int64_t roundedUp(std::int64_t n, std::int64_t to) {
    return (n + to - 1) / to * to;
}

// All tiles of 16 rows of 64 bytes.
struct alignas(64) TileConfig {
    std::uint8_t palette = 1, start = 0, reserved[14] = {};
    std::uint16_t rowBytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
    std::uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};
// Constant: compilers do not see that the instruction reads all of it, and leave stores out that only it would need.
constexpr TileConfig kConfig;

// 32 floats as bf16, and what is left of them as bf16; of what is not finite nothing is left.
struct Split {
    __m512i high, low;
};

inline __m512 floatsOf(__m256i halves) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16));
}

inline __m512 leftOf(__m512 value, __m256i high) {
    const __mmask16 finite =
        _mm512_cmp_ps_mask(_mm512_abs_ps(floatsOf(high)), _mm512_set1_ps(3.4e38f), _CMP_LT_OQ);
    return _mm512_maskz_sub_ps(finite, value, floatsOf(high));
}

inline Split splitOf(__m512 first, __m512 second) {
    const auto high = reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(second, first));
    const __m512 a = leftOf(first, _mm512_castsi512_si256(high)),
                 b = leftOf(second, _mm512_extracti64x4_epi64(high, 1));
    return {high, reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(b, a))};
}

// 32 floats, of which `count` are there; the others are 0.
inline Split splitAt(const float* from, std::int64_t count) {
    const auto mask = [](std::int64_t n) __attribute__((always_inline)) {
        return static_cast<__mmask16>(n >= kSide ? 0xFFFF : n <= 0 ? 0 : (1u << n) - 1);
    };
    return splitOf(_mm512_maskz_loadu_ps(mask(count), from),
                   _mm512_maskz_loadu_ps(mask(count - kSide), from + kSide));
}

// Word j of row i to word i of row j.
inline void transpose(__m512i (&r)[kSide]) {
    __m512i t[kSide];
    for (int i = 0; i < kSide; i += 2) {
        t[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]);
        t[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
    }
    for (int i = 0; i < kSide; i += 4)
        for (int j = 0; j < 2; ++j) {
            r[i + 2 * j] = _mm512_unpacklo_epi64(t[i + j], t[i + j + 2]);
            r[i + 2 * j + 1] = _mm512_unpackhi_epi64(t[i + j], t[i + j + 2]);
        }
    for (int i = 0; i < kSide; i += 8)
        for (int j = 0; j < 4; ++j) {
            t[i + j] = _mm512_shuffle_i32x4(r[i + j], r[i + j + 4], 0x88);
            t[i + j + 4] = _mm512_shuffle_i32x4(r[i + j], r[i + j + 4], 0xDD);
        }
    for (int j = 0; j < 8; ++j) {
        r[j] = _mm512_shuffle_i32x4(t[j], t[j + 8], 0x88);
        r[j + 8] = _mm512_shuffle_i32x4(t[j], t[j + 8], 0xDD);
    }
}

} // namespace

// In tiles of 16 vectors and 32 columns, each the high halves and then, where one bf16 does not hold x, the low ones; in
// a tile two columns follow each other, vector after vector.
class TiledVectors {
public:
    TiledVectors(const TileVectors& x, std::int64_t in, std::int64_t vectors)
        : m_scales(x.scales), m_in(in), m_vectors(vectors), m_perStep(x.scales ? 1 : 2),
          m_steps(roundedUp(in, kDepth) / kDepth), m_groups(roundedUp(vectors, 2 * kSide) / kSide),
          m_halves(static_cast<std::size_t>(m_groups * m_steps * m_perStep * kElements)) {
        at::parallel_for(0, m_groups * m_steps, 16, [&](std::int64_t first, std::int64_t last) {
            for (std::int64_t tile = first; tile < last; ++tile)
                fill(x.x, tile / m_steps, tile % m_steps);
        });
    }
    std::int64_t in() const { return m_in; }
    std::int64_t vectors() const { return m_vectors; }
    std::int64_t steps() const { return m_steps; }
    std::int64_t groups() const { return m_groups; }
    bool hasLow() const { return m_perStep == 2; }
    std::int64_t stepElements() const { return m_perStep * kElements; }
    // The high half; the low one follows where there is one, and then the next step's.
    const std::uint16_t* tile(std::int64_t group, std::int64_t step) const {
        return m_halves.data() + (group * m_steps + step) * stepElements();
    }
    const float* scales() const { return m_scales; } // (vectors), or null

private:
    void fill(const float* x, std::int64_t group, std::int64_t step) {
        __m512i high[kSide], low[kSide];
        for (int i = 0; i < kSide; ++i) {
            const std::int64_t vector = group * kSide + i, column = step * kDepth;
            const bool there = vector < m_vectors;
            const Split halves = splitAt(x + (there ? vector * m_in + column : 0), there ? m_in - column : 0);
            high[i] = halves.high;
            low[i] = halves.low;
        }
        auto* const to = m_halves.data() + (group * m_steps + step) * stepElements();
        storeTurned(high, to);
        if (hasLow())
            storeTurned(low, to + kElements);
    }
    static void storeTurned(__m512i (&rows)[kSide], std::uint16_t* to) {
        transpose(rows);
        for (int i = 0; i < kSide; ++i)
            _mm512_store_si512(to + i * kDepth, rows[i]);
    }

    const float* m_scales;
    std::int64_t m_in, m_vectors, m_perStep, m_steps, m_groups;
    Halves m_halves;
};

namespace {

// Rows of W as tiles take them.
struct RowHalves {
    const std::uint16_t* high = nullptr;
    const std::uint16_t* low = nullptr; // null: nothing is left of a weight
    std::int64_t stride = 0;            // elements
};

// 32 rows of W as they are, or padded and in halves in memory of the thread.
class TaskRows {
public:
    TaskRows(const TileRows& w, std::int64_t out, std::int64_t in) : m_w(w), m_out(out), m_in(in) {}

    RowHalves take(std::int64_t first) {
        const std::int64_t count = std::min<std::int64_t>(kRows, m_out - first);
        if (m_w.bf16 && count == kRows && m_in % kDepth == 0)
            return {m_w.bf16 + first * m_in, nullptr, m_in};
        const std::int64_t width = roundedUp(m_in, kDepth);
        m_high.resize(static_cast<std::size_t>(kRows * width)); // rows that are not there are not written either
        if (m_w.bf16) {
            for (std::int64_t row = 0; row < count; ++row) {
                std::copy_n(m_w.bf16 + (first + row) * m_in, m_in, m_high.data() + row * width);
                std::fill(m_high.data() + row * width + m_in, m_high.data() + (row + 1) * width, 0);
            }
            return {m_high.data(), nullptr, width};
        }
        m_low.resize(m_high.size());
        m_wide.resize(static_cast<std::size_t>(kRows * m_in));
        m_w.widen(first, count, m_wide.data());
        for (std::int64_t row = 0; row < count; ++row)
            for (std::int64_t column = 0; column < m_in; column += kDepth) {
                const Split halves = splitAt(m_wide.data() + row * m_in + column, m_in - column);
                _mm512_store_si512(m_high.data() + row * width + column, halves.high);
                _mm512_store_si512(m_low.data() + row * width + column, halves.low);
            }
        return {m_high.data(), m_low.data(), width};
    }

    // What take(first) will read where it lies.
    std::span<const std::uint16_t> ahead(std::int64_t first) const {
        if (!m_w.bf16 || first >= m_out)
            return {};
        const std::int64_t count = std::min<std::int64_t>(kRows, m_out - first);
        return {m_w.bf16 + first * m_in, static_cast<std::size_t>(count * m_in)};
    }

private:
    const TileRows& m_w;
    std::int64_t m_out, m_in;
    Halves m_high, m_low;
    std::vector<float> m_wide;
};

// Tiles 0 to 3 += tiles 4, 5 times tiles 6, 7.
inline void multiplyAll() {
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(1, 4, 7);
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
}

inline void loadRows(const std::uint16_t* from, std::int64_t stride) {
    _tile_loadd(4, from, stride * 2);
    _tile_loadd(5, from + kSide * stride, stride * 2);
}

// What is asked for while other things are worked on, a few lines with every step: many at once fill the queue of
// requests, and what is needed now waits behind them.
class Ahead {
public:
    Ahead(std::span<const std::uint16_t> elements, std::int64_t steps)
        : m_at(elements.data()), m_end(elements.data() + elements.size()),
          m_lines((std::ssize(elements) + kDepth * steps - 1) / (kDepth * steps)) {}
    void step() {
        for (std::int64_t i = 0; i < m_lines && m_at < m_end; ++i, m_at += kDepth)
            __builtin_prefetch(m_at, 0, 2);
    }

private:
    const std::uint16_t *m_at, *m_end;
    std::int64_t m_lines;
};

// sums (2, 2, 16, 16): 32 rows of W times the 32 vectors of two groups.
inline void multiplyBlock(const RowHalves& w, const TiledVectors& x, std::int64_t group, Ahead& ahead, float* sums) {
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    const std::uint16_t *x0 = x.tile(group, 0), *x1 = x.tile(group + 1, 0);
    const std::int64_t more = x.stepElements();
    for (std::int64_t step = 0; step < x.steps(); ++step, x0 += more, x1 += more) {
        ahead.step();
        _tile_loadd(6, x0, 64);
        _tile_loadd(7, x1, 64);
        if (w.low) {
            loadRows(w.low + step * kDepth, w.stride);
            multiplyAll();
        }
        loadRows(w.high + step * kDepth, w.stride);
        multiplyAll();
        if (!x.hasLow())
            continue;
        _tile_loadd(6, x0 + kElements, 64);
        _tile_loadd(7, x1 + kElements, 64);
        multiplyAll();
    }
    _tile_stored(0, sums, 64);
    _tile_stored(1, sums + 256, 64);
    _tile_stored(2, sums + 512, 64);
    _tile_stored(3, sums + 768, 64);
}

// Where a tile's results go: y (vectors, out) from its first row and vector on, of which so many are there.
struct TilePlace {
    float* y;
    const float* scales; // from its first vector on, or null
    std::int64_t out, rows, vectors;
};

inline void writeTurned(const float* sums, const TilePlace& to) {
    if (to.rows <= 0)
        return;
    __m512i r[kSide];
    for (int i = 0; i < kSide; ++i)
        r[i] = _mm512_load_si512(sums + i * kSide);
    transpose(r);
    const auto mask = static_cast<__mmask16>(to.rows >= kSide ? 0xFFFF : (1u << to.rows) - 1);
    for (std::int64_t i = 0; i < std::min<std::int64_t>(kSide, to.vectors); ++i) {
        const __m512 row = _mm512_castsi512_ps(r[i]);
        _mm512_mask_storeu_ps(to.y + i * to.out, mask,
                              to.scales ? _mm512_mul_ps(row, _mm512_set1_ps(to.scales[i])) : row);
    }
}

// Rows of the next task are asked for while this one's are worked on: sixteen rows at a time, a few bytes of each, are no
// streams that a machine foresees.
void multiplyTask(const RowHalves& w, const TiledVectors& x, float* y, std::int64_t out, std::int64_t first,
                  std::span<const std::uint16_t> next) {
    alignas(64) float sums[4 * kSide * kSide];
    Ahead ahead(next, x.steps() * x.groups() / 2);
    for (std::int64_t group = 0; group < x.groups(); group += 2) {
        multiplyBlock(w, x, group, ahead, sums);
        for (int part = 0; part < 4; ++part) {
            const std::int64_t row = first + part / 2 * kSide, vector = (group + part % 2) * kSide;
            writeTurned(sums + part * kSide * kSide, {y + vector * out + row,
                                                      x.scales() ? x.scales() + vector : nullptr, out, out - row,
                                                      x.vectors() - vector});
        }
    }
}

bool hasTiles() {
    unsigned a = 0, b = 0, c = 0, d = 0;
    constexpr unsigned kTiles = 1u << 24, kBf16 = 1u << 22; // of leaf 7, edx
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || (d & kTiles) == 0 || (d & kBf16) == 0)
        return false;
    if (!__builtin_cpu_supports("avx512bf16") || !__builtin_cpu_supports("avx512bw"))
        return false;
    constexpr long kRequestPermission = 0x1023, kTileData = 18; // arch_prctl(2): ARCH_REQ_XCOMP_PERM
    return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}

} // namespace

bool multipliesTiles() {
    static const bool does = hasTiles();
    return does;
}

std::shared_ptr<const TiledVectors> tiledVectors(const TileVectors& x, std::int64_t in, std::int64_t vectors) {
    return std::make_shared<const TiledVectors>(x, in, vectors);
}

void tileProduct(const TileRows& w, const TiledVectors& x, float* y, std::int64_t out) {
    std::atomic<std::int64_t> next{0};
    // Handed out one by one, so that a core that another program holds for a while delays its own task alone.
    at::parallel_for(0, at::get_num_threads(), 1, [&](std::int64_t, std::int64_t) {
        TaskRows rows(w, out, x.in());
        _tile_loadconfig(&kConfig);
        for (std::int64_t first = kRows * next++, after; first < out; first = after) {
            after = kRows * next++;
            multiplyTask(rows.take(first), x, y, out, first, rows.ahead(after));
        }
        _tile_release();
    });
}

} // namespace fovea::cpu
HWY_POP_ATTRIBUTES

#else

namespace fovea::cpu {
bool multipliesTiles() {
    return false;
}
std::shared_ptr<const TiledVectors> tiledVectors(const TileVectors&, std::int64_t, std::int64_t) {
    return nullptr;
}
void tileProduct(const TileRows&, const TiledVectors&, float*, std::int64_t) {}
} // namespace fovea::cpu

#endif
