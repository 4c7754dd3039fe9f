// What an engine can compute of all that a network can be. Each engine says it once and refuses the
// rest by name, before it looks at anything else: nothing is taken for what it is not.
#pragma once

#include <string>
#include <vector>

#include "workloads/network.h"

namespace stuckat {

struct Capabilities {
  const char* refusal;           ///< in messages: "the trainer does not compute"
  std::vector<LayerKind> kinds;  ///< that it does
  bool any_graph = false;   ///< layers that read another tensor than the one before, or several
  bool any_window = false;  ///< kernels, strides and padding that differ by axis or side; padded
                            ///< pools
  bool groups = false;
  bool input_map = true;    ///< takes its images from input_tensor() (dataset.h)
  bool class_map = false;   ///< looks for the class by predicted_class(network, values)
  bool any_result = false;  ///< a last layer with several pixels, or with thresholds
  std::vector<NumberFormat> formats = zoo_number_formats();
};

/// Everything that model files hold, in formats of up to `most_bits` bits: 9 are what registers
/// hold, as operands of 8 bits less a zero point need.
Capabilities any_network(const char* refusal, int most_bits = 9);

/// Throws InputError(where, the first layer that the engine does not compute, what it does).
void check_supported(const Network& network, const Capabilities& engine, const std::string& where);

/// Whether check_supported() would not throw.
bool supports(const Capabilities& engine, const Network& network);

/// Each layer reads the tensor before it and no other.
bool is_chain(const Network& network);

}  // namespace stuckat
