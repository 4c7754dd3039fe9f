#include <algorithm>

#include "faultmaps/faulty_reference.h"
#include "sim/campaign/engine.h"
#include "workloads/reference.h"

namespace stuckat::campaign {
namespace {

int prediction(const Network& network, const std::vector<Tensor>& tensors) {
  return predicted_class(network, tensors.back().values.data());
}

struct ReferenceFaults : PreparedFaults {
  ReferenceFaults(const Network& n, std::vector<Effects> e) : network(n), effects(std::move(e)) {}
  std::unique_ptr<Simulator> simulator() const override;

  const Network& network;
  std::vector<Effects> effects;
};

struct ReferenceSimulator : Simulator {
  explicit ReferenceSimulator(const ReferenceFaults& f) : faults(f) {}

  int load(const Tensor& image, int64_t image_index) override {
    golden = reference::run(faults.network, image);
    index = image_index;
    return prediction(faults.network, golden);
  }

  void simulate(int64_t first, std::span<Verdict> verdicts) override {
    const Tensor& image = golden.front();
    const int golden_prediction = prediction(faults.network, golden);
    for (size_t i = 0; i < verdicts.size(); ++i) {
      const Effects& effects = faults.effects[static_cast<size_t>(first) + i];
      const auto faulty = reference::run(faults.network, image, effects, index);
      int last = static_cast<int>(golden.size()) - 1;
      while (last >= 0 && faulty[static_cast<size_t>(last)] == golden[static_cast<size_t>(last)]) {
        --last;
      }
      const int predicted = prediction(faults.network, faulty);
      verdicts[i] = {static_cast<int16_t>(last), static_cast<uint16_t>(predicted),
                     predicted != golden_prediction};
    }
  }

  const ReferenceFaults& faults;
  std::vector<Tensor> golden;
  int64_t index = 0;
};

std::unique_ptr<Simulator> ReferenceFaults::simulator() const {
  return std::make_unique<ReferenceSimulator>(*this);
}

struct ReferenceNetwork : PreparedNetwork {
  explicit ReferenceNetwork(const Network& n) : network(n) {}
  int64_t part_faults() const override { return reference_passes_per_second(network); }
  std::unique_ptr<PreparedFaults> prepare(std::vector<Effects> faults,
                                          int /*threads*/) const override {
    return std::make_unique<ReferenceFaults>(network, std::move(faults));
  }

  const Network& network;
};

/// Multiplications of weights, or values that a window looks at.
int64_t operations(const Layer& layer) {
  const int64_t each =
      layer.has_weights() ? layer.columns() : int64_t{layer.kernel.height} * layer.kernel.width;
  return layer.output.size() * each;
}

}  // namespace

Engine reference_engine() {
  return [](const Network& network) { return std::make_unique<ReferenceNetwork>(network); };
}

int64_t reference_passes_per_second(const Network& network) {
  constexpr int64_t operations_per_second = 1'000'000'000;  // of ResNet-8; of CNV twice as many
  int64_t pass = 1;
  for (const Layer& layer : network.layers) pass += operations(layer);
  return std::max<int64_t>(1, operations_per_second / pass);
}

}  // namespace stuckat::campaign
