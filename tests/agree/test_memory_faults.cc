// Chips of memory faults: campaign engines, simulators, the trainer's evaluation and the reference
// compute the same.
#include "faultmaps/memory_faults.h"
#include "tests/agree/agreement.h"
#include "tests/support/catch.h"
#include "tests/support/random_accelerator.h"
#include "tests/support/refusal.h"

using namespace stuckat;

TEST_CASE("chips of memory faults agree in all engines, unit by unit") {
  int flips = 0, with_memories = 0, refused = 0;
  for (const auto& family : test::random_families()) {
    for (uint64_t seed = 0; seed < 24; ++seed) {
      test::Random random(seed);
      const Network network = test::random_network(random);
      const AcceleratorPtr accelerator = family.draw(random, network);
      const Placement placement = accelerator->place(network);
      const SiteIndex sites(placement, network);
      MemoryFaults faults;
      for (const SiteKind kind :
           {SiteKind::pe_weight, SiteKind::pe_threshold, SiteKind::array_weight,
            SiteKind::array_threshold, SiteKind::buffer_activation}) {
        int64_t count = 0;
        for (const SiteSpace& space : sites.of(kind)) count += space.sites();
        if (count > 0) faults.kinds.push_back(kind);
      }
      if (faults.kinds.empty()) continue;
      ++with_memories;
      const bool dataflow = family.prefix == std::string("dataflow");
      faults.cell = static_cast<CellFault>(seed % (dataflow ? 4 : 3));
      flips += faults.cell == CellFault::flip ? 1 : 0;
      faults.unit = memory_unit_names()[seed / 4 % memory_unit_names().size()];
      faults.rate = faults.unit == "cell" ? 0.02 : 0.1;
      INFO(family.prefix << " seed " << seed << " " << faults.unit);
      const FaultMap chip = MemoryChips(faults, sites, placement, network).chip(seed);
      const std::string told = test::refusal([&] { lower(chip, placement, network); });
      if (told == "accepted") {
        test::check_agreement(network, *accelerator, chip, test::random_images(random, network, 2));
      } else {  // a code over the words of several layers, or over activations
        CHECK_THAT(told, Catch::Contains("reads as stuck in one layer and not in another") ||
                             Catch::Contains("several broken bits"));
        ++refused;
      }
    }
  }
  CHECK(with_memories == 3 * 24);  // a systolic array's weights are in its registers
  CHECK(refused < 12);
  CHECK(flips > 3);
}
