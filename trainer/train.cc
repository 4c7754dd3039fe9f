#include "trainer/train.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <numeric>

#include "trainer/checkpoint.h"
#include "trainer/images.h"
#include "trainer/predict.h"
#include "trainer/random.h"
#include "trainer/step.h"
#include "workloads/errors.h"
#include "workloads/hash.h"

namespace stuckat::trainer {
namespace {

void check(bool ok, const std::string& option, const std::string& value,
           const std::string& expected) {
  if (!ok) throw InputError("training", option + " " + value, expected);
}

void check_options(const Network& network, const DataSet& data, const DataSet* validation,
                   const TrainOptions& o) {
  using std::to_string;
  const bool dropout = o.method == Method::dropout || o.method == Method::dropout2d;
  check(o.percent >= 0 && (dropout ? o.percent < 100 : o.percent <= 100), "p", to_string(o.percent),
        dropout ? "0 up to (not including) 100 percent" : "0 to 100 percent");
  check(o.epochs >= 1 && o.epochs <= 1'000'000, "epochs", to_string(o.epochs), "1 to 1000000");
  check(o.batch >= 2 && o.batch <= 4096, "batch", to_string(o.batch), "2 to 4096");
  check(o.learning_rate > 0 && o.learning_rate <= 10, "learning rate", to_string(o.learning_rate),
        "above 0, at most 10");
  check(o.step_epochs >= 1, "step epochs", to_string(o.step_epochs), "at least 1");
  check(o.step_factor > 0 && o.step_factor <= 1, "step factor", to_string(o.step_factor),
        "above 0, at most 1");
  check(o.crop_padding >= 0 && o.crop_padding <= 64, "crop padding", to_string(o.crop_padding),
        "0 to 64");
  check(o.threads >= 0 && o.threads <= 1024, "threads", to_string(o.threads), "0 to 1024");
  check(data.size() >= 2, "training images:", to_string(data.size()), "at least 2");
  for (const DataSet* set : {&data, validation}) {
    if (set == nullptr) continue;
    check(set->classes <= network.classes(), "data with classes:", to_string(set->classes),
          "at most " + to_string(network.classes()) + ", the network's");
  }
}

/// Numbers 0 .. size-1 in the order of this epoch (Fisher and Yates).
std::vector<int> epoch_order(int size, uint64_t seed, int epoch) {
  std::vector<int> order(static_cast<size_t>(size));
  std::iota(order.begin(), order.end(), 0);
  const Sequence random(seed, Purpose::order, static_cast<uint64_t>(epoch));
  for (int i = size - 1; i > 0; --i) {
    std::swap(order[static_cast<size_t>(i)],
              order[static_cast<size_t>(random.below(static_cast<uint64_t>(i), i + 1))]);
  }
  return order;
}

Shift random_shift(const TrainOptions& options, int epoch, int image) {
  const Sequence random(options.seed, Purpose::augmentation, static_cast<uint64_t>(epoch),
                        static_cast<uint64_t>(image));
  Shift shift;
  if (options.crop_padding > 0) {
    const int positions = 2 * options.crop_padding + 1;
    shift.down = random.below(0, positions) - options.crop_padding;
    shift.right = random.below(1, positions) - options.crop_padding;
  }
  shift.mirrored = options.flip && random.below(2, 2) == 1;
  return shift;
}

std::string hash_of(const Model& model) {
  Hasher hasher;
  for (const LayerParameters& p : model.layers) {
    for (const auto* values : {&p.weights, &p.gamma, &p.beta}) {
      hasher.add(values->size());
      for (const float v : *values) hasher.add(double{v});
    }
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
  Run(const Network& architecture, const DataSet& data, const DataSet* validation,
      const TrainOptions& options, const ProgressCallback& progress, const Model* start)
      : options_(options),
        validation_(validation),
        progress_(progress),
        workers_(options.threads),
        images_(architecture, data),
        tensors_(injection_tensors(architecture, options)),
        state_(initial_state(architecture, data, start)),
        step_(architecture,
              options.method == Method::dropout || options.method == Method::dropout2d,
              options.faults, workers_),
        batch_(std::min(options.batch, images_.size())),
        batches_(images_.size() / batch_),
        input_(block_count(batch_) * block_elements(architecture.input())) {
    if (!options_.checkpoint.empty() && std::filesystem::exists(options_.checkpoint)) {
      read_checkpoint(options_.checkpoint, state_);
    }
    first_epoch_ = static_cast<int>(state_.history.size());
  }

  TrainResult run() {
    bool stopped = false;
    for (int epoch = first_epoch_; epoch < options_.epochs && !stopped; ++epoch) {
      stopped = !run_epoch(epoch);
    }
    TrainResult result;
    result.network = export_network(state_.model);
    result.best_epoch = state_.best_epoch;
    result.best = state_.best_epoch < 0 ? result.network : export_network(state_.best);
    result.model = std::move(state_.model);
    result.history = std::move(state_.history);
    result.stopped = stopped;
    return result;
  }

 private:
  TrainState initial_state(const Network& architecture, const DataSet& data, const Model* start) {
    std::string configuration = resolved_configuration(architecture, data, validation_, options_);
    if (start != nullptr) configuration += " start " + hash_of(*start);
    Model model = start != nullptr ? *start : initial_model(architecture, options_.seed);
    Adam adam(model);
    return {std::move(configuration), model, model, -1, std::move(adam), {}};
  }

  StepInjection injection_for(int epoch, EpochRecord& record) {
    StepInjection injection;
    injection.seed = options_.seed;
    injection.injection.kind = options_.injection;
    injection.injection.percent = options_.percent;
    switch (options_.method) {
      case Method::standard:
        break;
      case Method::dropout:
        injection.injection.kind = InjectionKind::element;
        injection.injection.zeros = true;
        injection.tensors = tensors_;
        break;
      case Method::dropout2d:
        injection.injection.kind = InjectionKind::channel;
        injection.injection.zeros = true;
        injection.tensors = tensors_;
        break;
      case Method::fat1:
        injection.tensors = tensors_;
        break;
      case Method::fat2: {
        if (tensors_.empty()) break;
        const Sequence random(options_.seed, Purpose::injected_layer);
        const int chosen =
            random.below(static_cast<uint64_t>(epoch), static_cast<int>(tensors_.size()));
        injection.tensors = {tensors_[static_cast<size_t>(chosen)]};
        record.injected_layer = injection.tensors.front() - 1;
        while (!state_.model.architecture.layers[static_cast<size_t>(record.injected_layer)]
                    .has_weights()) {
          --record.injected_layer;
        }
        break;
      }
    }
    return injection;
  }

  /// False if the callback stopped it.
  bool run_epoch(int epoch) {
    EpochRecord record;
    record.learning_rate = learning_rate_at(options_, epoch);
    StepInjection injection = injection_for(epoch, record);
    const std::vector<int> order = epoch_order(images_.size(), options_.seed, epoch);
    std::vector<int> labels(static_cast<size_t>(batch_));
    // As in the files: an unfinished epoch leaves no trace.
    const size_t block = block_elements(images_.shape());
    int64_t correct = 0;
    for (int b = 0; b < batches_; ++b) {
      std::fill(input_.begin(), input_.end(), int8_t{0});
      workers_.run(batch_, [&](int n) {
        const int image = order[static_cast<size_t>(b) * batch_ + n];
        images_.fill(image, random_shift(options_, epoch, image), input_.data() + n / lanes * block,
                     n % lanes);
      });
      for (int n = 0; n < batch_; ++n) {
        labels[static_cast<size_t>(n)] = images_.label(order[static_cast<size_t>(b) * batch_ + n]);
      }
      const int64_t step = static_cast<int64_t>(epoch) * batches_ + b;
      injection.step = static_cast<uint64_t>(step);
      injection.image_index = step * batch_;
      const StepResult result = step_.run(state_.model, input_.data(), labels, injection);
      if (!std::isfinite(result.loss)) {
        throw InputError("training", "the loss is not finite in epoch " + std::to_string(epoch),
                         "a lower learning rate; the last checkpoint, if any, is unharmed");
      }
      state_.adam.update(state_.model, step_.gradients(), record.learning_rate, workers_);
      record.loss += result.loss / batches_;
      correct += result.correct;
      ++batches_done_;
      if (b + 1 < batches_ && !tell(epoch, b + 1, record.loss * batches_ / (b + 1), nullptr)) {
        return false;
      }
    }
    record.train_accuracy = static_cast<double>(correct) / (static_cast<double>(batches_) * batch_);
    finish_epoch(epoch, record);
    return tell(epoch, batches_, record.loss, &record);
  }

  void finish_epoch(int epoch, EpochRecord& record) {
    const Network network = export_network(state_.model);
    if (validation_ != nullptr) {
      record.validation_accuracy = accuracy(network, *validation_, workers_, options_.faults);
    }
    const bool best =
        state_.best_epoch < 0 ||
        record.validation_accuracy >
            state_.history[static_cast<size_t>(state_.best_epoch)].validation_accuracy;
    if (best) {
      state_.best = state_.model;
      state_.best_epoch = epoch;
    }
    state_.history.push_back(record);
    if (!options_.checkpoint.empty()) write_checkpoint(options_.checkpoint, state_);
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
  const DataSet* validation_;
  const ProgressCallback& progress_;
  Workers workers_;
  InputImages images_;
  std::vector<int> tensors_;
  TrainState state_;
  TrainingStep step_;
  int batch_ = 0;
  int batches_ = 0;  // of an epoch
  std::vector<int8_t> input_;
  int first_epoch_ = 0;
  int64_t batches_done_ = 0;  // since start_
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace

const std::vector<std::string>& method_names() {
  static const std::vector<std::string> names = {"standard", "fat1", "fat2", "dropout",
                                                 "dropout2d"};
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

double learning_rate_at(const TrainOptions& options, int epoch) {
  switch (options.schedule) {
    case Schedule::constant:
      return options.learning_rate;
    case Schedule::step:
      return options.learning_rate *
             std::pow(options.step_factor, static_cast<double>(epoch / options.step_epochs));
    case Schedule::cosine:
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
    const int tensor =
        options.site == InjectionSite::after_pool ? network.tensor_after_pool(index) : index + 1;
    if (options.convolutions_only && layer.kind != LayerKind::convolution) continue;
    if (pixels && network.tensor_shape(tensor).pixels() == 1) continue;
    tensors.push_back(tensor);
  }
  return tensors;
}

std::string resolved_configuration(const Network& architecture, const DataSet& data,
                                   const DataSet* validation, const TrainOptions& o) {
  Hasher shapes;
  for (const Layer& layer : architecture.layers) {
    shapes.add(layer.name).add(layer.kind).add(layer.kernel).add(layer.stride).add(layer.padding);
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
  json["data"] = data.name;
  json["data_hash"] = content_hash(data);
  if (validation != nullptr) {
    json["validation"] = validation->name;
    json["validation_hash"] = content_hash(*validation);
  }
  json["method"] = method_names()[static_cast<size_t>(o.method)];
  if (o.method != Method::standard) {
    json["injection"] = injection_kind_names()[static_cast<size_t>(o.injection)];
    json["site"] = injection_site_names()[static_cast<size_t>(o.site)];
    json["convolutions_only"] = o.convolutions_only;
    json["percent"] = o.percent;
  }
  if (!o.faults.empty()) json["faults"] = describe(o.faults, architecture);
  json["epochs"] = o.epochs;
  json["batch"] = o.batch;
  json["learning_rate"] = o.learning_rate;
  json["schedule"] = schedule_names()[static_cast<size_t>(o.schedule)];
  if (o.schedule == Schedule::step) {
    json["step_epochs"] = o.step_epochs;
    json["step_factor"] = o.step_factor;
  }
  json["crop_padding"] = o.crop_padding;
  json["flip"] = o.flip;
  json["seed"] = o.seed;
  return json.dump();
}

TrainResult train(const Network& architecture, const DataSet& data, const DataSet* validation,
                  const TrainOptions& options, const ProgressCallback& progress,
                  const Model* start) {
  check_options(architecture, data, validation, options);
  Run run(architecture, data, validation, options, progress, start);
  return run.run();
}

}  // namespace stuckat::trainer
