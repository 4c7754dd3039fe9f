#include "tools/stuckat/accelerator.h"

#include "models/dataflow/placement.h"
#include "models/loopback/placement.h"
#include "workloads/errors.h"

namespace stuckat::cli {

Accelerator parse_accelerator(const std::string& text, const Network& network) {
  constexpr std::string_view dataflow_prefix = "dataflow:";
  if (text.starts_with(dataflow_prefix)) {
    return dataflow::parse_dataflow(std::string_view(text).substr(dataflow_prefix.size()), network);
  }
  if (text.starts_with("loopback:")) return loopback::parse_loopback(text);
  throw_unknown_name("--accelerator", "accelerator", text.substr(0, text.find(':')),
                     {"dataflow", "loopback"});
}

Placement place_on(const Accelerator& accelerator, const Network& network) {
  Placement placement = std::visit([&](const auto& a) { return place(a, network); }, accelerator);
  validate(placement, network);
  return placement;
}

std::string accelerator_help() {
  std::string help =
      "Accelerators:\n"
      "  loopback:PExSIMD       one array runs layer after layer, for instance loopback:32x64\n"
      "  loopback:FILE.json     see models/loopback/FORMAT.md\n"
      "  dataflow:FILE.json     see models/dataflow/FORMAT.md; FINN's folding_config.json too\n";
  for (const auto& name : dataflow::dataflow_names()) help += "  dataflow:" + name + "\n";
  return help;
}

}  // namespace stuckat::cli
