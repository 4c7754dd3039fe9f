// Fault maps as CSV and JSON text; formats in faultmaps/FORMAT.md. Readers check structure and
// names; with a SiteIndex they also check that every site exists, line by line. Without one, that
// is left to validate().
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "faultmaps/fault_map.h"
#include "faultmaps/site_index.h"

namespace stuckat {

enum class CsvStyle : uint8_t {
  names,   ///< chip, fault
  columns  ///< chip, site, part, one column for each coordinate that occurs, value
};

std::string fault_csv(const std::vector<FaultMap>& chips, CsvStyle style = CsvStyle::names);
std::string fault_json(const std::vector<FaultMap>& chips);

/// Throw InputError("WHERE:LINE", ...) or, for JSON, InputError("WHERE: chips[2][7]", ...).
std::vector<FaultMap> parse_fault_csv(std::string_view text, const std::string& where,
                                      const SiteIndex* sites = nullptr);
std::vector<FaultMap> parse_fault_json(std::string_view text, const std::string& where,
                                       const SiteIndex* sites = nullptr);

/// .csv, .json, or .h5 and .hdf5 by the ending of the path. Throws InputError.
std::vector<FaultMap> read_fault_file(const std::string& path, const SiteIndex* sites = nullptr);

/// What made the maps of an HDF5 file, as JSON; empty if it does not say, and for other files.
std::string fault_map_configuration(const std::string& path);

/// One memory of an accelerator: "layer1/mvtu/pe[3]/weight", "layer0/out/slot".
struct Memory {
  const SiteSpace* space = nullptr;
  SiteGrid grid;
  int64_t plane = 0;
};
/// Throws InputError(where, ...) with the nearest name.
Memory parse_memory(std::string_view name, const SiteIndex& sites, std::string_view where);

/// A test floor's bitmap of one memory (FORMAT.md): a grid or a list of cells. `stuck_at`: what a
/// cell that fails is stuck at. Throws InputError("WHERE:LINE", ...).
FaultMap parse_bitmap(std::string_view text, const Memory& memory, int stuck_at,
                      const SiteIndex& sites, const std::string& where);
/// The memory's cells as a grid with '1' where a fault of the map is, '0' elsewhere.
std::string bitmap(const FaultMap& map, const Memory& memory);

}  // namespace stuckat
