// Injection layers after tensors, as a step sees them (methods.md, section 1).
#pragma once

#include <cstdint>
#include <vector>

#include "trainer/fault_overlay.h"
#include "trainer/injection.h"

namespace stuckat::trainer {

/// What is injected in one step. In the dropout methods (injection.zeros) survivors count 1/(1-p)
/// times as much: the batch-norm after them takes it into its unit.
class InjectionOverlay : public FaultOverlay {
 public:
  /// Injects into `tensors`, ascending, from the next step on; none: nothing.
  void set(const Injection& injection, std::vector<int> tensors, uint64_t seed);
  /// Number of the next step in the whole run: no two steps draw the same.
  void set_step(uint64_t step) { step_ = step; }

  void values(const StepContext& context, int tensor, const TensorValues& of) override;
  double kept_share(int tensor) const override;
  void gradient(const StepContext& context, int tensor, int block, int y, Range channels,
                float* row) const override;

  const InjectionMask& mask(int tensor) const { return masks_[static_cast<size_t>(tensor)]; }

 private:
  bool injected(int tensor) const;

  Injection injection_;
  std::vector<int> tensors_;
  uint64_t seed_ = 0;
  uint64_t step_ = 0;
  std::vector<InjectionMask> masks_;  // [tensor]
};

}  // namespace stuckat::trainer
