#include <fmt/format.h>

#include <algorithm>

#include "faultmaps/generators.h"
#include "faultmaps/operations.h"
#include "faultmaps/text_files.h"
#include "faultmaps/wafer.h"
#include "sim/campaign/fault_set.h"
#include "tools/stuckat/accelerator.h"
#include "tools/stuckat/faults.h"
#include "tools/stuckat/option_values.h"

namespace stuckat::cli {
namespace {

po::typed_value<double>* optional_real(const char* value_name) {
  return po::value<double>()->value_name(value_name);
}
po::typed_value<int64_t>* optional_number(const char* value_name) {
  return po::value<int64_t>()->value_name(value_name);
}

constexpr double most_of_a_model = 1e8;

void add_new_options(CommandLine& line) {
  add_hardware_options(line);
  line.options().add_options()(
      "fault", po::value<std::vector<std::string>>()->value_name("NAME"),
      "a fault like layer1/mvtu/pe[5]/accumulator[3]=1, or a pattern with *, like "
      "layer1/mvtu/pe[*]/weight[2-5][*][0]=1; may be repeated")(
      "from", text("FILE"), "start from the maps of a file (.h5, .csv, .json), chip by chip")(
      "keep", real("P", 1, "1"), "keep each fault of --from with this probability")(
      "sites", text("KINDS"), "site kinds to break at random, separated by commas")(
      "rate", optional_real("R"), "probability that a site is broken (the default, 0.001)")(
      "count", optional_number("N"), "exactly N broken sites a chip")(
      "mean", optional_real("M"), "a Poisson number of broken sites with this mean for each chip")(
      "alpha", real("A", 0, "0"),
      "with --mean: chips differ, negative binomial with this clustering parameter; 0: Poisson")(
      "wafer", optional_number("N"),
      "with --mean, the mean over a wafer: chips are its dies, N across, one wafer after the "
      "other")("edge", real("R", 3, "3"),
               "with --wafer: density of faults at the edge against the centre")(
      "clusters", optional_real("C"), "a Poisson number of clusters with this mean")(
      "per-cluster", real("F", 5, "5"), "mean number of faults of a cluster")(
      "radius", real("R", 2, "2"), "radius of a cluster in cells of the array or memory")(
      "lines", optional_number("N"), "N broken lines (rows or columns of memories, rows of PEs)")(
      "along", text("COORDINATES", "address"), "what a broken line runs along, like lane,bit")(
      "chips", number("N", 1), "number of maps to draw, each with a seed of its own")(
      "seed", number("N", 1), "seed of everything random")("output,o", text("FILE"),
                                                           "file to write: .h5, .csv or .json");
}

FaultMap draw(const CommandLine& line, const std::vector<SiteKind>& kinds, int64_t chip,
              uint64_t seed, const SiteIndex& sites) {
  if (line.has("count")) return exact_map(kinds, line.get<int64_t>("count"), seed, sites);
  if (line.has("wafer")) {
    const WaferModel model{static_cast<int>(line.integer("wafer", 3, 1000)),
                           line.real("mean", 0, most_of_a_model), line.real("edge", 0, 1e6), 2,
                           line.real("alpha", 0, most_of_a_model)};
    return wafer_map(kinds, model, chip, seed, sites);
  }
  if (line.has("mean")) {
    const PoissonModel model{line.real("mean", 0, most_of_a_model),
                             line.real("alpha", 0, most_of_a_model)};
    return poisson_map(kinds, model, seed, sites);
  }
  if (line.has("clusters")) {
    const ClusterModel model{line.real("clusters", 0, most_of_a_model),
                             line.real("per-cluster", 0, most_of_a_model),
                             line.real("radius", 0, 1e6)};
    return clustered_map(kinds, model, seed, sites);
  }
  if (line.has("lines")) {
    return broken_lines(kinds, split_list(line.text("along")), line.get<int64_t>("lines"), seed,
                        sites);
  }
  return random_map(kinds, line.has("rate") ? line.real("rate", 0, 1) : 0.001, seed, sites);
}

void check_models(const CommandLine& line) {
  std::vector<std::string> given;
  for (const char* model : {"rate", "count", "mean", "clusters", "lines"}) {
    if (line.has(model)) given.push_back(std::string("--") + model);
  }
  if (line.has("wafer") && !line.has("mean")) {
    throw InputError("stuckat faults new", "--wafer without --mean", "--mean M, over a wafer");
  }
  line.refuse_without_effect(
      {{"edge", line.has("wafer"), "without --wafer", "--wafer N"},
       {"alpha", line.has("mean"), "without --mean", "--mean M"},
       {"per-cluster", line.has("clusters"), "without --clusters", "--clusters C"},
       {"radius", line.has("clusters"), "without --clusters", "--clusters C"},
       {"along", line.has("lines"), "without --lines", "--lines N"},
       {"keep", line.has("from"), "without --from", "--from FILE"}});
  if (given.size() > 1)
    throw InputError("stuckat faults new", given[0] + " and " + given[1], "one");
  if (!given.empty() && !line.has("sites")) {
    throw InputError("stuckat faults new", given[0] + " without --sites", "--sites KINDS");
  }
}

}  // namespace

int faults_new(const Arguments& arguments) {
  CommandLine line("faults new --model FILE --accelerator NAME -o MAP [options]",
                   "Makes fault maps: from faults by name or pattern (--fault), from other maps "
                   "(--from), and at random (--sites with --rate, --count, --mean, --clusters or "
                   "--lines). Where these stick one site at different values, --fault wins over "
                   "--from, and both over chance. A chip's faults depend on the seed and its "
                   "number only.");
  add_new_options(line);
  line.epilogue(site_help() + accelerator_help());
  if (!line.parse(arguments)) return 0;
  if (!line.has("output")) throw InputError("stuckat faults new", "no --output", "-o MAP.h5");
  check_models(line);
  const auto hardware = load_hardware(line);
  const SiteIndex& sites = hardware->sites;
  const auto kinds =
      line.has("sites") ? site_kinds(line.text("sites"), sites) : std::vector<SiteKind>{};
  FaultMap named = sites.healthy();
  if (line.has("fault")) {
    for (const auto& pattern : line.get<std::vector<std::string>>("fault")) {
      if (campaign::is_in_network(pattern, hardware->network)) {
        throw InputError(
            "--fault", "'" + pattern + "' is in the network: maps hold broken hardware",
            "'campaign --faults id:NAME', 'eval --fault NAME' or 'whatif --fault NAME'");
      }
      const auto faults = sites.expand(pattern, "--fault");
      named.faults.insert(named.faults.end(), faults.begin(), faults.end());
    }
  }
  validate(named, sites, "--fault");
  std::vector<FaultMap> given;
  if (line.has("from")) given = read_fault_file(line.text("from"), &sites);
  const auto seed = static_cast<uint64_t>(line.integer("seed", 0, INT64_MAX));
  auto count = static_cast<size_t>(line.integer("chips", 1, 1'000'000));
  if (given.size() > 1) {
    if (count > 1 && count != given.size()) {
      throw InputError("--chips", std::to_string(count),
                       std::to_string(given.size()) + ", as --from has, or 1");
    }
    count = given.size();
  }
  std::vector<FaultMap> chips;
  for (size_t chip = 0; chip < count; ++chip) {
    const uint64_t own_seed = chip_seed(seed, static_cast<int64_t>(chip));
    FaultMap map = named;
    if (!given.empty()) {
      const FaultMap& start = given[given.size() == 1 ? 0 : chip];
      // Another seed than the drawn faults have, so that the two are independent.
      map = unite(map, thinned_map(start, line.real("keep", 0, 1), chip_seed(own_seed, 1)),
                  Contradiction::first_wins, "--from");
    }
    if (!kinds.empty()) {
      map = unite(map, draw(line, kinds, static_cast<int64_t>(chip), own_seed, sites),
                  Contradiction::first_wins, "--sites");
    }
    chips.push_back(std::move(map));
  }
  write_maps(line, line.text("output"), chips);
  return 0;
}

}  // namespace stuckat::cli
