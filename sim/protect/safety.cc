#include "sim/protect/safety.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <optional>
#include <set>

#include "faultmaps/mitigation/protection.h"
#include "faultmaps/site_index.h"
#include "workloads/errors.h"
#include "workloads/model_file.h"

namespace stuckat::protect {
namespace {

/// What a fault of the accelerator inside does.
struct Outcome {
  bool masked = false;
  double loss = 0;  // percentage points
};

/// The evidence, by fault.
class Outcomes {
 public:
  Outcomes(const SafetyInput& input, const std::vector<campaign::Result>& evidence,
           const std::vector<std::string>& where)
      : sites_(input.inside, input.network) {
    const std::string network_hash = content_hash(input.network);
    const std::string accelerator_hash = content_hash(input.inside);
    for (size_t e = 0; e < evidence.size(); ++e) {
      const campaign::Result& result = evidence[e];
      if (result.identity.network_hash != network_hash) {
        throw InputError(where[e], "is about another network",
                         "a campaign of " + input.network.name);
      }
      if (result.identity.accelerator_hash != accelerator_hash) {
        throw InputError(where[e], "is about another accelerator",
                         "a campaign on " + input.inside.accelerator);
      }
      if (result.shard.count > 1) {
        throw InputError(where[e], "is a shard", "the whole: 'stuckat campaign merge'");
      }
      add(result, where[e], input.confidence);
    }
    std::sort(outcomes_.begin(), outcomes_.end(),
              [](const auto& a, const auto& b) { return a.first < b.first; });
  }

  bool has(SiteKind kind) const { return kinds_.count(kind) > 0; }
  /// Of the campaign of a kind.
  double confidence(SiteKind kind) const { return kinds_.at(kind); }
  /// In the order of the faults.
  const std::vector<std::pair<Fault, Outcome>>& all() const { return outcomes_; }
  const Outcome* find(const Fault& fault) const {
    const auto at = from(fault);
    return at != outcomes_.end() && at->first == fault ? &at->second : nullptr;
  }
  std::vector<std::pair<Fault, Outcome>>::const_iterator from(const Fault& fault) const {
    return std::lower_bound(outcomes_.begin(), outcomes_.end(), fault,
                            [](const auto& a, const Fault& b) { return a.first < b; });
  }

 private:
  void add(const campaign::Result& result, const std::string& where, double confidence) {
    std::set<SiteKind> own;
    if (result.identity.sampling) confidence = result.identity.sampling->confidence;
    for (int64_t f = 0; f < result.size(); ++f) {
      const Fault fault = sites_.parse(result.faults[static_cast<size_t>(f)].id, where);
      if (fault.is_flip()) {
        throw InputError(where, "has transients", "permanent faults: --faults sites:KIND");
      }
      if (own.insert(fault.kind).second && !kinds_.emplace(fault.kind, confidence).second) {
        throw InputError(where,
                         std::string("is of ") + site_row(fault.kind).name + ", as one before it",
                         "one campaign for each kind");
      }
      outcomes_.emplace_back(fault, Outcome{result.masked(f) == result.images,
                                            result.golden_accuracy() - result.accuracy(f)});
    }
  }

  SiteIndex sites_;
  std::map<SiteKind, double> kinds_;
  std::vector<std::pair<Fault, Outcome>> outcomes_;
};

std::string modes_of(const std::vector<int>& values) {
  std::string text = "stuck at ";
  for (size_t i = 0; i < values.size(); ++i) {
    text += (i == 0 ? "" : ", ") + std::to_string(values[i]);
  }
  return text;
}

class Analysis {
 public:
  Analysis(const SafetyInput& input, const Outcomes& outcomes)
      : input_(input),
        outcomes_(outcomes),
        sites_(input.placement, input.network),
        active_(input.placement) {
    // A spare PE has the faults of the one that it does the work of, with the same effects: the
    // evidence of that one is its own.
    std::erase_if(active_.others, [](const OtherPart& part) {
      return part.kind == protection_kinds()[Redundancy::spares].kind;
    });
  }

  SafetyCase run() {
    result_.limit = input_.limit;
    for (const SiteSpace& space : sites_.spaces()) {
      if (space.sites() > 0) add(space);
    }
    finish();
    return std::move(result_);
  }

 private:
  struct Counts {
    int64_t examined = 0;
    int64_t masked = 0;
    int64_t losing = 0;
    int64_t covered = 0;   // losing, and corrected or reported
    int64_t residual = 0;  // losing, and neither
    int64_t reported = 0;  // multiple-point faults: covered, or of the protection itself
    int64_t latent = 0;
  };

  /// Faults of the accelerator inside: those of the evidence. `none`: of the protection.
  void add(const SiteSpace& space) {
    SafetyRow row;
    row.kind = space.row->name;
    row.part = space.part;
    row.modes = modes_of(space.values);
    row.sites = space.sites();
    row.faults = row.sites * static_cast<int64_t>(space.values.size());
    const double fit = input_.rates.of(*space.row);
    row.fit = fit * static_cast<double>(row.sites);
    if (row.fit == 0 && !outcomes_.has(space.row->kind)) return;
    add_copies(space, fit);
    row.mechanism = mechanism_of(space);
    const bool protects = space.row->is(of_protection);
    Counts counts;
    double confidence = input_.confidence;
    if (protects) {
      count_protection(space, row, counts);
    } else if (outcomes_.has(space.row->kind)) {
      confidence = outcomes_.confidence(space.row->kind);
      count_evidence(space, row, counts);
    }
    estimate(row, counts, confidence);
    result_.rows.push_back(std::move(row));
  }

  /// Further PEs before voters and comparators: outvoted or not used, whatever breaks in them.
  void add_copies(const SiteSpace& space, double fit) {
    if (!std::string_view(space.row->name).starts_with("pe/")) return;
    const ArrayProtection around = protection_of(input_.placement, space.part, input_.network);
    for (const Redundancy redundancy : {Redundancy::copies, Redundancy::duplicates}) {
      const auto pes = static_cast<int64_t>(around.of(redundancy).size());
      if (pes == 0) continue;
      const RedundancyRow& kind = protection_kinds()[redundancy];
      SafetyRow row;
      row.kind = space.row->name;
      row.part = space.part + " (" + kind.name + ")";
      row.modes = modes_of(space.values);
      row.sites = kind.further * pes * (space.sites() / space.counts[0]);
      row.fit = fit * static_cast<double>(row.sites);
      row.faults = row.examined = row.sites * static_cast<int64_t>(space.values.size());
      row.masked = {1, 1, 1};
      (input_.reports ? row.detected_fit : row.latent_fit) = row.fit;
      result_.rows.push_back(std::move(row));
    }
  }

  /// The name of the code of such a part; none where it is not there.
  std::string code_of(const std::string& coded_memory) const {
    for (const OtherPart& part : input_.placement.others) {
      if (part.name == coded_memory) {
        return memory_codes()[static_cast<size_t>(part.figures[2])].name;
      }
    }
    return {};
  }

  /// Of the parts that the placement has and the one inside has not.
  std::string mechanism_of(const SiteSpace& space) const {
    if (space.row->is(of_protection)) return {};
    std::set<std::string> found;
    if (space.sites() == 0) return {};
    const auto memory = coded_memory_of(space.row->kind);
    if (memory && holds_data(*memory)) return code_of(coded_memory_part(space.part, *memory));
    if (space.row->part != PartKind::pe_array) return {};
    const bool of_a_pe = space.row->is_of_pe();
    const ArrayProtection around = protection_of(input_.placement, space.part, input_.network);
    if (of_a_pe && !around.of(Redundancy::copies).empty()) found.insert("voters");
    if (of_a_pe && !around.of(Redundancy::duplicates).empty()) found.insert("comparators");
    for (const auto& [trait, words] :
         {std::pair(weight_memory, around.weights), {threshold_memory, around.thresholds}}) {
      if (space.row->is(trait) && words.code != nullptr) found.insert(words.code->name);
    }
    std::string text;
    for (const std::string& name : found) text += (text.empty() ? "" : ", ") + name;
    return text;
  }

  /// Left behind the protection, and reported by it.
  struct Behind {
    bool hidden = false;
    bool noticed = false;   // by a decoder or a voter
    bool reported = false;  // and somebody is told
    std::vector<Fault> left;
  };
  Behind behind(const Fault& fault) const {
    const Residual residual =
        behind_protection({active_.accelerator, {fault}}, active_, input_.network);
    const bool noticed = !residual.corrected.empty() || !residual.detected.empty();
    return {residual.left.faults.empty(), noticed, noticed && input_.reports, residual.left.faults};
  }

  void count_evidence(const SiteSpace& space, SafetyRow& row, Counts& counts) {
    Fault first = space.at(0);
    first.coordinates = {};
    first.value = INT32_MIN;
    const auto& all = outcomes_.all();
    for (auto at = outcomes_.from(first); at != all.end(); ++at) {
      const auto& [fault, outcome] = *at;
      if (fault.kind != first.kind || fault.part != first.part) break;
      ++counts.examined;
      row.worst_loss = std::max(row.worst_loss, outcome.loss);
      counts.masked += outcome.masked ? 1 : 0;
      if (outcome.loss <= input_.limit) continue;
      ++counts.losing;
      const Behind found = behind(fault);
      if (!found.hidden && !found.reported) {
        ++counts.residual;
        continue;
      }
      ++counts.covered;
      ++(found.reported ? counts.reported : counts.latent);
    }
  }

  /// Every site of voters, copies and check bits on its own.
  void count_protection(const SiteSpace& space, SafetyRow& row, Counts& counts) {
    for (int64_t site = 0; site < space.sites(); ++site) {
      for (const int value : space.values) {
        Fault fault = space.at(site);
        fault.value = value;
        ++counts.examined;
        const Behind found = behind(fault);
        if (found.hidden) {  // a check bit that is stuck as it should be is safe
          const bool mute = fault.kind == protection_kinds().comparator_error && value == 0;
          if (found.noticed || mute) ++(found.reported ? counts.reported : counts.latent);
          ++counts.masked;
          continue;
        }
        const Outcome* known =
            found.left.size() == 1 ? outcomes_.find(found.left.front()) : nullptr;
        if (known != nullptr) {
          row.worst_loss = std::max(row.worst_loss, known->loss);
          counts.masked += known->masked ? 1 : 0;
          if (known->loss <= input_.limit) continue;
        }
        ++counts.losing;
        if (found.reported) {
          ++counts.covered;
          ++counts.reported;
        } else {
          ++counts.residual;
        }
      }
    }
  }

  void estimate(SafetyRow& row, const Counts& counts, double confidence) {
    row.examined = counts.examined;
    if (counts.examined == 0) {
      row.losing = row.residual = {1, 1, 1};
      row.residual_fit = row.fit;
      ++result_.without_evidence;
      return;
    }
    const auto share = [&](int64_t count) {
      return campaign::share_limits(count, counts.examined, row.faults, confidence);
    };
    row.masked = share(counts.masked);
    row.losing = share(counts.losing);
    row.residual = share(counts.residual);
    row.tolerated = share(counts.examined - counts.masked - counts.losing);
    if (counts.losing > 0 && !row.mechanism.empty()) {
      // Of as many losing faults as the population has in proportion.
      const double scale = static_cast<double>(row.faults) / static_cast<double>(counts.examined);
      const auto population =
          std::max(counts.losing,
                   static_cast<int64_t>(std::llround(static_cast<double>(counts.losing) * scale)));
      row.coverage = campaign::share_limits(counts.covered, counts.losing, population, confidence);
    }
    row.residual_fit = row.fit * row.residual.value;
    const auto examined = static_cast<double>(counts.examined);
    row.detected_fit = row.fit * static_cast<double>(counts.reported) / examined;
    row.latent_fit = row.fit * static_cast<double>(counts.latent) / examined;
  }

  void finish() {
    double latent = 0;
    for (const SafetyRow& row : result_.rows) {
      result_.fit += row.fit;
      latent += row.latent_fit;
    }
    std::vector<Estimate> shares;
    std::vector<double> weights;
    for (const SafetyRow& row : result_.rows) {
      shares.push_back(row.residual);
      weights.push_back(result_.fit > 0 ? row.fit / result_.fit : 0);
    }
    const Estimate residual = result_.fit > 0 ? campaign::combine(shares, weights) : Estimate{};
    result_.residual_fit = {residual.value * result_.fit, residual.low * result_.fit,
                            residual.high * result_.fit};
    result_.spfm = {1 - residual.value, 1 - residual.high, 1 - residual.low};
    const auto metric = [&](double single) {
      const double rest = result_.fit - single;
      return rest > 0 ? 1 - latent / rest : 1;
    };
    result_.lfm = {metric(result_.residual_fit.value), metric(result_.residual_fit.high),
                   metric(result_.residual_fit.low)};
  }

  const SafetyInput& input_;
  const Outcomes& outcomes_;
  SiteIndex sites_;
  Placement active_;  // without spares
  SafetyCase result_;
};

}  // namespace

double FailureRates::of(const SiteRow& row) const {
  const auto rate = kinds.find(row.name);
  if (rate != kinds.end()) return rate->second;
  return row.value == ValueKind::level ? 0 : standard;
}

FailureRates read_failure_rates(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw InputError(path, "cannot be opened", "lines KIND,FIT after a line site,fit");
  FailureRates rates;
  std::set<std::string> seen;
  std::string line;
  for (int number = 1; std::getline(in, line); ++number) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    const std::string where = path + ", line " + std::to_string(number);
    if (number == 1) {
      if (line != "site,fit") throw InputError(where, "'" + line.substr(0, 40) + "'", "site,fit");
      continue;
    }
    if (line.empty()) continue;
    const size_t comma = line.find(',');
    const std::string kind = line.substr(0, comma);
    const std::string number_text = comma == std::string::npos ? "" : line.substr(comma + 1);
    double fit = -1;
    int used = 0;
    const bool read = std::sscanf(number_text.c_str(), "%lf%n", &fit, &used) == 1 &&
                      used == static_cast<int>(number_text.size());
    if (!read || !(fit >= 0) || !std::isfinite(fit)) {
      throw InputError(where, "'" + line.substr(0, 60) + "'", "KIND,FIT with a FIT of 0 or more");
    }
    if (!seen.insert(kind).second) throw InputError(where, "'" + kind + "' is there twice", "once");
    if (kind == "*") {
      rates.standard = fit;
    } else {
      rates.kinds[site_row(parse_site_kind(kind, where)).name] = fit;
    }
  }
  if (seen.empty()) throw InputError(path, "has no rates", "lines KIND,FIT after a line site,fit");
  return rates;
}

SafetyCase safety_case(const SafetyInput& input, const std::vector<campaign::Result>& evidence,
                       const std::vector<std::string>& where) {
  const Outcomes outcomes(input, evidence, where);
  return Analysis(input, outcomes).run();
}

std::string safety_csv(const SafetyCase& safety) {
  std::string text =
      "site,part,modes,sites,fit,faults,examined,masked,tolerated,losing,losing_low,losing_high,"
      "worst_loss,mechanism,coverage,coverage_low,coverage_high,residual_fit,detected_fit,"
      "latent_fit\n";
  const auto number = [](double value) {
    char buffer[40];
    std::snprintf(buffer, sizeof buffer, ",%.6g", value);
    return std::string(buffer);
  };
  for (const SafetyRow& r : safety.rows) {
    text += r.kind + "," + r.part + ",\"" + r.modes + "\"," + std::to_string(r.sites) +
            number(r.fit) + "," + std::to_string(r.faults) + "," + std::to_string(r.examined) +
            number(r.masked.value) + number(r.tolerated.value) + number(r.losing.value) +
            number(r.losing.low) + number(r.losing.high) + number(r.worst_loss) + ",\"" +
            r.mechanism + "\"" + number(r.coverage.value) + number(r.coverage.low) +
            number(r.coverage.high) + number(r.residual_fit) + number(r.detected_fit) +
            number(r.latent_fit) + "\n";
  }
  return text;
}

}  // namespace stuckat::protect
