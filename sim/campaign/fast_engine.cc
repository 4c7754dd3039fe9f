#include "sim/campaign/engine.h"
#include "sim/fast/fault_list.h"
#include "sim/fast/fault_simulator.h"
#include "sim/fast/packed_network.h"

namespace stuckat::campaign {
namespace {

struct FastSimulator : Simulator {
  explicit FastSimulator(const fast::FaultList& faults) : simulator(faults) {}
  int load(const Tensor& image, int64_t image_index) override {
    simulator.load(image, image_index);
    return simulator.golden().prediction();
  }
  void simulate(int64_t first, std::span<Verdict> verdicts) override {
    simulator.simulate(static_cast<int>(first), verdicts);
  }

  fast::FaultSimulator simulator;
};

struct FastFaults : PreparedFaults {
  FastFaults(const fast::PackedNetwork& network, std::vector<Effects> effects, int threads)
      : faults(network, std::move(effects), "faults", threads) {}
  std::unique_ptr<Simulator> simulator() const override {
    return std::make_unique<FastSimulator>(faults);
  }

  fast::FaultList faults;
};

struct FastNetwork : PreparedNetwork {
  explicit FastNetwork(const Network& n) : network(n) {}
  int64_t part_faults() const override {
    return network.fault_by_fault() ? reference_passes_per_second(network.network()) : 0;
  }
  std::unique_ptr<PreparedFaults> prepare(std::vector<Effects> faults, int threads) const override {
    return std::make_unique<FastFaults>(network, std::move(faults), threads);
  }

  fast::PackedNetwork network;
};

}  // namespace

Engine fast_engine() {
  return [](const Network& network) { return std::make_unique<FastNetwork>(network); };
}

}  // namespace stuckat::campaign
