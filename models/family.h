// Families of accelerators: one row each. A program knows the built-in ones and what it adds.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "models/accelerator.h"
#include "models/explore/explorer.h"
#include "models/site_diagram.h"

namespace stuckat {

/// A channel (in every pixel), or a pixel (in all channels), of a tensor that is stuck at a level.
struct StuckUnit {
  int tensor = 0;
  int level = 0;
  int channel = -1;  ///< or -1
  int y = -1;        ///< or -1
  int x = -1;
};

struct BrokenHardware {
  AcceleratorPtr accelerator;
  FaultMap map;
};

struct Family {
  /// How an accelerator is written after the prefix, and what that is.
  struct Form {
    std::string form;
    std::string help;
  };
  std::string prefix;  ///< "dataflow": names are "dataflow:..."
  std::string noun;    ///< "dataflow accelerator", in messages
  std::string label;   ///< "dataflow", in legends
  std::vector<Form> forms;
  /// From a whole name, prefix and colon included. Throws InputError on one that names no
  /// accelerator of the family, or one that the network does not fit.
  std::function<AcceleratorPtr(const std::string& name, const Network& network)> parse;

  std::vector<explore::SweepOption> sweep_options = {};  ///< of `stuckat explore`
  std::function<std::unique_ptr<explore::Explorer>(const explore::SweepValues&, const Network&)>
      explorer = explore::plain_explorer;

  /// Hardware that does just what a stuck unit does, to replay it on; without one, others do it.
  std::function<BrokenHardware(const Network&, const StuckUnit&, const std::string& where)>
      stuck_unit = {};

  /// Accelerators to show fault sites on, each with the name of its network (workloads/zoo.h). One
  /// without words is for sites that those with words have not.
  struct Example {
    std::string network;
    std::function<AcceleratorPtr(const Network&)> accelerator;
    std::string words;  ///< "the published CNV-W1A1 accelerator"
  };
  std::vector<Example> examples = {};
  SiteDiagram diagram = {};  ///< without blocks: there is no picture
};

class Families {
 public:
  explicit Families(std::vector<Family> rows) : rows_(std::move(rows)) {}

  void add(Family row) { rows_.push_back(std::move(row)); }
  const std::vector<Family>& rows() const { return rows_; }
  /// The family of an accelerator, by the prefix of its name. Throws InputError(where, ...) with
  /// the nearest prefix.
  const Family& of(const std::string& name, const std::string& where) const;
  /// Throws InputError(where, ...), or as Family::parse does.
  AcceleratorPtr parse(const std::string& name, const Network& network,
                       const std::string& where) const {
    return of(name, where).parse(name, network);
  }
  /// A paragraph for --help.
  std::string help() const;

 private:
  std::vector<Family> rows_;
};

/// Those of models/: dataflow, loopback, systolic, and protected ones around these.
Families built_in_families();

}  // namespace stuckat
