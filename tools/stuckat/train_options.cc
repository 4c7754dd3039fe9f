#include "tools/stuckat/train_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <set>

#include "tools/stuckat/accelerator.h"
#include "tools/stuckat/inputs.h"
#include "trainer/model_from_network.h"
#include "workloads/model_file.h"
#include "workloads/zoo.h"

namespace stuckat::cli {
namespace {

/// Values that a named recipe gives to options that are not given.
struct Recipe {
  const char* name;
  int epochs;
  int crop;
  bool flip;
};
constexpr Recipe recipes[] = {
    {"paper", 1000, 0, false}, {"brevitas", 1000, 4, true}, {"short", 10, 0, false}};

const Recipe& recipe_of(const CommandLine& line) {
  std::vector<std::string> names;
  for (const Recipe& recipe : recipes) names.emplace_back(recipe.name);
  return recipes[choice<size_t>(line, "recipe", names)];
}

std::vector<std::string> parts_of(const std::string& text) {
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (c == ',') {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

std::vector<trainer::PercentPoint> percent_schedule(const CommandLine& line) {
  std::vector<trainer::PercentPoint> points;
  if (!line.has("percent-schedule")) return points;
  for (const std::string& part : parts_of(line.text("percent-schedule"))) {
    trainer::PercentPoint point;
    const char* const end = part.data() + part.size();
    const auto epoch = std::from_chars(part.data(), end, point.epoch);
    const bool colon = epoch.ec == std::errc() && epoch.ptr != end && *epoch.ptr == ':';
    if (colon) {
      const auto percent = std::from_chars(epoch.ptr + 1, end, point.percent);
      if (percent.ec == std::errc() && percent.ptr == end) {
        points.push_back(point);
        continue;
      }
    }
    throw InputError("--percent-schedule", "'" + part + "'",
                     "EPOCH:PERCENT,EPOCH:PERCENT,... such as 0:0,10:5");
  }
  return points;
}

trainer::Ascent ascent_of(const CommandLine& line) {
  trainer::Ascent ascent;
  const auto chosen = choice<size_t>(line, "sharpness-aware", trainer::ascent_names());
  if (chosen == 0) return ascent;
  ascent.row = &trainer::ascent_rows()[chosen - 1];
  ascent.rho = line.given("rho") ? line.real("rho", 0, 1000) : ascent.row->rho;
  ascent.eta = line.real("eta", 0, 1000);
  ascent.norms = line.get<bool>("ascent-norms");
  ascent.both_statistics = choice<size_t>(line, "ascent-statistics", {"first", "both"}) == 1;
  return ascent;
}

}  // namespace

void add_train_options(CommandLine& line) {
  using namespace trainer;
  // Value names must outlive the description.
  static const std::string methods = joined(method_names());
  static const std::string kinds = joined(injection_kind_names());
  static const std::string sites = joined(injection_site_names());
  static const std::string schedules = joined(schedule_names());
  static const std::string draws = joined(draw_names());
  static const std::string kept = joined(kept_names());
  static const std::string penalties = joined(penalty_names());
  static const std::string ascents = joined(ascent_names());
  static const std::string scales = joined(scales_names());
  const TrainOptions standard;
  line.options().add_options()("network", text("NAME", "cnv-w1a1"), "architecture of the zoo")(
      "width", real("W", 1, "1"), "multiplies the channels of every hidden layer")(
      "input-channels", number("N", 0), "channels of the input; 0: the architecture's own")(
      "from", text("FILE"),
      "start from this checkpoint, or from this model file (which brings its network), instead of "
      "random weights")("from-keep", text(kept.c_str(), "last"), "which model of the checkpoint")(
      "data", text("NAME[:PATH]", "fashion-mnist"), "data set; see below")(
      "images", number("N", -1), "training images; -1: all of the training half")(
      "validation-images", number("N", 0),
      "images of the training half, after those that are trained on, to choose the best epoch by")(
      "test-images", number("N", -1),
      "images of the test half that are evaluated after each epoch; 0: none, -1: all")(
      "test-data", text("NAME[:PATH]"),
      "where they come from, if it is not the test half of --data: a file or folder of its own")(
      "input-size", number("N", 0), "pixels a side of the input; 0: the architecture's own")(
      "memory", real("GIB", 4, "4"),
      "decoded pictures kept in memory; folders that need more are decoded anew in each epoch, "
      "ahead "
      "of their use")("recipe", text("paper|brevitas|short", "paper"),
                      "what is not given otherwise. paper: 1000 epochs; brevitas: those, --crop 4 "
                      "and --flip, as the "
                      "published training scripts; short: 10 epochs")(
      "method", text(methods.c_str(), "standard"), "how faults are injected")(
      "injection", text(kinds.c_str(), "channel"), "what is stuck at a level")(
      "site", text(sites.c_str(), "after-pool"), "where, for layers with a pool after them")(
      "convolutions-only", po::bool_switch(), "no injection after dense layers")(
      "percent", real("P", standard.percent, "5"), "p: share that is injected, in percent")(
      "percent-schedule", text("E:P,E:P,..."),
      "p in percent at epochs (from 0), linear in between; instead of --percent")(
      "sites", text("KIND,...", "pe/dead"),
      "fat-placement: sites of the accelerator that are broken with probability p")(
      "draw", text(draws.c_str(), "sample"),
      "fat-placement: faults of their own for each sample, or the same for a batch")(
      "penalty", text(penalties.c_str(), "none"),
      "on the activations of hidden layers, for zeros among them; with any method")(
      "penalty-weight", real("L", 1e-2, "0.01"), "what the penalty counts in the loss")(
      "scales", text(scales.c_str(), "maximum"),
      "of weights of more than one bit. learned: step sizes of LSQ (Esser et al. 2020), one for "
      "each layer; with any method")(
      "sharpness-aware", text(ascents.c_str(), "none"),
      "a second pass in each step, at weights close by where the loss is greatest; with any "
      "method")("rho", real("R", 0, "0"),
                "its radius; default: 0.05 (sam), 0.5 (asam), 0.4 (saq, qasam)")(
      "eta", real("E", Ascent{}.eta, "0.01"), "asam, qasam: added to the size of each weight")(
      "ascent-norms", po::bool_switch(), "perturbs batch-norms too, not only weights")(
      "ascent-statistics", text("first|both", "first"),
      "which passes move the running statistics of batch-norms")(
      "epochs", number("N", standard.epochs), "passes over the training images (--recipe)")(
      "patience", number("N", 0),
      "stop after N epochs without a better validation accuracy; 0: never")(
      "batch", number("N", standard.batch), "images in a step")(
      "learning-rate", real("R", standard.learning_rate, "0.02"), "of ADAM, at the start")(
      "schedule", text(schedules.c_str(), "step"), "of the learning rate")(
      "step-epochs", number("N", standard.step_epochs), "epochs between steps")(
      "step-factor", real("F", standard.step_factor, "0.5"), "factor of a step")(
      "crop", number("N", 0), "random crop: shifts of up to N pixels")(
      "crop-edge", po::bool_switch(), "what a crop moves in is the outermost pixel, and not black")(
      "flip", po::bool_switch(), "random horizontal flip")("seed", number("N", 1),
                                                           "decides everything that is random")(
      "keep", text(kept.c_str(), "last"),
      "which network to write: of the last epoch, of the one that is best on the validation "
      "images, or best on the test images (as the FAT paper; no estimate for new images)")(
      "checkpoint", text("FILE|none"),
      "written after each epoch; a run that was stopped goes on from it, and one of more epochs "
      "too. "
      "Not given: OUTPUT.checkpoint, gone when the model is there; none: without")(
      "accelerator", text("NAME"),
      "hardware of fat-placement, and of a fixed fault map to train against");
  add_fault_options(line);
  add_thread_option(line);
  line.options().add_options()("csv", text("FILE"),
                               "what each epoch came to, a line each: see docs/training.md")(
      "output,o", text("FILE"), "model file to write");
}

void refuse_without_effect(const CommandLine& line) {
  using namespace trainer;
  const auto method_used = choice<Method>(line, "method", method_names());
  const bool injects = method_used != Method::standard;
  const bool placed = method_used == Method::fat_placement;
  const bool fixed = line.has("fault-map") || line.has("fault");
  const bool layers = injects && !placed;
  const std::string method = "with --method " + line.text("method");
  const Ascent ascent = ascent_of(line);
  const bool adaptive = ascent.row != nullptr && ascent.row->adaptive;
  const std::string passes = "with --sharpness-aware " + line.text("sharpness-aware");
  const std::string schedule = "with --schedule " + line.text("schedule");
  const bool steps = choice<trainer::LearningRateSchedule>(line, "schedule", schedule_names()) ==
                     trainer::LearningRateSchedule::step;
  line.refuse_without_effect({
      {"injection", layers, method, "a method that injects after layers, such as fat1"},
      {"site", layers, method, "a method that injects after layers, such as fat1"},
      {"convolutions-only", layers, method, "a method that injects after layers, such as fat1"},
      {"percent", injects, method, "a method that injects, such as fat1"},
      {"percent-schedule", injects, method, "a method that injects, such as fat1"},
      {"sites", placed, method, "--method fat-placement"},
      {"draw", placed, method, "--method fat-placement"},
      {"accelerator", placed || fixed, "without faults", "--method fat-placement, or a fault map"},
      {"chip", line.has("fault-map"), "without a fault map", "--fault-map FILE"},
      {"penalty-weight", line.text("penalty") != "none", "without a penalty", "--penalty l1"},
      {"rho", ascent.row != nullptr, passes, "--sharpness-aware saq, for example"},
      {"eta", adaptive, passes, "--sharpness-aware asam or qasam"},
      {"ascent-norms", ascent.row != nullptr, passes, "--sharpness-aware saq, for example"},
      {"ascent-statistics", ascent.row != nullptr, passes, "--sharpness-aware saq, for example"},
      {"step-epochs", steps, schedule, "--schedule step"},
      {"step-factor", steps, schedule, "--schedule step"},
  });
}

/// The validation images are the last ones: of a set that is sorted by class, of other classes.
static void check_classes(const DataSet& train, const DataSet& validation) {
  const std::set<uint16_t> trained(train.labels.begin(), train.labels.end());
  for (const uint16_t label : validation.labels) {
    if (trained.contains(label)) continue;
    throw InputError("--validation-images",
                     "hold class " + std::to_string(label) + ", which no training image has",
                     "more --images, or data that are not sorted by class");
  }
}

void tell_missing_classes(const DataSet& train) {
  const std::set<uint16_t> trained(train.labels.begin(), train.labels.end());
  if (static_cast<int>(trained.size()) >= train.classes) return;
  fmt::print(stderr, "note: the {} training images show {} of {} classes\n", train.size(),
             trained.size(), train.classes);
}

TrainImages load_train_images(const CommandLine& line) {
  const auto number_of = [&](const char* option, int low) {
    return static_cast<int>(line.integer(option, low, INT32_MAX));
  };
  const int images = number_of("images", -1);
  const int validation = number_of("validation-images", 0);
  const int test = number_of("test-images", -1);
  const std::string name = line.text("data");
  constexpr double gib = 1 << 30;
  const auto memory = static_cast<int64_t>(line.real("memory", 0, 1024) * gib);
  const auto open = [&](const Subset& subset) { return open_dataset(name, subset, memory); };
  TrainImages result;
  if (validation == 0) {
    result.train = open({true, 0, images});
  } else if (images >= 0) {
    result.train = open({true, 0, images});
    result.validation = open({true, images, validation});
  } else {
    const int all = open_dataset(name, {true, 0, -1}, 0).size();  // decodes nothing
    if (validation >= all) {
      throw InputError("--validation-images", std::to_string(validation),
                       "fewer than the " + std::to_string(all) + " of the training half");
    }
    result.train = open({true, 0, all - validation});
    result.validation = open({true, all - validation, validation});
  }
  if (result.validation) check_classes(result.train, *result.validation);
  if (line.has("test-data")) {
    if (test == 0) throw InputError("--test-data", "with --test-images 0", "one of both");
    const std::string other = line.text("test-data");
    if (other.substr(0, other.find(':')) != name.substr(0, name.find(':'))) {
      throw InputError("--test-data", "'" + other + "' is another data set", name);
    }
    result.test = open_dataset(other, {false, 0, test}, memory);
    return result;
  }
  if (test == 0) return result;
  const std::string path = name.substr(std::min(name.find(':'), name.size() - 1) + 1);
  std::error_code ignored;
  if (std::filesystem::is_regular_file(path, ignored)) {
    throw InputError("--test-images", path + " has no test half: it is trained on",
                     "--test-data NAME:PATH, or --test-images 0");
  }
  result.test = open({false, 0, test});
  return result;
}

TrainStart load_start(const CommandLine& line, const DataSet& train) {
  const std::string from = line.text("from");
  if (line.given("from-keep") && (from.empty() || !trainer::is_checkpoint(from))) {
    throw InputError("--from-keep", "without a checkpoint to start from", "--from CHECKPOINT");
  }
  if (!from.empty() && !trainer::is_checkpoint(from)) {
    for (const char* option : {"network", "width", "input-channels", "input-size"}) {
      if (!line.given(option)) continue;
      throw InputError(std::string("--") + option, "with a model file to start from",
                       "the network of " + from);
    }
    TrainStart start{read_model(from), {}};
    check_same_data(start.architecture, first_images(train, 1), from);
    trainer::Workers workers(threads(line));
    start.model = trainer::start_model(start.architecture, train, workers);
    return start;
  }
  ZooOptions zoo;
  zoo.width = line.real("width", 0.001, 100);
  zoo.input_channels = static_cast<int>(line.integer("input-channels", 0, 4096));
  zoo.input_side = static_cast<int>(line.integer("input-size", 0, 4096));
  zoo.classes = train.classes;
  TrainStart start{zoo_network(line.text("network"), zoo), {}};
  check_same_data(start.architecture, first_images(train, 1), line.text("network"));
  if (!from.empty()) {
    const auto kept = choice<trainer::Kept>(line, "from-keep", trainer::kept_names());
    start.model = trainer::read_checkpoint_model(from, start.architecture, kept);
  }
  return start;
}

std::string checkpoint_of(const CommandLine& line) {
  if (!line.has("checkpoint")) return line.text("output") + ".checkpoint";
  return line.text("checkpoint") == "none" ? "" : line.text("checkpoint");
}

trainer::TrainOptions train_options(const CommandLine& line, const Network& architecture) {
  using namespace trainer;
  const Recipe& recipe = recipe_of(line);
  TrainOptions o;
  o.method = choice<Method>(line, "method", method_names());
  o.injection = choice<InjectionKind>(line, "injection", injection_kind_names());
  o.site = choice<InjectionSite>(line, "site", injection_site_names());
  o.convolutions_only = line.get<bool>("convolutions-only");
  o.percent = line.real("percent", 0, 100);
  if (line.given("percent") && line.has("percent-schedule")) {
    throw InputError("--percent", "with --percent-schedule", "one of both");
  }
  o.percent_schedule = percent_schedule(line);
  o.ascent = ascent_of(line);
  o.penalty.kind = choice<PenaltyKind>(line, "penalty", penalty_names());
  o.penalty.weight = line.real("penalty-weight", 0, 1e6);
  o.scales = choice<Scales>(line, "scales", scales_names());
  o.epochs =
      line.given("epochs") ? static_cast<int>(line.integer("epochs", 1, 1000000)) : recipe.epochs;
  o.patience = static_cast<int>(line.integer("patience", 0, 1000000));
  o.batch = static_cast<int>(line.integer("batch", 1, 65536));
  o.learning_rate = line.real("learning-rate", 0, 10);
  o.schedule = choice<trainer::LearningRateSchedule>(line, "schedule", schedule_names());
  o.step_epochs = static_cast<int>(line.integer("step-epochs", 1, 1000000));
  o.step_factor = line.real("step-factor", 0, 1);
  o.crop_padding = line.given("crop") ? static_cast<int>(line.integer("crop", 0, 64)) : recipe.crop;
  o.crop_edge = line.get<bool>("crop-edge");
  o.flip = line.get<bool>("flip") || recipe.flip;
  o.seed = static_cast<uint64_t>(line.integer("seed", 0, INT64_MAX));
  o.threads = threads(line);
  o.checkpoint = checkpoint_of(line);
  const bool fixed = line.has("fault-map") || line.has("fault");
  const bool placed = o.method == Method::fat_placement;
  if ((fixed || placed) && !line.has("accelerator")) {
    throw InputError(
        "stuckat train",
        fixed ? "faults without an accelerator" : "fat-placement without an accelerator",
        "--accelerator NAME");
  }
  if (!fixed && !placed) return o;
  o.hardware.placement =
      place_on(parse_accelerator(line.text("accelerator"), architecture), architecture);
  o.hardware.draw = choice<Draw>(line, "draw", draw_names());
  o.hardware.sites.clear();
  for (const std::string& kind : parts_of(line.text("sites"))) {
    o.hardware.sites.push_back(parse_site_kind(kind, "--sites"));
  }
  if (fixed) o.hardware.chip = load_faults(line, o.hardware.placement, architecture);
  return o;
}

}  // namespace stuckat::cli
