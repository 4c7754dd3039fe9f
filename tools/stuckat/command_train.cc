#include <fmt/format.h>

#include <chrono>
#include <filesystem>

#include "tools/stuckat/accelerator.h"
#include "tools/stuckat/commands.h"
#include "tools/stuckat/inputs.h"
#include "tools/stuckat/interrupt.h"
#include "tools/stuckat/train_options.h"
#include "workloads/model_file.h"
#include "workloads/version.h"
#include "workloads/zoo.h"

namespace stuckat::cli {
namespace {

/// Once: from which epoch it goes on, and what the run will take, as soon as that is known.
class StartTold {
 public:
  void start(const trainer::Progress& p) {
    if (!resumed_ && p.epoch > 0) fmt::print("resumed from epoch {}\n", p.epoch);
    resumed_ = true;
    const auto since = std::chrono::steady_clock::now() - first_;
    constexpr double worth_telling = 60;
    if (time_ || since < std::chrono::seconds(2)) return;
    time_ = true;
    if (p.seconds_left < worth_telling) return;
    fmt::print("{} epochs: about {} at this speed ({:.0f} images/s)\n", p.epochs - p.epoch,
               duration(p.seconds_left), p.images_per_second);
    std::fflush(stdout);
  }

 private:
  bool resumed_ = false;
  bool time_ = false;
  std::chrono::steady_clock::time_point first_ = std::chrono::steady_clock::now();
};

bool show_progress(const trainer::Progress& p, const Network& architecture,
                   const trainer::TrainData& data, ProgressLine& progress, StartTold& told) {
  told.start(p);
  const double done = (p.epoch + static_cast<double>(p.batch) / p.batches) / p.epochs;
  progress.show(done, fmt::format("loss {:.4f}  {:.0f} images/s", p.loss, p.images_per_second));
  if (!p.epoch_done) return !interrupted();
  progress.clear();
  const trainer::EpochRecord& r = p.record;
  std::string text = fmt::format("epoch {:>3}  loss {:.4f}  train {:5.2f} %", p.epoch + 1, r.loss,
                                 100 * r.train_accuracy);
  if (data.validation != nullptr) {
    text += fmt::format("  validation {:5.2f} %", 100 * r.validation_accuracy);
  }
  if (data.test != nullptr) text += fmt::format("  test {:5.2f} %", 100 * r.test_accuracy);
  if (r.injected_layer >= 0) {
    text += "  injected " + architecture.layers[static_cast<size_t>(r.injected_layer)].name;
  }
  if (!r.zeros.empty()) {
    double sum = 0;
    int layers = 0;
    for (const double share : r.zeros) {
      if (share < 0) continue;
      sum += share;
      ++layers;
    }
    text += fmt::format("  zeros {:4.1f} %", 100 * sum / layers);
  }
  constexpr double worth_telling = 60;
  if (p.seconds_left >= worth_telling) text += "  " + duration(p.seconds_left) + " left";
  fmt::print("{}\n", text);
  std::fflush(stdout);
  return !interrupted();
}

struct KeptNetwork {
  Network network;
  int epoch = 0;
};

KeptNetwork kept_network(trainer::TrainResult& result, trainer::Kept kept) {
  switch (kept) {
    case trainer::Kept::best_validation:
      return {std::move(result.best_validation.network), result.best_validation.epoch};
    case trainer::Kept::best_test:
      return {std::move(result.best_test.network), result.best_test.epoch};
    case trainer::Kept::last:
      break;
  }
  return {std::move(result.network), static_cast<int>(result.history.size()) - 1};
}

/// Share of zeros by layer.
nlohmann::ordered_json zeros_json(const trainer::EpochRecord& record, const Network& architecture) {
  nlohmann::ordered_json json;
  for (size_t i = 0; i < record.zeros.size(); ++i) {
    if (record.zeros[i] >= 0) json[architecture.layers[i].name] = record.zeros[i];
  }
  return json;
}

nlohmann::ordered_json history_json(const trainer::TrainResult& result, const Network& architecture,
                                    const trainer::TrainData& data) {
  nlohmann::ordered_json epochs = nlohmann::json::array();
  for (const auto& r : result.history) {
    epochs.push_back({{"learning_rate", r.learning_rate},
                      {"loss", r.loss},
                      {"train_accuracy", 100 * r.train_accuracy}});
    if (data.validation != nullptr) {
      epochs.back()["validation_accuracy"] = 100 * r.validation_accuracy;
    }
    if (data.test != nullptr) epochs.back()["test_accuracy"] = 100 * r.test_accuracy;
    if (!r.zeros.empty()) {
      epochs.back()["penalty"] = r.penalty;
      epochs.back()["zeros"] = zeros_json(r, architecture);
    }
    if (r.injected_layer >= 0) epochs.back()["injected_layer"] = r.injected_layer;
  }
  return epochs;
}

/// One line for each epoch; what there was not is empty.
std::string history_csv(const trainer::TrainResult& result, const trainer::TrainData& data,
                        const Network& architecture) {
  std::string text =
      "epoch,learning_rate,loss,train_accuracy,validation_accuracy,test_accuracy,injected_layer\n";
  const auto percent = [](bool there, double value) {
    return there ? fmt::format("{:.4f}", 100 * value) : std::string();
  };
  for (size_t i = 0; i < result.history.size(); ++i) {
    const trainer::EpochRecord& r = result.history[i];
    text += fmt::format(
        "{},{:.6g},{:.6f},{},{},{},{}\n", i + 1, r.learning_rate, r.loss,
        percent(true, r.train_accuracy), percent(data.validation != nullptr, r.validation_accuracy),
        percent(data.test != nullptr, r.test_accuracy),
        r.injected_layer < 0 ? ""
                             : architecture.layers[static_cast<size_t>(r.injected_layer)].name);
  }
  return text;
}

}  // namespace

int run_train(const Arguments& arguments) {
  CommandLine line("train --network NAME --data NAME[:PATH] -o MODEL [options]",
                   "Trains a network of the zoo and writes it as an integer model. Methods fat1 "
                   "and fat2 are fault-aware\ntraining (FAT, Zahid et al. 2020): random channels, "
                   "pixels or elements are stuck at random levels,\nafter all layers (fat1) or "
                   "after one random layer in each epoch (fat2). fat-placement breaks sites of\n"
                   "an accelerator at random and injects what that does. With a fault map: "
                   "training for that one chip.");
  add_train_options(line);
  std::string epilogue = "Networks:";
  for (const auto& name : zoo_names()) epilogue += " " + name;
  line.epilogue(epilogue + "\n" + data_help() + accelerator_help());
  if (!line.parse(arguments)) return 0;
  if (!line.has("output")) throw InputError("stuckat train", "no --output", "-o MODEL.h5");
  const auto kept = choice<trainer::Kept>(line, "keep", trainer::kept_names());
  check_can_replace(line.text("output"));
  const std::string checkpoint = checkpoint_of(line);
  if (!checkpoint.empty()) {
    check_can_replace(checkpoint);
    if (!line.has("checkpoint")) line.check_files({}, {{"the checkpoint", checkpoint}});
    std::error_code none;
    const bool beside = line.force() && !line.has("checkpoint");
    if (beside && kind_of_file(checkpoint) == "stuckat-checkpoint") {
      std::filesystem::remove(checkpoint, none);
    }
  }
  refuse_without_effect(line);
  const TrainImages images = load_train_images(line);
  const trainer::TrainData data = images.data();
  if (kept == trainer::Kept::best_validation && data.validation == nullptr) {
    throw InputError("--keep", "best-validation without such images", "--validation-images N");
  }
  if (kept == trainer::Kept::best_test && data.test == nullptr) {
    throw InputError("--keep", "best-test without such images", "--test-images N");
  }
  const TrainStart start = load_start(line, data.train);
  const Network& architecture = start.architecture;
  const trainer::TrainOptions options = train_options(line, architecture);

  tell_missing_classes(data.train);
  catch_interrupts();
  ProgressLine progress("train");
  StartTold told;
  auto result = trainer::train(
      architecture, data, options,
      [&](const trainer::Progress& p) {
        return show_progress(p, architecture, data, progress, told);
      },
      start.model ? &*start.model : nullptr);
  progress.clear();
  if (result.stopped) {
    const size_t kept_epochs = result.history.size();
    fmt::print(stderr, "stopped; {}\n",
               checkpoint.empty() ? "nothing is kept without a checkpoint"
               : kept_epochs == 0
                   ? "no epoch was done"
                   : fmt::format("{} epoch{} done: the same command goes on from {}", kept_epochs,
                                 kept_epochs == 1 ? "" : "s", checkpoint));
    return interrupted_exit_code();
  }
  if (result.resumed == static_cast<int>(result.history.size())) {
    fmt::print("all of the {} epochs were done already\n", result.resumed);
  }
  if (result.early) {
    fmt::print("stopped early: {} epochs without a better validation accuracy\n", options.patience);
  }
  KeptNetwork model = kept_network(result, kept);
  model.network.class_names = data.train.class_names;
  model.network.data = data.train.name;
  // As the run had them: a recipe gives values to options that were not given.
  nlohmann::ordered_json configuration = line.configuration();
  configuration["epochs"] = options.epochs;
  configuration["crop"] = options.crop_padding;
  configuration["flip"] = options.flip;
  if (options.ascent.row != nullptr) configuration["rho"] = options.ascent.rho;
  write_model(line.text("output"), model.network, {tool_version, configuration.dump()});
  std::error_code ignored;
  if (!line.has("checkpoint")) std::filesystem::remove(checkpoint, ignored);
  const auto& record = result.history[static_cast<size_t>(model.epoch)];
  const auto accuracy = [](const char* name, const DataSet* set, double value) {
    return set == nullptr ? std::string() : fmt::format(", {} {:.2f} %", name, 100 * value);
  };
  const std::string hash = content_hash(model.network);
  fmt::print("{}: {}, epoch {} ({}){}{}, hash {}\n", line.text("output"), model.network.name,
             model.epoch + 1, line.text("keep"),
             accuracy("validation", data.validation, record.validation_accuracy),
             accuracy("test", data.test, record.test_accuracy), hash.substr(0, 12));
  nlohmann::ordered_json json = {{"model", line.text("output")},
                                 {"configuration", configuration},
                                 {"hash", hash},
                                 {"kept", line.text("keep")},
                                 {"kept_epoch", model.epoch + 1}};
  if (data.validation != nullptr) {
    json["validation_accuracy"] = 100 * record.validation_accuracy;
  }
  if (data.test != nullptr) json["test_accuracy"] = 100 * record.test_accuracy;
  json["epochs"] = history_json(result, architecture, data);
  if (line.has("csv")) write_text_file(line.text("csv"), history_csv(result, data, architecture));
  line.write_json(json);
  return 0;
}

}  // namespace stuckat::cli
