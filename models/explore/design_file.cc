#include "models/explore/design.h"
#include "workloads/errors.h"
#include "workloads/hdf5_file.h"

namespace stuckat::explore {
namespace {

constexpr const char* schema = "stuckat.exploration";
constexpr int64_t schema_version = 3;
constexpr int64_t oldest_version = 1;
constexpr int64_t first_hashed = 2;     // a hash over everything
constexpr int64_t first_estimated = 3;  // what an FPGA has to have

template <class T>
struct Column {
  const char* name;
  T Design::*member;
  const char* what;
  const char* unit = "";
};
constexpr Column<std::string> text_columns[] = {
    {"/design/name", &Design::name, "accelerator"},
    {"/design/fifo", &Design::fifo, "how FIFO depths were chosen; empty where there are none"},
    {"/design/accelerator", &Design::accelerator, "the accelerator as JSON"},
    {"/design/bottleneck", &Design::bottleneck, "what sets the pace: a part, or FIFOs"},
    {"/design/worst_fault", &Design::worst_fault, "the worst single dead PE; empty: not examined"},
};
constexpr Column<int64_t> integer_columns[] = {
    {"/design/bytes_per_cycle", &Design::bytes_per_cycle, "of off-chip memory; 0: none is modelled",
     "bytes"},
    {"/design/pes", &Design::pes, "processing elements"},
    {"/design/multipliers", &Design::multipliers, "PE x SIMD, all parts together"},
    {"/design/memory_bits", &Design::memory_bits, "weights, thresholds, windows, FIFOs, buffers",
     "bits"},
    {"/design/first_image_cycles", &Design::first_image_cycles, "latency of the first image",
     "cycles"},
};
constexpr Column<int64_t> estimate_columns[] = {
    {"/design/luts", &Design::luts, "FINN's estimate, multipliers in LUTs; 0: none"},
    {"/design/bram18", &Design::bram18, "FINN's estimate for weights; 0: none"},
    {"/design/dsps", &Design::dsps, "FINN's estimate, multipliers in DSPs; 0: none"},
};
constexpr Column<double> real_columns[] = {
    {"/design/clock_mhz", &Design::clock_mhz, "clock", "MHz"},
    {"/design/interval_cycles", &Design::interval_cycles, "from image to image once steady",
     "cycles"},
    {"/design/frames_per_second", &Design::frames_per_second, "clock / interval", "1/s"},
    {"/design/error_free_accuracy", &Design::error_free_accuracy, "without fault; -1: not examined",
     "%"},
    {"/design/worst_accuracy", &Design::worst_accuracy,
     "under the worst single dead PE; -1: not examined", "%"},
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
  for (const auto& c : text_columns) {
    file.write_strings(c.name, values(designs, c.member));
    file.describe(c.name, {c.what, "design", c.unit});
  }
  const auto write = [&](const auto& columns) {
    for (const auto& c : columns) {
      file.write_array(c.name, values(designs, c.member), {n});
      file.describe(c.name, {c.what, "design", c.unit});
    }
  };
  write(integer_columns);
  write(estimate_columns);
  write(real_columns);
  std::vector<uint8_t> pareto;
  for (const Design& design : designs) pareto.push_back(design.pareto ? 1 : 0);
  file.write_array("/design/pareto", pareto, {n});
  file.describe("/design/pareto", {"1: no other design beats it", "design"});
  file.commit();
}

Exploration read_exploration(const std::string& path) {
  const auto file = Hdf5File::open(path);
  const int64_t version = file.check_schema(schema, schema_version, oldest_version, first_hashed);
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
  for (const auto& c : estimate_columns) {
    if (version < first_estimated) break;
    take(designs, c.member, file.read_array<int64_t>(c.name, {n}));
  }
  for (const auto& c : real_columns) take(designs, c.member, file.read_array<double>(c.name, {n}));
  const auto pareto = file.read_array<uint8_t>("/design/pareto", {n});
  for (size_t i = 0; i < designs.size(); ++i) {
    Design& d = designs[i];
    d.pareto = pareto[i] != 0;
    // Pictures divide by these and take their logarithm.
    if (d.pes < 1 || d.multipliers < 1 || d.memory_bits < 1 ||
        !(d.frames_per_second > 0 && d.frames_per_second < 1e15)) {
      throw InputError(path, "design " + std::to_string(i) + " (" + d.name + ")",
                       "PEs, multipliers, memory bits and frames per second above 0");
    }
  }
  return exploration;
}

}  // namespace stuckat::explore
