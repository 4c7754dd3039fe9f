#include "tools/stuckat/pessimism_page.h"

#include <fmt/format.h>

#include <algorithm>

#include "tools/report/plot.h"
#include "tools/report/svg.h"
#include "tools/stuckat/inputs.h"
#include "workloads/json_file.h"

namespace stuckat::cli {
namespace {

using campaign::Estimate;
using nlohmann::ordered_json;
using report::Anchor;
using report::Drawing;

/// The estimates of a row by their names in files.
struct Column {
  const char* key;
  Estimate PessimismRow::*estimate;
};
constexpr Column columns[] = {{"masked", &PessimismRow::masked},
                              {"stuck", &PessimismRow::stuck},
                              {"partial", &PessimismRow::partial},
                              {"points_lost", &PessimismRow::exact},
                              {"points_lost_abstraction", &PessimismRow::abstraction},
                              {"gap", &PessimismRow::gap},
                              {"optimistic", &PessimismRow::optimistic}};

constexpr const char* pessimism_introduction = R"(# How pessimistic is "its channels are stuck"?

<!-- Written by tools/pessimism. -->

FAT (Zahid et al. 2020) stands for a broken part by tensor faults: a broken processing element (PE)
is *its channels stuck at a level*, a broken FIFO word *a pixel stuck in all channels*. Here every kind
of fault site is broken exactly, in a trained network, and compared with that abstraction at its
worst level:

- a site of a PE: the PE dead, that is all its channels stuck at the level that costs most;
- a slot of a FIFO: its word stuck in every lane (same-pixel stuck@); a wire: its channels stuck,
  inside of a layer those of the tensor in front of it;
- a cell of a window buffer: the pixels that it holds stuck in all channels;
- a cell, comparator or output of a pool: the elements that it gives stuck;
- a memory that broadcasts to all PEs: its channel stuck; an activation buffer: its element.

Faults are permanent here; a transient hits one image of a run and has no abstraction to compare with.

Each fault (a site stuck at 0, or at 1) is one of

- **masked**: no element of any tensor differs in any image;
- **stuck**: what differs is whole channels (one value in all pixels of all images) or whole pixels
  (one value in all channels), in each layer that the fault breaks: the abstraction's form is exact;
- **partial**: anything else: the channel is still computed, sometimes wrongly.

*Points lost* are percentage points of accuracy against the fault-free network, the mean over all
faults of the kind (and the worst fault). *Exaggerates* is what the abstraction loses beyond the exact
fault. *Costs more* is the share of faults for which the abstraction is not pessimistic but
optimistic: the exact fault costs more than channels stuck at their worst level. Shares and means have
{:g} % confidence intervals where a kind was sampled (stratified by part); without one they are exact,
every fault on every image. Of the 256 levels of the image the lowest, the middle one and the greatest
are tried, so that in the image's stream another level may cost more. Stuck is told from partial on
the first images.

)";

bool is_exact(const Estimate& e) { return e.high - e.low < 1e-9; }

/// "12.34 Â± 0.56"
std::string mean_text(const Estimate& e) {
  const std::string value = report::fixed(e.value, 2);
  if (is_exact(e)) return value;
  return value + " \xC2\xB1 " + report::fixed((e.high - e.low) / 2, 2);
}

/// "12.3 (11.0-14.2)": intervals of shares end at 0 and 100.
std::string share_text(const Estimate& e) {
  const std::string value = report::fixed(e.value, 1);
  if (is_exact(e)) return value;
  return value + " (" + report::fixed(e.low, 1) + "-" + report::fixed(e.high, 1) + ")";
}

/// What a study says in short.
std::string conclusion(const Pessimism& study) {
  const auto [least, most] =
      std::minmax_element(study.rows.begin(), study.rows.end(),
                          [](const auto& a, const auto& b) { return a.gap.value < b.gap.value; });
  const auto risky = std::max_element(
      study.rows.begin(), study.rows.end(),
      [](const auto& a, const auto& b) { return a.optimistic.value < b.optimistic.value; });
  std::string form;
  for (const PessimismRow& row : study.rows) {
    if (row.stuck.value > 50) form += (form.empty() ? "" : ", ") + row.site;
  }
  return fmt::format(
      "The abstraction exaggerates least for {} ({:.1f} points on average) and most for {} ({:.1f} "
      "points). Its form is exact for most faults of {}. It is optimistic most often for {}: "
      "{:.1f} "
      "% of these faults cost more than it.\n",
      least->site, least->gap.value, most->site, most->gap.value, form.empty() ? "no kind" : form,
      risky->site, risky->optimistic.value);
}

const char* const bar_classes[] = {"masked", "partial", "stuck"};

constexpr const char* style =
    "svg{background:#fff}text{font:12px 'DejaVu Sans',sans-serif;fill:#1b2130}.title{font-weight:"
    "bold}.tick,.label{fill:#5b6475;font-size:11px}.site{font:12px 'DejaVu Sans Mono',monospace}"
    ".masked{fill:#c3cad6}.partial{fill:#f0c862}.stuck{fill:#d9602b}.exact{fill:#0068a8}"
    ".abstraction{fill:none;stroke:#b3261e;stroke-width:2}.grid{stroke:#dde1e8}.gap{stroke:#b3261e;"
    "stroke-width:1.4;stroke-dasharray:3 3}";

constexpr double row_height = 24;
constexpr double left = 150, bars = 330, plot_left = 530, plot_right = 950;

void draw_study(Drawing& drawing, const NamedStudy& named, double top) {
  drawing.text(14, top + 16, named.label + " on " + named.accelerator, "title");
  double most = 1;
  for (const PessimismRow& row : named.study.rows) {
    most = std::max({most, row.exact.value, row.abstraction.value});
  }
  const report::Scale nice = report::nice_scale(0, most, 1, 6);
  const report::Scale x{nice.low, nice.high, plot_left, plot_right};
  const double first = top + 46;
  const double last = first + row_height * static_cast<double>(named.study.rows.size());
  for (const double tick : report::nice_ticks(x.low, x.high, 6)) {
    drawing.line(x(tick), first - 6, x(tick), last, "grid");
    drawing.text(x(tick), last + 14, report::fixed(tick, x.high < 5 ? 1 : 0), "tick",
                 Anchor::middle);
  }
  drawing.text(left, top + 36, "share of the faults", "label");
  drawing.text(plot_left, top + 36, "points of accuracy lost, mean", "label");
  double y = first;
  for (const PessimismRow& row : named.study.rows) {
    drawing.text(left - 10, y + 13, row.site, "site", Anchor::end);
    double at = left;
    const double shares[] = {row.masked.value, row.partial.value, row.stuck.value};
    for (int i = 0; i < 3; ++i) {
      const double wide = bars * shares[i] / 100;
      if (wide > 0) {
        drawing.rectangle(at, y, wide, 17, bar_classes[i],
                          fmt::format("{} {}: {:.1f} %", row.site, bar_classes[i], shares[i]));
      }
      at += wide;
    }
    drawing.line(x(row.exact.value), y + 8.5, x(row.abstraction.value), y + 8.5, "gap");
    drawing.marker(
        3, x(row.abstraction.value), y + 8.5, 5, "abstraction",
        fmt::format("{} as its abstraction: {:.2f} points", row.site, row.abstraction.value));
    drawing.marker(0, x(row.exact.value), y + 8.5, 4, "exact",
                   fmt::format("{}: {:.2f} points", row.site, row.exact.value));
    y += row_height;
  }
}

double height_of(const NamedStudy& study) {
  return 84 + row_height * static_cast<double>(study.study.rows.size());
}

}  // namespace

ordered_json to_json(const NamedStudy& named) {
  ordered_json json = {{"schema", "stuckat.pessimism"},
                       {"schema_version", 1},
                       {"network", named.network},
                       {"accelerator", named.accelerator},
                       {"data", named.data},
                       {"confidence", named.confidence},
                       {"images", named.study.images},
                       {"correct_fault_free", named.study.right}};
  for (const PessimismRow& row : named.study.rows) {
    ordered_json j = {{"site", row.site}, {"faults", row.faults}, {"examined", row.examined}};
    for (const Column& c : columns) {
      const Estimate& e = row.*c.estimate;
      j[c.key] = {e.value, e.low, e.high};
    }
    j["worst_points_lost"] = row.worst_exact;
    j["worst_points_lost_abstraction"] = row.worst_abstraction;
    json["sites"].push_back(std::move(j));
  }
  return json;
}

NamedStudy read_study(const std::string& path) {
  constexpr int64_t most_faults = int64_t{1} << 48;
  const Json json = read_json_file(path);
  const JsonObject top(json, path);
  if (top.text("schema") != "stuckat.pessimism") {
    throw InputError(path, "schema '" + top.text("schema") + "'", "stuckat.pessimism");
  }
  NamedStudy named;
  if (top.has("schema_version")) top.integer("schema_version", 1, 1);
  named.network = top.text("network");
  named.accelerator = top.text("accelerator");
  named.data = top.text("data");
  named.confidence = top.number("confidence", 0, 1);
  named.study.images = top.integer("images", 1, INT32_MAX);
  named.study.right = top.integer("correct_fault_free", 0, named.study.images);
  for (const JsonObject& j : top.objects("sites")) {
    PessimismRow row;
    row.site = j.text("site");
    row.faults = j.integer("faults", 0, most_faults);
    row.examined = j.integer("examined", 0, row.faults);
    for (const Column& c : columns) {
      const Json& estimate = j.list(c.key);
      if (estimate.size() != 3) {
        throw InputError(
            j.where(),
            std::string("'") + c.key + "' holds " + std::to_string(estimate.size()) + " numbers",
            "3: the value, its low and high");
      }
      const auto part = [&](size_t i) {
        return json_number(estimate[i], -1000, 1000, j.where(), c.key);
      };
      row.*c.estimate = {part(0), part(1), part(2)};
    }
    row.worst_exact = j.number("worst_points_lost", -100, 100);
    row.worst_abstraction = j.number("worst_points_lost_abstraction", -100, 100);
    j.finish();
    named.study.rows.push_back(std::move(row));
  }
  top.has("configuration");
  top.finish();
  return named;
}

std::string row_text(const PessimismRow& row) {
  return fmt::format("{:<16} {:>10} {:>9} {:>18} {:>18} {:>18} {:>14} {:>14} {:>17}", row.site,
                     thousands(row.faults), thousands(row.examined), share_text(row.masked),
                     share_text(row.stuck), share_text(row.partial), mean_text(row.exact),
                     mean_text(row.abstraction), share_text(row.optimistic));
}

std::string pessimism_page(const std::vector<NamedStudy>& studies, const std::string& picture) {
  std::string text = fmt::format(pessimism_introduction, 100 * studies.front().confidence);
  text += "![shares and points lost, site by site](" + picture + ")\n\n";
  text +=
      "Bars: grey masked, yellow partial, red stuck. Points: blue the exact fault, red diamond "
      "its\n"
      "abstraction.\n";
  for (const NamedStudy& named : studies) {
    const Pessimism& study = named.study;
    text += fmt::format(
        "\n## {}\n\n{} on {}, {} images of {}; without faults {} right.\n\n| site | faults | "
        "examined | masked % | stuck % | partial % | points lost | worst | as abstraction | worst "
        "| "
        "exaggerates | costs more % |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n",
        named.label, named.network, named.accelerator, thousands(study.images), named.data,
        percent(study.right, study.images));
    for (const PessimismRow& row : study.rows) {
      text += fmt::format("| {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |\n",
                          row.site, thousands(row.faults), thousands(row.examined),
                          share_text(row.masked), share_text(row.stuck), share_text(row.partial),
                          mean_text(row.exact), report::fixed(row.worst_exact, 1),
                          mean_text(row.abstraction), report::fixed(row.worst_abstraction, 1),
                          mean_text(row.gap), share_text(row.optimistic));
    }
    text += "\n";
    text += conclusion(study);
  }
  return text;
}

std::string pessimism_picture(const std::vector<NamedStudy>& studies) {
  double height = 10;
  for (const NamedStudy& named : studies) height += height_of(named);
  Drawing drawing(970, height, "pessimism of the stuck-channel abstraction");
  double top = 6;
  for (const NamedStudy& named : studies) {
    draw_study(drawing, named, top);
    top += height_of(named);
  }
  return report::standalone(drawing, style);
}

}  // namespace stuckat::cli
