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

  int simulate(const Tensor& image, int64_t image_index, std::span<Verdict> verdicts) override {
    const auto golden = reference::run(faults.network, image);
    const int golden_prediction = prediction(faults.network, golden);
    for (size_t f = 0; f < faults.effects.size(); ++f) {
      const auto faulty = reference::run(faults.network, image, faults.effects[f], image_index);
      int last = static_cast<int>(golden.size()) - 1;
      while (last >= 0 && faulty[static_cast<size_t>(last)] == golden[static_cast<size_t>(last)]) {
        --last;
      }
      const int predicted = prediction(faults.network, faulty);
      verdicts[f] = {static_cast<int16_t>(last), static_cast<uint16_t>(predicted),
                     predicted != golden_prediction};
    }
    return golden_prediction;
  }

  const ReferenceFaults& faults;
};

std::unique_ptr<Simulator> ReferenceFaults::simulator() const {
  return std::make_unique<ReferenceSimulator>(*this);
}

struct ReferenceNetwork : PreparedNetwork {
  explicit ReferenceNetwork(const Network& n) : network(n) {}
  std::unique_ptr<PreparedFaults> prepare(std::vector<Effects> faults,
                                          int /*threads*/) const override {
    return std::make_unique<ReferenceFaults>(network, std::move(faults));
  }

  const Network& network;
};

}  // namespace

Engine reference_engine() {
  return [](const Network& network) { return std::make_unique<ReferenceNetwork>(network); };
}

}  // namespace stuckat::campaign
