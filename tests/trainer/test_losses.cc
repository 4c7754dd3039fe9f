// The first losses of a training run, against PyTorch's: tests/perf/train_in_pytorch.py trains
// the same network from the same weights on the same images in the same order.
#include <cmath>
#include <fstream>
#include <sstream>
#include <string>

#include "tests/support/catch.h"
#include "tests/trainer/pytorch.h"
#include "trainer/injection_overlay.h"
#include "trainer/optimizer.h"
#include "trainer/step.h"
#include "workloads/zoo.h"

using namespace stuckat;
using namespace stuckat::trainer;

namespace {

constexpr int loss_batch = 20;

/// One line of pytorch_losses.txt.
struct LossRow {
  std::string network;
  int weight_bits = 0;
  int activation_bits = 0;
  std::string injected;  ///< "-", or channel, pixel or element
  bool drop = false;
  std::vector<double> losses;
};

const std::string losses_file = STUCKAT_TEST_FOLDER "/pytorch_losses.txt";

std::vector<LossRow> loss_rows(std::istream& text) {
  std::vector<LossRow> rows;
  for (std::string line; std::getline(text, line);) {
    if (line.empty() || line.front() == '#') continue;
    std::istringstream words(line);
    LossRow row;
    words >> row.network >> row.weight_bits >> row.activation_bits >> row.injected >> row.drop;
    for (double loss = 0; words >> loss;) row.losses.push_back(loss);
    rows.push_back(row);
  }
  return rows;
}

std::vector<LossRow> golden_losses() {
  std::ifstream file(losses_file);
  return loss_rows(file);
}

std::vector<double> losses_here(const LossRow& row) {
  const bool cnv = row.network == "cnv";
  const Network network =
      zoo_network(row.network + "-w" + std::to_string(row.weight_bits) + "a" +
                      std::to_string(row.activation_bits),
                  {.width = cnv ? 1.0 / 8 : 1.0 / 32, .input_side = cnv ? 32 : 96});
  Workers workers(2);
  Model model = initial_model(network, 1);
  TrainingStep step(network, {.zeros = row.drop}, workers);
  InjectionOverlay injected;
  if (row.injected != "-") {
    std::vector<int> tensors;
    for (const int layer : network.injectable_layers()) {
      tensors.push_back(network.after_pools(network.output_tensor(layer)));
    }
    const InjectionKind kind = row.injected == "channel" ? InjectionKind::channel
                               : row.injected == "pixel" ? InjectionKind::pixel
                                                         : InjectionKind::element;
    injected.set({kind, 20, row.drop}, tensors, 1);
  }
  Adam adam(model);
  std::vector<double> result;
  for (int i = 0; i < 10; ++i) {
    const int first = i % 2 * loss_batch;
    std::vector<int> labels;
    for (int n = 0; n < loss_batch; ++n) labels.push_back((first + n) % 10);
    const std::vector<int8_t> input = test::pytorch_images(network.input(), first, loss_batch);
    injected.set_step(static_cast<uint64_t>(i));
    const std::vector<FaultOverlay*> overlays{&injected};
    result.push_back(step.run(model, input.data(), labels, overlays).loss);
    update_statistics(model, step.statistics());
    adam.update(model, step.gradients(), 0.001, workers);
  }
  return result;
}

}  // namespace

TEST_CASE("the first ten losses are PyTorch's, with injection and Dropout too") {
  const std::vector<LossRow> rows = golden_losses();
  REQUIRE(rows.size() == 10);
  for (const LossRow& row : rows) {
    REQUIRE(row.losses.size() == 10);
    const std::vector<double> ours = losses_here(row);
    for (size_t i = 0; i < ours.size(); ++i) {
      INFO(row.network << " w" << row.weight_bits << "a" << row.activation_bits << " "
                       << row.injected << (row.drop ? " dropped" : "") << ", step " << i);
      CHECK(ours[i] == Approx(row.losses[i]).epsilon(1e-7));
    }
  }
}

TEST_CASE("the losses on file are what PyTorch computes") {
  const auto text =
      test::from_pytorch(STUCKAT_TEST_FOLDER "/../perf/train_in_pytorch.py losses " + losses_file);
  std::istringstream printed(text);
  const std::vector<LossRow> rows = loss_rows(printed);
  const std::vector<LossRow> expected = golden_losses();
  REQUIRE(rows.size() == expected.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    REQUIRE(rows[i].losses.size() == expected[i].losses.size());
    for (size_t k = 0; k < rows[i].losses.size(); ++k) {
      CHECK(rows[i].losses[k] == Approx(expected[i].losses[k]).epsilon(1e-7));
    }
  }
}
