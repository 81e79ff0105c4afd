#include "core/cache/mixed_rows.h"

#include <algorithm>
#include <array>
#include <utility>

#include "core/kernels/cpu/kernels.h"

namespace fovea {

namespace {

constexpr std::size_t kRowsAtOnce = 64; // that a codec is given to read

// Coded rows, read many at once; those that still wait as it ends.
class CodedBatch {
public:
    explicit CodedBatch(const RowCodec& codec) : m_codec(codec) {}
    ~CodedBatch() { m_codec.read({m_rows.data(), m_waiting}); }
    CodedBatch(const CodedBatch&) = delete;
    CodedBatch& operator=(const CodedBatch&) = delete;

    void add(const CodedRow& row) {
        m_rows[m_waiting++] = row;
        if (m_waiting == kRowsAtOnce)
            m_codec.read({m_rows.data(), std::exchange(m_waiting, 0)});
    }

private:
    const RowCodec& m_codec;
    std::array<CodedRow, kRowsAtOnce> m_rows;
    std::size_t m_waiting = 0;
};

// That one coding takes.
std::int64_t codingSides(const MixedForm& form) {
    return form.exact.bulk / form.sizes.sharing;
}

} // namespace

std::int64_t MixedRows::sidesPerBlock(const MixedForm& form, int rowsPerBlock) {
    return std::max<std::int64_t>(codingSides(form), rowsPerBlock / form.sizes.sharing);
}

MixedRows::MixedRows(const MixedForm& form, const RowCodec& codec, ElementType exact, int dims,
                     Component component, std::pmr::memory_resource* memory)
    : m_form(form), m_codec(codec), m_type(exact), m_dims(dims), m_component(component), m_memory(memory) {
    m_values.resize(static_cast<std::size_t>(form.sizes.sharing) * static_cast<std::size_t>(dims));
    m_uncoded.resize(static_cast<std::size_t>(form.sizes.sharing));
    m_due.reserve(static_cast<std::size_t>(form.exact.most()));
}

void MixedRows::reserve(std::int64_t slots, int rowsPerBlock) {
    m_places.reserve(static_cast<std::size_t>(slots));
    if (const std::int64_t most = m_form.exact.most(); most > 0 && m_exactRows.empty()) {
        m_exact.reserve(static_cast<std::size_t>(most));
        m_exactRows.reserve(1);
        m_exactRows.emplace_back(m_memory, static_cast<std::size_t>(most * exactBytes()));
        m_exact.resize(static_cast<std::size_t>(most));
    }
    if (m_form.sizes.sharing == 1 || std::ssize(m_sides) - m_sidesHeld >= codingSides(m_form))
        return;
    const std::int64_t more = sidesPerBlock(m_form, rowsPerBlock);
    m_sidesPerBlock = static_cast<std::size_t>(more);
    m_sides.reserve(m_sides.size() + m_sidesPerBlock);
    m_sideBlocks.reserve(m_sideBlocks.size() + 1);
    m_sideBlocks.emplace_back(m_memory, static_cast<std::size_t>(more * m_form.sizes.side));
    m_sides.resize(m_sides.size() + m_sidesPerBlock);
}

std::int64_t MixedRows::reserved() const {
    return std::ssize(m_exact) * exactBytes() + std::ssize(m_sides) * m_form.sizes.side;
}

std::byte* MixedRows::recordAt(const SlotPlaces& at, std::int64_t slot) const {
    const void* const block = at.blocks[slot / at.perBlock];
    return const_cast<std::byte*>(static_cast<const std::byte*>(block)) +
           slot % at.perBlock * m_form.sizes.record();
}

std::byte* MixedRows::exactAt(std::int32_t place) const {
    return const_cast<std::byte*>(static_cast<const std::byte*>(m_exactRows.front().data())) +
           place * exactBytes();
}

std::byte* MixedRows::sideAt(std::size_t side) const {
    const void* const block = m_sideBlocks[side / m_sidesPerBlock].data();
    return const_cast<std::byte*>(static_cast<const std::byte*>(block)) +
           static_cast<std::int64_t>(side % m_sidesPerBlock) * m_form.sizes.side;
}

std::int32_t MixedRows::freePlace() const {
    const auto free =
        std::find_if(m_exact.begin(), m_exact.end(), [](const Exact& row) { return row.slot < 0; });
    return static_cast<std::int32_t>(free - m_exact.begin());
}

std::size_t MixedRows::freeSide() const {
    const auto free =
        std::find_if(m_sides.begin(), m_sides.end(), [](const Side& side) { return side.rows == 0; });
    return static_cast<std::size_t>(free - m_sides.begin());
}

void MixedRows::count(Traffic& moved, std::int64_t exact, std::int64_t coded, std::int64_t sides) const {
    moved[m_component] += exact * exactBytes() + coded * m_form.sizes.codes;
    moved[Component::Scales] += (m_form.sizes.sharing == 1 ? coded : sides) * m_form.sizes.side;
}

void MixedRows::makeExact(std::int64_t slot, const float* values) {
    const std::int32_t place = freePlace();
    m_exact[static_cast<std::size_t>(place)].slot = static_cast<std::int32_t>(slot);
    m_places[static_cast<std::size_t>(slot)] = place;
    cpu::convert(m_type, values, exactAt(place), m_dims);
    ++m_exactHeld;
}

void MixedRows::takeExact(std::int32_t place, float* values) const {
    cpu::widen(m_type, exactAt(place), values, m_dims);
}

void MixedRows::write(const SlotPlaces& at, std::int64_t slot, const float* values, Traffic& moved) {
    if (std::ssize(m_places) <= slot)
        m_places.resize(static_cast<std::size_t>(slot) + 1, kOwn);
    const std::int64_t position = at.positions[slot];
    if (m_form.exact.keepNewest(position)) {
        makeExact(slot, values);
        ++m_exactMet;
        return count(moved, 1, 0, 0);
    }
    std::byte* const record = recordAt(at, slot);
    const UncodedRow row{values, position, record};
    m_codec.write({&row, 1}, record + m_form.sizes.codes);
    m_places[static_cast<std::size_t>(slot)] = kOwn;
    ++m_codedRows;
    count(moved, 0, 1, 0);
}

std::span<const std::int32_t> MixedRows::due(const SlotPlaces& at, std::int64_t tokens) {
    m_due.clear();
    if (m_form.exact.due(tokens) == 0)
        return m_due;
    for (const Exact& row : m_exact)
        if (row.slot >= 0 && !m_form.exact.keep(at.positions[row.slot], tokens))
            m_due.push_back(row.slot);
    std::sort(m_due.begin(), m_due.end(), [&](int a, int b) { return at.positions[a] < at.positions[b]; });
    return m_due;
}

void MixedRows::code(const SlotPlaces& at, std::span<const std::int32_t> slots, Traffic& moved) {
    std::int64_t sides = 0;
    for (std::size_t first = 0; first < slots.size(); ++sides) {
        const std::int64_t group = at.positions[slots[first]] / m_form.sizes.sharing; // of the text
        std::size_t last = first;
        while (last < slots.size() && at.positions[slots[last]] / m_form.sizes.sharing == group)
            ++last;
        codeTogether(at, slots.subspan(first, last - first));
        first = last;
    }
    const std::int64_t n = std::ssize(slots);
    m_coded += n;
    if (m_form.sizes.sharing > 1)
        m_sidesMet += sides;
    count(moved, n, n, sides); // read as they were, written as codes
}

void MixedRows::codeTogether(const SlotPlaces& at, std::span<const std::int32_t> slots) {
    const bool shared = m_form.sizes.sharing > 1;
    const std::size_t side = shared ? freeSide() : 0;
    for (std::size_t i = 0; i < slots.size(); ++i) {
        auto& place = m_places[static_cast<std::size_t>(slots[i])];
        float* const values = m_values.data() + i * static_cast<std::size_t>(m_dims);
        takeExact(place, values);
        m_exact[static_cast<std::size_t>(place)].slot = -1;
        place = shared ? kOwn - 1 - static_cast<std::int32_t>(side) : kOwn;
        m_uncoded[i] = {values, at.positions[slots[i]], recordAt(at, slots[i])};
    }
    if (shared) {
        m_sides[side].rows = static_cast<std::int32_t>(slots.size());
        ++m_sidesHeld;
    }
    m_codec.write({m_uncoded.data(), slots.size()},
                  shared ? sideAt(side) : m_uncoded[0].codes + m_form.sizes.codes);
    m_exactHeld -= std::ssize(slots);
    m_codedRows += std::ssize(slots);
}

void MixedRows::move(const SlotPlaces& at, std::int64_t from, std::int64_t to, Traffic& moved) {
    const std::int32_t place = m_places[static_cast<std::size_t>(from)];
    m_places[static_cast<std::size_t>(to)] = place;
    m_places[static_cast<std::size_t>(from)] = kOwn;
    if (isExact(place)) {
        m_exact[static_cast<std::size_t>(place)].slot = static_cast<std::int32_t>(to);
        ++m_still;
        return;
    }
    std::copy_n(recordAt(at, from), m_form.sizes.record(), recordAt(at, to));
    count(moved, 0, 2, 0); // read, written
}

void MixedRows::release(std::int64_t slot) {
    std::int32_t& place = m_places[static_cast<std::size_t>(slot)];
    if (isExact(place)) {
        m_exact[static_cast<std::size_t>(place)].slot = -1;
        --m_exactHeld;
    } else {
        --m_codedRows;
        if (isShared(place) && --m_sides[sideOf(place)].rows == 0)
            --m_sidesHeld;
    }
    place = kOwn;
}

CodedRow MixedRows::codedRow(const SlotPlaces& at, std::int64_t slot, std::int32_t place, float* to) const {
    const std::byte* const record = recordAt(at, slot);
    return {record, isShared(place) ? sideAt(sideOf(place)) : record + m_form.sizes.codes, at.positions[slot],
            to};
}

void MixedRows::count(Traffic* moved, const Met& met) const {
    if (!moved)
        return;
    m_exactMet += met.exact;
    m_sidesMet += met.sides;
    count(*moved, met.exact, met.rows - met.exact, met.sides);
}

// Whoever reads the first slot of a run reads the side that its rows share.
bool MixedRows::beginsRun(std::int64_t slot) const {
    const auto at = static_cast<std::size_t>(slot);
    return at == 0 || m_places[at - 1] != m_places[at];
}

MixedRows::Run MixedRows::run(const SlotPlaces& at, std::int64_t first, std::int64_t most) const {
    const std::int32_t place = m_places[static_cast<std::size_t>(first)];
    const std::int64_t end = first + std::min(most, at.perBlock - first % at.perBlock);
    std::int64_t slot = first + 1;
    while (slot < end && (isExact(place) ? isExact(m_places[static_cast<std::size_t>(slot)])
                                         : m_places[static_cast<std::size_t>(slot)] == place))
        ++slot;
    if (isExact(place))
        return {slot - first, nullptr, nullptr};
    const CodedRow row = codedRow(at, first, place, nullptr);
    return {slot - first, row.codes, row.side};
}

void MixedRows::countRun(std::int64_t first, const Run& run, Traffic& moved) const {
    const bool shared = m_form.sizes.sharing > 1 && beginsRun(first);
    m_sidesMet += shared;
    count(moved, 0, run.n, shared);
}

void MixedRows::read(const SlotPlaces& at, std::int64_t first, std::int64_t n, float* rows,
                     Traffic* moved) const {
    CodedBatch batch(m_codec);
    Met met{.rows = n};
    eachRun(at, first, n, [&](std::int64_t i, const Run& run) {
        for (std::int64_t row = i; row < i + run.n; ++row) {
            float* const to = rows + row * m_dims;
            const std::int64_t from = (row - i) * recordBytes(), slot = first + row;
            if (run.codes)
                batch.add({run.codes + from, m_form.sizes.sharing == 1 ? run.side + from : run.side,
                           at.positions[slot], to});
            else
                takeExact(m_places[static_cast<std::size_t>(slot)], to);
        }
        met.exact += run.codes ? 0 : run.n;
        met.sides += run.codes && m_form.sizes.sharing > 1 && beginsRun(first + i);
    });
    count(moved, met);
}

void MixedRows::read(const SlotPlaces& at, std::span<const std::int32_t> slots, float* rows,
                     Traffic* moved) const {
    CodedBatch batch(m_codec);
    Met met{.rows = std::ssize(slots)};
    for (const std::int32_t slot : slots) {
        const std::int32_t place = m_places[static_cast<std::size_t>(slot)];
        if (isExact(place))
            takeExact(place, rows);
        else
            batch.add(codedRow(at, slot, place, rows));
        met.exact += isExact(place);
        met.sides += isShared(place);
        rows += m_dims;
    }
    count(moved, met);
}

void MixedRows::countRead(std::int64_t slots, Traffic& moved) const {
    Met met{.rows = slots};
    for (std::int64_t slot = 0; slot < slots; ++slot) {
        const std::int32_t place = m_places[static_cast<std::size_t>(slot)];
        met.exact += isExact(place);
        met.sides += isShared(place) && beginsRun(slot);
    }
    count(&moved, met);
}

void MixedRows::countRead(std::span<const std::int32_t> slots, Traffic& moved) const {
    Met met{.rows = std::ssize(slots)};
    for (const std::int32_t slot : slots) {
        const std::int32_t place = m_places[static_cast<std::size_t>(slot)];
        met.exact += isExact(place);
        met.sides += isShared(place);
    }
    count(&moved, met);
}

std::int32_t MixedRows::comingPlace(std::int64_t position) const {
    return m_form.exact.keepNewest(position) ? freePlace() : kOwn;
}

void MixedRows::comingCodes(const SlotPlaces& at, std::int64_t position, std::int64_t slot,
                            std::vector<Coming>& to) const {
    const std::int64_t tokens = position + 1;
    if (m_form.exact.due(tokens) == 0)
        return;
    const auto first = static_cast<std::ptrdiff_t>(to.size());
    for (const Exact& row : m_exact)
        if (row.slot >= 0 && !m_form.exact.keep(at.positions[row.slot], tokens))
            to.push_back({row.slot, kOwn});
    std::sort(to.begin() + first, to.end(),
              [&](const Coming& a, const Coming& b) { return at.positions[a.slot] < at.positions[b.slot]; });
    const auto own = static_cast<std::int32_t>(slot);
    if (m_form.exact.keepNewest(position) && !m_form.exact.keep(position, tokens))
        to.push_back({own, kOwn}); // exact for no longer than a moment
    if (m_form.sizes.sharing == 1)
        return;
    const auto groupOf = [&](const Coming& one) {
        return (one.slot == own ? position : at.positions[one.slot]) / m_form.sizes.sharing;
    };
    std::int32_t side =
        -1; // those that are free, one after the other, and then those of a block not yet taken
    for (auto one = to.begin() + first; one != to.end(); ++one) {
        if (one == to.begin() + first || groupOf(*one) != groupOf(one[-1]))
            do
                ++side;
            while (side < std::ssize(m_sides) && m_sides[static_cast<std::size_t>(side)].rows > 0);
        one->place = kOwn - 1 - side;
    }
}

Traffic MixedRows::held() const {
    Traffic held;
    count(held, m_exactHeld, m_codedRows, m_sidesHeld);
    return held;
}

MixedCount MixedRows::takeCount() {
    return {.exact = m_exactMet.exchange(0),
            .still = std::exchange(m_still, 0),
            .coded = std::exchange(m_coded, 0),
            .sides = m_sidesMet.exchange(0),
            .heldExact = m_exactHeld,
            .heldSides = m_sidesHeld};
}

} // namespace fovea
