#include "models/explore/design.h"
#include "workloads/errors.h"
#include "workloads/hdf5_file.h"

namespace stuckat::explore {
namespace {

constexpr const char* schema = "stuckat.exploration";
constexpr int64_t schema_version = 2;
constexpr int64_t oldest_version = 1;  // without a hash over everything

template <class T>
struct Column {
  const char* name;
  T Design::*member;
};
constexpr Column<std::string> text_columns[] = {
    {"/design/name", &Design::name},
    {"/design/fifo", &Design::fifo},
    {"/design/accelerator", &Design::accelerator},
    {"/design/bottleneck", &Design::bottleneck},
    {"/design/worst_fault", &Design::worst_fault},
};
constexpr Column<int64_t> integer_columns[] = {
    {"/design/bytes_per_cycle", &Design::bytes_per_cycle},
    {"/design/pes", &Design::pes},
    {"/design/multipliers", &Design::multipliers},
    {"/design/memory_bits", &Design::memory_bits},
    {"/design/first_image_cycles", &Design::first_image_cycles},
};
constexpr Column<double> real_columns[] = {
    {"/design/clock_mhz", &Design::clock_mhz},
    {"/design/interval_cycles", &Design::interval_cycles},
    {"/design/frames_per_second", &Design::frames_per_second},
    {"/design/error_free_accuracy", &Design::error_free_accuracy},
    {"/design/worst_accuracy", &Design::worst_accuracy},
};

template <class T>
std::vector<T> values(const std::vector<Design>& designs, T Design::*member) {
  std::vector<T> result;
  for (const Design& design : designs) result.push_back(design.*member);
  return result;
}

template <class T>
void take(std::vector<Design>& designs, T Design::*member, const std::vector<T>& column) {
  for (size_t i = 0; i < designs.size(); ++i) designs[i].*member = column[i];
}

}  // namespace

void write_exploration(const std::string& path, const Exploration& exploration) {
  auto file = Hdf5File::create(path);
  file.write_schema(schema, schema_version);
  file.write_string("/", "tool_version", exploration.tool_version);
  file.write_string("/", "network", exploration.network);
  file.write_string("/", "network_hash", exploration.network_hash);
  file.write_strings("/configuration", {exploration.configuration});
  const auto& designs = exploration.designs;
  const auto n = static_cast<int64_t>(designs.size());
  file.create_group("/design");
  for (const auto& c : text_columns) file.write_strings(c.name, values(designs, c.member));
  for (const auto& c : integer_columns) file.write_array(c.name, values(designs, c.member), {n});
  for (const auto& c : real_columns) file.write_array(c.name, values(designs, c.member), {n});
  std::vector<uint8_t> pareto;
  for (const Design& design : designs) pareto.push_back(design.pareto ? 1 : 0);
  file.write_array("/design/pareto", pareto, {n});
  file.commit();
}

Exploration read_exploration(const std::string& path) {
  const auto file = Hdf5File::open(path);
  file.check_schema(schema, schema_version, oldest_version);
  Exploration exploration;
  exploration.tool_version = file.read_string("/", "tool_version");
  exploration.network = file.read_string("/", "network");
  exploration.network_hash = file.read_string("/", "network_hash");
  exploration.configuration = file.read_strings("/configuration", 1).front();
  const auto names = file.read_strings("/design/name");
  auto& designs = exploration.designs;
  designs.resize(names.size());
  const auto n = static_cast<int64_t>(names.size());
  for (const auto& c : text_columns) take(designs, c.member, file.read_strings(c.name, n));
  for (const auto& c : integer_columns) {
    take(designs, c.member, file.read_array<int64_t>(c.name, {n}));
  }
  for (const auto& c : real_columns) take(designs, c.member, file.read_array<double>(c.name, {n}));
  const auto pareto = file.read_array<uint8_t>("/design/pareto", {n});
  for (size_t i = 0; i < designs.size(); ++i) {
    Design& d = designs[i];
    d.pareto = pareto[i] != 0;
    // Pictures divide by these and take their logarithm.
    if (d.pes < 1 || d.memory_bits < 1 ||
        !(d.frames_per_second > 0 && d.frames_per_second < 1e15)) {
      throw InputError(path, "design " + std::to_string(i) + " (" + d.name + ")",
                       "PEs, memory bits and frames per second above 0");
    }
  }
  return exploration;
}

}  // namespace stuckat::explore
