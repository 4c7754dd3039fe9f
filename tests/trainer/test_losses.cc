// The first losses of a training run, against PyTorch's: tests/perf/train_in_pytorch.py trains the
// same network from the same weights on the same images in the same order.
#include <sys/wait.h>

#include <array>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <string>

#include "tests/support/catch.h"
#include "trainer/optimizer.h"
#include "trainer/random.h"
#include "trainer/step.h"
#include "workloads/zoo.h"

using namespace stuckat;
using namespace stuckat::trainer;

namespace {

constexpr int batch = 20;

/// One line of pytorch_losses.txt.
struct Row {
  std::string network;
  int weight_bits = 0;
  int activation_bits = 0;
  std::string injected;  ///< "-", or channel, pixel or element
  bool drop = false;
  std::vector<double> losses;
};

const std::string golden_file = STUCKAT_TEST_FOLDER "/pytorch_losses.txt";

std::vector<Row> rows_of(std::istream& text) {
  std::vector<Row> rows;
  for (std::string line; std::getline(text, line);) {
    if (line.empty() || line.front() == '#') continue;
    std::istringstream words(line);
    Row row;
    words >> row.network >> row.weight_bits >> row.activation_bits >> row.injected >> row.drop;
    for (double loss = 0; words >> loss;) row.losses.push_back(loss);
    rows.push_back(row);
  }
  return rows;
}

std::vector<Row> golden() {
  std::ifstream file(golden_file);
  return rows_of(file);
}

/// Images as images_of() in train_in_pytorch.py draws them.
std::vector<int8_t> images(Shape shape, int first) {
  const Sequence random(1, Purpose::order);
  std::vector<int8_t> block(block_count(batch) * block_elements(shape));
  for (int n = 0; n < batch; ++n) {
    for (int e = 0; e < shape.size(); ++e) {
      const auto drawn = static_cast<uint64_t>(first + n) * shape.size() + e;
      block[n / lanes * block_elements(shape) + static_cast<size_t>(e * lanes + n % lanes)] =
          static_cast<int8_t>(random.below(drawn, 256) - 128);
    }
  }
  return block;
}

std::vector<double> losses(const Row& row) {
  const bool cnv = row.network == "cnv";
  const Network network =
      zoo_network(row.network + "-w" + std::to_string(row.weight_bits) + "a" +
                      std::to_string(row.activation_bits),
                  {.width = cnv ? 1.0 / 8 : 1.0 / 32, .input_side = cnv ? 32 : 96});
  Workers workers(2);
  Model model = initial_model(network, 1);
  TrainingStep step(network, row.drop, {}, workers);
  StepInjection injection;
  injection.seed = 1;
  if (row.injected != "-") {
    injection.injection = {row.injected == "channel" ? InjectionKind::channel
                           : row.injected == "pixel" ? InjectionKind::pixel
                                                     : InjectionKind::element,
                           20, row.drop};
    for (const int layer : network.injectable_layers()) {
      injection.tensors.push_back(network.after_pools(network.output_tensor(layer)));
    }
  }
  Adam adam(model);
  std::vector<double> result;
  for (int i = 0; i < 10; ++i) {
    const int first = i % 2 * batch;
    std::vector<int> labels;
    for (int n = 0; n < batch; ++n) labels.push_back((first + n) % 10);
    const std::vector<int8_t> input = images(network.input(), first);
    injection.step = static_cast<uint64_t>(i);
    result.push_back(step.run(model, input.data(), labels, injection).loss);
    adam.update(model, step.gradients(), 0.001, workers);
  }
  return result;
}

/// What a command prints, and its exit status.
std::pair<std::string, int> output_of(const std::string& command) {
  FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) throw std::runtime_error("no pipe");
  std::string text;
  std::array<char, 256> part{};
  while (std::fgets(part.data(), part.size(), pipe) != nullptr) text += part.data();
  const int status = pclose(pipe);
  return {text, WIFEXITED(status) ? WEXITSTATUS(status) : -1};
}

}  // namespace

TEST_CASE("the first ten losses are PyTorch's, with injection and Dropout too") {
  const std::vector<Row> rows = golden();
  REQUIRE(rows.size() == 10);
  for (const Row& row : rows) {
    REQUIRE(row.losses.size() == 10);
    const std::vector<double> ours = losses(row);
    for (size_t i = 0; i < ours.size(); ++i) {
      INFO(row.network << " w" << row.weight_bits << "a" << row.activation_bits << " "
                       << row.injected << (row.drop ? " dropped" : "") << ", step " << i);
      CHECK(ours[i] == Approx(row.losses[i]).epsilon(1e-7));
    }
  }
}

TEST_CASE("the losses on file are what PyTorch computes") {
  const auto [text, status] =
      output_of(STUCKAT_TEST_FOLDER "/../perf/train_in_pytorch.py losses " + golden_file + " 2>&1");
  if (status == 3 || status == 126 || status == 127) test::skip(text);  // no PyTorch, or no Python
  REQUIRE(status == 0);
  std::istringstream printed(text);
  const std::vector<Row> rows = rows_of(printed);
  const std::vector<Row> expected = golden();
  REQUIRE(rows.size() == expected.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    REQUIRE(rows[i].losses.size() == expected[i].losses.size());
    for (size_t k = 0; k < rows[i].losses.size(); ++k) {
      CHECK(rows[i].losses[k] == Approx(expected[i].losses[k]).epsilon(1e-7));
    }
  }
}
