#include "sim/campaign/fault_set.h"

#include "faultmaps/timeline.h"
#include "sim/campaign/fault_source.h"
#include "sim/campaign/stuck_levels.h"
#include "workloads/errors.h"
#include "workloads/hash.h"

namespace stuckat::campaign {
namespace {

const Placement& needed(const Placement* placement, const std::string& spec,
                        const std::string& where) {
  if (placement != nullptr) return *placement;
  throw InputError(where, "'" + spec + "' names hardware", "an accelerator as well");
}

std::vector<std::string> split(const std::string& text, const std::string& where) {
  std::vector<std::string> pieces;
  size_t begin = 0;
  while (true) {
    const size_t comma = text.find(',', begin);
    pieces.push_back(text.substr(begin, comma - begin));
    if (pieces.back().empty()) throw InputError(where, "no file name", "map:FILE[,FILE]");
    if (comma == std::string::npos) return pieces;
    begin = comma + 1;
  }
}

}  // namespace

FaultSet::FaultSet(std::string spec, std::shared_ptr<const Source> source,
                   std::optional<Sampling> sampling)
    : spec_(std::move(spec)), source_(std::move(source)), sampling_(sampling) {}

int64_t FaultSet::size() const { return source_->size(); }
FaultInfo FaultSet::info(int64_t index) const { return source_->info(index); }
Effects FaultSet::effects(int64_t index) const { return source_->effects(index); }
std::vector<Fault> FaultSet::faults(int64_t index) const { return source_->faults(index); }
std::vector<std::string> FaultSet::parts(int64_t index) const { return source_->parts(index); }
const std::vector<Stratum>& FaultSet::strata() const { return source_->strata(); }

const std::vector<FaultSetForm>& fault_set_forms() {
  static const std::vector<FaultSetForm> forms = {
      {"channel", "every channel of every layer but the last stuck at its --levels (Algorithm 1)"},
      {"pixel", "every pixel of every layer but the last, after its pool, at its --levels"},
      {"pixel:before-pool", "the same before the pool"},
      {"weight",
       "every bit of every stored weight stuck at 0 and at 1, whatever hardware holds it"},
      {"pe", "every PE of the accelerator dead at its --levels"},
      {"sites:KIND", "every fault at every site of a kind, such as sites:pe/accumulator"},
      {"flips:KIND",
       "a transient at every site of a kind in every cycle of the run; --sample draws"},
      {"map:FILE[,FILE]", "each chip of fault map files"},
      {"list:FILE", "a fault list of 'campaign list', or a text file with a name on each line"},
      {"id:NAME", "one fault by its name, such as id:layer1/channel[5]=-1"},
  };
  return forms;
}

FaultSet parse_fault_set(const std::string& spec, const Network& network,
                         const Placement* placement, const std::string& where) {
  if (spec == "channel") return channel_faults(network);
  if (spec == "pixel") return pixel_faults(network);
  if (spec == "pixel:before-pool") return pixel_faults(network, true);
  if (spec == "weight") return weight_faults(network);
  if (spec == "pe") return dead_pe_faults(network, needed(placement, spec, where), {});
  const size_t colon = spec.find(':');
  const std::string form = spec.substr(0, colon);
  const std::string rest = colon == std::string::npos ? "" : spec.substr(colon + 1);
  if (!rest.empty() && form == "sites") {
    return site_faults(network, needed(placement, spec, where), parse_site_kind(rest, where));
  }
  if (!rest.empty() && form == "flips") {
    return flip_faults(network, needed(placement, spec, where), parse_site_kind(rest, where),
                       where);
  }
  if (!rest.empty() && form == "map") {
    return map_faults(network, needed(placement, spec, where), split(rest, where));
  }
  if (!rest.empty() && form == "list") return read_fault_list(rest, network, placement);
  if (!rest.empty() && form == "id") {
    return {spec, named_faults(network, placement, {rest}, {{rest}}, where).source()};
  }
  std::vector<std::string> known;
  for (const FaultSetForm& f : fault_set_forms()) known.emplace_back(f.form);
  throw_unknown_name(where, "fault set", spec, known);
}

size_t FaultSet::Source::stratum_of(int64_t index) const {
  size_t s = 0;
  while (index >= strata_[s].first + strata_[s].count) ++s;
  return s;
}

void FaultSet::Source::hash_parts(int64_t index, Hasher& hasher) const {
  const auto names = parts(index);
  hasher.add(names.size());
  for (const std::string& name : names) hasher.add(name);
}

std::string content_hash_with_run(const Placement& placement) {
  Hasher hasher;
  hasher.add(content_hash(placement));
  if (placement.run != nullptr) hasher.add(placement.run->images()).add(placement.run->cycles());
  return hasher.hex();
}

std::string content_hash(const FaultSet& faults) {
  Hasher hasher;
  hasher.add(faults.source()->placement_hash()).add(faults.size());
  for (int64_t i = 0; i < faults.size(); ++i) {
    hasher.add(faults.info(i).id);
    faults.source()->hash_parts(i, hasher);
  }
  hasher.add(faults.strata().size());
  for (const Stratum& s : faults.strata()) {
    hasher.add(s.name).add(s.layer).add(s.first).add(s.count).add(s.population);
  }
  hasher.add(faults.sampling().has_value());
  if (const auto& sampling = faults.sampling()) {
    hasher.add(sampling->margin).add(sampling->confidence).add(sampling->seed);
  }
  return hasher.hex();
}

}  // namespace stuckat::campaign
