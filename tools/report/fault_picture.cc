#include "tools/report/fault_picture.h"

#include <algorithm>
#include <bit>
#include <map>
#include <numeric>

#include "tools/report/svg.h"

namespace stuckat::report {
namespace {

constexpr int64_t most_drawn = 256;  // rows or columns of a vector picture

/// Position of a coordinate in the row, or -1.
int coordinate_index(const SiteRow& row, std::string_view name) {
  for (size_t i = 0; i < row.coordinates.size(); ++i) {
    if (row.coordinates[i].name == name) return static_cast<int>(i);
  }
  return -1;
}

bool is_level(const SiteRow& row) { return row.value == ValueKind::level; }

FaultGrid pe_grid(const std::string& part, const std::vector<const SiteSpace*>& spaces) {
  FaultGrid grid{part, "PE", "the PE itself | lanes", true, 1, 1, {}, {}};
  for (const SiteSpace* space : spaces) {
    const int lane = coordinate_index(*space->row, "lane");
    grid.rows = std::max<int64_t>(grid.rows, space->counts[0]);
    if (lane >= 0) {
      grid.columns = std::max<int64_t>(grid.columns, space->counts[static_cast<size_t>(lane)] + 1);
    }
  }
  return grid;
}

/// A smaller grid whose cells are blocks of rows x columns.
FaultGrid shrunk(const FaultGrid& grid, int64_t rows_each, int64_t columns_each) {
  const int64_t first = grid.has_whole ? 1 : 0;  // the column of the whole row stays alone
  FaultGrid result = grid;
  result.rows = (grid.rows + rows_each - 1) / rows_each;
  result.columns = first + (grid.columns - first + columns_each - 1) / columns_each;
  result.counts.assign(static_cast<size_t>(result.rows * result.columns), 0);
  result.dead.assign(static_cast<size_t>(result.rows), false);
  for (int64_t row = 0; row < grid.rows; ++row) {
    const int64_t to_row = row / rows_each;
    if (grid.dead[static_cast<size_t>(row)]) result.dead[static_cast<size_t>(to_row)] = true;
    for (int64_t column = 0; column < grid.columns; ++column) {
      const int64_t to = column < first ? 0 : first + (column - first) / columns_each;
      result.counts[static_cast<size_t>(to_row * result.columns + to)] +=
          grid.counts[static_cast<size_t>(row * grid.columns + column)];
    }
  }
  return result;
}

int64_t block(int64_t count, int64_t most) {
  return std::max<int64_t>(1, (count + most - 1) / most);
}

char mark(int64_t count) {
  if (count == 0) return '.';
  return count > 9 ? '+' : static_cast<char>('0' + count);
}

std::string plural(int64_t count, const std::string& what) {
  return grouped(count) + " " + what + (count == 1 ? "" : "s");
}

std::string size_text(int64_t rows, int64_t columns) {
  return std::to_string(rows) + " x " + std::to_string(columns);
}

}  // namespace

int64_t FaultGrid::total() const {
  return std::accumulate(counts.begin(), counts.end(), int64_t{0});
}

std::vector<FaultGrid> fault_grids(const FaultMap& map, const SiteIndex& sites) {
  std::map<std::string, std::vector<const Fault*>> by_part;
  for (const Fault& fault : map.faults) by_part[fault.part].push_back(&fault);
  std::vector<FaultGrid> grids;
  for (const std::string& part : sites.parts()) {
    const auto found = by_part.find(part);
    if (found == by_part.end()) continue;
    std::vector<const SiteSpace*> of_pes;
    for (const SiteSpace* space : sites.of_part(part)) {
      if (coordinate_index(*space->row, "pe") == 0) of_pes.push_back(space);
    }
    const size_t first_grid = grids.size();
    if (!of_pes.empty()) grids.push_back(pe_grid(part, of_pes));
    std::map<SiteKind, size_t> grid_of_kind;
    for (const Fault* fault : found->second) {
      const SiteRow& row = site_row(fault->kind);
      const bool of_pe = coordinate_index(row, "pe") == 0;
      const SiteSpace& space = *sites.find(fault->kind, part);
      const SiteGrid layout = grid_of(space);
      if (!of_pe && grid_of_kind.count(fault->kind) == 0) {
        grid_of_kind[fault->kind] = grids.size();
        const std::string row_name =
            layout.is_memory ? row.coordinates[static_cast<size_t>(layout.plane_coordinates)].name
                             : "";
        grids.push_back({std::string(row.name) + " of " + part,
                         row_name,
                         "bits",
                         false,
                         layout.rows,
                         layout.columns,
                         {},
                         {}});
      }
      FaultGrid& grid = grids[of_pe ? first_grid : grid_of_kind[fault->kind]];
      grid.counts.resize(static_cast<size_t>(grid.rows * grid.columns));
      grid.dead.resize(static_cast<size_t>(grid.rows));
      int64_t at_row = fault->coordinates[0];
      int64_t at_column = 0;
      if (of_pe) {
        const int lane = coordinate_index(row, "lane");
        if (lane >= 0) at_column = 1 + fault->coordinates[static_cast<size_t>(lane)];
      } else {
        const int64_t cell = space.site_of(*fault) / layout.depth;
        at_row = cell / layout.columns % layout.rows;
        at_column = cell % layout.columns;
      }
      ++grid.counts[static_cast<size_t>(at_row * grid.columns + at_column)];
      if (is_level(row)) grid.dead[static_cast<size_t>(at_row)] = true;
    }
    // Parts whose PE grid holds nothing: only other kinds are broken there.
    if (!of_pes.empty() && grids[first_grid].counts.empty()) {
      grids.erase(grids.begin() + static_cast<std::ptrdiff_t>(first_grid));
    }
  }
  return grids;
}

std::string text_picture(const FaultGrid& grid, int most_rows, int most_columns) {
  const int64_t rows_each = block(grid.rows, most_rows);
  const int64_t columns_each = block(grid.columns, most_columns);
  const FaultGrid drawn = shrunk(grid, rows_each, columns_each);
  std::string text = grid.title + ": " + plural(grid.total(), "fault") + " on " +
                     size_text(grid.rows, grid.columns - (grid.has_whole ? 1 : 0));
  if (!grid.row_name.empty()) text += " (rows: " + grid.row_name + ")";
  text += "\n";
  if (rows_each > 1 || columns_each > 1) {
    text += "  each character stands for " + size_text(rows_each, columns_each) + " cells\n";
  }
  for (int64_t row = 0; row < drawn.rows; ++row) {
    const std::string number = std::to_string(row * rows_each);
    text += std::string(number.size() < 6 ? 6 - number.size() : 0, ' ') + number + " ";
    for (int64_t column = 0; column < drawn.columns; ++column) {
      const bool whole = column == 0 && drawn.dead[static_cast<size_t>(row)];
      text += whole ? 'X' : mark(drawn.counts[static_cast<size_t>(row * drawn.columns + column)]);
      if (column == 0 && drawn.has_whole && drawn.columns > 1) text += ' ';
    }
    text += "\n";
  }
  return text;
}

std::string svg_picture(const FaultGrid& grid) {
  const int64_t rows_each = block(grid.rows, most_drawn);
  const int64_t columns_each = block(grid.columns, most_drawn);
  const FaultGrid drawn = shrunk(grid, rows_each, columns_each);
  constexpr double left = 44, top = 24;
  const double cell =
      std::clamp(640.0 / static_cast<double>(std::max(drawn.columns, drawn.rows)), 2.0, 16.0);
  // A few long rows stay tall enough to be seen.
  const double height = std::max(cell, std::min(14.0, 160.0 / static_cast<double>(drawn.rows)));
  const double gap = drawn.has_whole && drawn.columns > 1 ? cell / 2 : 0;
  const std::string title = shortened(grid.title + ": " + grid.column_name, 80);
  constexpr double letter = 6.4;
  const double columns_width = gap + cell * static_cast<double>(drawn.columns);
  Drawing drawing(left + std::max(columns_width, letter * static_cast<double>(title.size())) + 8,
                  top + height * static_cast<double>(drawn.rows) + 8,
                  plural(grid.total(), "fault") + " on " + grid.title);
  drawing.text(left, top - 9, title, "tick");
  const int64_t label_step = std::max<int64_t>(1, block(drawn.rows, 16));
  for (int64_t row = 0; row < drawn.rows; ++row) {
    const double y = top + height * static_cast<double>(row);
    if (row % label_step == 0) {
      drawing.text(left - 6, y + height * 0.5 + 4, std::to_string(row * rows_each), "tick",
                   Anchor::end);
    }
    for (int64_t column = 0; column < drawn.columns; ++column) {
      const int64_t count = drawn.counts[static_cast<size_t>(row * drawn.columns + column)];
      const bool whole = column == 0 && drawn.dead[static_cast<size_t>(row)];
      const auto width = static_cast<int>(std::bit_width(static_cast<uint64_t>(count)));
      const int shade = whole ? 7 : std::min(7, count == 0 ? 0 : 1 + width);
      const double x = left + cell * static_cast<double>(column) + (column > 0 ? gap : 0);
      const std::string tip = count == 0 ? ""
                                         : grid.row_name + " " + std::to_string(row * rows_each) +
                                               ": " + plural(count, "fault");
      drawing.rectangle(x, y, cell, height, "cell h" + std::to_string(shade), tip);
    }
  }
  return drawing.str();
}

std::vector<std::string> memory_summary(const FaultMap& map, const SiteIndex& sites) {
  std::map<const SiteSpace*, std::map<int64_t, int64_t>> broken;  // bits of each memory
  for (const Fault& fault : map.faults) {
    const SiteSpace* space = sites.find(fault.kind, fault.part);
    const SiteGrid grid = grid_of(*space);
    if (!grid.is_memory || is_level(*space->row)) continue;
    ++broken[space][space->site_of(fault) / (grid.rows * grid.columns)];
  }
  std::vector<std::string> lines;
  for (const SiteSpace& space : sites.spaces()) {
    const auto found = broken.find(&space);
    if (found == broken.end()) continue;
    const SiteGrid grid = grid_of(space);
    int64_t total = 0;
    auto worst = found->second.begin();
    for (auto it = found->second.begin(); it != found->second.end(); ++it) {
      total += it->second;
      if (it->second > worst->second) worst = it;
    }
    std::string line = space.row->name + (" of " + space.part) + ": " +
                       plural(total, "broken bit") + " of " + grouped(space.sites());
    if (grid.planes > 1) {
      line += ", in " + grouped(static_cast<int64_t>(found->second.size())) + " of " +
              grouped(grid.planes) + " memories; most in " + space.row->coordinates[0].name + " " +
              std::to_string(worst->first) + ": " + grouped(worst->second) + " of " +
              grouped(grid.rows * grid.columns);
    }
    lines.push_back(std::move(line));
  }
  return lines;
}

}  // namespace stuckat::report
