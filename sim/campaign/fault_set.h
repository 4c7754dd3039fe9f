// The faults of a campaign: counted, enumerated one at a time, each with a stable identifier.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "faultmaps/effects.h"
#include "faultmaps/fault_map.h"
#include "faultmaps/placement.h"
#include "workloads/network.h"

namespace stuckat::campaign {

/// What one item of a campaign breaks. -1 (or no_level) where an item has no such coordinate.
struct FaultInfo {
  static constexpr int no_level = std::numeric_limits<int32_t>::min();

  std::string id;    ///< unique in its set, the same in every run: "layer1/channel[5]=-1"
  int layer = -1;    ///< index in Network::layers of the layer it belongs to; -1: many or none
  int channel = -1;  ///< of the layer's output
  int y = -1;        ///< pixel of the layer's output, after the pool unless the id says otherwise
  int x = -1;
  std::string part;      ///< PeArray or Stream of the placement, or empty
  int pe = -1;           ///< of the part
  int level = no_level;  ///< what it is stuck at: a level, or the value of a bit

  bool operator==(const FaultInfo&) const = default;
};

/// Neighbours in a set that belong together (a layer, or a part that serves several layers):
/// what sampling is stratified by.
struct Stratum {
  std::string name;
  int layer = -1;
  int64_t first = 0;       ///< index of its first fault in the set
  int64_t count = 0;       ///< faults of it in the set
  int64_t population = 0;  ///< faults that it was drawn from; = count unless sampled

  bool operator==(const Stratum&) const = default;
};

/// How a set was drawn from a greater one (sampling.h).
struct Sampling {
  double margin = 0;      ///< half width of the interval aimed at, as a fraction: 0.01
  double confidence = 0;  ///< 0.99
  uint64_t seed = 0;

  bool operator==(const Sampling&) const = default;
};

/// An immutable set of faults. Cheap to copy; safe to read from several threads. Millions of
/// faults take no memory until they are asked for.
class FaultSet {
 public:
  class Source;  ///< see fault_source.h
  FaultSet(std::string spec, std::shared_ptr<const Source> source,
           std::optional<Sampling> sampling = {});

  /// What the user asked for: "channel", "sites:pe/accumulator".
  const std::string& spec() const { return spec_; }
  int64_t size() const;
  FaultInfo info(int64_t index) const;
  Effects effects(int64_t index) const;
  /// The faults of the accelerator that are among them; none for a stuck channel or pixel.
  std::vector<Fault> faults(int64_t index) const;
  /// Names that rebuild the effects, given network and placement: the identifier, or for a chip
  /// of a fault map the name of each of its faults.
  std::vector<std::string> parts(int64_t index) const;
  /// Cover 0 .. size()-1 in order, none empty.
  const std::vector<Stratum>& strata() const;
  /// Set if faults were left out.
  const std::optional<Sampling>& sampling() const { return sampling_; }
  const std::shared_ptr<const Source>& source() const { return source_; }

 private:
  std::string spec_;
  std::shared_ptr<const Source> source_;
  std::optional<Sampling> sampling_;
};

/// FAT, Algorithm 1: every channel of every injectable layer at every level of its format.
/// "layer1/channel[5]=-1"
FaultSet channel_faults(const Network& network);

/// Every (y, x) of the output of every injectable layer, at every level; layers whose tensor there
/// is 1x1 are left out. Behind the pool that follows a layer: "layer1/pixel[3,4]=1"; before it:
/// "layer1/pixel:before-pool[3,4]=1".
FaultSet pixel_faults(const Network& network, bool before_pool = false);

/// Every bit of the stored code of every weight, stuck at 0 and at 1:
/// "layer1/weight[3,17]/bit[2]=1".
FaultSet weight_faults(const Network& network);

/// Every fault of one kind, lowered: "layer1/mvtu/pe[5]/accumulator[3]=1".
FaultSet site_faults(const Network& network, const Placement& placement, SiteKind kind);

/// A transient at every site of one kind in every cycle of placement.run, which is the campaign's
/// images back to back: "layer1/mvtu/pe[5]/accumulator[3]=flip@12345". A campaign's image number is
/// that of the run, so that a transient changes the images that its cycle falls into.
/// Throws InputError(where, ...) where there is no such transient.
FaultSet flip_faults(const Network& network, const Placement& placement, SiteKind kind,
                     const std::string& where);

/// One item for each chip of the fault map files: "maps.h5[3]". Two files of the same name,
/// whatever their folders, are refused.
FaultSet map_faults(const Network& network, const Placement& placement,
                    const std::vector<std::string>& paths);

/// The same of chips in memory: "NAME[3]". Maps go in and stay as they are; no name is written or
/// parsed. The set equals that of a file of this name. Throws InputError(name, ...) for a map that
/// is not of this accelerator.
FaultSet chip_faults(const Network& network, const Placement& placement,
                     std::vector<FaultMap> chips, const std::string& name = "chips");

/// Any faults by their names, as in a file of a fault list. `ids` and `parts` have one entry for
/// each item; an item breaks everything its parts name. Throws InputError(where, ...).
FaultSet named_faults(const Network& network, const Placement* placement,
                      std::vector<std::string> ids, std::vector<std::vector<std::string>> parts,
                      const std::string& where);

/// Is a name of the form of a fault that needs no hardware: a channel, pixel, element or weight of
/// one of the network's layers?
bool is_in_network(const std::string& name, const Network& network);

/// One way to write each set, with a line of help.
struct FaultSetForm {
  const char* form;  ///< "sites:KIND"
  const char* help;
};
const std::vector<FaultSetForm>& fault_set_forms();

/// channel | pixel | pixel:before-pool | weight | pe | sites:KIND | flips:KIND | map:FILE[,FILE] |
/// list:FILE | id:NAME. `placement` may be null: what needs one then throws InputError. `where`
/// names the option.
FaultSet parse_fault_set(const std::string& spec, const Network& network,
                         const Placement* placement, const std::string& where);

/// SHA-256 over identifiers, what they stand for (placement included), strata and sampling.
std::string content_hash(const FaultSet& faults);

/// A fault list as an HDF5 file, and as the text of one (FORMAT.md), which knows neither strata nor
/// how a sample was drawn. Reading takes either; it needs the network and, where the list names
/// hardware, the placement.
void write_fault_list(const std::string& path, const FaultSet& faults);
std::string fault_list_text(const FaultSet& faults);
FaultSet read_fault_list(const std::string& path, const Network& network,
                         const Placement* placement);

}  // namespace stuckat::campaign
