#include <fmt/format.h>

#include <iostream>

#include "faultmaps/describe_effects.h"
#include "sim/fast/executor.h"
#include "sim/fast/fault_list.h"
#include "sim/fast/verdict_counts.h"
#include "tools/stuckat/accelerator.h"
#include "tools/stuckat/broken.h"
#include "tools/stuckat/command_line.h"
#include "tools/stuckat/commands.h"
#include "tools/stuckat/inputs.h"
#include "workloads/model_file.h"

namespace stuckat::cli {
namespace {

fast::ImageSource images_of(const Network& network, const DataSet& data) {
  return [&](int64_t i) { return input_tensor(network, data, static_cast<int>(i)); };
}

/// Accuracy under the effects of faults, beside the fault-free one.
nlohmann::ordered_json evaluate_faulty(const CommandLine& line, const Network& network,
                                       const DataSet& data) {
  const studies::BrokenNetwork broken =
      load_broken(line, network, data.size(), line.text("accelerator"));
  std::vector<std::string> names = broken.elements;
  for (const Fault& fault : broken.map.faults) names.push_back(name(fault));
  const Effects& effects = broken.effects;
  const fast::PackedNetwork packed(network);
  const fast::FaultList list(packed, {effects});
  const auto counts = fast::count_verdicts(
      list, images_of(network, data),
      [&](int64_t i) { return data.labels[static_cast<size_t>(i)]; }, 0, data.size(),
      threads(line));
  nlohmann::ordered_json result;
  const auto share = [&](int64_t right) {
    return 100.0 * static_cast<double>(right) / data.size();
  };
  result["images"] = data.size();
  result["correct_fault_free"] = counts.total_golden_correct();
  result["accuracy_fault_free"] = share(counts.total_golden_correct());
  result["correct"] = counts.total_correct(0);
  result["accuracy"] = share(counts.total_correct(0));
  result["masked"] = counts.masked(0);
  result["critical"] = counts.critical[0];
  result["faults"] = names;
  result["effects"] = describe(effects, network);
  fmt::print("{}\n", data_text(line, data));
  for (const auto& text : describe(effects, network)) fmt::print("{}\n", text);
  fmt::print("without faults  {} of {} right, {}\n", counts.total_golden_correct(), data.size(),
             percent(counts.total_golden_correct(), data.size()));
  fmt::print("with {:<10} {} of {} right, {}; prediction changed on {} images, masked on {}\n",
             fmt::format("{} fault{}", names.size(), names.size() == 1 ? "" : "s"),
             counts.total_correct(0), data.size(), percent(counts.total_correct(0), data.size()),
             counts.critical[0], counts.masked(0));
  return result;
}

nlohmann::ordered_json evaluate_fault_free(const CommandLine& line, const Network& network,
                                           const DataSet& data) {
  const fast::PackedNetwork packed(network);
  const auto evaluation =
      fast::evaluate(packed, images_of(network, data), 0, data.size(), threads(line));
  int64_t right = 0;
  for (int i = 0; i < data.size(); ++i) {
    const auto index = static_cast<size_t>(i);
    right += evaluation.predictions[index] == data.labels[index] ? 1 : 0;
  }
  fmt::print("{}\n", data_text(line, data));
  nlohmann::ordered_json result;
  result["images"] = data.size();
  result["correct"] = right;
  result["accuracy"] = 100.0 * static_cast<double>(right) / data.size();
  if (line.get<bool>("logits")) {
    const auto classes = evaluation.logits.size() / static_cast<size_t>(data.size());
    result["logits"] = nlohmann::json::array();
    for (size_t i = 0; i < static_cast<size_t>(data.size()); ++i) {
      const auto* row = evaluation.logits.data() + i * classes;
      result["logits"].push_back(std::vector<int32_t>(row, row + classes));
      fmt::print("image {}:", i);
      for (size_t c = 0; c < classes; ++c) fmt::print(" {}", row[c]);
      fmt::print("  predicts {}\n", evaluation.predictions[i]);
    }
  }
  fmt::print("{} of {} right, {}\n", right, data.size(), percent(right, data.size()));
  if (!network.output_thresholds.empty()) {
    int64_t by_bits = 0;
    for (size_t i = 0; i < static_cast<size_t>(data.size()); ++i) {
      const auto* row = evaluation.logits.data() + i * static_cast<size_t>(network.classes());
      by_bits += class_by_output_bits(network, row) == data.labels[i] ? 1 : 0;
    }
    result["correct_by_output_bits"] = by_bits;
    fmt::print("{} of {} right, {}, by the highest output bit, as its hardware sends them\n",
               by_bits, data.size(), percent(by_bits, data.size()));
  }
  return result;
}

}  // namespace

int run_eval(const Arguments& arguments) {
  CommandLine line("eval MODEL --data NAME[:PATH] [options]",
                   "Accuracy of a model on a data set. With --accelerator and a fault map or "
                   "faults by name:\nthe exact accuracy of that broken accelerator beside the "
                   "fault-free one. Stuck elements of the network\n(LAYER/channel[C]=LEVEL, "
                   "LAYER/pixel[Y,X]=LEVEL, LAYER/element[Y,X,C]=LEVEL, "
                   "LAYER/weight[ROW,COLUMN]/bit[B]=0)\nneed no "
                   "accelerator; a fault map says which it is of.",
                   {"model"});
  add_data_options(line);
  line.options().add_options()("logits", po::bool_switch(), "print the logits of every image");
  line.options().add_options()("accelerator", text("NAME"), "what the faults are in; see below");
  add_fault_options(line);
  add_thread_option(line);
  line.epilogue(data_help() + accelerator_help());
  if (!line.parse(arguments)) return 0;
  const std::string path = line.text("model");
  const Network network = read_model(path);
  const DataSet data = load_data(line, network, path);
  const bool faulty = has_faults(line);
  take_accelerator_of_map(line);
  const bool elements = only_elements(line, network);
  line.refuse_without_effect(
      {{"accelerator", faulty && !elements,
        elements ? "stuck elements of the network name no hardware" : "nothing is broken",
        elements ? "no --accelerator" : "--fault NAME or --fault-map FILE"},
       {"chip", line.has("fault-map"), "no fault map", "--fault-map FILE"},
       {"logits", !faulty, "with faults", "one of both"}});
  nlohmann::ordered_json result;
  result["configuration"] = line.configuration();
  result["model_hash"] = content_hash(network);
  result["data"] = data_json(line, data);
  result.update(faulty ? evaluate_faulty(line, network, data)
                       : evaluate_fault_free(line, network, data));
  line.write_json(result);
  return 0;
}

}  // namespace stuckat::cli
