// docs/faults.md from the table of sites. Everything on the page is computed: ranges from the
// placements of two published accelerators, effects by lowering.
#include <fmt/format.h>

#include <algorithm>

#include "faultmaps/lower.h"
#include "tools/report/site_picture.h"
#include "tools/stuckat/accelerator.h"
#include "tools/stuckat/info_sites.h"
#include "tools/stuckat/inputs.h"
#include "workloads/zoo.h"

namespace stuckat::cli {
namespace {

constexpr const char* introduction = R"(# Faults

<!-- Written by `stuckat info sites --docs docs` from faultmaps/sites.cc. -->

A fault is one broken site of the hardware: which part, which site of it, and what is wrong there.

    layer1/mvtu/pe[5]/accumulator[3]=1
    part        site               value

- `=0` and `=1`: a bit that is stuck; `=LEVEL`: a part that gives one level of its number format,
  like `-1` or `1`.
- `=flip@12345`: a transient in that cycle of the run. *Storage* (memories, registers, FIFO slots,
  buffers): what is stored at the beginning of the cycle has the bit inverted, until it is written
  again; the step that starts in the cycle is the first to see it. *Wires and logic* (lanes,
  products, comparators, output codes, wires): only what passes in that very cycle. Bits that are
  stuck stay as they are. A run is all images of a command back to back: `--images` decides what a
  cycle means, and the image that it falls into is the one that changes. In a campaign
  (`--faults flips:KIND --sample`, or names in a list) image i is image i of that run.
- Brackets count from 0. Where a command takes patterns (`--fault`), a bracket may hold a range or a
  star, and the part a star: `layer*/mvtu/pe[2-5]/weight[*][0][0]=1`.
- Bits count from the least significant one of the *stored code* (`workloads/number_format.h`): for
  1-bit formats code 0 is -1 and code 1 is +1, all others are two's complement or unsigned.
- Several faults are a fault map (`faultmaps/FORMAT.md`). What it does to a network is exact:
  `stuckat faults lower` says it, `stuckat whatif` shows it.

The same text, with the coordinates of an accelerator of yours:

    stuckat info sites --model m.h5 --accelerator loopback:32x64

![where the sites of a dataflow accelerator are](sites-dataflow.svg)

![where the sites of a loopback accelerator are](sites-loopback.svg)

)";

/// A network on an accelerator that the page takes its figures from.
struct Example {
  Example(report::AcceleratorKind accelerator_kind, const Accelerator& accelerator, Network of)
      : kind(accelerator_kind),
        network(std::move(of)),
        placement(place_on(accelerator, network)),
        sites(placement, network) {}

  report::AcceleratorKind kind;
  Network network;
  Placement placement;
  SiteIndex sites;
};

/// The published accelerator and a loopback array; behind them others for the sites that these have
/// not: of more bits, and with PEs that share their weights.
std::vector<Example> examples() {
  using report::AcceleratorKind;
  const Network w1a1 = zoo_network("cnv-w1a1");
  const Network w2a2 = zoo_network("cnv-w2a2");
  loopback::LoopbackAccelerator shared = loopback::parse_loopback("loopback:32x64");
  shared.name = "pixel-parallel-32x64";
  shared.schedule = Schedule::pixel_parallel;
  std::vector<Example> result;
  result.emplace_back(AcceleratorKind::dataflow,
                      parse_accelerator("dataflow:bnn-pynq-cnv-w1a1", w1a1), w1a1);
  result.emplace_back(AcceleratorKind::loopback, parse_accelerator("loopback:32x64", w1a1), w1a1);
  result.emplace_back(AcceleratorKind::dataflow, parse_accelerator("dataflow:auto", w2a2), w2a2);
  result.emplace_back(AcceleratorKind::loopback, shared, w1a1);
  return result;
}
constexpr size_t main_examples = 2;

/// The sites of a kind at the part that examples are taken from: one of layer1 if there is one.
const SiteSpace* example_space(const SiteIndex& sites, SiteKind kind) {
  const SiteSpace* result = nullptr;
  for (const SiteSpace& space : sites.of(kind)) {
    if (space.sites() == 0) continue;
    const bool of_layer1 = space.part.starts_with("layer1");
    if (result == nullptr || (of_layer1 && !result->part.starts_with("layer1"))) result = &space;
  }
  return result;
}

std::string example_effect(const Example& example, const SiteSpace& space) {
  Fault fault{space.row->kind, space.part, {}, 0};
  for (int i = 0; i < space.coordinates(); ++i) {
    const auto index = static_cast<size_t>(i);
    fault.coordinates[index] = std::min(space.counts[index] - 1, 5 - i);
  }
  std::string text;
  for (const int value : space.values) {
    fault.value = value;
    const FaultMap map{example.placement.accelerator, {fault}};
    const auto lines = describe(lower(map, example.placement, example.network), example.network);
    text = "\n    " + name(fault);
    for (const auto& effect : lines) text += "\n      " + effect;
    if (!lines.empty()) return text + "\n";
  }
  return text + "\n      no effect on this network\n";
}

std::string row_text(const SiteRow& row, const std::vector<Example>& hardware) {
  std::string text = fmt::format(
      "## {}\n\n`{}`\n\n| | |\n|---|---|\n| ranges | {} |\n| what it is | {} |\n| `flip` | {} |\n"
      "| effect | {} |\n| masked when | {} |\n| source | {} |\n",
      row.name, written(row), formulas(row), row.meaning, transient_text(row), row.effect,
      row.masked, row.source);
  std::string shown;
  for (size_t i = 0; i < hardware.size() && (i < main_examples || shown.empty()); ++i) {
    const Example& example = hardware[i];
    int64_t count = 0;
    for (const SiteSpace& space : example.sites.of(row.kind)) count += space.sites();
    const SiteSpace* space = example_space(example.sites, row.kind);
    if (space == nullptr) continue;
    text +=
        fmt::format("| {}, {} | {} sites; `{}`: {} |\n", example.network.name,
                    example.placement.accelerator, thousands(count), space->part, ranges(*space));
    shown += example_effect(example, *space);
  }
  return text + shown + "\n";
}

std::string picture(report::AcceleratorKind kind) {
  const auto hardware = examples();
  std::vector<const SiteRow*> rows;
  for (const SiteRow& row : site_table()) {
    const bool there = std::any_of(hardware.begin(), hardware.end(), [&](const Example& e) {
      return e.kind == kind && example_space(e.sites, row.kind) != nullptr;
    });
    if (there) rows.push_back(&row);
  }
  return report::site_picture(kind, rows);
}

}  // namespace

std::string fault_page() {
  const auto hardware = examples();
  std::string text = introduction;
  text +=
      "Ranges and effects below are those of the published CNV-W1A1 accelerator and of a loopback\n"
      "array of 32 PEs with 64 lanes that runs the same network, or of others where these have no "
      "such site.\n\n| site | written | effect "
      "|\n|---|---|---|\n";
  for (const SiteRow& row : site_table()) {
    std::string form;
    for (const char c : written(row)) form += c == '|' ? "\\|" : std::string(1, c);  // in a cell
    text += fmt::format("| {} | `{}` | {} |\n", row.name, form, row.effect);
  }
  text += "\n";
  for (const SiteRow& row : site_table()) text += row_text(row, hardware);
  text.pop_back();
  return text;
}

std::string dataflow_site_picture() { return picture(report::AcceleratorKind::dataflow); }

std::string loopback_site_picture() { return picture(report::AcceleratorKind::loopback); }

}  // namespace stuckat::cli
