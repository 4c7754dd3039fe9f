// Results put together: by layer and level (FAT, Table I), by PE, the worst faults, estimates.
#pragma once

#include <string>
#include <vector>

#include "sim/campaign/result.h"

namespace stuckat::campaign {

/// Least, greatest and mean accuracy, in percent, over a group of faults. Of a sample, least and
/// greatest are those of the faults that were drawn; in the mean each stands for as many as its
/// stratum has for each drawn one.
struct AccuracyRange {
  int64_t faults = 0;
  double min = 0;
  double max = 0;
  double mean = 0;
  int64_t worst = -1;  ///< index of the fault with the least accuracy (the first of equals)

  bool operator==(const AccuracyRange&) const = default;
};

/// All faults; `variance` is the population variance of their accuracies in %^2. Of a sample, mean
/// and variance are estimates for the population, the numbers of faults those that were drawn.
struct Overall {
  AccuracyRange accuracy;
  double variance = 0;
  int64_t masked_faults = 0;     ///< change no logit of any image
  int64_t tolerated_faults = 0;  ///< change logits, but no prediction
  int64_t critical_faults = 0;   ///< change at least one prediction
};
Overall overall(const Result& result);

/// How many of the faults had to be simulated.
struct Collapse {
  int64_t classes = 0;    ///< of faults that do the same; faults without effect are in none
  int64_t collapsed = 0;  ///< faults that do what one before them does
  int64_t no_effect = 0;  ///< faults that change nothing on any image
  int64_t silent = 0;     ///< of all others: on the counted images, no element differed
};
Collapse collapse(const Result& result);

struct LayerSummary {
  int layer = -1;    ///< -1: many or none
  std::string name;  ///< of the layer, or "-"
  int level = FaultInfo::no_level;
  AccuracyRange accuracy;
};
/// A row for each layer and level that has faults, ascending.
std::vector<LayerSummary> by_layer_and_level(const Result& result);

struct PeSummary {
  std::string part;
  int pe = -1;
  AccuracyRange accuracy;
};
/// A row for each PE that has faults; parts in the order of the faults, PEs ascending.
std::vector<PeSummary> by_pe(const Result& result);

/// Indices of the `count` faults with the least accuracy, ascending; of equals the first first.
std::vector<int64_t> worst_faults(const Result& result, int64_t count);

/// Of all intervals: the confidence of the sample, or 95 % where no fault was left out.
double confidence(const Result& result);

/// What the number of images leaves open, in fractions of all images of that kind, of which the
/// counted ones are a sample. The share that the network without faults predicts right:
Estimate golden_limits(const Result& result);
/// By how much one fault lowers it, faulty against fault-free on the same images. Which predictions
/// changed from right to wrong and back is not in a result: as many as can be, so that the limits
/// hold whatever it was. 0 exactly for a fault that changes nothing on any image.
Estimate loss_limits(const Result& result, int64_t fault);

/// What the sample says about its population, in fractions of the counted images.
struct Estimates {
  std::string stratum;  ///< "all" for the whole
  int64_t sampled = 0;
  int64_t population = 0;
  Estimate accuracy;         ///< mean over faults
  Estimate critical;         ///< fault-images whose prediction changed
  Estimate critical_faults;  ///< faults that change at least one prediction
};
/// One for each stratum, then the whole. Without sampling the intervals are the values.
std::vector<Estimates> estimates(const Result& result);

/// Digits after the point that one image of so many can change, of a share in percent: 0 to 2.
int decimals(int64_t images);

/// Layers down, levels across, "min max" in percent with decimals(), as the paper prints it, with
/// the error-free accuracy, the overall minimum and the variance.
std::string layer_table(const Result& result);
/// Layers of the faults down; what became of their fault-images across, in percent: the prediction
/// changed, only logits changed, or nothing differed after the layer that heads the column.
std::string fate_table(const Result& result);
std::string pe_table(const Result& result, int64_t count = 20);  ///< the worst `count` PEs
std::string worst_table(const Result& result, int64_t count = 10);
std::string estimates_table(const Result& result);

/// The rows of layer_table as CSV.
std::string layers_csv(const Result& result);

}  // namespace stuckat::campaign
