#include <fmt/format.h>

#include <algorithm>

#include "sim/campaign/result.h"
#include "sim/protect/safety.h"
#include "tools/report/safety_page.h"
#include "tools/stuckat/accelerator.h"
#include "tools/stuckat/command_line.h"
#include "tools/stuckat/commands.h"
#include "tools/stuckat/inputs.h"
#include "workloads/model_file.h"
#include "workloads/version.h"

namespace stuckat::cli {
namespace {

using protect::Estimate;

std::string interval(const Estimate& e, double scale, int decimals) {
  const std::string value = fmt::format("{:.{}f}", scale * e.value, decimals);
  if (e.high - e.low <= 1e-12) return value;
  return fmt::format("{} ({:.{}f} to {:.{}f})", value, scale * e.low, decimals, scale * e.high,
                     decimals);
}

void print(const protect::SafetyCase& safety) {
  fmt::print("{:<18} {:<26} {:>10} {:>10} {:>9} {:>20} {:>8} {:<8} {:>20} {:>10} {:>10}\n", "site",
             "part", "sites", "FIT", "masked %", "losing %", "worst", "", "coverage %", "residual",
             "latent");
  for (const auto& r : safety.rows) {
    const bool known = r.examined > 0;
    fmt::print(
        "{:<18} {:<26} {:>10} {:>10.3f} {:>9} {:>20} {:>8} {:<8} {:>20} {:>10.4f} {:>10.4f}\n",
        r.kind, r.part, thousands(r.sites), r.fit,
        known ? fmt::format("{:.2f}", 100 * r.masked.value) : "-",
        known ? interval(r.losing, 100, 2) : "no campaign",
        known ? fmt::format("{:.2f}", r.worst_loss) : "-", r.mechanism,
        r.mechanism.empty() || r.losing.value == 0 ? "-" : interval(r.coverage, 100, 2),
        r.residual_fit, r.latent_fit);
  }
  fmt::print("\n{:.4f} FIT, of which residual and single-point {}\nSPFM {} %, LFM {} %\n",
             safety.fit, interval(safety.residual_fit, 1, 4), interval(safety.spfm, 100, 2),
             interval(safety.lfm, 100, 2));
  if (safety.without_evidence > 0) {
    fmt::print("{} rows without a campaign count as losing throughout\n", safety.without_evidence);
  }
}

nlohmann::ordered_json estimate_json(const Estimate& e) {
  return {{"value", e.value}, {"low", e.low}, {"high", e.high}};
}

nlohmann::ordered_json safety_json(const protect::SafetyCase& safety) {
  nlohmann::ordered_json json = {{"limit", safety.limit},
                                 {"fit", safety.fit},
                                 {"residual_fit", estimate_json(safety.residual_fit)},
                                 {"spfm", estimate_json(safety.spfm)},
                                 {"lfm", estimate_json(safety.lfm)},
                                 {"without_evidence", safety.without_evidence},
                                 {"rows", nlohmann::json::array()}};
  for (const auto& r : safety.rows) {
    json["rows"].push_back({{"site", r.kind},
                            {"part", r.part},
                            {"modes", r.modes},
                            {"sites", r.sites},
                            {"fit", r.fit},
                            {"faults", r.faults},
                            {"examined", r.examined},
                            {"masked", estimate_json(r.masked)},
                            {"tolerated", estimate_json(r.tolerated)},
                            {"losing", estimate_json(r.losing)},
                            {"worst_loss", r.worst_loss},
                            {"mechanism", r.mechanism},
                            {"coverage", estimate_json(r.coverage)},
                            {"residual", estimate_json(r.residual)},
                            {"residual_fit", r.residual_fit},
                            {"detected_fit", r.detected_fit},
                            {"latent_fit", r.latent_fit}});
  }
  return json;
}

std::string rates_text(const protect::FailureRates& rates) {
  std::string text = fmt::format("{:g} for each bit", rates.standard);
  for (const auto& [kind, fit] : rates.kinds) text += fmt::format(", {:g} for {}", fit, kind);
  return text;
}

}  // namespace

int run_fmea(const Arguments& arguments) {
  CommandLine line(
      "fmea MODEL --accelerator NAME --evidence CAMPAIGN... [options]",
      "Failure modes, effects and diagnostic coverage of an accelerator in the terms of ISO "
      "26262-5: failure\nrates of each part and kind of site, what campaigns say that its faults "
      "do, "
      "what voters and codes\n(--accelerator protected:FILE.json) correct or report of them, "
      "residual FIT, SPFM and LFM. Of single\npermanent faults of the modelled parts; no "
      "certificate.",
      {"model"});
  line.options().add_options()("accelerator", text("NAME"),
                               "what is judged, with its protection; see below")(
      "evidence", po::value<std::vector<std::string>>()->value_name("FILE"),
      "result of 'stuckat campaign --faults sites:KIND' on the accelerator without protection, "
      "whole or a sample; one for each kind, may be repeated")(
      "rates", text("FILE"),
      "failure rates: lines KIND,FIT of one site after a line site,fit; `*` for all other bits. "
      "Without: 0.001 FIT for every bit, none for kinds that give a level")(
      "limit", real("POINTS", 1, "1"), "percentage points of accuracy that a fault may cost")(
      "unreported", po::bool_switch(), "voters and decoders correct without telling anybody")(
      "confidence", real("C", 0.95, "0.95"), "of intervals, where a campaign does not say")(
      "output,o", text("FILE"), "page to write")("csv", text("FILE"),
                                                 "also write one line for each part and kind");
  line.epilogue(accelerator_help());
  if (!line.parse(arguments)) return 0;
  for (const char* needed : {"accelerator", "evidence"}) {
    if (!line.has(needed)) {
      throw InputError("stuckat fmea", fmt::format("no --{}", needed), "hardware and campaigns");
    }
  }
  const Network network = read_model(line.text("model"));
  const AcceleratorPtr accelerator = parse_accelerator(line.text("accelerator"), network);
  const Placement placement = place_on(accelerator, network);
  const Placement inside =
      accelerator->inside() != nullptr ? place_on(accelerator->inside(), network) : placement;
  const auto files = line.get<std::vector<std::string>>("evidence");
  std::vector<campaign::Result> evidence;
  for (const auto& file : files) evidence.push_back(campaign::read_result(file));
  protect::SafetyInput input{network, placement, inside, {}, 0, true, 0};
  if (line.has("rates")) input.rates = protect::read_failure_rates(line.text("rates"));
  input.limit = line.real("limit", 0, 100);
  input.reports = !line.get<bool>("unreported");
  input.confidence = line.real("confidence", 0.01, 0.999999);
  const protect::SafetyCase safety = protect::safety_case(input, evidence, files);
  print(safety);
  if (line.has("csv")) write_text_file(line.text("csv"), protect::safety_csv(safety));
  if (line.has("output")) {
    std::vector<report::Fact> facts = {
        {"Network", network.name + ", hash " + content_hash(network)},
        {"Accelerator", placement.accelerator},
        {"FIT of a site", rates_text(input.rates)},
        {"Protection", input.reports ? "reports what it corrects" : "corrects without a report"}};
    for (size_t e = 0; e < evidence.size(); ++e) {
      const auto& identity = evidence[e].identity;
      facts.push_back({"Campaign", fmt::format("{}: {} faults of {} on {} images of {}{}", files[e],
                                               thousands(evidence[e].size()), identity.faults,
                                               thousands(evidence[e].images), identity.data,
                                               identity.sampling ? ", a sample" : "")});
    }
    facts.push_back({"Made with", std::string("stuckat ") + tool_version});
    write_text_file(line.text("output"), report::safety_page("What can fail in " + network.name +
                                                                 " on " + placement.accelerator,
                                                             facts, safety));
    fmt::print("{}\n", line.text("output"));
  }
  nlohmann::ordered_json json = {{"configuration", line.configuration()},
                                 {"network", network.name},
                                 {"accelerator", placement.accelerator}};
  json.update(safety_json(safety));
  line.write_json(json);
  return 0;
}

}  // namespace stuckat::cli
