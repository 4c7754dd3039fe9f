#include "sim/fast/fault_simulator.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "sim/fast/channel_simulator.h"
#include "sim/fast/faulty_pass.h"
#include "sim/fast/levels/level_simulator.h"
#include "sim/fast/reference_simulator.h"
#include "sim/fast/simulator_impl.h"

namespace stuckat::fast {
namespace {

/// Networks on bit planes.
class PlaneSimulator : public FaultSimulator::Impl {
 public:
  PlaneSimulator(const FaultList& faults, Path path)
      : faults_(faults),
        path_(path),
        golden_(faults.network()),
        pass_(golden_),
        channels_(faults, golden_, pass_) {}

  void simulate([[maybe_unused]] int begin, std::span<Verdict> verdicts) override {
    assert(begin == 0 && static_cast<int>(verdicts.size()) == faults_.size());
    const auto report = [&](int fault, int last_difference) {
      verdicts[static_cast<size_t>(fault)] = verdict(last_difference);
    };
    if (path_ == Path::automatic) {
      channels_.begin_image();
      for (const ChannelGroup& group : faults_.channel_groups()) {
        channels_.run(group, report, [&](int fault, int tensor, int last_difference) {
          return go_on(fault, 1, tensor, last_difference);
        });
      }
      for (const int f : faults_.other_faults()) simulate_one(f, report);
      for (const auto& [fault, first] : faults_.copies()) {
        verdicts[static_cast<size_t>(fault)] = verdicts[static_cast<size_t>(first)];
      }
    } else {
      for (int f = 0; f < faults_.size(); ++f) simulate_one(f, report);
    }
    work_.fault_images += faults_.size();
    work_.additions = pass_.additions();
    work_.changed_elements = pass_.changed_elements();
    work_.bit_products += golden_.bit_products();
    work_.bit_products += pass_.take_bit_products();
  }

  void load(const Tensor& image, int64_t image_index) override {
    golden_.run(image);
    pass_.begin_image();
    image_index_ = image_index;
  }

  Tensor tensor(int fault, int tensor) override {
    run_fault(fault);
    Tensor result = pass_.tensor(tensor);
    pass_.clear(0);
    return result;
  }

  std::vector<Tensor> tensors(int fault) override {
    run_fault(fault);
    std::vector<Tensor> result;
    for (int t = 0; t < faults_.network().tensors(); ++t) result.push_back(pass_.tensor(t));
    pass_.clear(0);
    return result;
  }

  const Executor& golden() const override { return golden_; }
  const WorkCount& work() const override { return work_; }

 private:
  template <typename Report>
  void simulate_one(int fault, const Report& report) {
    report(fault, run_fault(fault, path_ == Path::automatic && faults_.is_sliced(fault)));
    pass_.clear(0);
  }

  Verdict verdict(int last_difference) const {
    Verdict result;
    result.last_difference = static_cast<int16_t>(last_difference);
    int prediction = golden_.prediction();
    if (last_difference == faults_.network().last_tensor()) {
      prediction = predicted_class(faults_.network().network(), pass_.logits().data());
    }
    result.prediction = static_cast<uint16_t>(prediction);
    result.critical = prediction != golden_.prediction();
    return result;
  }

  /// Returns the last tensor that differs, or -1. sliced: by the chain of sliced layers, whose
  /// inner tensors are not kept.
  int run_fault(int fault, bool sliced = false) {
    const FaultProgram& program = faults_.program(fault);
    if (path_ != Path::dense && !faults_.images(fault).contains(image_index_)) return -1;
    if (program.steps.empty()) return -1;
    const int first = program.steps.front().tensor;
    if (!sliced) return go_on(fault, 0, first, -1);
    return go_on(fault, 0, std::min(first, faults_.chain()->input()), -1, true);
  }

  /// From the input of the sliced layers to their output. Returns the last tensor that differs.
  int go_through_chain(int fault, size_t& next, int last_difference) {
    const SlicedChain& chain = *faults_.chain();
    const FaultProgram& program = faults_.program(fault);
    const int last = pass_.run_sliced(chain, program);
    while (next < program.steps.size() && program.steps[next].tensor <= chain.output()) ++next;
    return last >= 0 ? last : last_difference;
  }

  /// The output of a layer once more, from operands that are held wrongly.
  void hold(int layer, const Effects& effects) {
    pass_.hold_operands(layer, effects, image_index_);
    pass_.clear(network().output_tensor(layer));
    if (path_ == Path::dense)
      pass_.recompute(layer);
    else if (pass_.differs(network().input_tensor(layer)))
      pass_.propagate(layer);
    pass_.recompute_windows(layer);
  }

  /// The step's layer is computed afresh, so that nothing need be propagated through it.
  bool recomputes(const TensorStep& step) const {
    return path_ == Path::automatic && FaultyPass::recomputes(step);
  }

  /// The steps of a fault from `next` on, where tensor t is computed as the steps before left it.
  /// Returns the last tensor that differs, `last_difference` if none from t on does.
  int go_on(int fault, size_t next, int t, int last_difference, bool sliced = false) {
    const std::vector<TensorStep>& steps = faults_.program(fault).steps;
    const Effects& effects = faults_.effects(fault);
    while (true) {
      if (next < steps.size() && steps[next].tensor == t) {
        const TensorStep& step = steps[next++];
        const int producer = Network::producer(t);
        if (!step.operands.empty()) hold(producer, effects);
        if (recomputes(step))
          pass_.recompute_patched(producer, effects, step, image_index_);
        else if (producer >= 0)
          pass_.apply_rows(producer, effects, step, image_index_);
        if (!step.operands.empty()) pass_.release_operands(producer);
        if (!step.pools.empty()) pass_.apply_pools(producer, effects, image_index_);
        for (const ElementStep& element : step.elements) {
          pass_.apply_element(t, effects.elements[static_cast<size_t>(element.fault)], element,
                              image_index_);
        }
      }
      bool different = pass_.differs(t);
      if (different) last_difference = t;
      if (sliced && t == faults_.chain()->input()) {
        last_difference = go_through_chain(fault, next, last_difference);
        t = faults_.chain()->output();
        different = pass_.differs(t);
      }
      const int reader = network().reader(t);
      if (reader < 0) return last_difference;
      if (path_ == Path::dense) {
        pass_.recompute(reader);
        t = network().output_tensor(reader);
      } else if (different) {
        t = network().output_tensor(reader);
        const bool is_next = next < steps.size() && steps[next].tensor == t;
        if (!is_next || !recomputes(steps[next])) pass_.propagate(reader);
      } else if (next < steps.size()) {
        t = steps[next].tensor;
      } else {
        return last_difference;
      }
    }
  }

  const PackedNetwork& network() const { return faults_.network(); }

  const FaultList& faults_;
  const Path path_;
  Executor golden_;
  FaultyPass pass_;
  ChannelSimulator channels_;
  int64_t image_index_ = 0;
  WorkCount work_;
};

}  // namespace

FaultSimulator::FaultSimulator(const FaultList& faults, Path path) {
  if (faults.network().levels() != nullptr)
    impl_ = make_level_simulator(faults, path);
  else if (!faults.network().in_planes())
    impl_ = make_reference_simulator(faults);
  else
    impl_ = std::make_unique<PlaneSimulator>(faults, path);
}
FaultSimulator::~FaultSimulator() = default;
FaultSimulator::FaultSimulator(FaultSimulator&&) noexcept = default;

void FaultSimulator::simulate(const Tensor& image, int64_t image_index,
                              std::span<Verdict> verdicts) {
  load(image, image_index);
  simulate(0, verdicts);
}

void FaultSimulator::simulate(int first, std::span<Verdict> verdicts) {
  impl_->simulate(first, verdicts);
}

const Executor& FaultSimulator::golden() const { return impl_->golden(); }
const WorkCount& FaultSimulator::work() const { return impl_->work(); }
std::vector<Tensor> FaultSimulator::tensors(int fault) { return impl_->tensors(fault); }
Tensor FaultSimulator::tensor(int fault, int tensor) { return impl_->tensor(fault, tensor); }
void FaultSimulator::load(const Tensor& image, int64_t image_index) {
  impl_->load(image, image_index);
}

std::vector<Tensor> run(const PackedNetwork& network, const Effects& effects, const Tensor& image,
                        int64_t image_index, Path path) {
  const FaultList faults(network, {effects});
  FaultSimulator simulator(faults, path);
  Verdict verdict;
  simulator.simulate(image, image_index, {&verdict, 1});
  return simulator.tensors(0);
}

}  // namespace stuckat::fast
