#include "tools/stuckat/protect_json.h"

#include <fstream>
#include <iterator>

#include "workloads/errors.h"

namespace stuckat::cli {

using Json = nlohmann::ordered_json;

Json to_json(const protect::Candidate& c) {
  return {{"measure", c.measure},
          {"detail", c.detail},
          {"count", c.count},
          {"macs", c.macs},
          {"pes", c.pes},
          {"multipliers", c.multipliers},
          {"memory_bits", c.memory_bits},
          {"worst_error", c.worst_error},
          {"mean_error", c.mean_error},
          {"worst_fault", c.worst_fault},
          {"pareto", c.pareto}};
}

Json to_json(const protect::RescheduledPe& pe) {
  return {{"pe", pe.pe},
          {"placed_error", pe.placed_error},
          {"error", pe.error},
          {"random_error", pe.random_error},
          {"checked_placed_error", pe.checked_placed_error},
          {"checked_error", pe.checked_error},
          {"optimal", pe.optimal},
          {"sets_measured", pe.measured},
          {"fixed", pe.why_fixed}};
}

std::vector<report::Protection> read_protections(const std::string& path,
                                                 const std::string& label) {
  const std::string expected = "a result of 'stuckat protect --json'";
  std::ifstream in(path, std::ios::binary);
  if (!in) throw InputError(path, "cannot be opened", expected);
  const Json json =
      Json::parse(std::string(std::istreambuf_iterator<char>(in), {}), nullptr, false);
  std::vector<report::Protection> result;
  try {
    if (json.at("schema") != "stuckat.protection") throw InputError(path, "is none", expected);
    for (const Json& evidence : json.at("evidence")) {
      report::Protection protection;
      protection.network = label;
      protection.accelerator = json.at("accelerator");
      protection.evidence = evidence.at("faults");
      protection.error_free = evidence.at("error_free_error");
      for (const Json& c : evidence.at("candidates")) {
        protection.points.push_back({c.at("measure"), c.at("detail"), c.at("macs"), c.at("pes"),
                                     c.at("memory_bits"), c.at("worst_error"), c.at("mean_error")});
      }
      result.push_back(std::move(protection));
    }
  } catch (const Json::exception& error) {
    throw InputError(path, error.what(), expected);
  }
  return result;
}

}  // namespace stuckat::cli
