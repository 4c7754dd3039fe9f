#include <fmt/format.h>

#include <algorithm>

#include "sim/fast/executor.h"
#include "sim/fast/fault_list.h"
#include "sim/fast/verdict_counts.h"
#include "tools/stuckat/accelerator.h"
#include "tools/stuckat/faults.h"
#include "tools/stuckat/fleet.h"
#include "tools/stuckat/inputs.h"
#include "workloads/hash.h"

namespace stuckat::cli {

int fleet_evaluate(const Arguments& arguments) {
  CommandLine line("fleet evaluate MODEL --lot CHIPS.h5 --accelerator NAME --data NAME",
                   "Accuracy of one network on every chip of a lot, as it is: each image once "
                   "without faults, and what differs for each chip. With --repair each chip is "
                   "repaired first; what is chosen is measured on validation images of the "
                   "training half, those of 'fleet train' with as many images.",
                   {"model"});
  line.options().add_options()("lot", text("FILE"), "fault maps of the chips (.h5, .csv, .json)")(
      "csv", text("FILE"), "a line for each chip");
  add_fleet_hardware_options(line);
  add_data_options(line);
  add_repair_options(line);
  line.options().add_options()("training-images", number("N", -1),
                               "with --repair: --images of 'fleet train'")(
      "validation-images", number("N", 1000), "with --repair: likewise");
  add_thread_option(line);
  line.epilogue(data_help() + site_help() + accelerator_help());
  if (!line.parse(arguments)) return 0;
  const bool repairs = repairs_chips(line);
  for (const char* option : {"training-images", "validation-images"}) {
    line.refuse_without_effect({{option, repairs, "without --repair", "--repair as well"}});
  }
  const FleetHardware hardware(line);
  const DataSet data = load_data(line, hardware.network(), line.text("model"));
  const FleetImages images =
      repairs ? load_fleet_images(line, hardware.network(), "training-images") : FleetImages{};
  trainer::Workers workers(threads(line));
  FleetRepair repair(line, hardware, images.validation, workers);
  FleetChips chips(line, hardware, &repair);
  const trainer::FleetLot lot = chips.lot();
  std::map<ChannelOrders, int> orders = {{{}, 0}};  // numbered as they come
  std::vector<int> order_of;                        // [chip]
  for (int chip = 0; chip < static_cast<int>(chips.maps().size()); ++chip) {
    const int next = static_cast<int>(orders.size());
    order_of.push_back(
        orders.try_emplace(lot.orders ? lot.orders({chip}) : ChannelOrders(), next).first->second);
  }
  std::vector<int64_t> correct(order_of.size());
  int64_t healthy = 0;
  for (const auto& [order, number] : orders) {
    std::vector<int> of_order;
    for (size_t chip = 0; chip < order_of.size(); ++chip) {
      if (order_of[chip] == number) of_order.push_back(static_cast<int>(chip));
    }
    if (of_order.empty()) continue;
    const Network network = reschedule(hardware.network(), order);
    std::vector<Effects> effects;
    for (const int chip : of_order) effects.push_back(lot.fused({chip}).effects(network, 1));
    const fast::PackedNetwork packed(network);
    const fast::FaultList list(packed, effects);
    const auto counts = fast::count_verdicts(
        list, [&](int64_t i) { return input_tensor(network, data, static_cast<int>(i)); },
        [&](int64_t i) { return data.labels[static_cast<size_t>(i)]; }, 0, data.size(),
        threads(line));
    for (size_t i = 0; i < of_order.size(); ++i) {
      correct[static_cast<size_t>(of_order[i])] = counts.total_correct(static_cast<int>(i));
    }
    healthy = counts.total_golden_correct();  // the same in any order
  }
  std::vector<double> accuracies;
  std::string csv = "chip,broken,correct,accuracy,left,order\n";
  for (size_t chip = 0; chip < correct.size(); ++chip) {
    accuracies.push_back(static_cast<double>(correct[chip]) / data.size());
    csv += fmt::format("{},{},{},{:.4f},{},{}\n", chip,
                       hardware.set_of(chips.maps()[chip], "").count(), correct[chip],
                       100 * accuracies.back(), chips.sets()[chip].count(), order_of[chip]);
  }
  const auto five = five_numbers(accuracies);
  const double deployed = static_cast<double>(healthy) / data.size();
  const auto others = static_cast<int64_t>(orders.size()) - 1;
  fmt::print("{} chips of {} on {}\n", accuracies.size(), hardware.name(), data_text(line, data));
  show_repair(repair);
  if (repair.reschedules()) {
    fmt::print("{} chips have their channels in {} other orders\n",
               std::count_if(order_of.begin(), order_of.end(), [](int order) { return order > 0; }),
               others);
  }
  fmt::print(
      "healthy {:.2f} %; chips: least {:.2f}, quartiles {:.2f} {:.2f} {:.2f}, greatest {:.2f} %\n",
      100 * deployed, 100 * five[0], 100 * five[1], 100 * five[2], 100 * five[3], 100 * five[4]);
  if (line.has("csv")) write_text_file(line.text("csv"), csv);
  nlohmann::ordered_json json = {{"healthy", 100 * deployed},
                                 {"accuracy", in_percent(accuracies)},
                                 {"data", data_json(line, data)}};
  if (repairs) {
    json["repaired"] = {{"repair", repair.name()},
                        {"orders", others},
                        {"spares", spares_json(repair.cost())},
                        {"train_images", images.train.size()},
                        {"validation_images", images.validation.size()},
                        {"validation_hash", content_hash(images.validation)}};
  }
  line.write_json(json);
  return 0;
}

}  // namespace stuckat::cli
