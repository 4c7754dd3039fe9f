// Gradients under fixed faults, against those of PyTorch's automatic differentiation:
// gradients_in_pytorch.py says what is differentiated, pytorch_gradients.txt has the numbers.
#include <algorithm>
#include <cmath>
#include <fstream>
#include <sstream>
#include <string>

#include "tests/support/catch.h"
#include "tests/trainer/pytorch.h"
#include "trainer/fixed_faults.h"
#include "trainer/random.h"
#include "trainer/step.h"
#include "workloads/zoo.h"

using namespace stuckat;
using namespace stuckat::trainer;

namespace {

const std::string golden_file = STUCKAT_TEST_FOLDER "/pytorch_gradients.txt";

/// One line `gradient` of a case.
struct LayerNumbers {
  int layer = 0;
  double norm = 0;
  double first = 0;
  double second = 0;
  double gamma = 0;
  double beta = 0;
};

struct Case {
  std::string network;
  int weight_bits = 0;
  int activation_bits = 0;
  std::vector<std::string> faults;  ///< lines
  double loss = 0;
  std::vector<LayerNumbers> layers;
};

std::vector<Case> cases_of(std::istream& text) {
  std::vector<Case> cases;
  for (std::string line; std::getline(text, line);) {
    std::istringstream words(line);
    std::string kind;
    words >> kind;
    if (kind.empty() || kind == "#") continue;
    if (kind == "network") {
      Case& c = cases.emplace_back();
      words >> c.network >> c.weight_bits >> c.activation_bits;
    } else if (kind == "loss") {
      words >> cases.back().loss;
    } else if (kind == "gradient") {
      LayerNumbers& n = cases.back().layers.emplace_back();
      words >> n.layer >> n.norm >> n.first >> n.second >> n.gamma >> n.beta;
    } else {
      cases.back().faults.push_back(line);
    }
  }
  return cases;
}

std::vector<Case> golden() {
  std::ifstream file(golden_file);
  return cases_of(file);
}

/// "1,4", or "*" for all, which effects write as none.
std::vector<int> indices(std::istream& words) {
  std::string text;
  words >> text;
  std::vector<int> result;
  if (text == "*") return result;
  std::replace(text.begin(), text.end(), ',', ' ');
  std::istringstream numbers(text);
  for (int i = 0; numbers >> i;) result.push_back(i);
  return result;
}

CodeMask stuck_bit(std::istream& words) {
  int bit = 0;
  bool one = false;
  words >> bit >> one;
  return CodeMask::stuck_bit(bit, one);
}

void add_fault(const std::string& line, const Network& network, Effects& effects) {
  std::istringstream words(line);
  std::string kind;
  int at = 0;  // layer, or tensor
  words >> kind >> at;
  const int last = network.tensors() - 1;
  if (kind == "weight" || kind == "threshold") {
    ParameterPatch patch;
    patch.layer = at;
    patch.is_threshold = kind == "threshold";
    words >> patch.row >> patch.index >> patch.value;
    effects.patches.push_back(patch);
  } else if (kind == "accumulator") {
    OperatorFault fault;
    fault.layer = at;
    words >> fault.pe.simd >> fault.pe.accumulator_bits;
    fault.pe.padded_columns = network.layers[static_cast<size_t>(at)].columns();
    fault.pe.accumulator = stuck_bit(words);
    fault.rows = indices(words);
    fault.pixels = indices(words);
    effects.operators.push_back(fault);
  } else if (kind == "element") {
    ElementFault fault;
    fault.tensor = at;
    fault.channels = indices(words);
    fault.pixels = indices(words);
    uint32_t code = 0;
    words >> code;
    fault.mask = CodeMask::constant(code);
    effects.elements.push_back(fault);
  } else if (kind == "logit") {
    ElementFault fault;
    fault.tensor = last;
    fault.channels = indices(words);
    int value = 0;
    words >> value;
    fault.mask = CodeMask::constant(static_cast<uint32_t>(value));
    effects.elements.push_back(fault);
  } else if (kind == "operand") {
    OperandFault fault;
    fault.layer = at;
    fault.channels = indices(words);
    fault.pixels = indices(words);
    fault.mask = stuck_bit(words);
    effects.operands.push_back(fault);
  } else if (kind == "window") {
    WindowFault fault;
    fault.layer = at;
    fault.rows = indices(words);
    fault.columns = indices(words);
    fault.pixels = indices(words);
    fault.mask = stuck_bit(words);
    fault.padded_columns = network.layers[static_cast<size_t>(at)].columns();
    effects.windows.push_back(fault);
  } else {
    FAIL("a fault of unknown kind: " << line);
  }
  REQUIRE_FALSE(words.fail());
}

/// Products of a gradient with numbers in (-1/2, 1/2) that the script draws alike.
double product(const std::vector<float>& gradient, uint64_t seed, int layer) {
  const Sequence random(seed, Purpose::order, static_cast<uint64_t>(layer));
  double sum = 0;
  for (size_t i = 0; i < gradient.size(); ++i) {
    sum += static_cast<double>(gradient[i]) * (random.uniform(i) - 0.5);
  }
  return sum;
}

Case computed(const Case& c) {
  constexpr int batch = 20;
  const Network network = zoo_network(
      c.network + "-w" + std::to_string(c.weight_bits) + "a" + std::to_string(c.activation_bits),
      {.width = 1.0 / 8});
  Model model = initial_model(network, 1);
  for (LayerParameters& p : model.layers) {
    for (size_t r = 0; r < p.gamma.size(); ++r) {
      p.gamma[r] = r % 3 == 1 ? -0.8f : 1.1f;
      p.beta[r] = static_cast<float>(0.05 * static_cast<double>(r % 5) - 0.1);
    }
  }
  Effects effects;
  for (const std::string& fault : c.faults) add_fault(fault, network, effects);
  Workers workers(2);
  TrainingStep step(network, {.faults = true}, workers);
  FixedFaults faults(network, effects);
  std::vector<int> labels;
  for (int n = 0; n < batch; ++n) labels.push_back(n % 10);
  const std::vector<FaultOverlay*> overlays{&faults};
  Case result;
  result.loss =
      step.run(model, test::pytorch_images(network.input(), 0, batch).data(), labels, overlays)
          .loss;
  for (const LayerNumbers& n : c.layers) {
    const LayerGradient& g = step.gradients()[static_cast<size_t>(n.layer)];
    double square = 0;
    for (const float w : g.weights) square += static_cast<double>(w) * static_cast<double>(w);
    result.layers.push_back({n.layer, std::sqrt(square), product(g.weights, 7, n.layer),
                             product(g.weights, 8, n.layer), product(g.gamma, 7, n.layer),
                             product(g.beta, 7, n.layer)});
  }
  return result;
}

/// epsilon: of the norm of the layer's gradient.
void check_equal(const Case& found, const Case& expected, double epsilon) {
  CHECK(found.loss == Approx(expected.loss).epsilon(1e-7));
  REQUIRE(found.layers.size() == expected.layers.size());
  for (size_t i = 0; i < found.layers.size(); ++i) {
    const LayerNumbers& f = found.layers[i];
    const LayerNumbers& e = expected.layers[i];
    INFO("layer " << e.layer);
    REQUIRE(f.layer == e.layer);
    const double margin = epsilon * std::max(e.norm, 0.1);
    CHECK(f.norm == Approx(e.norm).margin(margin).epsilon(0));
    CHECK(f.first == Approx(e.first).margin(margin).epsilon(0));
    CHECK(f.second == Approx(e.second).margin(margin).epsilon(0));
    CHECK(f.gamma == Approx(e.gamma).margin(margin).epsilon(0));
    CHECK(f.beta == Approx(e.beta).margin(margin).epsilon(0));
  }
}

}  // namespace

TEST_CASE("gradients under fixed faults are PyTorch's") {
  const std::vector<Case> cases = golden();
  REQUIRE(cases.size() == 16);
  for (size_t i = 0; i < cases.size(); ++i) {
    const Case& c = cases[i];
    INFO("case " << i << ": w" << c.weight_bits << "a" << c.activation_bits << ", "
                 << c.faults.size() << " faults"
                 << (c.faults.empty() ? "" : ", the first: " + c.faults.front()));
    REQUIRE(c.layers.size() == 9);
    check_equal(computed(c), c, 1e-5);
    // The faults of a case matter to what is learned.
    if (c.faults.empty()) continue;
    const Case& healthy = cases[i / 8 * 8];
    CHECK(std::abs(c.layers[0].norm - healthy.layers[0].norm) > 1e-4);
  }
}

TEST_CASE("the gradients on file are what PyTorch computes") {
  const auto text =
      test::from_pytorch(STUCKAT_TEST_FOLDER "/gradients_in_pytorch.py " + golden_file);
  std::istringstream printed(text);
  const std::vector<Case> found = cases_of(printed);
  const std::vector<Case> expected = golden();
  REQUIRE(found.size() == expected.size());
  for (size_t i = 0; i < found.size(); ++i) check_equal(found[i], expected[i], 1e-9);
}
