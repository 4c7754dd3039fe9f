#include "sim/fast/reference_simulator.h"

#include <algorithm>
#include <cassert>
#include <numeric>
#include <optional>
#include <utility>

#include "faultmaps/faulty_reference.h"

namespace stuckat::fast {
namespace {

class ReferenceSimulator : public FaultSimulator::Impl {
 public:
  explicit ReferenceSimulator(const FaultList& faults)
      : faults_(faults),
        network_(faults.network().network()),
        golden_(faults.network()),
        differs_(static_cast<size_t>(network_.tensors())),
        original_(static_cast<size_t>(faults.size())),
        known_(static_cast<size_t>(faults.size())) {
    std::iota(original_.begin(), original_.end(), size_t{0});
    for (const auto& [fault, first] : faults.copies()) {
      original_[static_cast<size_t>(fault)] = static_cast<size_t>(first);
    }
  }

  void simulate(int first, std::span<Verdict> verdicts) override {
    assert(first >= 0 && first + static_cast<int>(verdicts.size()) <= faults_.size());
    for (size_t i = 0; i < verdicts.size(); ++i) {
      const size_t original = original_[static_cast<size_t>(first) + i];
      std::optional<Verdict>& known = known_[original];
      if (!known) known = verdict_of(static_cast<int>(original));
      verdicts[i] = *known;
    }
    work_.fault_images += static_cast<int64_t>(verdicts.size());
  }

  void load(const Tensor& image, int64_t image_index) override {
    golden_.run(image);
    tensors_ = golden_.tensors();
    image_index_ = image_index;
    std::fill(known_.begin(), known_.end(), std::nullopt);
  }

  Tensor tensor(int fault, int tensor) override {
    return std::move(tensors(fault)[static_cast<size_t>(tensor)]);
  }

  std::vector<Tensor> tensors(int fault) override {
    run_fault(fault);
    std::vector<Tensor> result = tensors_;
    restore();
    return result;
  }

  const Executor& golden() const override { return golden_; }
  const WorkCount& work() const override { return work_; }

 private:
  Verdict verdict_of(int fault) {
    const int last = run_fault(fault);
    const int prediction = predicted_class(network_, tensors_.back().values.data());
    restore();
    return {static_cast<int16_t>(last), static_cast<uint16_t>(prediction),
            prediction != golden_.prediction()};
  }

  /// Returns the last tensor that differs, or -1; tensors_ are the faulty ones until restore().
  int run_fault(int fault) {
    if (!faults_.images(fault).contains(image_index_)) return -1;
    const Effects& effects = faults_.effects(fault);
    const auto& steps = faults_.program(fault).steps;
    int last = -1;
    for (int t = 0; t < network_.tensors(); ++t) {
      const bool acts = std::any_of(steps.begin(), steps.end(),
                                    [&](const TensorStep& step) { return step.tensor == t; });
      if (!acts && !reads_difference(t)) continue;
      Tensor& tensor = tensors_[static_cast<size_t>(t)];
      Tensor faulty = t == 0 ? reference::faulty_input(network_, tensor, effects, image_index_)
                             : reference::faulty_layer(network_, Network::producer(t), tensors_,
                                                       effects, image_index_);
      if (faulty == tensor) continue;
      tensor = std::move(faulty);
      differs_[static_cast<size_t>(t)] = true;
      last = t;
    }
    return last;
  }

  bool reads_difference(int tensor) const {
    if (tensor == 0) return false;
    const auto& inputs = network_.layer(Network::producer(tensor)).inputs;
    return std::any_of(inputs.begin(), inputs.end(),
                       [&](int t) { return differs_[static_cast<size_t>(t)]; });
  }

  void restore() {
    for (size_t t = 0; t < tensors_.size(); ++t) {
      if (differs_[t]) tensors_[t] = golden_.tensor(static_cast<int>(t));
      differs_[t] = false;
    }
  }

  const FaultList& faults_;
  const Network& network_;
  Executor golden_;
  std::vector<Tensor> tensors_;
  std::vector<bool> differs_;                  // [tensors]: from the fault-free run
  std::vector<size_t> original_;               // [fault]: the first with the same verdicts
  std::vector<std::optional<Verdict>> known_;  // [fault], of the image; of originals only
  int64_t image_index_ = 0;
  WorkCount work_;
};

}  // namespace

std::unique_ptr<FaultSimulator::Impl> make_reference_simulator(const FaultList& faults) {
  return std::make_unique<ReferenceSimulator>(faults);
}

}  // namespace stuckat::fast
