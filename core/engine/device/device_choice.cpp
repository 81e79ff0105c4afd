#include "core/engine/device/device_choice.h"

#include "core/engine/sampler.h"

namespace fovea {

// Without its memory.
cuda::ChooseTokens DeviceChoice::stepOf(const TokenChoice& choice, int vocabulary) {
    cuda::ChooseTokens step;
    step.vocabulary = vocabulary;
    step.rows = static_cast<int>(choice.next.size());
    step.given = choice.sampling == nullptr;
    if (step.given)
        return step;
    step.temperature = choice.sampling->temperature;
    step.topK = choice.sampling->topK;
    step.topP = choice.sampling->topP;
    return step;
}

bool DeviceChoice::takes(const TokenChoice& choice) const {
    return !choice.next.empty() && cuda::sizesRefused(stepOf(choice, m_vocabulary)).empty();
}

void DeviceChoice::prepare(const TokenChoice& choice, cuda::Stream stream) {
    m_step = stepOf(choice, m_vocabulary);
    std::vector<float> draws;
    std::vector<std::int32_t> tokens;
    for (const NextToken& next : choice.next) {
        draws.push_back(next.draw);
        tokens.push_back(next.token);
    }
    put(m_draws, draws, stream);
    put(m_tokens, tokens, stream);
    m_step.draws = m_draws.data();
    m_step.tokens = m_tokens.data();
    m_step.surprises = m_surprises.atLeast(m_step.rows);
    m_step.scratch = m_scratch.atLeast(static_cast<std::int64_t>(cuda::scratchBytes(m_step)));
    m_told.atLeast(m_step.rows);
    m_toldSurprises.atLeast(m_step.rows);
}

void DeviceChoice::queue(const float* logits, cuda::Stream stream) {
    m_step.logits = logits;
    cuda::chooseTokens(m_step, stream);
    const auto rows = static_cast<std::size_t>(m_step.rows);
    cuda::download(m_told.data(), m_step.tokens, rows * sizeof(std::int32_t), stream);
    cuda::download(m_toldSurprises.data(), m_step.surprises, rows * sizeof(float), stream);
}

void DeviceChoice::tell(const TokenChoice& choice) const {
    for (std::size_t i = 0; i < choice.next.size(); ++i) {
        choice.next[i].token = m_told.data()[i];
        choice.next[i].surprise = m_toldSurprises.data()[i];
    }
}

} // namespace fovea
