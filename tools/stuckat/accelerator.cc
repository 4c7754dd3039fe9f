#include "tools/stuckat/accelerator.h"

#include "models/dataflow/placement.h"
#include "models/dataflow/timeline.h"
#include "models/loopback/placement.h"
#include "models/loopback/timeline.h"
#include "tools/stuckat/late_timeline.h"
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

namespace {

std::unique_ptr<Timeline> timeline_of(const dataflow::DataflowAccelerator& accelerator,
                                      const Network& network, int64_t images) {
  return std::make_unique<dataflow::DataflowTimeline>(accelerator, network, images);
}
std::unique_ptr<Timeline> timeline_of(const loopback::LoopbackAccelerator& accelerator,
                                      const Network& network, int64_t images) {
  return std::make_unique<loopback::LoopbackTimeline>(accelerator, network,
                                                      static_cast<int>(images));
}

}  // namespace

Placement place_on(const Accelerator& accelerator, const Network& network, int64_t images) {
  Placement placement = place_on(accelerator, network);
  const auto make = [accelerator, network, images] {
    return std::visit([&](const auto& a) { return timeline_of(a, network, images); }, accelerator);
  };
  if (images > 0) placement.run = std::make_shared<LateTimeline>(images, make);
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
