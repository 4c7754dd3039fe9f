// A broken accelerator of any family: arms a fault on it, runs images through its cycle-level model
// and says which results changed, and in how many cycles. Every tensor is compared with the
// reference under the effects that the fault is lowered to.
//   broken [ACCELERATOR [FAULT]], like: broken dataflow:auto 'layer1/mvtu/pe[0]/accumulator[2]=1'
#include <cstdio>
#include <systemc>

#include "faultmaps/describe_effects.h"
#include "faultmaps/faulty_reference.h"
#include "faultmaps/lower.h"
#include "models/family.h"
#include "random_parameters.h"
#include "workloads/errors.h"
#include "workloads/reference.h"
#include "workloads/zoo.h"

using namespace stuckat;

namespace {

constexpr int image_count = 5;

int run(const std::string& accelerator_name, const std::string& fault_name) {
  std::mt19937 random(7);
  Network network = zoo_network("tfc-w1a1");
  for (Layer& layer : network.layers) fill_randomly(layer, random);
  std::vector<Tensor> images;
  for (int i = 0; i < image_count; ++i) {
    Tensor image{network.input(), {}};
    for (int j = 0; j < network.input().size(); ++j) {
      image.values.push_back(random() % 2 == 0 ? 1 : -1);
    }
    images.push_back(image);
  }

  const AcceleratorPtr accelerator =
      built_in_families().parse(accelerator_name, network, "accelerator");
  const Placement placement = place_on(accelerator, network, image_count);
  FaultMap map{placement.accelerator, {parse_fault(fault_name, placement, network, "fault")}};
  validate(map, placement, network, "fault");
  const Effects effects = lower(map, placement, network);
  for (const auto& effect : describe(effects, network)) std::printf("%s\n", effect.c_str());

  const SimulationResult result =
      accelerator->simulate(network, map, images, {.tensors = true, .statistics = true});
  int wrong = 0, changed = 0;
  for (size_t i = 0; i < images.size(); ++i) {
    const auto expected = reference::run(network, images[i], effects, static_cast<int64_t>(i));
    wrong += result.tensors[i] == expected ? 0 : 1;
    changed += result.logits[i] == reference::run(network, images[i]).back().values ? 0 : 1;
  }
  std::printf("%s: %d of %d results changed, %d not what the reference says; %lld cycles\n",
              accelerator->name().c_str(), changed, image_count, wrong,
              static_cast<long long>(result.total_cycles));
  return wrong == 0 ? 0 : 1;
}

}  // namespace

int sc_main(int argc, char* argv[]) {
  try {
    return run(argc > 1 ? argv[1] : "loopback:8x32",
               argc > 2 ? argv[2] : "array/pe[3]/accumulator[4]=1");
  } catch (const InputError& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 2;
  }
}
