// How sharp the minimum is that a network lies in (docs/training.md, Flat minima): the loss as a
// function of the quantized weights as real numbers, batch-norms frozen.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "faultmaps/effects.h"
#include "trainer/step.h"
#include "workloads/dataset.h"

namespace stuckat::trainer {

class InputImages;

/// A point in the space of weights, or a direction: [layer][rows][columns], empty for a layer
/// without weights.
using Weights = std::vector<std::vector<float>>;

double dot(const Weights& a, const Weights& b);
double norm(const Weights& a);
/// sum += factor * a.
void add(double factor, const Weights& a, Weights& sum);
Weights zeros_like(const Model& model);
/// Standard normal numbers, or -1 and +1 with equal odds.
Weights normal_weights(const Model& model, uint64_t seed, uint64_t number);
Weights random_signs(const Model& model, uint64_t seed, uint64_t number);

/// Scales each row (filter) of a direction to the size of the row of quantized weights (Li et al.
/// 2018, filter normalisation).
void normalise_filters(const Model& model, Weights& direction);
/// The quantized weights as real numbers.
Weights quantized_weights_of(const Model& model);

/// What patches of weights (effects on the exported network) add to the quantized weights. Throws
/// InputError for effects that are no patches of weights.
Weights offset_of(const Model& model, const Effects& effects);

/// The loss of some images, and its gradient, at the quantized weights plus an offset. Exact for
/// the forward pass; the gradient goes straight through the quantizers of activations.
class LossSurface {
 public:
  struct Point {
    double loss = 0;
    double accuracy = 0;  ///< 0 .. 1
    Weights gradient;
  };

  /// The first `images` of the data, as many at a time as `batch`. Keeps references to all three.
  LossSurface(const Model& model, const DataSet& data, int images, int batch, Workers& workers);

  ~LossSurface();

  Point at(const Weights& offset);
  /// Hessian times direction, by central differences of gradients at +-step along it (a step of
  /// that length, whatever the direction's).
  Weights hessian_times(const Weights& direction, double step);

 private:
  const Model& model_;
  std::unique_ptr<InputImages> images_;
  int count_ = 0;
  int batch_ = 0;
  Workers& workers_;
  TrainingStep step_;
  std::vector<int16_t> input_;
};

struct SharpnessOptions {
  double rho = 0.4;         ///< radius of the ascent point
  double step = 0.05;       ///< of central differences, in the space of weights
  int iterations = 20;      ///< of the power method, at most
  double tolerance = 1e-2;  ///< it ends where an eigenvalue changes by a smaller part
  int repeats = 3;          ///< starts of the power method
  int probes = 8;           ///< of Hutchinson's trace
  uint64_t seed = 1;
};

/// A mean with the spread of what it was taken over.
struct Spread {
  double mean = 0;
  double deviation = 0;  ///< of a single one: of the sample, n - 1
  int count = 0;
};

struct Sharpness {
  double loss = 0;
  double accuracy = 0;
  double ascent_loss = 0;  ///< at rho * gradient / norm of gradient
  double ascent_accuracy = 0;
  double gradient_norm = 0;
  Spread top_eigenvalue;  ///< over starts
  int iterations = 0;     ///< most that a start took
  Spread trace;           ///< over probes
};

/// told(work done, of all): false stops; what is there comes back.
Sharpness measure_sharpness(LossSurface& surface, const Model& model,
                            const SharpnessOptions& options,
                            const std::function<bool(double)>& told = {});

}  // namespace stuckat::trainer
