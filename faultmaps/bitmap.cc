#include <algorithm>
#include <charconv>

#include "faultmaps/csv_lines.h"
#include "faultmaps/site_names.h"
#include "faultmaps/text_files.h"
#include "workloads/errors.h"

namespace stuckat {
namespace {

/// The pattern of a row without the brackets that lie within one memory: "pe[]/weight".
std::string memory_pattern(const SiteSpace& space, const SiteGrid& grid) {
  std::string pattern = space.row->pattern;
  for (int i = grid.plane_coordinates; i < space.coordinates(); ++i) {
    if (!pattern.ends_with("[]")) return {};
    pattern.resize(pattern.size() - 2);
  }
  return pattern;
}

int64_t cell_site(const Memory& memory, int64_t row, int64_t column) {
  return (memory.plane * memory.grid.rows + row) * memory.grid.columns + column;
}

Fault cell_fault(const Memory& memory, int64_t row, int64_t column, int value) {
  Fault fault = memory.space->at(cell_site(memory, row, column));
  fault.value = value;
  return fault;
}

int64_t cell_number(const std::string& text, const char* what, int64_t count,
                    const std::string& where) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0 || value >= count) {
    throw InputError(where, std::string(what) + " '" + text.substr(0, 100) + "'",
                     "0 to " + std::to_string(count - 1));
  }
  return value;
}

void read_list(CsvLines& lines, const std::vector<std::string>& header, const Memory& memory,
               int stuck_at, std::vector<Fault>& faults) {
  const bool has_value = header.size() == 3 && header[2] == "value";
  if (header.size() < 2 || header[1] != "col" || (header.size() > 2 && !has_value)) {
    throw InputError(lines.here(), "an unknown header", "row,col or row,col,value");
  }
  std::vector<std::string> fields;
  while (lines.next(fields)) {
    if (fields.size() != header.size()) {
      throw InputError(lines.here(), std::to_string(fields.size()) + " fields",
                       std::to_string(header.size()));
    }
    const int64_t row = cell_number(fields[0], "row", memory.grid.rows, lines.here());
    const int64_t column = cell_number(fields[1], "col", memory.grid.columns, lines.here());
    const int value =
        has_value ? static_cast<int>(cell_number(fields[2], "value", 2, lines.here())) : stuck_at;
    faults.push_back(cell_fault(memory, row, column, value));
  }
}

void read_grid(CsvLines& lines, std::vector<std::string> fields, const Memory& memory, int stuck_at,
               const std::string& where, std::vector<Fault>& faults) {
  const auto columns = static_cast<size_t>(memory.grid.columns);
  int64_t row = 0;
  do {
    // "0010" without separators is a row too.
    if (fields.size() == 1 && fields[0].size() == columns) {
      const std::string digits = fields[0];
      fields.clear();
      for (const char c : digits) fields.emplace_back(1, c);
    }
    if (row == memory.grid.rows || fields.size() != columns) {
      throw InputError(
          lines.here(),
          "row " + std::to_string(row) + " of " + std::to_string(fields.size()) + " cells",
          std::to_string(memory.grid.rows) + " rows of " + std::to_string(columns));
    }
    for (size_t column = 0; column < columns; ++column) {
      if (fields[column] == "1") {
        faults.push_back(cell_fault(memory, row, static_cast<int64_t>(column), stuck_at));
      } else if (fields[column] != "0") {
        throw InputError(lines.here(), "cell '" + fields[column].substr(0, 100) + "'", "0 or 1");
      }
    }
    ++row;
  } while (lines.next(fields));
  if (row != memory.grid.rows) {
    throw InputError(where, std::to_string(row) + " rows",
                     std::to_string(memory.grid.rows) + " rows of " + std::to_string(columns));
  }
}

}  // namespace

Memory parse_memory(std::string_view name, const SiteIndex& sites, std::string_view where) {
  const std::string place(where);
  std::vector<std::string> known;
  for (const SiteSpace& space : sites.spaces()) {
    const SiteGrid grid = grid_of(space);
    if (!grid.is_memory || space.sites() == 0) continue;
    const std::string pattern = memory_pattern(space, grid);
    if (pattern.empty()) continue;
    known.push_back(space.part + "/" + pattern);
    if (!name.starts_with(space.part + "/")) continue;
    site_names::Brackets brackets;
    std::vector<int> numbers;
    if (!site_names::split_brackets(name.substr(space.part.size() + 1), brackets) ||
        !site_names::to_numbers(brackets.inside, numbers) || brackets.pattern != pattern) {
      continue;
    }
    Memory memory{&space, grid, 0};
    for (size_t i = 0; i < numbers.size(); ++i) {
      const int count = space.counts[i];
      if (numbers[i] < 0 || numbers[i] >= count) {
        throw InputError(place, space.row->coordinates[i].name + (" " + std::to_string(numbers[i])),
                         "0 to " + std::to_string(count - 1));
      }
      memory.plane = memory.plane * count + numbers[i];
    }
    return memory;
  }
  throw_unknown_name(place, "memory", name.substr(0, 200), known);
}

FaultMap parse_bitmap(std::string_view text, const Memory& memory, int stuck_at,
                      const SiteIndex& sites, const std::string& where) {
  CsvLines lines(text, where);
  std::vector<std::string> fields;
  FaultMap map = sites.healthy();
  if (!lines.next(fields)) throw InputError(where, "nothing", "a grid of 0 and 1, or row,col");
  if (fields[0] == "row") {
    read_list(lines, fields, memory, stuck_at, map.faults);
  } else {
    read_grid(lines, fields, memory, stuck_at, where, map.faults);
  }
  validate(map, sites, where);
  return map;
}

std::string bitmap(const FaultMap& map, const Memory& memory) {
  const auto columns = static_cast<size_t>(memory.grid.columns);
  const auto cells = static_cast<size_t>(memory.grid.rows) * columns;
  std::vector<bool> fails(cells);
  for (const Fault& fault : map.faults) {
    if (fault.kind != memory.space->row->kind || fault.part != memory.space->part) continue;
    const int64_t cell = memory.space->site_of(fault) - cell_site(memory, 0, 0);
    if (cell >= 0 && static_cast<size_t>(cell) < cells) fails[static_cast<size_t>(cell)] = true;
  }
  std::string text;
  for (size_t cell = 0; cell < cells; ++cell) {
    text += fails[cell] ? '1' : '0';
    text += (cell + 1) % columns == 0 ? '\n' : ',';
  }
  return text;
}

}  // namespace stuckat
