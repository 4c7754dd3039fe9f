// The faults of a campaign, counted and written to a file.
#include <fmt/format.h>

#include <limits>

#include "tools/stuckat/campaign_inputs.h"
#include "tools/stuckat/inputs.h"
#include "workloads/model_file.h"

namespace stuckat::cli {

int run_list(const Arguments& arguments) {
  CommandLine line("campaign list MODEL --faults LIST [-o FILE]",
                   "Counts the faults of a list by layer or part, and writes their names to a "
                   "file, to be thinned out,\nput together or kept: 'stuckat campaign MODEL "
                   "--faults list:FILE'.",
                   {"model"});
  add_fault_set_options(line);
  line.options().add_options()("images", number("N", 0),
                               "images of the campaign that the list is for, which flips need: "
                               "their cycles are those of its run")(
      "output,o", text("FILE"),
      "fault list to write: HDF5 if it ends with .h5, else text with a name on each line");
  if (!line.parse(arguments)) return 0;
  const Network network = read_model(line.text("model"));
  const CampaignFaultSet in =
      load_fault_set(line, network, line.integer("images", 0, std::numeric_limits<int>::max()));
  nlohmann::ordered_json strata = nlohmann::json::array();
  for (const campaign::Stratum& s : in.faults.strata()) {
    fmt::print("{:<16} {:>10} faults", s.name, thousands(s.count));
    if (in.faults.sampling()) fmt::print(" of {:>10}", thousands(s.population));
    fmt::print("   {} ...\n", in.faults.info(s.first).id);
    strata.push_back({{"name", s.name}, {"faults", s.count}, {"population", s.population}});
  }
  fmt::print("{:<16} {:>10} faults\n", "all", thousands(in.faults.size()));
  if (const std::string path = line.text("output"); path.ends_with(".h5"))
    campaign::write_fault_list(path, in.faults);
  else if (!path.empty())
    write_text_file(path, campaign::fault_list_text(in.faults));
  line.write_json({{"faults", in.faults.spec()}, {"size", in.faults.size()}, {"strata", strata}});
  return 0;
}

}  // namespace stuckat::cli
