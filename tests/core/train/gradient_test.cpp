#include <ATen/ops/allclose.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/randn.h>
#include <torch/optim/adamw.h>

#include <cmath>

#include "core/tokenizer/sentencepiece_tokenizer.h"
#include "core/train/adamw.h"
#include "core/train/folder.h"
#include "core/train/gradient.h"
#include "core/train/initialise.h"
#include "tests/core/train/small_training.h"

// After everything of libtorch, whose logging defines a CHECK of its own.
#include <catch2/catch.hpp>

using namespace fovea;

namespace {

Model freshModel() {
    ModelSpec spec;
    spec.layers = 2;
    spec.width = 32;
    spec.queryHeads = 4;
    spec.kvHeads = 2;
    spec.headDim = 8;
    spec.ffn = 48;
    spec.vocabulary = 300;
    spec.context = 64;
    spec.tiedEmbedding = true;
    return initialModel(spec, 5);
}

std::vector<at::Tensor> gradientsOf(const Model& model) {
    std::vector<at::Tensor> gradients;
    for (const NamedTensor& named : namedParameters(model)) {
        gradients.push_back(named.tensor.grad().clone());
        named.tensor.mutable_grad().reset();
    }
    return gradients;
}

// The largest difference, as a share of the largest gradient.
double difference(const std::vector<at::Tensor>& a, const std::vector<at::Tensor>& b) {
    double largest = 0, apart = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        largest = std::max(largest, a[i].abs().max().item<double>());
        apart = std::max(apart, (a[i] - b[i]).abs().max().item<double>());
    }
    return apart / largest;
}

std::vector<Batch> batches(int parts) {
    const auto tokenizer = parseSentencepiece(test::smallSentencepiece(), "small");
    const std::vector<int> text = tokenizer->encode(test::smallText(), false);
    SequenceSource source(*tokenizer, text, {}, 9);
    return drawBatches(source, 10, 64, 0.66, parts);
}

} // namespace

TEST_CASE("A step in parts is the step in one piece, every token weighing the same", "[core.train]") {
    const Model model = freshModel();
    const std::vector<Batch> whole = batches(1);
    REQUIRE(whole.size() == 1);
    const StepLoss loss = addGradients(model, whole, at::kFloat);
    const auto gradients = gradientsOf(model);
    for (const int parts : {2, 3, 10}) {
        const std::vector<Batch> pieces = batches(parts);
        REQUIRE(pieces.size() == static_cast<std::size_t>(parts));
        std::vector<at::Tensor> inputs;
        for (const Batch& piece : pieces)
            inputs.push_back(piece.inputs);
        CHECK(at::cat(inputs).equal(whole[0].inputs)); // the same sequences
        CHECK(pieces[0].graded != pieces[1].graded);   // or the next line would prove nothing
        const StepLoss inParts = addGradients(model, pieces, at::kFloat);
        CHECK(inParts.graded == loss.graded);
        CHECK(inParts.mean() == Approx(loss.mean()).epsilon(1e-6));
        CHECK(difference(gradientsOf(model), gradients) < 2e-6);
        // In bf16, as trained: to its rounding.
        addGradients(model, pieces, at::kBFloat16);
        CHECK(difference(gradientsOf(model), gradients) < 2e-2);
        // The mean of the parts' means is something else.
        for (const Batch& piece : pieces)
            addGradients(model, std::span<const Batch>(&piece, 1), at::kFloat);
        std::vector<at::Tensor> naive = gradientsOf(model);
        for (at::Tensor& g : naive)
            g = g / parts;
        CHECK(difference(naive, gradients) > 1e-3);
    }
}

TEST_CASE("AdamW is libtorch's, and can be taken up where it stood", "[core.train]") {
    std::vector<at::Tensor> ours, theirs;
    for (const auto& shape : std::vector<std::vector<std::int64_t>>{{5, 7}, {7}}) {
        const at::Tensor start = at::randn(shape);
        ours.push_back(start.clone().requires_grad_());
        theirs.push_back(start.clone().requires_grad_());
    }
    const auto options = [](double decay) {
        return std::make_unique<torch::optim::AdamWOptions>(
            torch::optim::AdamWOptions(1e-2).betas({0.9, 0.99}).weight_decay(decay));
    };
    std::vector<torch::optim::OptimizerParamGroup> groups;
    groups.emplace_back(std::vector<at::Tensor>{theirs[0]}, options(0.01));
    groups.emplace_back(std::vector<at::Tensor>{theirs[1]}, options(0));
    torch::optim::AdamW reference(std::move(groups), torch::optim::AdamWOptions(1e-2));
    AdamW adam(ours);
    const auto compare = [&](AdamW& stepped) {
        for (std::size_t i = 0; i < ours.size(); ++i) {
            const at::Tensor gradient = at::randn(ours[i].sizes());
            stepped.parameters()[i].mutable_grad() = gradient.clone();
            theirs[i].mutable_grad() = gradient.clone();
        }
        stepped.step(1e-2);
        reference.step();
        for (std::size_t i = 0; i < ours.size(); ++i)
            CHECK(at::allclose(stepped.parameters()[i], theirs[i], 1e-6, 1e-7));
        CHECK_FALSE(stepped.parameters()[0].grad().defined());
    };
    for (int i = 0; i < 20; ++i)
        compare(adam);
    AdamW again(ours);
    for (std::size_t i = 0; i < ours.size(); ++i) {
        again.first()[i].copy_(adam.first()[i]);
        again.second()[i].copy_(adam.second()[i]);
    }
    again.setSteps(adam.steps());
    for (int i = 0; i < 5; ++i)
        compare(again);
}

TEST_CASE("Gradients are clipped together, and only when they are too long", "[core.train]") {
    std::vector<at::Tensor> leaves = {at::randn({4, 3}).requires_grad_(), at::randn({2}).requires_grad_()};
    for (const at::Tensor& leaf : leaves)
        leaf.mutable_grad() = at::randn(leaf.sizes()) * 10;
    const at::Tensor before = leaves[1].grad().clone();
    clipGradients(leaves, 1);
    const double norm =
        std::hypot(leaves[0].grad().norm().item<double>(), leaves[1].grad().norm().item<double>());
    CHECK(norm == Approx(1).epsilon(1e-5));
    CHECK(at::allclose(leaves[1].grad() / leaves[1].grad().norm(), before / before.norm(), 1e-4, 1e-5));
    const at::Tensor short_ = leaves[0].grad().clone();
    clipGradients(leaves, 2);
    CHECK(leaves[0].grad().equal(short_));
}

TEST_CASE("Accumulated training learns as much, and the card says how it was trained", "[core.train]") {
    const test::ScratchFolder scratch;
    TrainOptions options = test::smallOptions(scratch.path());
    options.validateEvery = 10;
    const TrainResult whole = train(options, {}, test::kGoOn);
    options.out = scratch.path() / "parts";
    options.accumulate = 4;
    const TrainResult parts = train(options, {}, test::kGoOn);
    CHECK(parts.tokens == whole.tokens);
    CHECK(parts.loss == Approx(whole.loss).epsilon(0.02));
    REQUIRE(parts.heldOut);
    CHECK(parts.heldOut->loss == Approx(whole.heldOut->loss).epsilon(0.05));
    CHECK(parts.heldOut->step == 40);
    const std::string card = test::readAll(options.out / "README.md");
    CHECK(card.find("in 4 parts") != std::string::npos);
    CHECK(card.find("Held-out loss, every 10 steps") != std::string::npos);
    CHECK(test::readAll(scratch.path() / "tiny" / "README.md").find("parts, every") == std::string::npos);
}
