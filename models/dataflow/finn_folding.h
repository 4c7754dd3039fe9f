// FINN's folding_config.json and final_hw_config.json, read and written: models/dataflow/FORMAT.md
// says what is taken, and what cannot be said.
#pragma once

#include <string>

#include "models/dataflow/accelerator.h"
#include "models/dataflow/json_fields.h"

namespace stuckat::dataflow {

bool is_finn_folding(const Json& json);

/// Throws InputError(where, ...) for networks that are no chains of square windows: nodes of their
/// parts (AddStreams, VVAU, ...) are not matched with layers.
void check_finn_nodes(const Network& network, const std::string& where);

/// Throws InputError for what does not fit the network.
DataflowAccelerator read_finn_folding(const Json& json, const std::string& where,
                                      const Network& network, const std::string& default_name);

/// What FINN would build as it is described: the text of a folding_config.json, which
/// read_finn_folding reads back as an accelerator of the same parts, widths, FIFOs and cycles. Name
/// and clock are the build's. Throws InputError, with the layer and the reason, for what such a
/// file cannot say or FINN builds otherwise.
std::string to_finn_folding(const DataflowAccelerator& accelerator, const Network& network);

/// FINN takes its width converters in RTL, but where widths do not divide each other.
void choose_finn_converters(DataflowAccelerator& accelerator, const Network& network);
/// Whether FINN has the matrix-vector unit of a layer in RTL, with thresholds as a part of their
/// own: not for binary operands on both sides, nor for more than 8 bits.
bool has_finn_rtl_mvu(const Layer& layer);

}  // namespace stuckat::dataflow
