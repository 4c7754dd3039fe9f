// A fault map drawn over the parts of an accelerator: in the terminal, and as a vector picture.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "faultmaps/fault_map.h"
#include "faultmaps/site_index.h"

namespace stuckat::report {

/// Faults of one part, counted on its grid.
///   a PE array: row = PE; column 0 = the PE itself (accumulator, comparators, output, thresholds,
///     dead), column 1 + l = lane l (input, product, and every address of the weight memory);
///   all others: the grid of each site kind (SiteGrid), planes on top of each other.
struct FaultGrid {
  std::string title;        ///< "layer1/mvtu", "layer0/out slot"
  std::string row_name;     ///< "PE", "slot"
  std::string column_name;  ///< "PE itself, then lanes"
  bool has_whole = false;   ///< column 0 stands for the whole row
  int64_t rows = 1;
  int64_t columns = 1;
  std::vector<int64_t> counts;  ///< [rows][columns]
  std::vector<bool> dead;       ///< [rows]: a site that takes the whole row with it

  int64_t total() const;
};

/// Grids of every part that the map breaks, in placement order. The map must be valid.
std::vector<FaultGrid> fault_grids(const FaultMap& map, const SiteIndex& sites);

/// The grid with one character a cell: '.', '1'-'9', '+' for more, 'X' for a dead PE or slot.
/// Larger grids are shrunk to `most_rows` x `most_columns`; a character then stands for a block of
/// cells, and a line says so.
std::string text_picture(const FaultGrid& grid, int most_rows = 32, int most_columns = 96);

/// The grid as an <svg> in the report's classes: cells h0 to h7 by the logarithm of their count.
std::string svg_picture(const FaultGrid& grid);

/// One line for each memory-like kind that the map breaks: broken bits, how many of the part's
/// memories hold one, the worst memory.
std::vector<std::string> memory_summary(const FaultMap& map, const SiteIndex& sites);

}  // namespace stuckat::report
