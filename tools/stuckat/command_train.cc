#include <fmt/format.h>

#include <csignal>

#include "faultmaps/lower.h"
#include "tools/stuckat/accelerator.h"
#include "tools/stuckat/command_line.h"
#include "tools/stuckat/commands.h"
#include "tools/stuckat/inputs.h"
#include "trainer/train.h"
#include "workloads/model_file.h"
#include "workloads/version.h"
#include "workloads/zoo.h"

namespace stuckat::cli {
namespace {

volatile std::sig_atomic_t interrupted = 0;
void interrupt(int) { interrupted = 1; }

template <typename Enumeration>
Enumeration choice(const CommandLine& line, const char* option,
                   const std::vector<std::string>& names) {
  const std::string name = line.text(option);
  for (size_t i = 0; i < names.size(); ++i) {
    if (names[i] == name) return static_cast<Enumeration>(i);
  }
  throw_unknown_name(std::string("--") + option, option, name, names);
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const auto& name : names) text += (text.empty() ? "" : "|") + name;
  return text;
}

void add_options(CommandLine& line) {
  using namespace trainer;
  // Value names must outlive the description.
  static const std::string methods = joined(method_names());
  static const std::string kinds = joined(injection_kind_names());
  static const std::string sites = joined(injection_site_names());
  static const std::string schedules = joined(schedule_names());
  const TrainOptions standard;
  line.options().add_options()("network", text("NAME", "cnv-w1a1"), "architecture of the zoo")(
      "width", real("W", 1, "1"), "multiplies the channels of every hidden layer")(
      "input-channels", number("N", 0), "channels of the input; 0: the architecture's own")(
      "data", text("NAME[:PATH]", "fashion-mnist"), "data set; see below")(
      "images", number("N", -1), "training images; -1: all of the training half")(
      "validation-images", number("N", -1),
      "images of the test half that are evaluated after each epoch; 0: none, -1: all")(
      "method", text(methods.c_str(), "standard"), "how faults are injected")(
      "injection", text(kinds.c_str(), "channel"), "what is stuck at a level")(
      "site", text(sites.c_str(), "after-pool"), "where, for layers with a pool behind them")(
      "convolutions-only", po::bool_switch(), "no injection behind dense layers")(
      "percent", real("P", standard.percent, "5"), "p: share that is injected, in percent")(
      "epochs", number("N", standard.epochs), "passes over the training images")(
      "batch", number("N", standard.batch), "images in a step")(
      "learning-rate", real("R", standard.learning_rate, "0.02"), "of ADAM, at the start")(
      "schedule", text(schedules.c_str(), "step"), "of the learning rate")(
      "step-epochs", number("N", standard.step_epochs), "epochs between steps")(
      "step-factor", real("F", standard.step_factor, "0.5"), "factor of a step")(
      "crop", number("N", 0), "random crop: shifts of up to N pixels")(
      "flip", po::bool_switch(), "random horizontal flip")("seed", number("N", 1),
                                                           "decides everything that is random")(
      "keep", text("last|best", "last"),
      "which network to write: of the last epoch, or of the best one on the validation images")(
      "checkpoint", text("FILE"),
      "written after each epoch; a run that was killed goes on from it")(
      "accelerator", text("NAME"), "hardware of a fixed fault map to train against");
  add_fault_options(line);
  add_thread_option(line);
  line.options().add_options()("output,o", text("FILE"), "model file to write");
}

trainer::TrainOptions train_options(const CommandLine& line) {
  using namespace trainer;
  TrainOptions o;
  o.method = choice<Method>(line, "method", method_names());
  o.injection = choice<InjectionKind>(line, "injection", injection_kind_names());
  o.site = choice<InjectionSite>(line, "site", injection_site_names());
  o.convolutions_only = line.get<bool>("convolutions-only");
  o.percent = line.real("percent", 0, 100);
  o.epochs = static_cast<int>(line.integer("epochs", 1, 1000000));
  o.batch = static_cast<int>(line.integer("batch", 1, 65536));
  o.learning_rate = line.real("learning-rate", 0, 10);
  o.schedule = choice<trainer::Schedule>(line, "schedule", schedule_names());
  o.step_epochs = static_cast<int>(line.integer("step-epochs", 1, 1000000));
  o.step_factor = line.real("step-factor", 0, 1);
  o.crop_padding = static_cast<int>(line.integer("crop", 0, 64));
  o.flip = line.get<bool>("flip");
  o.seed = static_cast<uint64_t>(line.integer("seed", 0, INT64_MAX));
  o.threads = threads(line);
  o.checkpoint = line.text("checkpoint");
  return o;
}

Effects fixed_effects(const CommandLine& line, const Network& architecture) {
  if (!line.has("fault-map") && !line.has("fault")) return {};
  if (!line.has("accelerator")) {
    throw InputError("stuckat train", "faults without an accelerator", "--accelerator NAME");
  }
  const Placement placement =
      place_on(parse_accelerator(line.text("accelerator"), architecture), architecture);
  return lower(load_faults(line, placement, architecture), placement, architecture);
}

}  // namespace

int run_train(const Arguments& arguments) {
  CommandLine line("train --network NAME --data NAME[:PATH] -o MODEL [options]",
                   "Trains a network of the zoo and writes it as an integer model. Methods fat1 "
                   "and fat2 are fault-aware\ntraining (FAT, Zahid et al. 2020): random channels, "
                   "pixels or elements are stuck at random levels,\nbehind all layers (fat1) or "
                   "behind one random layer in each epoch (fat2).");
  add_options(line);
  std::string epilogue = "Networks:";
  for (const auto& name : zoo_names()) epilogue += " " + name;
  line.epilogue(epilogue + "\n" + data_help() + accelerator_help());
  if (!line.parse(arguments)) return 0;
  if (!line.has("output")) throw InputError("stuckat train", "no --output", "-o MODEL.h5");
  const bool keep_best = line.text("keep") == "best";
  if (!keep_best && line.text("keep") != "last") {
    throw_unknown_name("--keep", "choice", line.text("keep"), {"last", "best"});
  }
  const trainer::TrainOptions options = train_options(line);
  const auto images = static_cast<int>(line.integer("images", -1, INT32_MAX));
  const auto validation_images = static_cast<int>(line.integer("validation-images", -1, INT32_MAX));
  const DataSet data = read_dataset(line.text("data"), {true, 0, images});
  DataSet validation;
  if (validation_images != 0) {
    validation = read_dataset(line.text("data"), {false, 0, validation_images});
  } else if (keep_best) {
    throw InputError("--keep", "best without validation images", "--validation-images");
  }
  ZooOptions zoo;
  zoo.width = line.real("width", 0.001, 100);
  zoo.input_channels = static_cast<int>(line.integer("input-channels", 0, 4096));
  zoo.classes = data.classes;
  const Network architecture = zoo_network(line.text("network"), zoo);
  trainer::TrainOptions with_faults = options;
  with_faults.faults = fixed_effects(line, architecture);

  std::signal(SIGINT, interrupt);
  std::signal(SIGTERM, interrupt);
  Progress progress("train");
  const auto result = trainer::train(
      architecture, data, validation_images != 0 ? &validation : nullptr, with_faults,
      [&](const trainer::Progress& p) {
        const double done = (p.epoch + static_cast<double>(p.batch) / p.batches) / p.epochs;
        progress.show(done,
                      fmt::format("loss {:.4f}  {:.0f} images/s", p.loss, p.images_per_second));
        if (p.epoch_done) {
          progress.clear();
          fmt::print(
              "epoch {:>3}  loss {:.4f}  train {:5.2f} %  validation {:5.2f} %{}\n", p.epoch + 1,
              p.record.loss, 100 * p.record.train_accuracy, 100 * p.record.validation_accuracy,
              p.record.injected_layer < 0
                  ? ""
                  : "  injected " +
                        architecture.layers[static_cast<size_t>(p.record.injected_layer)].name);
          std::fflush(stdout);
        }
        return interrupted == 0;
      });
  progress.clear();
  if (result.stopped) {
    fmt::print(stderr, "stopped{}\n",
               options.checkpoint.empty() ? "" : "; the same command goes on from the last epoch");
    return 130;
  }
  Network network = keep_best ? result.best : result.network;
  network.class_names = data.class_names;
  write_model(line.text("output"), network, {tool_version, line.configuration().dump()});
  nlohmann::ordered_json epochs = nlohmann::json::array();
  for (const auto& r : result.history) {
    epochs.push_back({{"learning_rate", r.learning_rate},
                      {"loss", r.loss},
                      {"train_accuracy", r.train_accuracy},
                      {"validation_accuracy", r.validation_accuracy}});
  }
  const auto& last = result.history[static_cast<size_t>(
      keep_best ? result.best_epoch : static_cast<int>(result.history.size()) - 1)];
  fmt::print("{}: {}, validation {:.2f} %, hash {}\n", line.text("output"), network.name,
             100 * last.validation_accuracy, content_hash(network).substr(0, 12));
  line.write_json({{"model", line.text("output")},
                   {"configuration", line.configuration()},
                   {"hash", content_hash(network)},
                   {"validation_accuracy", last.validation_accuracy},
                   {"epochs", epochs}});
  return 0;
}

}  // namespace stuckat::cli
