// docs/faults.md from the table of sites. Everything on the page is computed: ranges from the
// placements of two published accelerators, effects by lowering.
#include <fmt/format.h>

#include <algorithm>

#include "faultmaps/describe_effects.h"
#include "faultmaps/lower.h"
#include "tools/report/site_picture.h"
#include "tools/stuckat/accelerator.h"
#include "tools/stuckat/info_sites.h"
#include "tools/stuckat/inputs.h"
#include "workloads/zoo.h"

namespace stuckat::cli {
namespace {

constexpr const char* sites_introduction = R"(# Faults

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

)";

/// A network on an accelerator that the page takes its figures from.
struct Example {
  Example(const Family& of, const std::string& said, const AcceleratorPtr& accelerator, Network n)
      : family(&of),
        words(said),
        network(std::move(n)),
        placement(place_on(accelerator, network)),
        sites(placement, network) {}

  const Family* family;
  std::string words;
  Network network;
  Placement placement;
  SiteIndex sites;
};

/// Of all families: first those with words, then the others.
std::vector<Example> examples() {
  std::vector<Example> result;
  for (const bool with_words : {true, false}) {
    for (const Family& family : families().rows()) {
      for (const auto& e : family.examples) {
        if (e.words.empty() == with_words) continue;
        const Network network = zoo_network(e.network);
        result.emplace_back(family, e.words, e.accelerator(network), network);
      }
    }
  }
  return result;
}

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

constexpr size_t most_lines = 12;  // of an example

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
    for (size_t i = 0; i < std::min(lines.size(), most_lines); ++i) text += "\n      " + lines[i];
    if (lines.size() > most_lines) text += fmt::format("\n      ... ({} lines)", lines.size());
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
  for (size_t i = 0; i < hardware.size() && (!hardware[i].words.empty() || shown.empty()); ++i) {
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

/// "the published ... and of a loopback array ..."
std::string words_of(const std::vector<Example>& hardware) {
  std::string words;
  for (const Example& example : hardware) {
    if (example.words.empty()) continue;
    words += (words.empty() ? "" : " and of ") + example.words;
  }
  return words;
}

}  // namespace

std::vector<SitePicture> site_pictures() {
  const auto hardware = examples();
  std::vector<SitePicture> pictures;
  for (const Family& family : families().rows()) {
    if (family.diagram.blocks.empty()) continue;
    std::vector<const SiteRow*> rows;
    for (const SiteRow& row : site_table()) {
      const bool there = std::any_of(hardware.begin(), hardware.end(), [&](const Example& e) {
        return e.family == &family && example_space(e.sites, row.kind) != nullptr;
      });
      if (there) rows.push_back(&row);
    }
    pictures.push_back({"sites-" + family.prefix + ".svg",
                        "where the sites of a " + family.prefix + " accelerator are",
                        report::site_picture(family.diagram, rows)});
  }
  return pictures;
}

std::string fault_page(const std::vector<SitePicture>& pictures) {
  const auto hardware = examples();
  std::string text = sites_introduction;
  for (const SitePicture& p : pictures) text += fmt::format("![{}]({})\n\n", p.title, p.file);
  text += fmt::format(
      "Ranges and effects below are those of {}, or of others where these have no such site.\n\n"
      "| site | written | effect |\n|---|---|---|\n",
      words_of(hardware));
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

}  // namespace stuckat::cli
