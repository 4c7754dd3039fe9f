#include <fmt/format.h>

#include "tools/stuckat/accelerator.h"
#include "tools/stuckat/command_line.h"
#include "tools/stuckat/commands.h"
#include "tools/stuckat/faults.h"
#include "tools/stuckat/inputs.h"
#include "tools/stuckat/interrupt.h"
#include "tools/stuckat/option_values.h"
#include "tools/stuckat/train_options.h"
#include "tools/studies/memory_study.h"
#include "workloads/model_file.h"

namespace stuckat::cli {
namespace {

nlohmann::ordered_json memory_row_json(const studies::MemoryRow& row) {
  const studies::LotStatistics& a = row.accuracy;
  return {{"group", row.group},       {"rate", row.rate},
          {"cells", row.cells},       {"mean_broken_cells", row.mean_cells},
          {"chips", a.chips},         {"mean", a.mean},
          {"mean_low", a.low},        {"mean_high", a.high},
          {"deviation", a.deviation}, {"quantile5", a.quantile5},
          {"median", a.median},       {"worst", a.worst}};
}

void print(const studies::MemoryStudy& study) {
  fmt::print("{} images, {:.2f} % right without faults\n\n", thousands(study.images),
             study.error_free);
  fmt::print("{:<16} {:>9} {:>12} {:>7} {:>17} {:>9} {:>7} {:>7} {:>7}\n", "group", "rate",
             "broken cells", "mean", "95 % of the mean", "deviation", "5 %", "median", "worst");
  for (const studies::MemoryRow& row : study.rows) {
    const studies::LotStatistics& a = row.accuracy;
    fmt::print(
        "{:<16} {:>9g} {:>12.1f} {:>7.2f} {:>8.2f} {:>8.2f} {:>9.2f} {:>7.2f} {:>7.2f} "
        "{:>7.2f}\n",
        row.group, row.rate, row.mean_cells, a.mean, a.low, a.high, a.deviation, a.quantile5,
        a.median, a.worst);
  }
}

}  // namespace

int run_memory(const Arguments& arguments) {
  CommandLine line(
      "memory MODEL --accelerator NAME --data NAME[:PATH] [options]",
      "Accuracy of lots of chips with broken memory cells: flips or stuck bits at a rate, in all\n"
      "memories, one part or one bit of the codes at a time. Every chip on every image, exactly;\n"
      "accuracies in percent: mean over chips with its 95 % interval, deviation between chips, "
      "and\n"
      "the accuracy that 5 % of the chips do not exceed.",
      {"model"});
  static const std::string cells = joined(cell_fault_names());
  static const std::string units = joined(memory_unit_names());
  static const std::string repairs = joined(memory_repair_names());
  static const std::string groups = joined(studies::memory_group_names());
  add_data_options(line);
  line.options().add_options()("accelerator", text("NAME"), "whose memories; see below")(
      "sites", text("KINDS", "pe/weight"), "kinds of memories, separated by commas")(
      "cells", text(cells.c_str(), "flip"),
      "what a broken cell is: stuck at 0, 1 or either; flipped")(
      "unit", text(units.c_str(), "cell"),
      "what breaks together: a cell, the word of one code, a row (word line), a column (bit line) "
      "or "
      "a bank of a memory")("rates", text("R,R,...", "0.0001,0.001,0.01"),
                            "probabilities that a unit is broken")(
      "by", text(groups.c_str(), "all"), "break all memories, or one part or bit at a time")(
      "repair", text(repairs.c_str(), "none"),
      "what is done about it: nearest storable codes (faq, of stuck cells), reads clipped to the "
      "levels, or a code that corrects one wrong bit of a word")(
      "chips", number("N", 50), "chips of each rate")("seed", number("N", 1),
                                                      "seed of everything random");
  add_thread_option(line);
  line.epilogue(site_help() + data_help() + accelerator_help());
  if (!line.parse(arguments)) return 0;
  const std::string path = line.text("model");
  if (!line.has("accelerator")) {
    throw InputError("stuckat memory", "no --accelerator", "--accelerator NAME");
  }
  const Network network = read_model(path);
  const DataSet data = load_data(line, network, path);
  const Placement placement =
      place_on(parse_accelerator(line.text("accelerator"), network), network);
  const SiteIndex sites(placement, network);
  studies::MemoryStudyOptions options;
  options.faults.kinds = site_kinds(line.text("sites"), sites);
  options.faults.cell = choice<CellFault>(line, "cells", cell_fault_names());
  options.faults.unit = line.text("unit");
  options.rates = reals(line, "rates", 0, 1);
  if (options.rates.empty()) {
    throw InputError("--rates", "none", "probabilities, such as 0.0001,0.01");
  }
  options.groups = choice<studies::MemoryGroups>(line, "by", studies::memory_group_names());
  options.repair = line.text("repair");
  options.chips = line.integer("chips", 1, 1'000'000);
  options.seed = static_cast<uint64_t>(line.integer("seed", 0, INT64_MAX));
  options.threads = threads(line);
  catch_interrupts();
  ProgressLine progress("memory");
  const auto study =
      studies::memory_study(network, data, placement, options, [&](int64_t done, int64_t total) {
        progress.show(static_cast<double>(done) / static_cast<double>(total), "");
        return !interrupted();
      });
  progress.clear();
  if (interrupted()) fmt::print(stderr, "stopped; the rows that were complete:\n");
  fmt::print("{}\n", data_text(line, data));
  print(study);
  nlohmann::ordered_json json = {
      {"configuration", line.configuration()}, {"model_hash", content_hash(network)},
      {"data", data_json(line, data)},         {"images", study.images},
      {"error_free", study.error_free},        {"rows", nlohmann::json::array()}};
  for (const studies::MemoryRow& row : study.rows) json["rows"].push_back(memory_row_json(row));
  line.write_json(json);
  return interrupted() ? interrupted_exit_code() : 0;
}

}  // namespace stuckat::cli
