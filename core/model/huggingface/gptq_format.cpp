#include "core/model/huggingface/gptq_format.h"

#include <algorithm>
#include <array>

namespace fovea {

namespace {

constexpr int kWholeRow = -1;      // group_size
constexpr std::int64_t kGroups = 128; // whole rows are one group of a multiple of this

void requireNatural(const ConfigFields& fields) {
    if (fields.flag("desc_act", false))
        fields.refuseValue("desc_act",
                           "false is: columns in the order of their activations (act-order) are not read");
    fields.only("is_marlin_format", false);
    fields.only("lm_head", false);
    fields.only("pack_dtype", "int32");
    if (fields.has("dynamic") && !(fields.isObject("dynamic") && fields.object("dynamic").empty()))
        fields.refuseValue("dynamic", "null is: one number of bits for all matrices");
}

} // namespace

RtnParams GptqFormat::rows(std::int64_t columns) const {
    const std::int64_t whole = (columns + kGroups - 1) / kGroups * kGroups;
    return {.bits = bits, .group = group > 0 ? group : static_cast<int>(whole)};
}

std::optional<GptqFormat> readGptqFormat(const ConfigFields& config) {
    if (!config.has("quantization_config"))
        return std::nullopt;
    const ConfigFields fields = config.object("quantization_config");
    if (!fields.has("quant_method") || fields.word("quant_method") != "gptq")
        fields.refuseValue("quant_method", "\"gptq\" is");
    GptqFormat format;
    format.bits = fields.integer("bits");
    if (std::find(std::begin(kRtnBits), std::end(kRtnBits), format.bits) == std::end(kRtnBits))
        fields.refuseValue("bits", "8, 4, 3 and 2 are");
    const int group = fields.integer("group_size", 128);
    format.group = group == kWholeRow ? 0 : group;
    if (group != kWholeRow && !rtnFits({.bits = format.bits, .group = group}))
        fields.refuseValue("group_size", "-1, 32, 64 and multiples of 128 are");
    const std::string version = fields.word("checkpoint_format", "gptq");
    if (version != "gptq" && version != "gptq_v2")
        fields.refuseValue("checkpoint_format", "\"gptq\" and \"gptq_v2\" are");
    format.zerosLessOne = version == "gptq";
    requireNatural(fields);
    return format;
}

} // namespace fovea
