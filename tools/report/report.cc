#include "tools/report/report.h"

#include <algorithm>
#include <ostream>

#include "tools/report/plot.h"
#include "tools/report/sections.h"
#include "tools/report/statistics.h"
#include "workloads/errors.h"
#include "workloads/text_file.h"

namespace stuckat::report {
namespace {

std::string quoted(const std::string& label) { return "\"" + label + "\""; }

/// Escaped; a number and its % stay on one line.
std::string prose(const std::string& sentence) {
  std::string text = escape(sentence);
  for (size_t at = 0; (at = text.find(" %", at)) != std::string::npos;)
    text.replace(at, 1, "&#160;");
  return text;
}

/// What is said of several networks in the same words is said once: `text` holds "@" for their
/// names.
struct Shared {
  std::string text;
  std::vector<std::string> networks;
};

void say_once(std::vector<Shared>& lines, const std::string& text, const std::string& network) {
  const auto same = std::find_if(lines.begin(), lines.end(),
                                 [&](const Shared& line) { return line.text == text; });
  Shared& line = same == lines.end() ? lines.emplace_back(Shared{text, {}}) : *same;
  if (std::find(line.networks.begin(), line.networks.end(), network) == line.networks.end()) {
    line.networks.push_back(network);
  }
}

std::string with_names(const Shared& line) {
  std::string names;
  for (size_t i = 0; i < line.networks.size(); ++i) {
    names += (i == 0                         ? ""
              : i + 1 < line.networks.size() ? ", "
                                             : " and ") +
             quoted(line.networks[i]);
  }
  std::string text = line.text;
  return text.replace(text.find('@'), 1, names);
}

std::string points(double lost) {
  const std::string text = fixed(lost, 1);
  return text + (text == "1.0" ? " point" : " points");
}

/// What the worst fault would cost on all images of that kind.
std::string open_limits(const Campaign& campaign) {
  const Campaign::Limits& limits = campaign.limits;
  if (limits.confidence == 0) return {};
  return "; " + grouped(campaign.images) + " images leave open " +
         fixed(std::max(0.0, limits.loss_low), 1) + " to " + fixed(limits.loss_high, 1) +
         " points at " + fixed(100 * limits.confidence, 0) + " %";
}

/// 'The worst single broken channel costs the network "standard" 35.0 points (from 84.6 % of the
/// images classified right to 49.6 %), the network "fault-aware" 4.0 points (from ...).'
std::string worst_sentence(const Campaigns& campaigns) {
  const Campaign& first = *campaigns.front();
  const bool anywhere = first.accelerator.empty();
  const bool sampled = std::any_of(campaigns.begin(), campaigns.end(),
                                   [](const Campaign* campaign) { return campaign->sampled; });
  const std::string kind = fault_noun(first.kind);
  std::string which =
      sampled ? "the worst of a sample of " + kind + "s" : "the worst single " + kind;
  if (first.kind == "chip") {
    which = "the worst of " + count_of(static_cast<int64_t>(first.faults.size()), "chip");
  }
  std::string text = (anywhere ? "T" + which.substr(1) : "On " + first.accelerator + " " + which) +
                     " costs the network ";
  for (const Campaign* campaign : campaigns) {
    const FaultOutcome& worst = *extremes(*campaign).worst;
    const double lost = points_lost(*campaign, worst);
    if (campaign != &first) text += ", the network ";
    text += quoted(campaign->network);
    if (lost <= 0) {
      text += " nothing";
    } else {
      text += " " + points(lost) + " (from " + fixed(golden_accuracy(*campaign), 1) + " %" +
              (campaign == &first ? " of the images classified right" : "") + " to " +
              fixed(accuracy(*campaign, worst), 1) + " %" + open_limits(*campaign) + ")";
    }
  }
  return text + ".";
}

/// 'PE 0 of layer5/mvtu is the only one there: ...': where the worst PE is a whole layer, which is
/// no measure of how robust the others are.
std::string lone_pe_sentence(const Campaigns& campaigns) {
  std::string lone, text;
  for (const Campaign* campaign : campaigns) {
    const FaultOutcome& worst = *extremes(*campaign).worst;
    const auto units = [&](const FaultOutcome& fault) {
      return campaign->groups[static_cast<size_t>(fault.group)].units;
    };
    if (units(worst) != 1) continue;
    const FaultOutcome* elsewhere = nullptr;
    for (const FaultOutcome& fault : campaign->faults) {
      if (units(fault) > 1 && (elsewhere == nullptr || fault.correct < elsewhere->correct)) {
        elsewhere = &fault;
      }
    }
    const std::string& where = campaign->groups[static_cast<size_t>(worst.group)].name;
    if (lone.find(where) == std::string::npos) lone += (lone.empty() ? "" : ", ") + where;
    if (elsewhere == nullptr) continue;
    text += (text.empty() ? " Where there are several PEs, the worst costs the network "
                          : ", the network ") +
            quoted(campaign->network) + " " + points(points_lost(*campaign, *elsewhere));
  }
  if (lone.empty()) return {};
  return lone +
         ": one PE there computes all channels of the layer, so that the layer is lost with "
         "it, however the network was trained." +
         text + (text.empty() ? "" : ".");
}

/// Groups campaigns that one sentence compares: of one kind on one accelerator, over the same
/// images.
std::vector<Campaigns> comparable(const std::vector<Campaign>& campaigns) {
  return grouped_by(with_faults(all_of(campaigns)), [](const Campaign& a, const Campaign& b) {
    return same_place(a, b) && a.data == b.data;
  });
}

std::string cycles_sentence(const Simulation& simulation) {
  std::string text = "On " + simulation.accelerator + " the first result takes " +
                     grouped(simulation.first_image_cycles) + " cycles";
  if (simulation.interval_cycles) {
    text += ", and then one follows every " + grouped(*simulation.interval_cycles) + " cycles";
  }
  if (!simulation.bottleneck.empty()) text += "; " + simulation.bottleneck + " sets the pace";
  return text + ".";
}

std::string fault_sentence(const Simulation& simulation) {
  int64_t changed = 0;
  for (const Simulation::Prediction& line : simulation.predictions) {
    changed += line.faulty != line.fault_free ? 1 : 0;
  }
  const auto total = static_cast<int64_t>(simulation.predictions.size());
  std::string text = "@ simulated cycle by cycle on " + simulation.accelerator + " with " +
                     count_of(static_cast<int64_t>(simulation.faults.size()), "broken site") +
                     " gave";
  text += total == 0 ? " its outputs"
                     : " another class for " + grouped(changed) + " of " + count_of(total, "image");
  if (simulation.agrees_with_reference) {
    text += *simulation.agrees_with_reference
                ? ", and every output is bit for bit what the fault analysis predicts"
                : ", and outputs DIFFER from what the fault analysis predicts";
  }
  return text + ".";
}

std::string network_tiles(const ReportInput& input) {
  std::string text;
  for (const auto& group : comparable(input.campaigns)) {
    if (group.front() != comparable(input.campaigns).front().front()) break;  // the first kind
    for (const Campaign* campaign : group) {
      const int index = network_index(input, campaign->network);
      const FaultOutcome& worst = *extremes(*campaign).worst;
      text +=
          "<div class=\"tile of\"><h3><svg class=\"mark\" viewBox=\"0 0 14 14\" "
          "aria-hidden=\"true\"><path d=\"" +
          marker_path(index, 7, 7, 5) + "\" class=\"s" + std::to_string(index % 6) + "\"/></svg>" +
          escape(campaign->network) + "</h3><div class=\"pair\"><div><b>" +
          fixed(golden_accuracy(*campaign), 1) +
          " %</b><span>right without a fault</span>"
          "</div><div><b>" +
          fixed(accuracy(*campaign, worst), 1) + " %</b><span>with the worst " +
          (campaign->sampled ? "drawn " : "") + escape(fault_noun(campaign->kind)) +
          "</span></div></div></div>\n";
    }
  }
  return text.empty() ? text : "<div class=\"tiles nets\">" + text + "</div>\n";
}

std::string fact(const std::string& name, const std::string& value) {
  if (value.empty()) return {};
  return "<dt>" + escape(name) + "</dt><dd>" + escape(value) + "</dd>\n";
}

std::string facts(const ReportInput& input) {
  std::string text;
  for (const NetworkInfo& network : input.networks) {
    std::string value = network.architecture;
    if (!network.training.empty()) value += (value.empty() ? "" : ", ") + network.training;
    if (!network.hash.empty()) value += (value.empty() ? "" : ", ") + ("hash " + network.hash);
    text += fact("Network \"" + network.label + "\"", value.empty() ? "-" : value);
  }
  text += fact("Images", input.data);
  std::vector<Shared> lines;  // name and value on a line each
  for (const auto* campaigns : {&input.campaigns, &input.pe_campaigns}) {
    for (const Campaign& campaign : *campaigns) {
      std::string value = count_of(static_cast<int64_t>(campaign.faults.size()), "fault") +
                          " in @, each over " + count_of(campaign.images, "image") +
                          (campaign.data.empty() ? "" : " (" + campaign.data + ")");
      if (!campaign.note.empty()) value += "; " + campaign.note;
      const std::string on = campaign.accelerator.empty() ? "" : ", " + campaign.accelerator;
      say_once(lines, "Faults: " + campaign.kind + on + "\n" + value, campaign.network);
    }
  }
  for (const Shared& line : lines) {
    const std::string whole = with_names(line);
    const size_t end = whole.find('\n');
    text += fact(whole.substr(0, end), whole.substr(end + 1));
  }
  for (const Exploration& e : input.explorations) {
    std::string value = count_of(static_cast<int64_t>(e.designs.size()), "accelerator");
    if (!e.architecture.empty()) value += " for " + e.architecture;
    if (!e.hash.empty()) value += ", hash " + e.hash;
    text += fact("Exploration \"" + e.network + "\"", value);
  }
  for (const Fact& line : input.facts) text += fact(line.name, line.value);
  text += fact("Made with", input.tool_version.empty() ? "" : "stuckat " + input.tool_version);
  return text.empty() ? text : "<div class=\"facts\"><dl>" + text + "</dl></div>\n";
}

std::string navigation(const ReportInput& input) {
  std::string text = "<a href=\"#examined\">What was examined</a>";
  if (!input.campaigns.empty()) text += "<a href=\"#faults\">Single faults</a>";
  if (!input.pe_campaigns.empty()) text += "<a href=\"#pes\">Processing elements</a>";
  if (!input.simulations.empty()) text += "<a href=\"#cycles\">Cycles</a>";
  if (!input.maps.empty()) text += "<a href=\"#maps\">Fault maps</a>";
  if (!(input.memories.empty() && input.sharpness.empty() && input.zeros.empty())) {
    text += "<a href=\"#memories\">Memories</a>";
  }
  if (!input.fleets.empty()) text += "<a href=\"#fleets\">Fleets</a>";
  if (!input.explorations.empty()) text += "<a href=\"#designs\">Design space</a>";
  if (!input.protections.empty()) text += "<a href=\"#protection\">What can be done</a>";
  if (!input.recipes.empty()) text += "<a href=\"#made\">How it was made</a>";
  text += "<a href=\"#words\">Words</a>";
  return "<nav><div>" + text + "</div></nav>\n";
}

}  // namespace

std::vector<std::string> summary(const ReportInput& input) {
  check(input);
  std::vector<std::string> sentences;
  for (const auto& group : comparable(input.campaigns)) {
    sentences.push_back(worst_sentence(group));
  }
  for (const auto& group : comparable(input.pe_campaigns)) {
    sentences.push_back(worst_sentence(group));
    if (const std::string lone = lone_pe_sentence(group); !lone.empty()) sentences.push_back(lone);
  }
  std::vector<std::string> timed;
  std::vector<Shared> simulated, mapped;
  for (const Simulation& simulation : input.simulations) {
    const std::string cycles = cycles_sentence(simulation);
    if (std::find(timed.begin(), timed.end(), cycles) == timed.end()) timed.push_back(cycles);
    if (!simulation.faults.empty()) {
      say_once(simulated, fault_sentence(simulation), simulation.network);
    }
  }
  for (const FaultMaps& maps : input.maps) {
    say_once(mapped,
             "The fault maps of @ break " + count_of(maps.faults, "site") + " of " +
                 maps.accelerator + " on " + count_of(maps.chips, "chip") + ".",
             maps.label);
  }
  sentences.insert(sentences.end(), timed.begin(), timed.end());
  for (const auto* lines : {&simulated, &mapped}) {
    for (const Shared& line : *lines) sentences.push_back(with_names(line));
  }
  for (const MemoryLots& lots : input.memories) {
    if (const std::string text = memory_sentence(lots); !text.empty()) sentences.push_back(text);
  }
  for (const Fleet& fleet : input.fleets) sentences.push_back(fleet_sentence(fleet));
  for (const Exploration& e : input.explorations) {
    const auto best = std::count_if(e.designs.begin(), e.designs.end(),
                                    [](const auto& design) { return design.pareto; });
    sentences.push_back("Of " + count_of(static_cast<int64_t>(e.designs.size()), "accelerator") +
                        " for " + (e.architecture.empty() ? "" : e.architecture + ", ") +
                        quoted(e.network) + ", " + grouped(best) + (best == 1 ? " is" : " are") +
                        " beaten by no other.");
  }
  for (const Protection& p : input.protections) {
    const Protection::Point* cheapest = nullptr;
    for (const auto& point : p.points) {
      if (point.worst_error > p.error_free + 5 + 1e-9) continue;
      if (cheapest == nullptr || point.macs < cheapest->macs) cheapest = &point;
    }
    sentences.push_back(quoted(p.network) + " on " + p.accelerator +
                        " loses at most 5 points to any "
                        "one fault (" +
                        p.evidence + ") " +
                        (cheapest == nullptr ? "with none of the measures."
                         : cheapest->measure == "none"
                             ? "as it is."
                             : "with " + cheapest->measure + " at a cost of " +
                                   fixed(cheapest->macs, 3) + " unrolled networks."));
  }
  if (sentences.empty()) sentences.push_back("There are no results in this report yet.");
  return sentences;
}

std::string html(const ReportInput& input) {
  const std::vector<std::string> sentences = summary(input);
  std::string text =
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
      "'unsafe-inline'; script-src 'unsafe-inline'\">\n<title>" +
      escape(input.title) + "</title>\n<style>" + std::string(page_style) +
      "</style>\n</head>\n<body>\n<header class=\"top\">\n<h1>" + escape(input.title) + "</h1>\n";
  if (!input.data.empty()) text += "<p class=\"sub\">" + escape(input.data) + "</p>\n";
  text += "<p class=\"lead\">" + prose(sentences.front()) + "</p>\n" + network_tiles(input);
  if (sentences.size() > 1) {
    text += "<ul class=\"short\">";
    for (size_t i = 1; i < sentences.size(); ++i) text += "<li>" + prose(sentences[i]) + "</li>\n";
    text += "</ul>\n";
  }
  text += "</header>\n" + navigation(input) +
          "<main>\n<section id=\"examined\">\n<h2>What was examined</h2>\n" + facts(input) +
          "</section>\n" + campaign_section(input) + pe_section(input) + simulation_section(input) +
          map_section(input) + memory_section(input) + fleet_section(input) +
          exploration_section(input) + protection_section(input) + recipe_section(input) +
          glossary_section() +
          "</main>\n<footer>This file is complete in itself and loads nothing.</footer>\n"
          "<div id=\"tip\"></div>\n<script>" +
          std::string(page_script) + "</script>\n</body>\n</html>\n";
  return text;
}

void write_report(const std::string& path, const ReportInput& input) {
  const std::string text = html(input);
  write_text_file(path, [&](std::ostream& out) { out << text; });
}

}  // namespace stuckat::report
