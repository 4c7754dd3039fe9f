#include "sim/fast/levels/level_simulator.h"

#include <algorithm>
#include <cassert>

#include "sim/fast/levels/level_pass.h"

namespace stuckat::fast {
namespace {

class LevelSimulator : public FaultSimulator::Impl {
 public:
  LevelSimulator(const FaultList& faults, Path path)
      : faults_(faults),
        path_(path),
        golden_(faults.network()),
        network_(*faults.network().levels()),
        pass_(*golden_.levels()),
        pending_(static_cast<size_t>(network_.last_tensor())) {}

  void simulate([[maybe_unused]] int begin, std::span<Verdict> verdicts) override {
    assert(begin == 0 && static_cast<int>(verdicts.size()) == faults_.size());
    if (path_ == Path::automatic) {
      for (const int f : faults_.other_faults()) simulate_one(f, verdicts);
      for (const auto& [fault, first] : faults_.copies()) {
        verdicts[static_cast<size_t>(fault)] = verdicts[static_cast<size_t>(first)];
      }
    } else {
      for (int f = 0; f < faults_.size(); ++f) simulate_one(f, verdicts);
    }
    work_.fault_images += faults_.size();
  }

  void load(const Tensor& image, int64_t image_index) override {
    golden_.run(image);
    pass_.begin_image();
    image_index_ = image_index;
  }

  Tensor tensor(int fault, int tensor) override {
    run_fault(fault);
    Tensor result = pass_.tensor(tensor);
    pass_.clear();
    return result;
  }

  std::vector<Tensor> tensors(int fault) override {
    run_fault(fault);
    std::vector<Tensor> result;
    for (int t = 0; t <= network_.last_tensor(); ++t) result.push_back(pass_.tensor(t));
    pass_.clear();
    return result;
  }

  const Executor& golden() const override { return golden_; }
  const WorkCount& work() const override { return work_; }

 private:
  void simulate_one(int fault, std::span<Verdict> verdicts) {
    const int last = run_fault(fault);
    Verdict& verdict = verdicts[static_cast<size_t>(fault)];
    int prediction = golden_.prediction();
    if (last == network_.last_tensor()) {
      prediction = predicted_class(network_.network(), pass_.result().data());
    }
    verdict = {static_cast<int16_t>(last), static_cast<uint16_t>(prediction),
               prediction != golden_.prediction()};
    pass_.clear();
  }

  /// Tensor by tensor, for as long as a layer waits for a tensor that differs or a step is left.
  /// Returns the last tensor that differs, or -1.
  int run_fault(int fault) {
    const std::vector<TensorStep>& steps = faults_.program(fault).steps;
    const bool all = path_ == Path::dense;
    if (steps.empty() || (!all && !faults_.images(fault).contains(image_index_))) return -1;
    std::fill(pending_.begin(), pending_.end(), false);
    int waiting = 0;
    int last = -1;
    auto next = steps.begin();
    for (int t = next->tensor; t <= network_.last_tensor(); ++t) {
      const int producer = Network::producer(t);
      if (all && t > steps.front().tensor) {
        pass_.recompute(producer);
      } else if (producer >= 0 && pending_[static_cast<size_t>(producer)]) {
        --waiting;
        const bool anew = next != steps.end() && next->tensor == t && next->level_patch.whole;
        if (!anew) pass_.propagate(producer, path_ == Path::differential);
      }
      if (next != steps.end() && next->tensor == t) {
        pass_.apply(*next++, faults_.effects(fault), image_index_);
      }
      if (pass_.differs(t)) {
        last = t;
        for (const int consumer : network_.consumers(t)) {
          if (pending_[static_cast<size_t>(consumer)]) continue;
          pending_[static_cast<size_t>(consumer)] = true;
          ++waiting;
        }
      }
      if (!all && waiting == 0 && next == steps.end()) break;
    }
    return last;
  }

  const FaultList& faults_;
  const Path path_;
  Executor golden_;
  const LevelNetwork& network_;
  LevelPass pass_;
  std::vector<bool> pending_;  // [layer]: some tensor that it reads differs
  int64_t image_index_ = 0;
  WorkCount work_;
};

}  // namespace

std::unique_ptr<FaultSimulator::Impl> make_level_simulator(const FaultList& faults, Path path) {
  return std::make_unique<LevelSimulator>(faults, path);
}

}  // namespace stuckat::fast
