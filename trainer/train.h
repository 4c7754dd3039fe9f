// Training of quantized networks: standard and fault-aware (methods.md, section 1: FAT).
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "faultmaps/fault_map.h"
#include "faultmaps/placement.h"
#include "trainer/activation_penalty.h"
#include "trainer/injection.h"
#include "trainer/model.h"
#include "trainer/sharpness_aware.h"
#include "workloads/dataset.h"
#include "workloads/network.h"

namespace stuckat::trainer {

/// standard: nothing is injected. fat1: all injection layers are on. fat2: in each epoch one
/// injection layer, drawn at random, is on. dropout, dropout2d: as fat1 with single elements or
/// whole channels set to 0 and survivors scaled by 1/(1-p). fat_placement: pieces of a given
/// accelerator are broken at random, and what is injected is what that does to the network.
enum class Method : uint8_t { standard, fat1, fat2, dropout, dropout2d, fat_placement };

/// Behind the pool that follows a layer, or before it.
enum class InjectionSite : uint8_t { after_pool, before_pool };

/// constant; step: times `factor` after every `step_epochs`; cosine: to 0 at the last epoch.
enum class LearningRateSchedule : uint8_t { constant, step, cosine };

/// fat_placement: every image of a batch passes through an accelerator of its own, or all of them
/// through the same one.
enum class Draw : uint8_t { sample, batch };

/// p over the epochs: linear between points, constant before the first and after the last.
struct PercentPoint {
  int epoch = 0;
  double percent = 0;

  bool operator==(const PercentPoint&) const = default;
};

/// The accelerator that the network will run on.
struct Hardware {
  Placement placement;
  FaultMap chip;                                      ///< faults in every step and every evaluation
  std::vector<SiteKind> sites = {SiteKind::pe_dead};  ///< fat_placement: each broken with p
  Draw draw = Draw::sample;  ///< sample: only sites whose effects overwrite elements
};

/// Real value of the greatest level of a layer's weights. maximum: 1, the most that latent weights
/// may be; learned: learned_scales.h.
enum class Scales : uint8_t { maximum, learned };

/// Names for options and files, in the order of the enumerators.
const std::vector<std::string>& method_names();
const std::vector<std::string>& injection_kind_names();
const std::vector<std::string>& injection_site_names();
const std::vector<std::string>& schedule_names();
const std::vector<std::string>& draw_names();
const std::vector<std::string>& scales_names();

/// The defaults are the recipe of the FAT paper.
struct TrainOptions {
  Method method = Method::standard;
  InjectionKind injection = InjectionKind::channel;
  InjectionSite site = InjectionSite::after_pool;
  bool convolutions_only = false;  ///< inject after convolutions, not after dense layers
  double percent = 5;              ///< p: share of channels, pixels or elements that are injected
  std::vector<PercentPoint> percent_schedule;  ///< ascending; empty: `percent` in every epoch
  Hardware hardware;
  Ascent ascent;                    ///< a second pass in each step, with any method
  Penalty penalty;                  ///< on activations, with any method
  Scales scales = Scales::maximum;  ///< of weights, with any method

  int epochs = 1000;
  int batch = 100;
  double learning_rate = 0.02;
  LearningRateSchedule schedule = LearningRateSchedule::step;
  int step_epochs = 40;
  double step_factor = 0.5;

  int patience = 0;  ///< stop after so many epochs without a better validation; 0: never

  int crop_padding = 0;    ///< random crop: shifts of up to so many pixels each way; 0: none
  bool crop_edge = false;  ///< what moves in is the outermost pixel, and not black
  bool flip = false;       ///< every second image mirrored, at random

  uint64_t seed = 1;
  int threads = 0;  ///< 0: all of the machine. Changes no result.
  /// Path; written after each epoch, resumed from; empty: none. A run of more epochs goes on from
  /// one of fewer, where the schedule of the learning rate does not depend on their number.
  std::string checkpoint;
};

/// What one epoch came to. Accuracies are 0 .. 1.
struct EpochRecord {
  double learning_rate = 0;
  double loss = 0;                 ///< mean over the epoch's batches, in training mode, first pass
  double train_accuracy = 0;       ///< in training mode: injected, augmented, batch statistics
  double validation_accuracy = 0;  ///< of the exported integer network; 0 without validation set
  double test_accuracy = 0;        ///< likewise, on the test set
  int injected_layer = -1;         ///< fat2: index of the layer whose injection was on
  double penalty = 0;              ///< mean over the epoch's batches, on top of `loss`
  /// With a penalty: share of zeros in what each layer gives, over the epoch, in training mode;
  /// [layer], -1 for a layer whose values can't be 0 or that is no hidden layer.
  std::vector<double> zeros = {};

  bool operator==(const EpochRecord&) const = default;
};

/// State of a run, told after every batch.
struct Progress {
  int epoch = 0;  ///< 0 .. epochs-1
  int epochs = 0;
  int batch = 0;  ///< batches of this epoch that are done
  int batches = 0;
  double loss = 0;               ///< mean of this epoch so far
  double images_per_second = 0;  ///< trained, since the start or the resume
  double seconds_left = 0;       ///< of the whole run, at this speed
  bool epoch_done = false;       ///< validated, checkpoint written; `record` is valid
  EpochRecord record;
};

/// Returning false stops the run after this batch; an epoch that is not done is lost.
using ProgressCallback = std::function<bool(const Progress&)>;

/// The images of a run; null where there are none. The test set decides nothing but which network
/// is `best_test`: what that one gets on it is no estimate for new images.
struct TrainData {
  const DataSet& train;
  const DataSet* validation = nullptr;
  const DataSet* test = nullptr;
};

/// The network of the first epoch with the greatest accuracy on a set.
struct BestNetwork {
  Network network;
  int epoch = -1;  ///< -1: no epoch is done, or no such set
};

struct TrainResult {
  Network network;  ///< exported after the last epoch
  BestNetwork best_validation;
  BestNetwork best_test;  ///< what the FAT paper kept
  Model model;            ///< after the last epoch
  std::vector<EpochRecord> history;
  bool stopped = false;  ///< by the callback
  bool early = false;    ///< by `patience`
  int resumed = 0;       ///< epochs that the checkpoint had
};

/// Trains `architecture` on `train` from random weights, or from `start` if that is not null.
/// An incomplete last batch of an epoch is left out (unless it is the only one). The same options,
/// data and seed give the same bytes on any number of threads, with or without interruption.
/// Throws InputError: impossible options, data that does not fit, a checkpoint of another run,
/// and divergence (a loss that is not finite: the last checkpoint stays).
TrainResult train(const Network& architecture, const TrainData& data, const TrainOptions& options,
                  const ProgressCallback& progress = {}, const Model* start = nullptr);

/// All options and inputs that decide the trajectory, as one line of JSON.
std::string resolved_configuration(const Network& architecture, const TrainData& data,
                                   const TrainOptions& options);

/// Tensors that can be injected: after each injectable layer, before or after its pool. Pixels
/// are not injected into tensors of one pixel, which would stick the whole layer.
std::vector<int> injection_tensors(const Network& network, const TrainOptions& options);

double learning_rate_at(const TrainOptions& options, int epoch);
double percent_at(const TrainOptions& options, int epoch);

}  // namespace stuckat::trainer
