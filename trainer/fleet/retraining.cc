#include "trainer/fleet/retraining.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>

#include "workloads/errors.h"
#include "workloads/json_file.h"

namespace stuckat::trainer {
namespace {

constexpr int introduction_levels = 16;

}  // namespace

void check(const RetrainOptions& o, const DataSet& images) {
  const auto want = [](bool ok, const char* what, const std::string& value, const char* expected) {
    if (!ok) throw InputError("retraining", what + (" " + value), expected);
  };
  want(o.batch >= 2 && o.batch <= 4096, "batch", std::to_string(o.batch), "2 to 4096");
  want(o.learning_rate > 0 && o.learning_rate <= 10, "learning rate",
       std::to_string(o.learning_rate), "above 0, at most 10");
  want(o.crop_padding >= 0 && o.crop_padding <= 64, "crop padding", std::to_string(o.crop_padding),
       "0 to 64");
  want(o.introduction >= 0, "introduction", std::to_string(o.introduction), "0 or more images");
  want(images.size() >= o.batch, "training images:", std::to_string(images.size()),
       "a batch at least");
}

std::string configuration(const RetrainOptions& o) {
  return nlohmann::ordered_json{{"batch", o.batch},       {"learning_rate", o.learning_rate},
                                {"crop", o.crop_padding}, {"flip", o.flip},
                                {"seed", o.seed},         {"introduction", o.introduction}}
      .dump();
}

RetrainOptions retrain_options(const std::string& configuration, const std::string& where) {
  try {
    const auto json = parse_json(configuration, where);
    RetrainOptions o;
    o.batch = json.at("batch");
    o.learning_rate = json.at("learning_rate");
    o.crop_padding = json.at("crop");
    o.flip = json.at("flip");
    o.seed = json.at("seed");
    o.introduction = json.at("introduction");
    return o;
  } catch (const nlohmann::json::exception&) {
    throw InputError(where, "says not how it was retrained: " + configuration,
                     "a file of this version");
  }
}

Retraining::Retraining(const Model& start, const DataSet& images, const RetrainOptions& options,
                       Damage damage, Workers& workers)
    : options_(options),
      damage_(std::move(damage)),
      workers_(workers),
      images_(start.architecture, images),
      model_(start),
      adam_(model_),
      step_(start.architecture, {.zeros = false, .faults = true}, workers),
      batch_(options.batch),
      input_(block_count(batch_) * block_elements(start.architecture.input())) {
  check(options, images);
}

void Retraining::start_epoch() {
  ++epoch_;
  next_ = 0;
  order_ = epoch_order(images_.size(), options_.seed, epoch_);
  order_.resize(order_.size() / static_cast<size_t>(batch_) * static_cast<size_t>(batch_));
  batches_ = std::make_unique<ImageBatches>(images_, order_, batch_, workers_);
}

bool Retraining::run_to(int64_t images, const std::function<bool(int64_t)>& go_on) {
  std::vector<int> labels(static_cast<size_t>(batch_));
  while (seen_ < images) {
    if (next_ == order_.size()) start_epoch();
    const Augmentation augmentation{options_.crop_padding, options_.flip, false, options_.seed};
    batches_->next([&](int image) { return augmentation.shift(epoch_, image); }, input_.data());
    for (int& label : labels) label = images_.label(order_[next_++]);
    step(labels);
    seen_ += batch_;
    if (go_on && !go_on(seen_)) return false;
  }
  return true;
}

void Retraining::break_parts() {
  const double share = options_.introduction == 0
                           ? 1
                           : std::min(1.0, static_cast<double>(seen_ + batch_) /
                                               static_cast<double>(options_.introduction));
  const int level = static_cast<int>(std::ceil(share * introduction_levels));
  if (level == level_ && !damage_.depends_on_parameters) return;
  level_ = level;
  broken_ = std::make_unique<FixedFaults>(
      model_.architecture,
      damage_.effects(export_network(model_), static_cast<double>(level) / introduction_levels),
      std::vector<Effects>{});
}

void Retraining::step(const std::vector<int>& labels) {
  break_parts();
  FaultOverlay* const overlays[] = {broken_.get()};
  const StepResult result = step_.run(model_, input_.data(), labels, overlays, seen_);
  if (!std::isfinite(result.loss)) {
    throw InputError("retraining",
                     "the loss is not finite after " + std::to_string(seen_) + " images",
                     "a lower learning rate, or a gradual introduction");
  }
  update_statistics(model_, step_.statistics());
  adam_.update(model_, step_.gradients(), options_.learning_rate, workers_);
}

Network Retraining::network() const {
  const Network exported = export_network(model_);
  return pruned(exported, damage_.effects(exported, 1));
}

}  // namespace stuckat::trainer
