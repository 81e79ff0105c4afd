#include "core/model/llama2c_checkpoint.h"

#include <ATen/ops/empty.h>

#include <array>
#include <cstring>
#include <fstream>
#include <optional>

#include "core/model/checked_file.h"
#include "core/model/parameters.h"
#include "core/model/shape_limits.h"

namespace fovea {

namespace {

constexpr std::int32_t kLaterMagic = 0x616b3432; // "ak42" opens versions 1 and 2
constexpr std::int64_t kHeaderBytes = 28;

[[noreturn]] void refuse(const std::filesystem::path& file, const std::string& what) {
    throw CheckpointError(file.string() + ": " + what);
}

struct Header {
    std::int32_t dim, hidden, layers, heads, kvHeads, vocabulary, sequence;
};
static_assert(sizeof(Header) == kHeaderBytes);

ModelSpec specOf(const std::filesystem::path& file, const Header& h) {
    if (h.dim == kLaterMagic)
        refuse(file, "a llama2.c checkpoint of a later version; export it as version 0 (float32)");
    ModelSpec spec;
    spec.name = file.stem().string();
    spec.architecture = "llama";
    spec.layers = h.layers;
    spec.width = h.dim;
    spec.queryHeads = h.heads;
    spec.kvHeads = h.kvHeads;
    spec.ffn = h.hidden;
    spec.tiedEmbedding = h.vocabulary > 0;
    // The smallest int has no positive counterpart; 0 is refused below.
    spec.vocabulary = h.vocabulary == INT32_MIN ? 0 : std::abs(h.vocabulary);
    spec.context = h.sequence;
    spec.headDim = h.heads > 0 ? h.dim / h.heads : 0;
    if (const auto wrong = shapeRefusal(spec))
        refuse(file, *wrong + "; not a llama2.c checkpoint, or a damaged one");
    return spec;
}

// The two RoPE tables that old files carry and nobody reads.
std::int64_t tableFloats(const ModelSpec& s) {
    return std::int64_t{s.context} * (s.headDim / 2) * 2;
}

// Floats that the header promises, the unused RoPE tables included; nothing on overflow.
std::optional<std::int64_t> promisedFloats(const ModelSpec& s) {
    const std::int64_t L = s.layers, D = s.width, q = std::int64_t{s.queryHeads} * s.headDim,
                       kv = std::int64_t{s.kvHeads} * s.headDim;
    const std::array<std::array<std::int64_t, 3>, 12> parts = {{{s.vocabulary, D, 1},
                                                                {L, D, 1},
                                                                {L, q, D},
                                                                {L, kv, D},
                                                                {L, kv, D},
                                                                {L, D, q},
                                                                {L, D, 1},
                                                                {3 * L, s.ffn, D},
                                                                {D, 1, 1},
                                                                {s.context, s.headDim / 2, 2},
                                                                {s.tiedEmbedding ? 0 : s.vocabulary, D, 1},
                                                                {0, 0, 0}}};
    std::optional<std::int64_t> sum = 0;
    for (const auto& [a, b, c] : parts) {
        const auto ab = checkedProduct(a, b);
        const auto abc = ab ? checkedProduct(*ab, c) : std::nullopt;
        sum = abc && sum ? checkedSum(*sum, *abc) : std::nullopt;
        if (!sum)
            return std::nullopt;
    }
    return sum;
}

class Reader {
public:
    Reader(const std::filesystem::path& file) : m_file(file), m_in(file, std::ios::binary) {}

    void bytes(void* to, std::int64_t count) {
        if (!m_in.read(static_cast<char*>(to), static_cast<std::streamsize>(count)))
            refuse(m_file, "cannot be read; did it change meanwhile?");
    }
    at::Tensor tensor(std::vector<std::int64_t> shape) {
        at::Tensor t = at::empty(shape, at::kFloat);
        bytes(t.data_ptr(), static_cast<std::int64_t>(t.nbytes()));
        return t;
    }
    void skip(std::int64_t floats) { m_in.seekg(4 * floats, std::ios::cur); }

private:
    const std::filesystem::path& m_file;
    std::ifstream m_in;
};

// llama2.c rotates neighbours (2i, 2i+1); here component i turns with i + d/2. Moving the rows of query and
// key accordingly leaves every score as it was.
at::Tensor halfSplit(const at::Tensor& rows, int heads) {
    const std::int64_t out = rows.size(0), in = rows.size(1);
    return rows.view({heads, out / heads / 2, 2, in}).transpose(1, 2).reshape({out, in});
}

void readLayers(Reader& reader, Model& model) {
    const ModelSpec& s = model.spec;
    const std::int64_t D = s.width, q = std::int64_t{s.queryHeads} * s.headDim,
                       kv = std::int64_t{s.kvHeads} * s.headDim;
    model.layers.resize(static_cast<std::size_t>(s.layers));
    const auto gains = [&](Gain LayerWeights::*member) {
        for (LayerWeights& layer : model.layers)
            layer.*member = {reader.tensor({D})};
    };
    const auto matrices = [&](Linear LayerWeights::*member, std::int64_t out, std::int64_t in) {
        for (LayerWeights& layer : model.layers)
            layer.*member = {reader.tensor({out, in})};
    };
    gains(&LayerWeights::attentionNorm);
    matrices(&LayerWeights::query, q, D);
    matrices(&LayerWeights::key, kv, D);
    matrices(&LayerWeights::value, kv, D);
    matrices(&LayerWeights::output, D, q);
    gains(&LayerWeights::ffnNorm);
    matrices(&LayerWeights::gate, s.ffn, D);
    matrices(&LayerWeights::down, D, s.ffn);
    matrices(&LayerWeights::up, s.ffn, D);
    for (LayerWeights& layer : model.layers) {
        layer.query = {halfSplit(layer.query.weight.stored(), s.queryHeads)};
        layer.key = {halfSplit(layer.key.weight.stored(), s.kvHeads)};
    }
}

} // namespace

ModelSpec readLlama2cHeader(const std::filesystem::path& file) {
    const std::uint64_t size = fileSize(file);
    if (size < kHeaderBytes)
        refuse(file, std::to_string(size) + " bytes are no llama2.c checkpoint; copy the file again");
    Header header{};
    Reader(file).bytes(&header, kHeaderBytes);
    ModelSpec spec = specOf(file, header);
    const auto floats = promisedFloats(spec);
    const auto promised = floats ? checkedProduct(*floats, 4) : std::nullopt;
    if (!promised || static_cast<std::uint64_t>(*promised) != size - kHeaderBytes)
        refuse(file, "its header promises " +
                         (promised ? std::to_string(*promised + kHeaderBytes) : "more than 2^63") +
                         " bytes, the file has " + std::to_string(size) +
                         "; not a llama2.c checkpoint, or a damaged one");
    spec.parameters = *floats - tableFloats(spec);
    spec.weightBytes = spec.parameters * elementBytes(spec.type);
    return spec;
}

std::shared_ptr<const Model> readLlama2c(const std::filesystem::path& file) {
    auto model = std::make_shared<Model>();
    model->origin = file;
    const ModelSpec& spec = model->spec = readLlama2cHeader(file);
    Reader reader(file);
    reader.skip(kHeaderBytes / 4);
    model->embedding = reader.tensor({spec.vocabulary, spec.width});
    readLayers(reader, *model);
    model->finalNorm = {reader.tensor({spec.width})};
    reader.skip(tableFloats(spec));
    model->head =
        spec.tiedEmbedding ? model->embedding : Weight(reader.tensor({spec.vocabulary, spec.width}));
    describeParameters(*model);
    return model;
}

} // namespace fovea
