// The table of site kinds: what can break, what that means on the stored code, what it does.
// Help, validator, lowering and tests read this one table; models arm what they simulate of it.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "faultmaps/parts.h"
#include "faultmaps/placement.h"
#include "workloads/network.h"

namespace stuckat {

struct Fault;
class Lowering;

/// The built-in kinds by name, in the order of their rows; register_site() gives further ones.
enum class SiteKind : uint8_t {
  pe_input,           ///< bit of a lane's input operand, as this PE sees it
  pe_weight,          ///< bit of a PE's weight memory
  pe_product,         ///< bit of a lane's product
  pe_accumulator,     ///< bit of the accumulator register
  pe_threshold,       ///< bit of a PE's threshold memory
  pe_comparator,      ///< output of one threshold comparator
  pe_output,          ///< bit of the output code
  pe_dead,            ///< the whole PE gives one level
  stream_wire,        ///< bit of every word of a stream
  stream_slot,        ///< bit of one storage slot of a stream's FIFO
  stream_word,        ///< one storage slot of a stream's FIFO gives one level in every lane
  window_cell,        ///< bit of one cell of a sliding-window buffer
  pool_cell,          ///< bit of one running maximum of a max-pool
  pool_comparator,    ///< output of the comparator of one lane of a max-pool
  pool_output,        ///< bit of the output word of a max-pool
  array_weight,       ///< bit of the weight memory that broadcasts to all PEs
  array_threshold,    ///< bit of the threshold memory that broadcasts to all PEs
  buffer_activation,  ///< bit of an activation buffer
  ring_cell,          ///< bit of one slot of the ring in a sliding-window unit in RTL
  replay_cell,        ///< bit of one slot of the replay buffer in an MVU in RTL
  output_register,    ///< bit of one of the two registers through which its results leave
  average_sum,        ///< bit of one running sum of an average-pool
  adder_sum,          ///< bit of the sum of one lane of an add
};

/// How a fault at the site is written: `=0` / `=1`, or `=LEVEL`, or `=1` alone.
enum class ValueKind : uint8_t { bit, level, on };

/// What `=flip@CYCLE` inverts: what passes in that very cycle, or what is stored at its beginning,
/// for as long as it is stored; the step that starts in the cycle is the first to see it.
enum class Transient : uint8_t { none, passes, stored };

/// Facts about a kind that others ask for.
enum SiteTrait : int {
  whole_pe = 1,          ///< the site is a PE as a whole: what the fault set `pe` breaks
  weight_memory = 2,     ///< [PE,] address, lane, bit of a stored weight
  threshold_memory = 4,  ///< [PE,] address, index, bit of a stored threshold
  prunes = 8,            ///< weights read as 0, whatever they are
  any_parameters = 16,   ///< does the same whatever the network's weights and thresholds are
  of_protection = 32,    ///< is in what protects, and not in what is protected (mitigation/)
  off_chip = 64  ///< in a memory that weights and thresholds are loaded from: what it reads as is
                 ///< what all other parts work with, broken or not
};

/// What a bit of a memory of weights or thresholds is, while the memory serves a layer.
struct StoredBit {
  int layer = 0;
  int row = 0;
  bool is_threshold = false;
  int index = 0;  ///< column of the weight, or number of the threshold
  int bit = 0;    ///< of the weight's code, or of the threshold in two's complement
  int bits = 1;   ///< of that code
  /// Of no parameter that the layer has: rows, columns or a byte are filled up, with this bit.
  bool is_padding = false;
  int padding = 0;
};
using StoredBitVisitor = std::function<void(const StoredBit&)>;

/// What a memory of weights or thresholds holds.
struct ParameterMemory {
  /// Visits what the site is in each layer that the memory serves and that reaches so far.
  void (*bits)(const Placement&, const Network&, const Fault&, int part, const StoredBitVisitor&);
  /// It holds the same all the time, and not one layer after the other.
  bool (*keeps)(const Placement&, int part);
  /// Addresses whose bits an error-correcting code takes as one word.
  int word_addresses = 1;
};

/// One coordinate: its name, how many positions it has at a part (index into the placement's parts
/// of the row's PartKind), and that as a formula: positions are 0 to `formula` - 1.
struct SiteCoordinate {
  const char* name;
  int (*count)(const Placement&, int part, const Network&);
  const char* formula;
};

struct SiteRow {
  SiteKind kind;
  const char* name;  ///< "pe/accumulator": on the command line and in files
  PartKind part;
  const char* pattern;  ///< "pe[]/accumulator[]": each [] takes the next coordinate
  std::vector<SiteCoordinate> coordinates;
  ValueKind value;
  const char* meaning;  ///< arithmetic on the stored code
  const char* effect;   ///< which channels or pixels, at which level
  const char* masked;   ///< when it is without effect
  const char* source;   ///< "docs/hardware.md, MVTU": a page of the repository, and its heading
  Transient transient;  ///< none where whole parts give a level
  /// Adds to the lowering what a stuck site does (lowering.h), at the part-th part of its name.
  void (*lower)(Lowering&, const Fault&, int part);
  /// The same for a transient; null where flips() is false.
  void (*lower_flip)(Lowering&, const Fault&, int part);
  int traits = 0;                               ///< of SiteTrait
  const ParameterMemory* parameters = nullptr;  ///< null: no memory of weights or thresholds

  bool is(SiteTrait trait) const { return (traits & trait) != 0; }
  bool flips() const { return transient != Transient::none; }
  /// In one PE, whose number is the first coordinate, or in its memory.
  bool is_of_pe() const {
    return !coordinates.empty() && std::string_view(coordinates.front().name) == "pe";
  }
};

const std::deque<SiteRow>& site_table();
const SiteRow& site_row(SiteKind kind);

/// Adds a site kind of an accelerator family, or of a test: `row.kind` is given by the table. Its
/// faults have names, an index, generators and effects as all others; what simulates a part arms
/// them or refuses them by name. Before the first placement is made, by one thread: a kind stays
/// for good. Throws std::logic_error for a row that contradicts itself or the table.
SiteKind register_site(SiteRow row);

/// For models: a fault that none of their parts claims. Throws InputError(where, ...).
[[noreturn]] void refuse_site(const Fault& fault, const std::string& where);

/// Throws InputError(where, ...) with the nearest name.
SiteKind parse_site_kind(std::string_view name, std::string_view where);

/// Bits of one element of a tensor as it travels: of its format, or of the accumulator register of
/// the array that computes it where the last layer passes accumulators out.
int element_bits(const Placement& placement, int tensor, const Network& network);

/// The tensor that the words of a stream are read as: of pixels and channels, or windows and
/// columns. Operands: the image without its frame.
Shape carried_shape(const Stream& stream, const Placement& placement, const Network& network);

/// Bits of one word of a stream: channels_per_word * element_bits.
int stream_word_bits(const Placement& placement, const Stream& stream, const Network& network);

/// Values that a fault of this row can have at a part: {0, 1}, or the levels of the format there.
std::vector<int> site_values(const SiteRow& row, const Placement& placement, int part,
                             const Network& network);

}  // namespace stuckat
