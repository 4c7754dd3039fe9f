#include "tools/stuckat/broken.h"

#include <algorithm>

#include "faultmaps/lower.h"
#include "faultmaps/text_files.h"
#include "sim/campaign/fault_set.h"
#include "tools/stuckat/accelerator.h"
#include "tools/stuckat/inputs.h"

namespace stuckat::cli {
namespace {

std::vector<std::string> named(const CommandLine& line, const std::string& prefix) {
  const std::string option = prefix + "fault";
  return line.has(option) ? line.get<std::vector<std::string>>(option) : std::vector<std::string>{};
}

}  // namespace

void take_accelerator_of_map(CommandLine& line, const std::string& map) {
  if (line.has("accelerator") || !line.has(map)) return;
  const auto chips = read_fault_file(line.text(map));
  if (!chips.empty()) line.set_default("accelerator", chips.front().accelerator);
}

bool only_elements(const CommandLine& line, const Network& network, const std::string& prefix) {
  const std::vector<std::string> names = named(line, prefix);
  const auto elements = std::count_if(names.begin(), names.end(), [&](const std::string& name) {
    return campaign::is_in_network(name, network);
  });
  if (elements == 0) return false;
  if (line.has(prefix + "fault-map") || elements < std::ssize(names)) {
    throw InputError("--" + prefix + "fault",
                     "stuck elements of the network together with broken hardware",
                     "either of them");
  }
  return true;
}

studies::BrokenNetwork load_broken(const CommandLine& line, const Network& network, int64_t images,
                                   const std::string& accelerator, const std::string& prefix) {
  studies::BrokenNetwork broken{network, nullptr, {}, {}, {}, {}};
  if (only_elements(line, network, prefix)) {
    broken.elements = named(line, prefix);
    broken.effects = campaign::named_faults(network, nullptr, {"all"}, {broken.elements},
                                            "--" + prefix + "fault")
                         .effects(0);
    return broken;
  }
  if (accelerator.empty()) {
    throw InputError("stuckat", "faults of hardware without an accelerator", "--accelerator NAME");
  }
  broken.accelerator = parse_accelerator(accelerator, network);
  broken.placement = place_on(broken.accelerator, network, images);
  broken.map = load_faults(line, broken.placement, network, prefix);
  broken.effects = lower(broken.map, broken.placement, network);
  return broken;
}

}  // namespace stuckat::cli
