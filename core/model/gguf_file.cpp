// Reads a GGUF header front to back, each length against what is left of the file before it is followed.

#include <algorithm>
#include <cstring>
#include <fstream>

#include "core/model/checked_file.h"
#include "core/model/checkpoint_error.h"
#include "core/model/gguf.h"
#include "core/model/quoted_name.h"

namespace fovea {

namespace {

constexpr const char* kAdvice = "; the file is damaged, copy it again";
constexpr std::uint64_t kMostKeyBytes = 65535; // the format's own limit
constexpr std::uint64_t kMostNameBytes = 64;   // of a tensor, the format's own limit
constexpr std::uint32_t kMostDimensions = 4;
constexpr std::uint64_t kMostEntries = 1 << 20; // of either kind; real files have thousands
constexpr std::uint64_t kMostAlignment = 1 << 20;
// What one entry takes at the least, so that a count can be checked against the file.
constexpr std::uint64_t kLeastPair = 8 + 1 + 4 + 1, kLeastTensor = 8 + 1 + 4 + 8 + 4 + 8;

struct StoredType {
    std::uint32_t number;
    BlockType blocks;
    ElementType type;
};
constexpr StoredType kStored[] = {
    {0, BlockType::None, ElementType::F32},   {1, BlockType::None, ElementType::F16},
    {30, BlockType::None, ElementType::BF16}, {2, BlockType::Q4_0, ElementType::F32},
    {3, BlockType::Q4_1, ElementType::F32},   {6, BlockType::Q5_0, ElementType::F32},
    {7, BlockType::Q5_1, ElementType::F32},   {8, BlockType::Q8_0, ElementType::F32},
    {10, BlockType::Q2_K, ElementType::F32},  {11, BlockType::Q3_K, ElementType::F32},
    {12, BlockType::Q4_K, ElementType::F32},  {13, BlockType::Q5_K, ElementType::F32},
    {14, BlockType::Q6_K, ElementType::F32}};

// Types that the format has and Fovea has not, for the line that refuses them.
struct RefusedType {
    std::uint32_t number;
    const char* name;
};
constexpr RefusedType kRefused[] = {{9, "Q8_1"},     {15, "Q8_K"},   {16, "IQ2_XXS"}, {17, "IQ2_XS"},
                                    {18, "IQ3_XXS"}, {19, "IQ1_S"},  {20, "IQ4_NL"},  {21, "IQ3_S"},
                                    {22, "IQ2_S"},   {23, "IQ4_XS"}, {24, "I8"},      {25, "I16"},
                                    {26, "I32"},     {27, "I64"},    {28, "F64"},     {29, "IQ1_M"},
                                    {34, "TQ1_0"},   {35, "TQ2_0"},  {39, "MXFP4"}};

std::string typeText(std::uint32_t number) {
    for (const auto& [known, name] : kRefused)
        if (known == number)
            return name;
    return "number " + std::to_string(number);
}

// What is left of the header. Every read says what it reads, for the line when the file ends inside it.
class Cursor {
public:
    Cursor(const GgufFile& file, std::span<const std::byte> bytes) : m_file(file), m_bytes(bytes) {}

    std::uint64_t at() const { return m_at; }
    std::uint64_t left() const { return m_bytes.size() - m_at; }

    template <class T>
    T number(const std::string& what) {
        T value;
        std::memcpy(&value, take(sizeof value, what).data(), sizeof value);
        return value;
    }
    std::span<const std::byte> take(std::uint64_t bytes, const std::string& what) {
        if (bytes > left())
            m_file.refuse("it ends inside " + what + kAdvice);
        const auto taken = m_bytes.subspan(static_cast<std::size_t>(m_at), static_cast<std::size_t>(bytes));
        m_at += bytes;
        return taken;
    }
    std::string_view string(std::uint64_t most, const std::string& what) {
        const auto length = number<std::uint64_t>(what);
        if (length > std::min(most, left()))
            m_file.refuse(what + " claims " + std::to_string(length) + " bytes where " +
                          std::to_string(std::min(most, left())) + " can be" + kAdvice);
        const auto bytes = take(length, what);
        return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
    }

private:
    const GgufFile& m_file;
    std::span<const std::byte> m_bytes;
    std::uint64_t m_at = 0;
};

GgufValueType valueType(const GgufFile& file, Cursor& cursor, const std::string& what) {
    const auto type = cursor.number<std::uint32_t>(what);
    if (type > static_cast<std::uint32_t>(GgufValueType::Float64))
        file.refuse(what + " is of an unknown type, number " + std::to_string(type) + kAdvice);
    return static_cast<GgufValueType>(type);
}

GgufValue readValue(const GgufFile& file, Cursor& cursor, std::span<const std::byte> whole,
                    const std::string& what) {
    GgufValueType type = valueType(file, cursor, what);
    const bool array = type == GgufValueType::Array;
    std::uint64_t count = 1;
    if (array) {
        type = valueType(file, cursor, what);
        if (type == GgufValueType::Array)
            file.refuse(what + " is an array of arrays, which no known model needs" + kAdvice);
        count = cursor.number<std::uint64_t>(what);
        if (count > cursor.left() / static_cast<std::uint64_t>(ggufValueBytes(type)))
            file.refuse(what + " claims " + std::to_string(count) + " elements in the " +
                        std::to_string(cursor.left()) + " bytes that are left" + kAdvice);
    }
    const std::uint64_t begin = cursor.at();
    if (type == GgufValueType::String) {
        for (std::uint64_t i = 0; i < count; ++i)
            cursor.string(cursor.left(), what);
    } else {
        const auto bytes = cursor.take(count * static_cast<std::uint64_t>(ggufValueBytes(type)), what);
        const bool truth =
            type != GgufValueType::Bool ||
            std::all_of(bytes.begin(), bytes.end(), [](std::byte b) { return b <= std::byte{1}; });
        if (!truth)
            file.refuse(what + " is a bool that is neither 0 nor 1" + kAdvice);
    }
    return {type, count, array,
            whole.subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(cursor.at() - begin))};
}

std::vector<std::int64_t> readShape(const GgufFile& file, Cursor& cursor, const std::string& what) {
    const auto dimensions = cursor.number<std::uint32_t>(what);
    if (dimensions == 0 || dimensions > kMostDimensions)
        file.refuse(what + " has " + std::to_string(dimensions) + " dimensions where 1 to 4 make sense" +
                    kAdvice);
    std::vector<std::int64_t> shape(dimensions);
    std::int64_t weights = 1;
    // The file names the fastest first.
    for (std::uint32_t i = 0; i < dimensions; ++i) {
        const auto n = cursor.number<std::int64_t>(what);
        const auto product = checkedProduct(weights, n);
        // Below 2^60 weights no size in bytes overflows either.
        if (n < 1 || !product || *product > std::int64_t{1} << 60)
            file.refuse(what + " has a shape that no file could hold" + kAdvice);
        weights = *product;
        shape[dimensions - 1 - i] = n;
    }
    return shape;
}

GgufTensor readTensor(const GgufFile& file, Cursor& cursor, const std::string& what) {
    GgufTensor tensor;
    tensor.shape = readShape(file, cursor, what);
    const auto number = cursor.number<std::uint32_t>(what);
    const auto* stored = std::find_if(std::begin(kStored), std::end(kStored),
                                      [number](const StoredType& type) { return type.number == number; });
    if (stored == std::end(kStored))
        file.refuse(what + " is of type " + typeText(number) +
                    "; F32, F16, BF16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0 and Q2_K to Q6_K are supported");
    tensor.blocks = stored->blocks;
    tensor.type = stored->type;
    const int block = blockShape(tensor.blocks).elements;
    if (block != 0 && tensor.columns() % block != 0)
        file.refuse(what + " has rows of " + std::to_string(tensor.columns()) +
                    " weights, no multiple of the " + std::to_string(block) + " of a " +
                    std::string(blockShape(tensor.blocks).name) + " block" + kAdvice);
    tensor.bytes = static_cast<std::uint64_t>(block == 0 ? tensor.weights() * elementBytes(tensor.type)
                                                         : blockRowBytes(tensor.blocks, tensor.weights()));
    tensor.begin = cursor.number<std::uint64_t>(what); // from the start of the data, for now
    return tensor;
}

// general.alignment, which decides where the data begin.
std::uint64_t alignmentOf(const GgufFile& file) {
    const GgufValue* value = file.find("general.alignment");
    if (value == nullptr)
        return 32;
    const auto alignment = value->integer();
    if (!alignment || *alignment < 8 || *alignment > static_cast<std::int64_t>(kMostAlignment) ||
        (*alignment & (*alignment - 1)) != 0)
        file.refuse("'general.alignment' is no power of two between 8 and 1048576" + std::string(kAdvice));
    return static_cast<std::uint64_t>(*alignment);
}

std::uint32_t readVersion(const GgufFile& file, Cursor& cursor, std::span<const std::byte> bytes) {
    if (bytes.size() < 4 || std::memcmp(bytes.data(), "GGUF", 4) != 0)
        file.refuse("this is no GGUF file: it does not begin with 'GGUF'; check the path");
    cursor.take(4, "its header");
    const auto version = cursor.number<std::uint32_t>("its header");
    if (version == 1)
        file.refuse("GGUF version 1, of which no models are left; convert it to version 3");
    if (version != 0 && (version & 0xffff) == 0)
        file.refuse("a big-endian GGUF file; convert it to little-endian");
    if (version != 2 && version != 3)
        file.refuse("GGUF version " + std::to_string(version) + "; versions 2 and 3 are supported");
    return version;
}

void checkCount(const GgufFile& file, std::uint64_t count, std::uint64_t left, std::uint64_t least,
                const char* of) {
    const std::uint64_t most = std::min(kMostEntries, left / least);
    if (count > most)
        file.refuse("it claims " + std::to_string(count) + " " + of + " where " + std::to_string(most) +
                    " can be" + kAdvice);
}

} // namespace

std::int64_t GgufTensor::weights() const {
    std::int64_t product = 1;
    for (const std::int64_t n : shape)
        product *= n;
    return product;
}

GgufFile::GgufFile(const std::filesystem::path& file)
    : m_path(file), m_mapping(std::make_shared<MappedFile>(file)), m_bytes(m_mapping->bytes()) {
    parse();
}

GgufFile::GgufFile(std::filesystem::path name, std::span<const std::byte> bytes)
    : m_path(std::move(name)), m_bytes(bytes) {
    parse();
}

void GgufFile::refuse(const std::string& what) const {
    throw CheckpointError(m_path.string() + ": " + what);
}

const GgufValue* GgufFile::find(std::string_view key) const {
    const auto found = m_metadata.find(key);
    return found == m_metadata.end() ? nullptr : &found->second;
}

std::span<const std::byte> GgufFile::bytes(const GgufTensor& tensor) const {
    return m_bytes.subspan(static_cast<std::size_t>(tensor.begin), static_cast<std::size_t>(tensor.bytes));
}

void GgufFile::parse() {
    Cursor cursor(*this, m_bytes);
    m_version = readVersion(*this, cursor, m_bytes);
    const auto tensors = cursor.number<std::uint64_t>("its header");
    const auto pairs = cursor.number<std::uint64_t>("its header");
    checkCount(*this, pairs, cursor.left(), kLeastPair, "metadata keys");
    checkCount(*this, tensors, cursor.left(), kLeastTensor, "tensors");
    for (std::uint64_t i = 0; i < pairs; ++i) {
        const std::string key(cursor.string(kMostKeyBytes, "the name of metadata key " + std::to_string(i)));
        if (key.empty())
            refuse("metadata key " + std::to_string(i) + " has no name" + kAdvice);
        const GgufValue value = readValue(*this, cursor, m_bytes, "metadata key " + quotedName(key));
        if (!m_metadata.emplace(key, value).second)
            refuse("metadata key " + quotedName(key) + " stands twice" + kAdvice);
    }
    for (std::uint64_t i = 0; i < tensors; ++i) {
        const std::string name(cursor.string(kMostNameBytes, "the name of tensor " + std::to_string(i)));
        if (name.empty())
            refuse("tensor " + std::to_string(i) + " has no name" + kAdvice);
        GgufTensor tensor = readTensor(*this, cursor, "tensor " + quotedName(name));
        if (!m_tensors.emplace(name, std::move(tensor)).second)
            refuse("tensor " + quotedName(name) + " stands twice" + kAdvice);
    }
    placeTensors(cursor.at());
}

// Turns offsets into places in the file, and checks them.
void GgufFile::placeTensors(std::uint64_t headerEnd) {
    const std::uint64_t alignment = alignmentOf(*this);
    const std::uint64_t start = (headerEnd + alignment - 1) / alignment * alignment;
    const std::uint64_t room = start < m_bytes.size() ? m_bytes.size() - start : 0;
    std::vector<const std::pair<const std::string, GgufTensor>*> order;
    for (auto& entry : m_tensors) {
        auto& [name, tensor] = entry;
        if (tensor.begin % alignment != 0)
            refuse("tensor " + quotedName(name) + " is not aligned to " + std::to_string(alignment) +
                   " bytes" + kAdvice);
        if (tensor.begin > room || tensor.bytes > room - tensor.begin)
            refuse("tensor " + quotedName(name) + " lies outside the file" + kAdvice);
        tensor.begin += start;
        order.push_back(&entry);
    }
    std::sort(order.begin(), order.end(),
              [](const auto* a, const auto* b) { return a->second.begin < b->second.begin; });
    for (std::size_t i = 1; i < order.size(); ++i)
        if (order[i]->second.begin - order[i - 1]->second.begin < order[i - 1]->second.bytes)
            refuse("tensors " + quotedName(order[i - 1]->first) + " and " + quotedName(order[i]->first) +
                   " overlap" + kAdvice);
}

bool isGguf(const std::filesystem::path& path) {
    std::error_code error;
    if (path.extension() == ".gguf" || !std::filesystem::is_regular_file(path, error))
        return path.extension() == ".gguf";
    char magic[4] = {};
    return std::ifstream(path, std::ios::binary).read(magic, 4) && std::string_view(magic, 4) == "GGUF";
}

} // namespace fovea
