#include <fmt/format.h>

#include "faultmaps/draws.h"
#include "faultmaps/lower.h"
#include "faultmaps/memory_faults.h"
#include "tools/report/landscape_picture.h"
#include "tools/stuckat/accelerator.h"
#include "tools/stuckat/command_line.h"
#include "tools/stuckat/commands.h"
#include "tools/stuckat/faults.h"
#include "tools/stuckat/inputs.h"
#include "tools/stuckat/interrupt.h"
#include "tools/stuckat/train_options.h"
#include "trainer/model_from_network.h"
#include "trainer/sharpness.h"
#include "workloads/model_file.h"
#include "workloads/zoo.h"

namespace stuckat::cli {
namespace {

using namespace trainer;

struct Loaded {
  Model model;
  DataSet data;
};

/// A checkpoint's own parameters, or those that are fitted to a model file.
Loaded load(CommandLine& line, Workers& workers) {
  const std::string path = line.text("model");
  if (is_checkpoint(path)) {
    if (!line.has("data")) {
      throw InputError("--data", path + " does not say which data it is for", "--data NAME[:PATH]");
    }
    ZooOptions zoo;
    zoo.width = line.real("width", 0.001, 100);
    zoo.input_channels = static_cast<int>(line.integer("input-channels", 0, 4096));
    zoo.classes = read_dataset(line.text("data"), {line.text("half") == "train", 0, 1}).classes;
    const Network architecture = zoo_network(line.text("network"), zoo);
    DataSet data = load_data(line, architecture, path);
    return {read_checkpoint_model(path, architecture, choice<Kept>(line, "keep", kept_names())),
            std::move(data)};
  }
  for (const char* option : {"network", "width", "input-channels", "keep"}) {
    if (!line.given(option)) continue;
    throw InputError(std::string("--") + option, "with a model file: has no effect",
                     "a checkpoint, or the option left out");
  }
  const Network network = read_model(path);
  DataSet data = load_data(line, network, path);
  Model model = start_model(network, data, workers);
  return {std::move(model), std::move(data)};
}

void draw_directions(const CommandLine& line, LossSurface& surface, const Model& model,
                     report::Landscape& landscape, std::vector<Weights>& directions) {
  const auto seed = static_cast<uint64_t>(line.integer("seed", 0, INT64_MAX));
  const int points = static_cast<int>(line.integer("points", 3, 101));
  const double extent = line.real("extent", 0, 100);
  const auto at = [&](int i) { return extent * (2.0 * i / (points - 1) - 1); };
  for (uint64_t d = 0; d < 2; ++d) {
    // Far from those of the power method.
    Weights direction = normal_weights(model, seed, 1000 + d);
    normalise_filters(model, direction);
    report::Landscape::Line along{fmt::format("direction {}", d + 1), {}, {}};
    const double length = norm(direction);
    for (int i = 0; i < points && !interrupted(); ++i) {
      Weights offset = zeros_like(model);
      add(at(i), direction, offset);
      along.distance.push_back(at(i) * length);
      along.loss.push_back(surface.at(offset).loss);
    }
    landscape.lines.push_back(std::move(along));
    directions.push_back(std::move(direction));
  }
  if (!line.get<bool>("plane")) return;
  for (int i = 0; i < points; ++i) {
    landscape.x.push_back(at(i));
    landscape.y.push_back(at(i));
  }
  for (int j = 0; j < points; ++j) {
    for (int i = 0; i < points && !interrupted(); ++i) {
      Weights offset = zeros_like(model);
      add(at(i), directions[0], offset);
      add(at(j), directions[1], offset);
      landscape.plane.push_back(surface.at(offset).loss);
    }
  }
  if (interrupted()) landscape.plane.clear();
}

void draw_chips(const CommandLine& line, LossSurface& surface, const Model& model,
                const std::vector<Weights>& directions, report::Landscape& landscape) {
  const Network network = export_network(model);
  const Placement placement =
      place_on(parse_accelerator(line.text("accelerator"), network), network);
  const SiteIndex sites(placement, network);
  MemoryFaults faults;
  faults.kinds = site_kinds(line.text("sites"), sites);
  faults.cell = choice<CellFault>(line, "cells", cell_fault_names());
  faults.rate = line.real("rate", 0, 1);
  const MemoryChips chips(faults, sites, placement, network);
  const auto seed = static_cast<uint64_t>(line.integer("seed", 0, INT64_MAX));
  const int64_t count = line.integer("chips", 1, 100'000);
  for (int64_t i = 0; i < count && !interrupted(); ++i) {
    const Weights offset =
        offset_of(model, lower(chips.chip(chip_seed(seed, i)), placement, network));
    report::Landscape::Chip chip;
    chip.distance = norm(offset);
    chip.loss = surface.at(offset).loss;
    chip.x = dot(offset, directions[0]) / dot(directions[0], directions[0]);
    chip.y = dot(offset, directions[1]) / dot(directions[1], directions[1]);
    landscape.chips.push_back(chip);
  }
}

nlohmann::ordered_json spread_json(const Spread& s) {
  return {{"mean", s.mean}, {"deviation", s.deviation}, {"count", s.count}};
}

nlohmann::ordered_json landscape_json(const report::Landscape& landscape) {
  nlohmann::ordered_json json;
  for (const auto& line : landscape.lines) {
    json["lines"].push_back({{"distance", line.distance}, {"loss", line.loss}});
  }
  if (!landscape.plane.empty()) {
    json["plane"] = {{"x", landscape.x}, {"y", landscape.y}, {"loss", landscape.plane}};
  }
  for (const auto& chip : landscape.chips) {
    json["chips"].push_back(
        {{"distance", chip.distance}, {"x", chip.x}, {"y", chip.y}, {"loss", chip.loss}});
  }
  return json;
}

}  // namespace

int run_sharpness(const Arguments& arguments) {
  CommandLine line(
      "sharpness CHECKPOINT|MODEL --data NAME[:PATH] [options]",
      "How sharp the minimum is that a network lies in: its loss at the ascent point of a radius,\n"
      "the greatest eigenvalue of the Hessian and its trace, in the quantized weights as real\n"
      "numbers, batch-norms frozen. From a checkpoint with its own batch-norms; from a model file\n"
      "with batch-norms fitted to its thresholds. --svg draws the loss along random "
      "directions.",
      {"model"});
  static const std::string kept = [] {
    std::string text;
    for (const auto& name : kept_names()) text += (text.empty() ? "" : "|") + name;
    return text;
  }();
  static const std::string cells = [] {
    std::string text;
    for (const auto& name : cell_fault_names()) text += (text.empty() ? "" : "|") + name;
    return text;
  }();
  const SharpnessOptions standard;
  add_data_options(line);
  line.options().add_options()("network", text("NAME", "cnv-w1a1"), "of a checkpoint")(
      "width", real("W", 1, "1"), "of a checkpoint")("input-channels", number("N", 0),
                                                     "of a checkpoint; 0: the architecture's own")(
      "keep", text(kept.c_str(), "last"), "which model of the checkpoint")(
      "batch", number("N", 500), "images at a time")("rho", real("R", standard.rho, "0.4"),
                                                     "radius of the ascent point")(
      "step", real("H", standard.step, "0.05"),
      "of the central differences, in the space of weights")(
      "iterations", number("N", standard.iterations), "of the power method, at most")(
      "repeats", number("N", standard.repeats), "random starts of the power method")(
      "probes", number("N", standard.probes), "random signs of Hutchinson's trace")(
      "svg", text("FILE"), "picture of the loss along two directions, and of --chips")(
      "plane", po::bool_switch(), "the plane of both directions as well")(
      "points", number("N", 21), "along a direction")("extent", real("E", 0.5, "0.5"),
                                                      "its length in units of the filters' sizes")(
      "chips", number("N", 0), "broken chips in the picture")(
      "accelerator", text("NAME"), "whose memories are broken; see below")(
      "sites", text("KINDS", "pe/weight"), "memories of weights that are broken")(
      "cells", text(cells.c_str(), "flip"), "what a broken cell is")(
      "rate", real("R", 0.001, "0.001"), "probability that a cell is broken")(
      "seed", number("N", 1), "seed of everything random");
  add_thread_option(line);
  line.epilogue(data_help() + accelerator_help());
  if (!line.parse(arguments)) return 0;
  const bool picture = line.has("svg");
  const bool chips = line.integer("chips", 0, 100'000) > 0;
  line.refuse_without_effect({
      {"plane", picture, "without --svg", "--svg FILE"},
      {"points", picture, "without --svg", "--svg FILE"},
      {"extent", picture, "without --svg", "--svg FILE"},
      {"chips", picture, "without --svg", "--svg FILE"},
      {"accelerator", chips, "without --chips", "--chips N"},
      {"sites", chips, "without --chips", "--chips N"},
      {"cells", chips, "without --chips", "--chips N"},
      {"rate", chips, "without --chips", "--chips N"},
  });
  if (chips && !line.has("accelerator")) {
    throw InputError("--chips", "without an accelerator", "--accelerator NAME");
  }
  Workers workers(threads(line));
  const auto [model, data] = load(line, workers);
  SharpnessOptions options;
  options.rho = line.real("rho", 0, 1000);
  options.step = line.real("step", 1e-6, 1000);
  options.iterations = static_cast<int>(line.integer("iterations", 1, 100'000));
  options.repeats = static_cast<int>(line.integer("repeats", 1, 100'000));
  options.probes = static_cast<int>(line.integer("probes", 1, 100'000));
  options.seed = static_cast<uint64_t>(line.integer("seed", 0, INT64_MAX));
  LossSurface surface(model, data, data.size(), static_cast<int>(line.integer("batch", 1, 4096)),
                      workers);
  catch_interrupts();
  ProgressLine progress("sharpness");
  const Sharpness s = measure_sharpness(surface, model, options, [&](double done) {
    progress.show(done, "");
    return !interrupted();
  });
  progress.clear();
  fmt::print("{}, in batches of {}; radius {}, step {}\n", data_text(line, data),
             line.integer("batch", 1, 4096), options.rho, options.step);
  fmt::print("loss             {:.4f}  ({:.2f} % right)\n", s.loss, 100 * s.accuracy);
  fmt::print("at the ascent    {:.4f}  ({:.2f} % right)\n", s.ascent_loss, 100 * s.ascent_accuracy);
  fmt::print("top eigenvalue   {:.4g} +- {:.2g} over {} starts, at most {} iterations\n",
             s.top_eigenvalue.mean, s.top_eigenvalue.deviation, s.top_eigenvalue.count,
             s.iterations);
  fmt::print("trace            {:.4g} +- {:.2g} over {} probes\n", s.trace.mean, s.trace.deviation,
             s.trace.count);
  nlohmann::ordered_json json = {{"configuration", line.configuration()},
                                 {"data", data_json(line, data)},
                                 {"loss", s.loss},
                                 {"accuracy", 100 * s.accuracy},
                                 {"ascent_loss", s.ascent_loss},
                                 {"ascent_accuracy", 100 * s.ascent_accuracy},
                                 {"gradient_norm", s.gradient_norm},
                                 {"top_eigenvalue", spread_json(s.top_eigenvalue)},
                                 {"iterations", s.iterations},
                                 {"trace", spread_json(s.trace)}};
  if (picture && !interrupted()) {
    report::Landscape landscape;
    landscape.title = "Loss around " + model.architecture.name;
    landscape.centre = s.loss;
    std::vector<Weights> directions;
    draw_directions(line, surface, model, landscape, directions);
    if (chips) draw_chips(line, surface, model, directions, landscape);
    if (!interrupted()) {
      write_text_file(line.text("svg"), report::landscape_picture(landscape));
      json["landscape"] = landscape_json(landscape);
    }
  }
  if (interrupted()) {
    fmt::print(stderr, "stopped\n");
    return interrupted_exit_code();
  }
  line.write_json(json);
  return 0;
}

}  // namespace stuckat::cli
