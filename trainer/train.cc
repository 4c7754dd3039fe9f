#include "trainer/train.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>

#include "trainer/checkpoint.h"
#include "trainer/fixed_faults.h"
#include "trainer/hardware_faults.h"
#include "trainer/images.h"
#include "trainer/injection_overlay.h"
#include "trainer/learned_scales.h"
#include "trainer/predict.h"
#include "trainer/random.h"
#include "trainer/step.h"
#include "workloads/errors.h"
#include "workloads/hash.h"
#include "workloads/hdf5_file.h"

namespace stuckat::trainer {
namespace {

void check(bool ok, const std::string& option, const std::string& value,
           const std::string& expected) {
  if (!ok) throw InputError("training", option + " " + value, expected);
}

bool drops(Method method) { return method == Method::dropout || method == Method::dropout2d; }

/// Behind layers, whatever the hardware.
bool injects(Method method) {
  return method != Method::standard && method != Method::fat_placement;
}

void check_percent(const TrainOptions& o) {
  std::vector<PercentPoint> points = o.percent_schedule;
  if (points.empty()) points.push_back({0, o.percent});
  int before = -1;
  for (const auto& [epoch, percent] : points) {
    const bool dropout = drops(o.method);
    check(percent >= 0 && (dropout ? percent < 100 : percent <= 100), "p", std::to_string(percent),
          dropout ? "0 up to (not including) 100 percent" : "0 to 100 percent");
    check(epoch > before, "p in epoch", std::to_string(epoch), "epochs from 0, ascending");
    before = epoch;
  }
}

void check_options(const Network& network, const TrainData& data, const TrainOptions& o) {
  using std::to_string;
  check_percent(o);
  check(o.epochs >= 1 && o.epochs <= 1'000'000, "epochs", to_string(o.epochs), "1 to 1000000");
  check(o.batch >= 2 && o.batch <= 4096, "batch", to_string(o.batch), "2 to 4096");
  check(o.learning_rate > 0 && o.learning_rate <= 10, "learning rate", to_string(o.learning_rate),
        "above 0, at most 10");
  check(o.step_epochs >= 1, "step epochs", to_string(o.step_epochs), "at least 1");
  check(o.step_factor > 0 && o.step_factor <= 1, "step factor", to_string(o.step_factor),
        "above 0, at most 1");
  check(o.crop_padding >= 0 && o.crop_padding <= 64, "crop padding", to_string(o.crop_padding),
        "0 to 64");
  check(!o.crop_edge || o.crop_padding > 0, "crop edge", "without a crop",
        "a crop padding, or neither");
  check(o.threads >= 0 && o.threads <= 1024, "threads", to_string(o.threads), "0 to 1024");
  check(o.ascent.rho >= 0 && o.ascent.rho <= 1000, "rho", to_string(o.ascent.rho), "0 to 1000");
  check(o.ascent.eta >= 0 && o.ascent.eta <= 1000, "eta", to_string(o.ascent.eta), "0 to 1000");
  check(o.penalty.weight >= 0 && o.penalty.weight <= 1e6, "penalty weight",
        to_string(o.penalty.weight), "0 to 1000000");
  check(o.patience >= 0, "patience", to_string(o.patience), "0 or more epochs");
  check(o.patience == 0 || data.validation != nullptr, "patience", to_string(o.patience),
        "0, or a validation set");
  check(
      !injects(o.method) || !injection_tensors(network, o).empty(), "method",
      method_names()[static_cast<size_t>(o.method)] + " would inject nothing into " + network.name,
      "pixels after convolutions, or dense layers with the others");
  check(!data.train.is_raw || (o.crop_padding == 0 && !o.flip), "augmentation", "of raw data",
        "pictures, or neither crops nor flips");
  check(data.train.size() >= 2, "training images:", to_string(data.train.size()), "at least 2");
  for (const DataSet* set : {&data.train, data.validation, data.test}) {
    if (set == nullptr) continue;
    check(set->classes <= network.classes(), "data with classes:", to_string(set->classes),
          "at most " + to_string(network.classes()) + ", the network's");
  }
}

std::string hash_of(const Model& model) {
  Hasher hasher;
  if (model.moved_thresholds) {
    for (const Layer& layer : model.architecture.layers) {
      for (const int32_t t : layer.thresholds) hasher.add(t);
    }
  }
  for (const LayerParameters& p : model.layers) {
    for (const auto* values : {&p.weights, &p.gamma, &p.beta}) {
      hasher.add(values->size());
      for (const float v : *values) hasher.add(double{v});
    }
    for (const float scale : p.scale) hasher.add(double{scale});
    for (const auto* values : {&p.mean, &p.variance}) {
      hasher.add(values->size());
      for (const double v : *values) hasher.add(v);
    }
  }
  return hasher.hex();
}

/// One run: what stays the same over its epochs.
class Run {
 public:
  Run(const Network& architecture, const TrainData& data, const TrainOptions& options,
      const ProgressCallback& progress, const Model* start)
      : options_(options),
        data_(data),
        progress_(progress),
        workers_(options.threads),
        images_(architecture, data.train),
        tensors_(injection_tensors(architecture, options)),
        state_(initial_state(architecture, start)),
        hardware_(options.hardware, options.method == Method::fat_placement, options.seed,
                  architecture),
        step_(architecture, {drops(options.method), hardware_.any()}, workers_),
        ascent_(options.ascent),
        penalty_(options.penalty, architecture),
        batch_(std::min(options.batch, images_.size())),
        batches_(images_.size() / batch_),
        input_(block_count(batch_) * block_elements(architecture.input())) {
    if (options_.ascent.real_weights()) hardware_.check_real_weights();
    if (!options_.checkpoint.empty()) Hdf5File::remove_leftovers(options_.checkpoint);
    std::error_code ignored;
    if (!options_.checkpoint.empty() && std::filesystem::exists(options_.checkpoint, ignored)) {
      read_checkpoint(options_.checkpoint, state_);
    }
    first_epoch_ = static_cast<int>(state_.history.size());
    if (first_epoch_ > options_.epochs) {
      throw InputError(options_.checkpoint,
                       "has " + std::to_string(first_epoch_) + " epochs of the " +
                           std::to_string(options_.epochs) + " wanted",
                       "more epochs, or another checkpoint file");
    }
  }

  TrainResult run() {
    bool stopped = false;
    for (int epoch = first_epoch_; epoch < options_.epochs && !stopped && !out_of_patience();
         ++epoch) {
      stopped = !run_epoch(epoch);
    }
    TrainResult result;
    result.network = export_network(state_.model);
    const auto best = [](const BestModel& b) {
      return b.epoch < 0 ? BestNetwork{} : BestNetwork{export_network(b.model), b.epoch};
    };
    result.best_validation = best(state_.best_validation);
    result.best_test = best(state_.best_test);
    result.early = out_of_patience();
    result.model = std::move(state_.model);
    result.history = std::move(state_.history);
    result.stopped = stopped;
    result.resumed = first_epoch_;
    return result;
  }

 private:
  /// From the history alone, so that a resumed run ends where one in a piece does.
  bool out_of_patience() const {
    return options_.patience > 0 && state_.best_validation.epoch >= 0 &&
           static_cast<int>(state_.history.size()) - 1 - state_.best_validation.epoch >=
               options_.patience;
  }

  TrainState initial_state(const Network& architecture, const Model* start) {
    std::string configuration = resolved_configuration(architecture, data_, options_);
    if (start != nullptr) configuration += " start " + hash_of(*start);
    Model model = start != nullptr ? *start : initial_model(architecture, options_.seed);
    if (options_.scales == Scales::learned) {
      add_learned_scales(model, start == nullptr);
    } else if (has_learned_scales(model)) {
      throw InputError("training", "scales from the maximum, from a model that has learned ones",
                       "learned scales, or another start");
    }
    Adam adam(model);
    return {std::move(configuration), model, {model, -1}, {model, -1}, std::move(adam), {}};
  }

  /// What is injected in an epoch, and where.
  std::pair<Injection, std::vector<int>> injection_for(int epoch, EpochRecord& record) const {
    const double percent = percent_at(options_, epoch);
    switch (options_.method) {
      case Method::standard:
      case Method::fat_placement:
        break;
      case Method::dropout:
        return {{InjectionKind::element, percent, true}, tensors_};
      case Method::dropout2d:
        return {{InjectionKind::channel, percent, true}, tensors_};
      case Method::fat1:
        return {{options_.injection, percent, false}, tensors_};
      case Method::fat2: {
        if (tensors_.empty()) break;
        const Sequence random(options_.seed, Purpose::injected_layer);
        const int chosen =
            random.below(static_cast<uint64_t>(epoch), static_cast<int>(tensors_.size()));
        const int tensor = tensors_[static_cast<size_t>(chosen)];
        const Network& network = state_.model.architecture;
        record.injected_layer = network.producer(tensor);
        while (!network.layer(record.injected_layer).has_weights()) {
          record.injected_layer = network.producer(network.input_tensor(record.injected_layer));
        }
        return {{options_.injection, percent, false}, {tensor}};
      }
    }
    return {};
  }

  /// False if the callback stopped it.
  bool run_epoch(int epoch) {
    EpochRecord record;
    record.learning_rate = learning_rate_at(options_, epoch);
    const auto [injection, tensors] = injection_for(epoch, record);
    injection_.set(injection, tensors, options_.seed);
    penalty_sum_ = 0;
    values_.assign(penalty_.tensors().size(), {});
    std::vector<int> order = epoch_order(images_.size(), options_.seed, epoch);
    order.resize(static_cast<size_t>(batches_) * static_cast<size_t>(batch_));
    ImageBatches batches(images_, order, batch_, workers_);
    const Augmentation augmentation{options_.crop_padding, options_.flip, options_.crop_edge,
                                    options_.seed};
    std::vector<int> labels(static_cast<size_t>(batch_));
    // As in the files: an unfinished epoch leaves no trace.
    int64_t correct = 0;
    for (int b = 0; b < batches_; ++b) {
      batches.next([&](int image) { return augmentation.shift(epoch, image); }, input_.data());
      for (int n = 0; n < batch_; ++n) {
        labels[static_cast<size_t>(n)] = images_.label(order[static_cast<size_t>(b) * batch_ + n]);
      }
      const StepResult result = run_step(epoch, b, labels);
      if (!std::isfinite(result.loss)) {
        throw InputError("training", "the loss is not finite in epoch " + std::to_string(epoch),
                         "a lower learning rate; the last checkpoint, if any, is unharmed");
      }
      state_.adam.update(state_.model, gradients(), record.learning_rate, workers_);
      record.loss += result.loss / batches_;
      correct += result.correct;
      ++batches_done_;
      if (b + 1 < batches_ && !tell(epoch, b + 1, record.loss * batches_ / (b + 1), nullptr)) {
        return false;
      }
    }
    record.train_accuracy = static_cast<double>(correct) / (static_cast<double>(batches_) * batch_);
    record_penalty(record);
    finish_epoch(epoch, record);
    return tell(epoch, batches_, record.loss, &record);
  }

  /// Passes, and the running statistics.
  StepResult run_step(int epoch, int batch, const std::vector<int>& labels) {
    const int64_t step = static_cast<int64_t>(epoch) * batches_ + batch;
    injection_.set_step(static_cast<uint64_t>(step));
    std::vector<FaultOverlay*> overlays;
    if (options_.penalty.active()) overlays.push_back(&penalty_);
    std::optional<FixedFaults> broken;
    if (hardware_.any()) {
      hardware_.draw(state_.model, percent_at(options_, epoch), static_cast<uint64_t>(step),
                     batch_);
      broken.emplace(state_.model.architecture, hardware_.common(), hardware_.of_samples());
      overlays.push_back(&*broken);
    }
    overlays.push_back(&injection_);
    const StepResult result =
        step_.run(state_.model, input_.data(), labels, overlays, step * batch_);
    update_statistics(state_.model, step_.statistics());
    if (options_.penalty.active()) add_penalty();
    if (!options_.ascent.active() || !std::isfinite(result.loss)) return result;
    ascent_.run(step_, state_.model, input_.data(), labels, overlays, step * batch_);
    if (options_.ascent.both_statistics) update_statistics(state_.model, step_.statistics());
    return result;
  }

  /// By the parameters of the model, of the last step.
  const std::vector<LayerGradient>& gradients() {
    if (options_.ascent.active()) return ascent_.gradients();
    if (options_.scales == Scales::maximum) return step_.gradients();
    gradients_ = step_.gradients();
    pass_weight_quantizers(state_.model, gradients_);
    return gradients_;
  }

  /// What the first pass came to.
  void add_penalty() {
    penalty_sum_ += penalty_.value();
    for (size_t i = 0; i < penalty_.value_sums().size(); ++i) {
      values_[i].count += penalty_.value_sums()[i].count;
      values_[i].zeros += penalty_.value_sums()[i].zeros;
    }
  }

  /// Into the record of the epoch.
  void record_penalty(EpochRecord& record) const {
    if (!options_.penalty.active()) return;
    const Network& network = state_.model.architecture;
    record.penalty = penalty_sum_ / batches_;
    record.zeros.assign(network.layers.size(), -1);
    for (size_t i = 0; i < values_.size(); ++i) {
      const int layer = network.producer(penalty_.tensors()[i]);
      record.zeros[static_cast<size_t>(layer)] = values_[i].share_of_zeros();
    }
  }

  void finish_epoch(int epoch, EpochRecord& record) {
    const Network network = export_network(state_.model);
    const Effects effects = hardware_.chip_effects(network);
    if (data_.validation != nullptr) {
      record.validation_accuracy = accuracy(network, *data_.validation, workers_, effects);
      keep_best(epoch, &EpochRecord::validation_accuracy, record, state_.best_validation);
    }
    if (data_.test != nullptr) {
      record.test_accuracy = accuracy(network, *data_.test, workers_, effects);
      keep_best(epoch, &EpochRecord::test_accuracy, record, state_.best_test);
    }
    state_.history.push_back(record);
    if (!options_.checkpoint.empty()) write_checkpoint(options_.checkpoint, state_);
  }

  void keep_best(int epoch, double EpochRecord::*accuracy, const EpochRecord& record,
                 BestModel& best) const {
    if (best.epoch >= 0 &&
        record.*accuracy <= state_.history[static_cast<size_t>(best.epoch)].*accuracy) {
      return;
    }
    best = {state_.model, epoch};
  }

  bool tell(int epoch, int batch, double loss, const EpochRecord* record) {
    if (!progress_) return true;
    Progress p;
    p.epoch = epoch;
    p.epochs = options_.epochs;
    p.batch = batch;
    p.batches = batches_;
    p.loss = loss;
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start_;
    const auto done = static_cast<double>(batches_done_);
    const double left = static_cast<double>(options_.epochs - first_epoch_) * batches_ - done;
    p.images_per_second = done * batch_ / std::max(1e-9, seconds.count());
    p.seconds_left = seconds.count() / std::max(1.0, done) * left;
    p.epoch_done = record != nullptr;
    if (record != nullptr) p.record = *record;
    return progress_(p);
  }

  const TrainOptions options_;
  const TrainData data_;
  const ProgressCallback& progress_;
  Workers workers_;
  InputImages images_;
  std::vector<int> tensors_;
  TrainState state_;
  HardwareFaults hardware_;
  InjectionOverlay injection_;
  TrainingStep step_;
  SharpnessAware ascent_;
  ActivationPenalty penalty_;
  std::vector<LayerGradient> gradients_;  // with learned scales
  double penalty_sum_ = 0;                // of the epoch so far
  std::vector<ValueSums> values_;         // likewise; [number of the penalised tensor]
  int batch_ = 0;
  int batches_ = 0;  // of an epoch
  std::vector<int16_t> input_;
  int first_epoch_ = 0;
  int64_t batches_done_ = 0;  // since start_
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace

const std::vector<std::string>& method_names() {
  static const std::vector<std::string> names = {"standard", "fat1",      "fat2",
                                                 "dropout",  "dropout2d", "fat-placement"};
  return names;
}

const std::vector<std::string>& injection_kind_names() {
  static const std::vector<std::string> names = {"channel", "pixel", "element"};
  return names;
}

const std::vector<std::string>& injection_site_names() {
  static const std::vector<std::string> names = {"after-pool", "before-pool"};
  return names;
}

const std::vector<std::string>& schedule_names() {
  static const std::vector<std::string> names = {"constant", "step", "cosine"};
  return names;
}

const std::vector<std::string>& draw_names() {
  static const std::vector<std::string> names = {"sample", "batch"};
  return names;
}

const std::vector<std::string>& scales_names() {
  static const std::vector<std::string> names = {"maximum", "learned"};
  return names;
}

double percent_at(const TrainOptions& options, int epoch) {
  const auto& points = options.percent_schedule;
  if (points.empty()) return options.percent;
  const auto after = std::find_if(points.begin(), points.end(),
                                  [&](const PercentPoint& p) { return p.epoch > epoch; });
  if (after == points.begin()) return points.front().percent;
  if (after == points.end()) return points.back().percent;
  const PercentPoint& a = *(after - 1);
  const double share = static_cast<double>(epoch - a.epoch) / (after->epoch - a.epoch);
  return a.percent + share * (after->percent - a.percent);
}

double learning_rate_at(const TrainOptions& options, int epoch) {
  switch (options.schedule) {
    case LearningRateSchedule::constant:
      return options.learning_rate;
    case LearningRateSchedule::step: {
      const int steps = epoch / options.step_epochs;
      return options.learning_rate * std::pow(options.step_factor, steps);
    }
    case LearningRateSchedule::cosine:
      return options.learning_rate * 0.5 * (1 + std::cos(M_PI * epoch / options.epochs));
  }
  return 0;
}

std::vector<int> injection_tensors(const Network& network, const TrainOptions& options) {
  std::vector<int> tensors;
  const bool pixels = options.injection == InjectionKind::pixel &&
                      (options.method == Method::fat1 || options.method == Method::fat2);
  for (const int index : network.injectable_layers()) {
    const Layer& layer = network.layers[static_cast<size_t>(index)];
    const int output = network.output_tensor(index);
    const int tensor =
        options.site == InjectionSite::after_pool ? network.after_pools(output) : output;
    if (options.convolutions_only && layer.is_flat()) continue;
    if (pixels && network.shape(tensor).pixels() == 1) continue;
    tensors.push_back(tensor);
  }
  return tensors;
}

namespace {

/// Squares as ever: checkpoints of earlier versions go on.
void add_windows(const Layer& layer, Hasher& shapes) {
  const Padding& p = layer.padding;
  const bool square = layer.kernel.height == layer.kernel.width &&
                      layer.stride.height == layer.stride.width && p == Padding(p.top);
  shapes.add(layer.kernel.height).add(layer.stride.height).add(p.top);
  if (square) return;
  shapes.add(layer.kernel.width).add(layer.stride.width);
  shapes.add(p.left).add(p.bottom).add(p.right);
}

}  // namespace

std::string resolved_configuration(const Network& architecture, const TrainData& data,
                                   const TrainOptions& o) {
  Hasher shapes;
  int index = 0;
  for (const Layer& layer : architecture.layers) {
    shapes.add(layer.name).add(layer.kind->number);
    add_windows(layer, shapes);
    if (layer.inputs != std::vector<int>{index++} || layer.groups != 1) {
      for (const int tensor : layer.inputs) shapes.add(tensor);
      shapes.add(layer.groups);
    }
    for (const Shape s : {layer.input, layer.output}) {
      shapes.add(s.height).add(s.width).add(s.channels);
    }
    for (const NumberFormat f : {layer.input_format, layer.weight_format, layer.output_format}) {
      shapes.add(f.name());
    }
  }
  nlohmann::ordered_json json;
  json["network"] = architecture.name;
  json["architecture_hash"] = shapes.hex();
  json["data"] = data.train.name;
  json["data_hash"] = content_hash(data.train);
  if (data.validation != nullptr) {
    json["validation"] = data.validation->name;
    json["validation_hash"] = content_hash(*data.validation);
  }
  if (data.test != nullptr) {
    json["test"] = data.test->name;
    json["test_hash"] = content_hash(*data.test);
  }
  json["method"] = method_names()[static_cast<size_t>(o.method)];
  if (o.method != Method::standard) {
    json["injection"] = injection_kind_names()[static_cast<size_t>(o.injection)];
    json["site"] = injection_site_names()[static_cast<size_t>(o.site)];
    json["convolutions_only"] = o.convolutions_only;
    if (o.percent_schedule.empty()) json["percent"] = o.percent;
    for (const auto& [epoch, percent] : o.percent_schedule) {
      json["percent_schedule"].push_back({epoch, percent});
    }
  }
  if (o.method == Method::fat_placement) {
    json["draw"] = draw_names()[static_cast<size_t>(o.hardware.draw)];
    for (const SiteKind kind : o.hardware.sites) json["sites"].push_back(site_row(kind).name);
  }
  if (!o.hardware.placement.accelerator.empty()) {
    json["accelerator"] = o.hardware.placement.accelerator;
  }
  for (const Fault& fault : o.hardware.chip.faults) json["faults"].push_back(name(fault));
  if (o.ascent.row != nullptr) {
    json["sharpness_aware"] = o.ascent.row->name;
    json["rho"] = o.ascent.rho;
    if (o.ascent.row->adaptive) json["eta"] = o.ascent.eta;
    json["ascent_norms"] = o.ascent.norms;
    json["ascent_statistics"] = o.ascent.both_statistics ? "both" : "first";
  }
  if (o.penalty.active()) {
    json["penalty"] = penalty_names()[static_cast<size_t>(o.penalty.kind)];
    json["penalty_weight"] = o.penalty.weight;
  }
  if (o.scales != Scales::maximum) json["scales"] = scales_names()[static_cast<size_t>(o.scales)];
  if (o.patience > 0) json["patience"] = o.patience;
  json["epochs"] = o.epochs;
  json["batch"] = o.batch;
  json["learning_rate"] = o.learning_rate;
  json["schedule"] = schedule_names()[static_cast<size_t>(o.schedule)];
  if (o.schedule == LearningRateSchedule::step) {
    json["step_epochs"] = o.step_epochs;
    json["step_factor"] = o.step_factor;
  }
  json["crop_padding"] = o.crop_padding;
  if (o.crop_edge) json["crop_fill"] = "edge";
  json["flip"] = o.flip;
  json["seed"] = o.seed;
  return json.dump();
}

TrainResult train(const Network& architecture, const TrainData& data, const TrainOptions& options,
                  const ProgressCallback& progress, const Model* start) {
  check_options(architecture, data, options);
  Run run(architecture, data, options, progress, start);
  return run.run();
}

}  // namespace stuckat::trainer
