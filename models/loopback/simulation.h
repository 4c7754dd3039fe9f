// Runs a network on a loopback accelerator: values and cycles.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "faultmaps/fault_map.h"
#include "models/common/run_statistics.h"
#include "models/loopback/accelerator.h"
#include "models/loopback/timing.h"
#include "workloads/network.h"

namespace stuckat::memory {
class FetchModule;
}  // namespace stuckat::memory

namespace stuckat::loopback {

struct SimulationOptions {
  bool tensors = false;                  ///< keep every intermediate tensor of every image
  bool transfers = false;                ///< keep what memory did when
  const Placement* placement = nullptr;  ///< with a protection on it; null: place()

  /// Another memory: called while the accelerator is elaborated, to bind FetchModule::memory
  /// (models/memory/fetch_module.h) to a TLM-2.0 target. Addresses: job_from_address_0(). Values
  /// come from the model and not from this memory; results are written to it.
  std::function<void(memory::FetchModule&)> bind_memory = {};
  double memory_clock_mhz = 100;     ///< cycles as that memory sees them
  bool non_blocking_memory = false;  ///< by the four phases instead of b_transport
  bool whole_bursts = false;         ///< FetchParams::whole_bursts
  /// When the result of an image is in memory: how many are. May be unset.
  std::function<void(int64_t images)> on_image = {};
};

/// One layer that runs on the array, or that moves tensors while the array waits: without weights,
/// tiles and operations.
struct LoopbackLayerResult {
  int layer = 0;  ///< index in Network::layers
  std::string name;
  LayerCycles cycles;        ///< of the last image
  int64_t weight_bytes = 0;  ///< fetched for each image, thresholds included
  int tiles = 0;             ///< that its weights are fetched in
  int64_t operations = 0;    ///< multiply-accumulates of the layer, without padding
  double utilisation = 0;    ///< operations / (PE * SIMD * cycles of the layer)
};

/// Something that memory moved, in cycles [begin, end).
struct LoopbackTransfer {
  std::string name;  ///< "layer1: weights 2 of 3", "image 0", "result 0"
  int64_t begin = 0;
  int64_t end = 0;
};

struct LoopbackResult {
  std::vector<std::vector<int32_t>> logits;  ///< [image][class]
  std::vector<std::vector<Tensor>> tensors;  ///< [image][tensor], if asked for
  std::vector<ImageCycles> images;           ///< as they were run
  std::vector<LoopbackTransfer> transfers;   ///< in order, if asked for
  std::vector<LoopbackLayerResult> layers;   ///< in order
  std::vector<LoopbackLayerResult> moves;    ///< in order
  std::vector<int64_t> buffer_bytes;         ///< of each activation buffer that are used
  std::vector<ModuleStatistics> modules;     ///< "array", "weight_fetch", built-in "memory"
  std::vector<ErrorReport> reports;          ///< of comparators, if any spoke

  int64_t first_image_cycles = 0;
  int64_t steady_interval_cycles = 0;  ///< from image to image in a long run; of the last image
                                       ///< with another memory
  int64_t total_cycles = 0;            ///< of all images given
  double utilisation = 0;              ///< operations / (PE * SIMD * total cycles)
  std::string bottleneck;              ///< "array", "memory", "buffers" or "control": most cycles
  std::string slowest_layer;           ///< the layer with most cycles

  int64_t bytes_per_image = 0;  ///< weights, image and result: moved in the steady state
  int64_t input_bytes = 0;
  int64_t output_bytes = 0;
};

/// Elaborates the accelerator, arms the fault map on its sites and runs the images one after the
/// other. Permanent faults change values, never cycles. SystemC elaborates once in a process (its
/// error E529): a second call throws InputError, so callers that need several runs fork or batch
/// their images. Throws InputError on a network that does not fit, a fault map of another
/// accelerator, images of another shape, or no image.
LoopbackResult simulate(const Network& network, const LoopbackAccelerator& accelerator,
                        const FaultMap& map, const std::vector<Tensor>& images,
                        const SimulationOptions& options = {});

/// Layers and moves in the order of the program: visit(row, the cycles of an image that it took).
template <typename Visit>
void for_each_step(const LoopbackResult& result, const ImageCycles& image, const Visit& visit) {
  size_t move = 0;
  const auto moves_before = [&](int layer) {
    for (; move < result.moves.size() && result.moves[move].layer < layer; ++move) {
      visit(result.moves[move], image.moves[move]);
    }
  };
  for (size_t l = 0; l < result.layers.size(); ++l) {
    moves_before(result.layers[l].layer);
    visit(result.layers[l], image.layers[l]);
  }
  moves_before(std::numeric_limits<int>::max());
}

/// The cycles, layers and the array's statistics of `images` images, without values and SystemC.
LoopbackResult time_images(const Network& network, const LoopbackAccelerator& accelerator,
                           int64_t images);

}  // namespace stuckat::loopback
