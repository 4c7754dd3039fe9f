#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "faultmaps/operations.h"
#include "faultmaps/text_files.h"
#include "tools/stuckat/accelerator.h"
#include "tools/stuckat/faults.h"
#include "tools/stuckat/inputs.h"
#include "workloads/compressed_file.h"

namespace stuckat::cli {
namespace {

using Lot = std::vector<FaultMap>;

std::vector<Lot> read_lots(const std::vector<std::string>& paths) {
  std::vector<Lot> lots;
  for (const auto& path : paths) {
    lots.push_back(read_fault_file(path));
    if (lots.back().empty()) throw InputError(path, "holds no chip", "at least one");
  }
  return lots;
}

/// Chips of each result: a file of one chip goes with every chip of the others.
size_t common_chips(const std::vector<Lot>& lots, const std::vector<std::string>& paths) {
  size_t count = 1;
  for (size_t i = 0; i < lots.size(); ++i) {
    if (lots[i].size() == 1) continue;
    if (count > 1 && lots[i].size() != count) {
      throw InputError(paths[i], std::to_string(lots[i].size()) + " chips",
                       std::to_string(count) + " as in another file, or 1");
    }
    count = lots[i].size();
  }
  return count;
}

const FaultMap& chip_of(const Lot& lot, size_t chip) { return lot[lot.size() == 1 ? 0 : chip]; }

/// A command that makes one file of several, chip by chip: combine(maps) of one result.
template <typename Combine>
int fold(CommandLine& line, const Arguments& arguments, size_t most_files, Combine combine) {
  line.options().add_options()("output,o", text("FILE"), "file to write: .h5, .csv or .json");
  if (!line.parse(arguments)) return 0;
  if (!line.has("output")) throw InputError("stuckat faults", "no --output", "-o MAP.h5");
  const auto paths = line.get<std::vector<std::string>>("maps");
  if (paths.size() > most_files) {
    throw InputError("stuckat faults", std::to_string(paths.size()) + " files",
                     "at most " + std::to_string(most_files));
  }
  std::vector<Lot> lots = read_lots(paths);
  if (line.has("all-chips") && line.get<bool>("all-chips")) {
    Lot all;
    for (Lot& lot : lots) std::move(lot.begin(), lot.end(), std::back_inserter(all));
    write_maps(line, line.text("output"), {combine(all)});
    return 0;
  }
  if (paths.size() < 2) throw InputError("stuckat faults", "one file", "two or more");
  Lot result;
  for (size_t chip = 0; chip < common_chips(lots, paths); ++chip) {
    Lot of_chip;
    for (const Lot& lot : lots) of_chip.push_back(chip_of(lot, chip));
    result.push_back(combine(of_chip));
  }
  write_maps(line, line.text("output"), result);
  return 0;
}

/// The maps from the first on, each with what the ones before it came to.
template <typename Combine>
FaultMap one_by_one(const Lot& maps, Combine combine) {
  FaultMap result = maps.front();
  for (size_t i = 1; i < maps.size(); ++i) {
    result = combine(result, maps[i], "stuckat faults");
  }
  return result;
}

void add_all_chips(CommandLine& line) {
  line.options().add_options()("all-chips", po::bool_switch(),
                               "combine all chips of all files into one map");
}

constexpr const char* chip_rule =
    " Chip i goes with chip i; a file of one chip goes with every chip.";

}  // namespace

int faults_union(const Arguments& arguments) {
  CommandLine line("faults union MAP MAP... -o MAP",
                   std::string("The faults of any of the maps (fusion).") + chip_rule, {"maps..."});
  line.options().add_options()("contradictions", text("RULE", "refuse"),
                               "for sites stuck at different values: refuse, first, last or drop");
  add_all_chips(line);
  return fold(line, arguments, SIZE_MAX, [&](const Lot& maps) {
    const auto rule = parse_contradiction(line.text("contradictions"), "--contradictions");
    return unite(maps, rule, "stuckat faults union");
  });
}

int faults_intersect(const Arguments& arguments) {
  CommandLine line("faults intersect MAP MAP... -o MAP",
                   std::string("The faults (site and value) that all maps have.") + chip_rule,
                   {"maps..."});
  add_all_chips(line);
  return fold(line, arguments, SIZE_MAX,
              [](const Lot& maps) { return one_by_one(maps, intersect); });
}

int faults_diff(const Arguments& arguments) {
  CommandLine line("faults diff MAP MAP -o MAP",
                   std::string("The faults (site and value) of the first map that the second has "
                               "not.") +
                       chip_rule,
                   {"maps..."});
  return fold(line, arguments, 2, [](const Lot& maps) { return one_by_one(maps, subtract); });
}

int faults_distance(const Arguments& arguments) {
  CommandLine line(
      "faults distance MAP MAP",
      std::string("How far two maps are apart. Hamming: sites whose state (healthy, or "
                  "stuck at a value) differs. Jaccard: 1 - common faults / all faults "
                  "of either.") +
          chip_rule,
      {"maps..."});
  if (!line.parse(arguments)) return 0;
  const auto paths = line.get<std::vector<std::string>>("maps");
  if (paths.size() != 2) {
    throw InputError("stuckat faults distance", std::to_string(paths.size()) + " files", "two");
  }
  const auto lots = read_lots(paths);
  nlohmann::ordered_json result = {{"chips", nlohmann::json::array()}};
  fmt::print("{:>6} {:>9} {:>9} {:>9} {:>11} {:>13} {:>8}\n", "chip", "common", "only 1st",
             "only 2nd", "other value", "Hamming", "Jaccard");
  for (size_t chip = 0; chip < common_chips(lots, paths); ++chip) {
    const MapDistance d =
        distance(chip_of(lots[0], chip), chip_of(lots[1], chip), "stuckat faults distance");
    fmt::print("{:>6} {:>9} {:>9} {:>9} {:>11} {:>13} {:>8.4f}\n", chip, d.common, d.only_first,
               d.only_second, d.contradicting, d.hamming(), d.jaccard());
    result["chips"].push_back({{"chip", chip},
                               {"common", d.common},
                               {"only_first", d.only_first},
                               {"only_second", d.only_second},
                               {"contradicting", d.contradicting},
                               {"hamming", d.hamming()},
                               {"jaccard", d.jaccard()}});
  }
  line.write_json(result);
  return 0;
}

int faults_convert(const Arguments& arguments) {
  CommandLine line("faults convert IN OUT [options]",
                   "Converts between HDF5, CSV and JSON by the endings of the names (formats: "
                   "faultmaps/FORMAT.md). With --model and --accelerator every line is checked "
                   "against the hardware; bitmaps of a memory need them.",
                   {"in", "out"});
  add_hardware_options(line);
  line.options().add_options()("columns", po::bool_switch(),
                               "write CSV with a column for each coordinate")(
      "from-bitmap", text("MEMORY"),
      "IN is a bitmap of this memory, like layer1/mvtu/pe[3]/weight")(
      "stuck-at", number("BIT", 1), "what the failing cells of the bitmap are stuck at")(
      "to-bitmap", text("MEMORY"), "write the first chip's bitmap of this memory");
  line.epilogue(accelerator_help());
  if (!line.parse(arguments)) return 0;
  const bool bitmaps = line.has("from-bitmap") || line.has("to-bitmap");
  const auto hardware = bitmaps ? load_hardware(line) : load_hardware_if_given(line);
  const std::string in = line.text("in");
  const std::string out = line.text("out");
  Lot chips;
  if (line.has("from-bitmap")) {
    const auto bytes = read_plain_file(in);
    const Memory memory = parse_memory(line.text("from-bitmap"), hardware->sites, "--from-bitmap");
    chips = {parse_bitmap(std::string(bytes.begin(), bytes.end()), memory,
                          static_cast<int>(line.integer("stuck-at", 0, 1)), hardware->sites, in)};
  } else {
    chips = read_fault_file(in, sites_of(hardware));
  }
  if (line.has("to-bitmap")) {
    if (chips.empty()) throw InputError(in, "holds no chip", "at least one");
    const Memory memory = parse_memory(line.text("to-bitmap"), hardware->sites, "--to-bitmap");
    write_text_file(out, bitmap(chips[0], memory));
    fmt::print("{}: {} x {} cells of {}\n", out, memory.grid.rows, memory.grid.columns,
               line.text("to-bitmap"));
    return 0;
  }
  write_maps(line, out, chips);
  return 0;
}

}  // namespace stuckat::cli
