#include "tools/report/safety_page.h"

#include <algorithm>

#include "tools/report/plot.h"
#include "tools/report/sections.h"

namespace stuckat::report {
namespace {

using protect::Estimate;
using protect::SafetyRow;

std::string percent_of_share(double share, int decimals = 2) {
  return fixed(100 * share, decimals);
}

/// "97.31 (97.02 to 97.55)"; the value alone where it is exact.
std::string interval(const Estimate& e, double scale, int decimals) {
  std::string text = fixed(scale * e.value, decimals);
  if (e.high - e.low > 1e-12) {
    text += " (" + fixed(scale * e.low, decimals) + " to " + fixed(scale * e.high, decimals) + ")";
  }
  return text;
}

std::string bar(const SafetyRow& row) {
  if (row.examined == 0) return "<small>no campaign: all count as losing</small>";
  return stacked_bar(
      {{100 * row.masked.value, "masked", percent_of_share(row.masked.value) + " % masked"},
       {100 * row.tolerated.value, "tolerated",
        percent_of_share(row.tolerated.value) + " % tolerated"},
       {100 * row.losing.value, "blocked",
        interval(row.losing, 100, 2) + " % cost more than the limit"}},
      "what the faults do");
}

std::string table(const protect::SafetyCase& safety) {
  std::string rows;
  for (const SafetyRow& r : safety.rows) {
    const bool covered = !r.mechanism.empty() && r.losing.value > 0;
    rows +=
        "<tr><th>" + escape(r.kind) + "</th><td>" + escape(r.part) + "</td><td>" + escape(r.modes) +
        "</td>" + number_cell(grouped(r.sites)) + number_cell(fixed(r.fit, 3)) +
        number_cell(grouped(r.examined) + " of " + grouped(r.faults)) + "<td class=\"barcell\">" +
        bar(r) + "</td>" + number_cell(r.examined == 0 ? "-" : interval(r.losing, 100, 2)) +
        number_cell(r.examined == 0 ? "-" : fixed(r.worst_loss, 2)) + "<td>" + escape(r.mechanism) +
        "</td>" + number_cell(covered ? interval(r.coverage, 100, 2) : "-") +
        number_cell(fixed(r.residual_fit, 4)) + number_cell(fixed(r.detected_fit, 4)) +
        number_cell(fixed(r.latent_fit, 4)) + "</tr>\n";
  }
  return "<div class=\"scroll\"><table><thead><tr><th>site</th><th>part</th><th>failure "
         "modes</th><th class=\"n\">sites</th><th class=\"n\">FIT</th><th class=\"n\">faults "
         "examined</th><th>effect</th><th class=\"n\">losing, %</th><th class=\"n\">worst loss, "
         "points</th><th>mechanism</th><th class=\"n\">coverage, %</th><th class=\"n\">residual "
         "FIT</th><th class=\"n\">reported FIT</th><th class=\"n\">latent FIT</th></tr></thead>\n"
         "<tbody>" +
         rows + "</tbody></table></div>\n";
}

}  // namespace

std::string safety_page(const std::string& title, const std::vector<Fact>& facts,
                        const protect::SafetyCase& safety) {
  std::string text =
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
      "'unsafe-inline'; script-src 'unsafe-inline'\">\n<title>" +
      escape(title) + "</title>\n<style>" + std::string(page_style) +
      "main,header.top,footer{max-width:1500px}td small{color:var(--soft)}</style>\n</head>\n"
      "<body>\n<header class=\"top\">\n<h1>" +
      escape(title) +
      "</h1>\n<p class=\"sub\">Failure modes, effects and diagnostic coverage, part "
      "by part</p>\n<div class=\"tiles\">\n" +
      tile(interval(safety.spfm, 100, 2) + " %", "single-point fault metric (SPFM)") +
      tile(interval(safety.lfm, 100, 2) + " %", "latent-fault metric (LFM)") +
      tile(interval(safety.residual_fit, 1, 4) + " FIT",
           "residual and single-point, of " + fixed(safety.fit, 3) + " FIT in all") +
      tile(fixed(safety.limit, 2) + " points", "of accuracy that a fault may cost") +
      "</div>\n</header>\n<main>\n<div class=\"facts\"><dl>";
  for (const Fact& fact : facts) {
    text += "<dt>" + escape(fact.name) + "</dt><dd>" + escape(fact.value) + "</dd>\n";
  }
  text += "</dl></div>\n";
  if (safety.without_evidence > 0) {
    text += "<p><b>" + count_of(safety.without_evidence, "row") +
            "</b> without a campaign: all their faults count as losing.</p>\n";
  }
  text +=
      legend({{"masked", "no output changes"},
              {"tolerated", "within the limit"},
              {"blocked", "costs more than the limit"}}) +
      table(safety) +
      "<p class=\"sub\">FIT: failures in 10<sup>9</sup> hours. Losing faults that no mechanism "
      "corrects or reports are single-point or residual faults; those that one does, and all "
      "faults "
      "of copies, voters and check bits that change nothing on their own, are multiple-point "
      "faults, latent unless reported. SPFM = 1 - residual / all, LFM = 1 - latent / (all - "
      "residual) (ISO 26262-5, annex C). Intervals are of the campaigns that are samples. This is "
      "an analysis of single permanent faults of the modelled parts on the images of the "
      "campaigns, and no certificate: clocks, power, control and whatever is not modelled are left "
      "out, and rates are those that were given.</p>\n"
      "</main>\n<footer>This file is complete in itself and loads nothing.</footer>\n"
      "<div id=\"tip\"></div>\n<script>" +
      std::string(page_script) + "</script>\n</body>\n</html>\n";
  return text;
}

}  // namespace stuckat::report
