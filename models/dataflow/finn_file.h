// FINN's folding_config.json as a list of nodes, in the order of the data; what they mean for the
// layers of a network is finn_folding.h's.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "models/dataflow/accelerator.h"
#include "models/dataflow/json_fields.h"

namespace stuckat::dataflow {

enum class FinnRole : uint8_t {
  matrix,
  window,
  padding,
  streaming_pool,
  pool_of_windows,
  thresholds,
  converter,
  fifo,
  other,
  absent  ///< what no network that a chain of these parts holds has
};

/// "MVAU_hls_3" is a node of the operator "MVAU". An operator is the beginning of a name.
bool is_of_operator(const std::string& node, const std::string& op);
/// Has an entry for a node of an operator of FINN's.
bool names_finn_nodes(const Json& json);

/// A node with the values of "Defaults" that it does not give itself.
struct FinnNode {
  std::string name;
  FinnRole role = FinnRole::other;
  Json values = Json::object();
  std::string type = {};  ///< "MVAU_hls"
  int number = 0;
  std::optional<int> fifo_behind = {};    ///< words of StreamingFIFO nodes directly after
  std::vector<FinnNode> converters = {};  ///< width converters after, before the next node

  int integer_of(const char* key, const std::string& where) const;
  /// FIFO depth that is asked for at one side: "outFIFODepth": 32 or "outFIFODepths": [32].
  std::optional<int> depth(const std::string& key, const std::string& where) const;
  bool is(const char* backend) const;
  Backend backend() const { return is("rtl") ? Backend::rtl : Backend::hls; }
  bool asks_for(const char* key) const;

 private:
  int checked_depth(int depth, const std::string& key, const std::string& where) const;
};

/// All nodes that are parts of ours, each kind in the order of the data: FINN applies a file by
/// name, the n-th node of a type has number n - 1. Throws InputError(where, ...).
class FinnFile {
 public:
  FinnFile(const Json& json, const std::string& where);

  std::vector<FinnNode> matrices, windows, paddings, pools, thresholds;
  std::optional<int> fifo_in_front;  ///< before the first of these nodes
  bool has_depths = false;
  bool modern = false;                  ///< names tell backends: FINN since 2024
  bool begins_with_thresholds = false;  ///< the first of these nodes

 private:
  std::vector<FinnNode>* nodes_of(FinnRole role);
  void add(FinnNode node);
  void add_fifo(int words);
  void put_in_order(std::vector<FinnNode>& nodes);

  const std::string& where_;
  FinnNode* last_ = nullptr;  // of those above
  int in_a_row_ = 0;          // words of FIFOs: a deep one may be cut into several
  bool sorted_ = true;        // by name
  bool placed_ = false;       // nodes that mean something by their place between others
};

}  // namespace stuckat::dataflow
