// What FINN's parts in RTL store can break: the simulator's registers and memories against effects,
// in all engines; and what the simulator refuses to arm the lowering refuses too.
#include <map>
#include <memory>

#include "faultmaps/operations.h"
#include "faultmaps/site_index.h"
#include "models/dataflow/family.h"
#include "models/dataflow/placement.h"
#include "tests/agree/agreement.h"
#include "tests/models/dataflow/random_accelerator.h"
#include "tests/support/catch.h"
#include "workloads/errors.h"
#include "workloads/sanitized.h"

using namespace stuckat;
using test::uniform;

namespace {

constexpr SiteKind kinds[] = {SiteKind::ring_cell, SiteKind::replay_cell,
                              SiteKind::output_register};

/// Two convolutions and a dense layer, all parts in RTL. The second one is slow, so that results of
/// the first wait; its windows have five words, and its replay buffer eight.
struct Tiny {
  Network network;
  dataflow::DataflowAccelerator accelerator;

  explicit Tiny(NumberFormat format, uint64_t seed) {
    test::Random random(seed);
    network.name = "tiny";
    const auto add = [&](LayerKind kind, Shape input, int kernel, int padding, int channels,
                         const std::string& name, bool last) {
      network.add(test::random_layer(random, kind, input, format, format, format, kernel, 1,
                                     padding, channels, name, last));
      return network.layers.back().output;
    };
    Shape shape = add(LayerKind::convolution, {3, 3, 2}, 2, 0, 4, "layer0", false);
    shape = add(LayerKind::convolution, shape, 2, 1, 2, "layer1", false);
    add(LayerKind::dense, shape, 1, 0, 4, "layer2", true);
    accelerator.name = "tiny";
    accelerator.discipline = dataflow::Discipline::flushing;
    accelerator.layers.resize(3);
    constexpr int pe[] = {2, 1, 2};
    for (size_t i = 0; i < 3; ++i) {
      accelerator.layers[i].pe = pe[i];
      accelerator.layers[i].simd = 2;
    }
    for (auto& p : accelerator.layers) {
      p.parts = {dataflow::WindowVersion::rtl, dataflow::Backend::rtl, dataflow::Backend::rtl,
                 dataflow::Backend::rtl, dataflow::Backend::rtl};
    }
    dataflow::validate(accelerator, network);
  }
};

bool refused(const FaultMap& map, const Placement& placement, const Network& network) {
  try {
    lower(map, placement, network);
    return false;
  } catch (const InputError&) {
    return true;
  }
}

/// "" if the simulator refuses the map.
std::string armed(const dataflow::DataflowAccelerator& accelerator, const Network& network,
                  const FaultMap& map, const std::vector<Tensor>& images) {
  return test::in_child([&]() -> std::string {
    try {
      dataflow::Dataflow(accelerator).simulate(network, map, images, {.tensors = true});
      return "armed";
    } catch (const InputError&) {
      return {};
    }
  });
}

}  // namespace

TEST_CASE("every stuck bit in what parts in RTL store agrees in all engines") {
  for (const NumberFormat format : {binary_format, signed_format(2)}) {
    const Tiny tiny(format, 7);
    test::Random random(8);
    const auto images = test::random_images(random, tiny.network, 3);
    const auto family = std::make_shared<dataflow::Dataflow>(tiny.accelerator);
    const Placement placement = place_on(family, tiny.network, static_cast<int64_t>(images.size()));
    std::map<SiteKind, int> effective;
    for (const SiteKind kind : kinds) {
      int number = 0;
      for (const Fault& fault : all_faults(kind, placement, tiny.network)) {
        if (fault.value == 1 && fault.coordinates.back() % 2 == 1) continue;
        if (sanitized && number++ % 17 != 0) continue;
        const FaultMap map{placement.accelerator, {fault}};
        effective[kind] += lower(map, placement, tiny.network).empty() ? 0 : 1;
        test::check_agreement(tiny.network, placement, map, images, *family);
      }
      INFO(site_row(kind).name);
      CHECK(effective[kind] > (sanitized ? 0 : 5));
    }
  }
}

TEST_CASE("flips in what parts in RTL store agree in every cycle of a run") {
  for (const NumberFormat format : {binary_format, signed_format(2)}) {
    const Tiny tiny(format, 17);
    test::Random random(18);
    const auto images = test::random_images(random, tiny.network, 2);
    const auto family = std::make_shared<dataflow::Dataflow>(tiny.accelerator);
    const Placement placement = place_on(family, tiny.network, static_cast<int64_t>(images.size()));
    const SiteIndex sites(placement, tiny.network);
    std::map<SiteKind, int> effective;
    for (const SiteKind kind : kinds) {
      for (int64_t cycle = 0; cycle < placement.run->cycles(); ++cycle) {
        FaultMap map{placement.accelerator, {}};
        for (const SiteSpace& space : sites.of(kind)) {
          for (int n = 0; n < 2; ++n) {
            Fault fault =
                space.at(std::uniform_int_distribution<int64_t>(0, space.sites() - 1)(random));
            fault.flip_cycle = cycle;
            map.faults.push_back(fault);
          }
        }
        validate(map, placement, tiny.network, "test");
        const bool hits = !lower(map, placement, tiny.network).empty();
        effective[kind] += hits ? 1 : 0;
        const int every = (kind == SiteKind::output_register ? 1 : 3) * (sanitized ? 20 : 1);
        if (cycle % every == 0) {
          test::check_agreement(tiny.network, placement, map, images, *family);
        }
      }
      INFO(site_row(kind).name);
      CHECK(effective[kind] > 20);
    }
  }
}

TEST_CASE("faults and flips on random accelerators with parts in RTL agree, or all refuse them") {
  std::map<SiteKind, int> effective;
  int refusals = 0;
  for (uint64_t seed = 0; seed < 80; ++seed) {
    test::Random random(seed);
    const Network network = test::random_network(random);
    dataflow::DataflowAccelerator a = test::random_timed_dataflow(random, network);
    test::draw_rtl_parts(random, network, a);
    const auto images = test::random_images(random, network, 3);
    const Placement placement = place_on(std::make_shared<dataflow::Dataflow>(a), network, 3);
    const SiteIndex sites(placement, network);
    FaultMap map{placement.accelerator, {}};
    INFO("seed " << seed);
    for (const SiteSpace& space : sites.spaces()) {
      const bool of_rtl =
          std::find(std::begin(kinds), std::end(kinds), space.row->kind) != std::end(kinds);
      if (space.sites() == 0 || (!of_rtl && uniform(random, 0, 3) > 0)) continue;
      for (int n = of_rtl ? 3 : 1; n > 0; --n) {
        Fault fault =
            space.at(std::uniform_int_distribution<int64_t>(0, space.sites() - 1)(random));
        if (space.row->flips() && uniform(random, 0, 3) > 0) {
          fault.flip_cycle =
              std::uniform_int_distribution<int64_t>(0, placement.run->cycles() - 1)(random);
        } else {
          fault.value = space.values[static_cast<size_t>(
              uniform(random, 0, static_cast<int>(space.values.size()) - 1))];
        }
        const FaultMap alone{placement.accelerator, {fault}};
        if (refused(alone, placement, network)) {
          if (++refusals % 4 == 0) CHECK(armed(a, network, alone, images) == "");
          continue;
        }
        effective[fault.kind] += lower(alone, placement, network).empty() ? 0 : 1;
        const bool taken = std::any_of(map.faults.begin(), map.faults.end(),
                                       [&](const Fault& f) { return same_site(f, fault); });
        if (!taken) map.faults.push_back(fault);
      }
    }
    validate(map, placement, network, "test");
    test::check_agreement(network, placement, map, images, dataflow::Dataflow(a));
  }
  CHECK(refusals > 4);
  for (const SiteKind kind : kinds) {
    INFO(site_row(kind).name << " " << effective[kind]);
    CHECK(effective[kind] > 10);
  }
}

TEST_CASE("which results wait in a register is for a run to say") {
  const Tiny tiny(binary_format, 3);
  const Placement placement = dataflow::place(tiny.accelerator, tiny.network);
  const Fault side =
      parse_fault("layer0/mvu_output/register[0][0][0]=1", placement, tiny.network, "t");
  CHECK_THROWS_WITH(lower({placement.accelerator, {side}}, placement, tiny.network),
                    Catch::Contains("depends on the run"));
}
