// Regularisation towards sparse activations: a penalty on the values of hidden layers, as a step
// sees it (docs/training.md, Sparse activations). The share of zeros comes with it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "trainer/fault_overlay.h"

namespace stuckat::trainer {

/// Of one layer with n real values a (all samples of the batch):
/// l1:           sum |a| / n
/// hoyer_square: (sum |a|)^2 / sum a^2 / n, from 1/n where one value is not 0 to 1 where all are
///               equal (Yang et al. 2020, DeepHoyer)
enum class PenaltyKind : uint8_t { none, l1, hoyer_square };
const std::vector<std::string>& penalty_names();

struct Penalty {
  PenaltyKind kind = PenaltyKind::none;
  double weight = 0;  ///< the loss grows by so many times the sum over layers

  bool active() const { return kind != PenaltyKind::none; }
};

/// What values come to: integers, in units of the format's greatest level.
struct ValueSums {
  int64_t count = 0;
  int64_t zeros = 0;
  int64_t sizes = 0;    ///< sum of |v|
  int64_t squares = 0;  ///< sum of v^2

  double share_of_zeros() const {
    return count == 0 ? 0 : static_cast<double>(zeros) / static_cast<double>(count);
  }
};
ValueSums sums_of_values(const int8_t* values, Shape shape, int samples, Workers& workers);
ValueSums sums_of_values(const int16_t* values, Shape shape, int samples, Workers& workers);

/// The penalty (without its weight), and its derivative by a = v / greatest as
/// by_sign * sign(v) + by_value * v.
struct PenaltyTerms {
  double penalty = 0;
  double by_sign = 0;
  double by_value = 0;
};
PenaltyTerms penalty_terms(PenaltyKind kind, const ValueSums& sums, int greatest);

/// The tensors that a penalty acts on: what hidden layers with weights give, in a format with a 0.
/// hoyer_square: and with values of more than one size: where all are -1, 0 or 1 its derivative is
/// 0.
std::vector<int> penalised_tensors(PenaltyKind kind, const Network& network);

/// The first of a step's overlays: it looks at what all others have made of the values, and its
/// gradient is 0 where theirs is.
class ActivationPenalty : public FaultOverlay {
 public:
  /// Throws InputError for a network that has no penalised_tensors().
  ActivationPenalty(const Penalty& penalty, const Network& network);

  const std::vector<int>& tensors() const { return tensors_; }
  /// Of the last pass: the penalty with its weight, and the values of tensors()[i].
  double value() const { return value_; }
  const std::vector<ValueSums>& value_sums() const { return sums_; }

  void begin(const StepContext& context) override;
  void values(const StepContext& context, int tensor, const TensorValues& of) override;
  void logits(const StepContext& context, const ComputedLayer& computed) const override;
  void gradient(const StepContext& context, int tensor, int block, int y, Range channels,
                float* row) const override;

 private:
  /// The values that were handed out last are final now.
  void finish(const StepContext& context) const;

  Penalty penalty_;
  std::vector<int> tensors_;
  std::vector<int> number_;  // [tensor] in tensors_, or -1
  mutable int open_ = -1;    // number of the tensor whose values others may still change
  mutable double value_ = 0;
  mutable std::vector<ValueSums> sums_;      // [number], as are both below
  mutable std::vector<PenaltyTerms> terms_;  // with the weight
  std::vector<TensorValues> values_;
};

}  // namespace stuckat::trainer
