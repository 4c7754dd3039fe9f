#include <algorithm>
#include <map>

#include "faultmaps/faulty_reference.h"
#include "faultmaps/lower.h"
#include "faultmaps/mitigation/protection.h"
#include "faultmaps/site_index.h"
#include "tests/support/catch.h"
#include "tests/support/random_network.h"
#include "tests/support/random_placement.h"
#include "tests/support/refusal.h"

using namespace stuckat;

namespace {

int code(const char* name) { return parse_memory_code(name, "test"); }

std::vector<int> all_pes(const PeArray& array) {
  std::vector<int> pes;
  for (int pe = 0; pe < array.pe; ++pe) pes.push_back(pe);
  return pes;
}

Placement random_placement(test::Random& random, const Network& network, bool dataflow) {
  return dataflow ? test::random_dataflow_placement(random, network)
                  : test::random_loopback_placement(random, network);
}

FaultMap valid(FaultMap map, const Placement& placement, const Network& network) {
  validate(map, placement, network, "test");
  return map;
}

Fault named(const std::string& text, const Placement& placement, const Network& network) {
  return parse_fault(text, placement, network, "test");
}

bool at_pe(const Fault& fault) {
  const SiteRow& row = site_row(fault.kind);
  return row.part == PartKind::pe_array && row.is_of_pe();
}

}  // namespace

TEST_CASE("one broken copy of a voted PE does nothing, other PEs break as before") {
  int hidden = 0;
  int left = 0;
  for (uint64_t seed = 0; seed < 30; ++seed) {
    test::Random random(seed);
    const Network network = test::random_network(random);
    const Placement plain = random_placement(random, network, seed % 2 == 0);
    Placement voted = plain;
    protection_kinds();
    const PeArray& array = plain.arrays[random() % plain.arrays.size()];
    const int pe = static_cast<int>(random() % static_cast<size_t>(array.pe));
    add_redundancy(voted, Redundancy::copies, array.name, {pe});
    validate(voted, network);
    CHECK(content_hash(voted) != content_hash(plain));
    for (int i = 0; i < 40; ++i) {
      const FaultMap map = test::random_faults(random, plain, network, 1);
      const Fault& fault = map.faults.front();
      const Effects effects = lower(map, voted, network);
      INFO("seed " << seed << " " << name(fault));
      if (at_pe(fault) && fault.part == array.name && fault.coordinates[0] == pe) {
        CHECK(effects.empty());
        CHECK(behind_protection(map, voted, network).corrected.size() == 1);
        ++hidden;
      } else {
        CHECK(effects == lower(map, plain, network));
        ++left;
      }
    }
  }
  CHECK(hidden > 50);
  CHECK(left > 200);
}

TEST_CASE(
    "a PE in two copies breaks as before and is reported, one that is mapped out does nothing") {
  std::map<Redundancy, int> seen;
  protection_kinds();
  for (uint64_t seed = 0; seed < 30; ++seed) {
    test::Random random(seed);
    const Network network = test::random_network(random);
    const Placement plain = random_placement(random, network, seed % 2 == 0);
    const PeArray& array = plain.arrays[random() % plain.arrays.size()];
    const int pe = static_cast<int>(random() % static_cast<size_t>(array.pe));
    for (const Redundancy redundancy : {Redundancy::duplicates, Redundancy::spares}) {
      Placement redundant = plain;
      add_redundancy(redundant, redundancy, array.name, {pe});
      validate(redundant, network);
      CHECK(content_hash(redundant) != content_hash(plain));
      for (int i = 0; i < 40; ++i) {
        const FaultMap map = test::random_faults(random, plain, network, 1);
        const Fault& fault = map.faults.front();
        INFO("seed " << seed << " " << name(fault));
        const Residual residual = behind_protection(map, redundant, network);
        const bool own = at_pe(fault) && fault.part == array.name && fault.coordinates[0] == pe;
        const bool gone = own && redundancy == Redundancy::spares;
        CHECK(residual.left.faults == (gone ? std::vector<Fault>{} : map.faults));
        CHECK(residual.corrected.size() == (gone ? 1 : 0));
        CHECK(residual.detected.size() == (own && !gone ? 1 : 0));
        seen[redundancy] += own ? 1 : 0;
      }
    }
  }
  CHECK(seen[Redundancy::duplicates] > 50);
  CHECK(seen[Redundancy::spares] > 50);
}

TEST_CASE("comparators and further PEs break as well") {
  for (const bool dataflow : {true, false}) {
    test::Random random(5);
    const Network network = test::random_network(random);
    const Placement plain = random_placement(random, network, dataflow);
    const PeArray& array = plain.arrays.front();
    const auto levels = site_values(site_row(SiteKind::pe_dead), plain, 0, network);
    const std::string low = "dead=" + std::to_string(levels.front());
    const std::string high = "dead=" + std::to_string(levels.back());
    const auto behind = [&](Redundancy redundancy, const std::vector<std::string>& names) {
      Placement placement = plain;
      add_redundancy(placement, redundancy, array.name, {0});
      FaultMap map{plain.accelerator, {}};
      for (const std::string& text : names) {
        map.faults.push_back(named(array.name + "/" + text, placement, network));
      }
      return behind_protection(valid(map, placement, network), placement, network);
    };
    const Fault dead = named(array.name + "/pe[0]/" + high, plain, network);
    const auto spare = behind(Redundancy::spares, {"spares/spare[0]/" + high, "pe[0]/" + low});
    CHECK(spare.left.faults == std::vector<Fault>{dead});

    const auto compared = [&](const std::vector<std::string>& names) {
      return behind(Redundancy::duplicates, names);
    };
    const std::string copy = "comparators/duplicate[0]/";
    CHECK(compared({copy + low}).left.faults.empty());
    CHECK(compared({copy + low}).detected.size() == 1);
    CHECK(compared({"pe[0]/" + high}).left.faults == std::vector<Fault>{dead});
    CHECK(compared({"pe[0]/" + high, copy + low}).detected.size() == 1);
    CHECK(compared({"pe[0]/" + high, copy + high}).detected.empty());
    const std::string flag = "comparators/comparator[0]/error=";
    CHECK(compared({"pe[0]/" + high, flag + "0"}).detected.empty());
    CHECK(compared({flag + "0"}).detected.empty());
    CHECK(compared({flag + "1"}).detected.size() == 1);
    CHECK(compared({flag + "1"}).left.faults.empty());

    Placement both = plain;
    add_redundancy(both, Redundancy::copies, array.name, {0});
    CHECK_THAT(test::refusal([&] { add_redundancy(both, Redundancy::spares, array.name, {0}); }),
               Catch::Contains("is in 'copies' already"));
  }
}

TEST_CASE("a broken bit of a FIFO or an activation buffer with a code is corrected, or reported") {
  int corrected = 0;
  int reported = 0;
  for (uint64_t seed = 0; seed < 24; ++seed) {
    INFO("seed " << seed);
    test::Random random(seed);
    const Network network = test::random_network(random);
    const bool dataflow = seed % 2 == 0;
    const Placement plain = random_placement(random, network, dataflow);
    const std::string owner = dataflow ? plain.streams[random() % plain.streams.size()].name
                                       : plain.memories.front().name;
    const CodedMemory memory = dataflow ? CodedMemory::slots : CodedMemory::bytes;
    const MemoryCodeRow& row = memory_codes()[seed / 2 % memory_codes().size()];
    Placement coded = plain;
    encode(coded, owner, memory, code(row.name));
    validate(coded, network);
    const SiteIndex sites(coded, network);
    const SiteKind kind = dataflow ? SiteKind::stream_slot : SiteKind::buffer_activation;
    for (const SiteSpace& space : sites.of(kind)) {
      if (space.part != owner || space.sites() < 2) continue;
      for (const int value : {0, 1}) {
        Fault first = space.at(0);
        Fault second = space.at(1);  // of the same word: the bit runs fastest
        first.value = second.value = value;
        const FaultMap one{plain.accelerator, {first}};
        const Residual residual = behind_protection(one, coded, network);
        CHECK(residual.corrected.size() == (row.corrects ? 1 : 0));
        CHECK(residual.detected.size() == (row.corrects ? 0 : 1));
        CHECK(residual.left.faults == (row.corrects ? std::vector<Fault>{} : one.faults));
        CHECK(behind_data_codes(one, coded, network).faults == residual.left.faults);
        CHECK(lower(one, coded, network) ==
              (row.corrects ? Effects{} : lower(one, plain, network)));
        (row.corrects ? corrected : reported) += 1;
        if (second.coordinates[dataflow ? 0 : 1] != first.coordinates[dataflow ? 0 : 1]) continue;
        const FaultMap two{plain.accelerator, {first, second}};
        if (row.corrects) {
          CHECK_THAT(test::refusal([&] { lower(two, coded, network); }),
                     Catch::Contains("several broken bits"));
        } else {
          CHECK(lower(two, coded, network) == lower(two, plain, network));
          CHECK(behind_protection(two, coded, network).detected.empty());
        }
        const std::string bit = owner + (dataflow ? "/slots" : "/bytes") + "/check[0][0][0]=";
        const Fault check = named(bit + std::to_string(value), coded, network);
        CHECK(lower({plain.accelerator, {check}}, coded, network).empty());
      }
    }
  }
  CHECK(corrected > 10);
  CHECK(reported > 4);
}

TEST_CASE("two copies dead at one level are a dead PE, a voter's bit is the PE's output bit") {
  for (const bool dataflow : {true, false}) {
    test::Random random(5);
    const Network network = test::random_network(random);
    const Placement plain = random_placement(random, network, dataflow);
    Placement voted = plain;
    const PeArray& array = plain.arrays.front();
    const int pe = array.pe - 1;
    add_redundancy(voted, Redundancy::copies, array.name, {pe});
    const std::string of_pe = array.name + "/pe[" + std::to_string(pe) + "]";
    const auto levels = site_values(site_row(SiteKind::pe_dead), plain, 0, network);
    const std::string level = std::to_string(levels.back());
    const Fault dead = named(of_pe + "/dead=" + level, voted, network);
    const Fault copy = named(array.name + "/voters/replica[0][1]/dead=" + level, voted, network);
    const Fault first = named(array.name + "/voters/replica[0][0]/dead=" + level, voted, network);
    const Fault other =
        named(array.name + "/voters/replica[0][0]/dead=" + std::to_string(levels.front()), voted,
              network);
    const auto effects = [&](std::vector<Fault> faults) {
      return lower(valid({plain.accelerator, std::move(faults)}, voted, network), voted, network);
    };
    const Effects expected = lower({plain.accelerator, {dead}}, plain, network);
    CHECK(effects({copy}).empty());
    CHECK(effects({dead, copy}) == expected);
    CHECK(effects({first, copy}) == expected);
    CHECK(effects({dead, copy, other}) == expected);  // two of three
    CHECK_THAT(test::refusal([&] {
                 effects({dead, other});
               }),
               Catch::Contains("two of its copies are broken differently"));
    const Fault voter = named(array.name + "/voters/voter[0][0]=1", voted, network);
    const Fault output = named(of_pe + "/output[0]=1", plain, network);
    CHECK(effects({voter, dead}) == lower({plain.accelerator, {output}}, plain, network));
  }
}

TEST_CASE("words with a code read as the decoder gives them, check bits broken or not") {
  std::map<std::string, int> seen;
  for (uint64_t seed = 0; seed < 60; ++seed) {
    test::Random random(seed);
    const Network network = test::random_network(random);
    const Placement plain = test::random_dataflow_placement(random, network);
    const PeArray& array = plain.arrays[random() % plain.arrays.size()];
    const ArrayUse& use = array.uses.front();
    const Layer& layer = network.layer(use.layer);
    const int row_of_code = static_cast<int>(seed % memory_codes().size());
    Placement coded = plain;
    encode(coded, array.name, CodedMemory::weights, row_of_code);
    const int bits = layer.weight_format.bits;
    const MemoryCode memory(memory_codes()[static_cast<size_t>(row_of_code)], array.simd * bits);
    const int steps = use.columns / array.simd;
    for (int i = 0; i < 20; ++i) {
      const int pe = static_cast<int>(random() % static_cast<size_t>(array.pe));
      const int address =
          static_cast<int>(random() % static_cast<size_t>(use.rows / array.pe * steps));
      const int row = address / steps * array.pe + pe;
      // The word, from the formulas of docs/hardware.md.
      std::vector<bool> data;
      for (int lane = 0; lane < array.simd; ++lane) {
        const int column = address % steps * array.simd + lane;
        int weight = layer.weight_format.kind == FormatKind::binary ? 1 : 0;
        if (row < layer.rows() && column < layer.columns()) weight = layer.weight_row(row)[column];
        for (int b = 0; b < bits; ++b)
          data.push_back((layer.weight_format.code(weight) >> b & 1) != 0);
      }
      CodeWord word = memory.encode(data);
      FaultMap map{plain.accelerator, {}};
      const int wrong = test::uniform(random, 1, 3);
      for (int k = 0; k < wrong; ++k) {
        const int bit = test::uniform(random, 0, memory.bits() - 1);
        const bool value = !memory.encode(data)[static_cast<size_t>(bit)];
        word[static_cast<size_t>(bit)] = value;
        const std::string at = "[" + std::to_string(pe) + "]";
        const std::string where = "[" + std::to_string(address) + "]";
        const std::string text = bit < memory.data_bits()
                                     ? array.name + "/pe" + at + "/weight" + where + "[" +
                                           std::to_string(bit / bits) + "][" +
                                           std::to_string(bit % bits) + "]"
                                     : array.name + "/weights/check" + at + where + "[" +
                                           std::to_string(bit - memory.data_bits()) + "]";
        map.faults.push_back(named(text + "=" + (value ? "1" : "0"), coded, network));
      }
      map = valid(map, coded, network);
      const auto read = memory.decode(word);
      const Residual residual = behind_protection(map, coded, network);
      INFO("seed " << seed << " " << memory_codes()[static_cast<size_t>(row_of_code)].name);
      if (row >= layer.rows()) {
        CHECK(residual.left.faults.empty());
        continue;
      }
      FaultMap expected{plain.accelerator, {}};
      for (int b = 0; b < memory.data_bits(); ++b) {
        const auto at = static_cast<size_t>(b);
        if (read.data[at] == data[at]) continue;
        expected.faults.push_back({SiteKind::pe_weight,
                                   array.name,
                                   {pe, address, b / bits, b % bits},
                                   read.data[at] ? 1 : 0});
      }
      CHECK(residual.left.faults == valid(expected, plain, network).faults);
      CHECK(residual.corrected.size() == (read.outcome == MemoryCode::Outcome::corrected ? 1 : 0));
      CHECK(residual.detected.size() == (read.outcome == MemoryCode::Outcome::detected ? 1 : 0));
      CHECK(lower(map, coded, network) == lower(expected, plain, network));
      const std::string what = memory_codes()[static_cast<size_t>(row_of_code)].name;
      const bool right = expected.faults.empty();
      ++seen[what +
             (read.outcome == MemoryCode::Outcome::clean       ? " clean"
              : read.outcome == MemoryCode::Outcome::corrected ? " corrected"
                                                               : " detected") +
             (right ? "" : " wrong")];
    }
  }
  // A code that corrects one bit miscorrects some words with two or three.
  for (const char* what : {"parity detected wrong", "parity clean wrong", "hamming corrected",
                           "hamming corrected wrong", "secded corrected", "secded detected wrong",
                           "secded corrected wrong"}) {
    INFO(what);
    CHECK(seen[what] > 0);
  }
}

TEST_CASE("one broken bit of any word of any array is corrected in every layer") {
  for (uint64_t seed = 0; seed < 16; ++seed) {
    test::Random random(seed);
    const Network network = test::random_network(random);
    const bool dataflow = seed % 2 == 0;
    Placement placement = random_placement(random, network, dataflow);
    const Placement plain = placement;
    for (const PeArray& array : plain.arrays) {
      encode(placement, array.name, CodedMemory::weights, code("secded"));
      encode(placement, array.name, CodedMemory::thresholds, code("hamming"));
    }
    const SiteIndex sites(placement, network);
    int64_t check_sites = 0;
    for (const SiteSpace& space : sites.spaces()) {
      const std::string kind = space.row->name;
      const bool weight = kind == "pe/weight" || kind == "array/weight";
      const bool threshold = kind == "pe/threshold" || kind == "array/threshold";
      if (!weight && !threshold && kind != "memory/check") continue;
      if (kind == "memory/check") check_sites += space.sites();
      for (int i = 0; i < 10 && space.sites() > 0; ++i) {
        Fault fault =
            space.at(static_cast<int64_t>(random() % static_cast<uint64_t>(space.sites())));
        fault.value = test::uniform(random, 0, 1);
        INFO("seed " << seed << " " << name(fault));
        CHECK(lower({placement.accelerator, {fault}}, placement, network).empty());
      }
    }
    CHECK(protection_cost(placement, network).memory_bits == check_sites);
    CHECK(protection_cost(placement, network).pes == 0);
  }
}

TEST_CASE("transients: corrected, seen, or refused beside another fault of the word") {
  test::Random random(4);
  const Network network = test::random_network(random);
  for (const char* row : {"parity", "secded"}) {
    Placement placement = test::random_dataflow_placement(random, network);
    const std::string array = placement.arrays.front().name;
    encode(placement, array, CodedMemory::weights, code(row));
    Fault flip = named(array + "/pe[0]/weight[0][0][0]=0", placement, network);
    const Fault stuck = flip;
    flip.value = 0;
    flip.flip_cycle = 3;
    const bool corrects = row == std::string("secded");
    const Residual one = behind_protection({placement.accelerator, {flip}}, placement, network);
    CHECK(one.left.faults.size() == (corrects ? 0 : 1));
    CHECK(one.detected.size() == (corrects ? 0 : 1));
    CHECK_THAT(test::refusal([&] {
                 behind_protection({placement.accelerator, {stuck, flip}}, placement, network);
               }),
               Catch::Contains("a transient beside another fault of its word"));
  }
}

TEST_CASE("three copies of all PEs cost two of everything, parts that are not there are refused") {
  test::Random random(9);
  const Network network = test::random_network(random);
  Placement placement = test::random_dataflow_placement(random, network);
  int64_t pes = 0;
  int64_t multipliers = 0;
  int64_t bits = 0;
  const auto arrays = placement.arrays;
  for (size_t i = 0; i < arrays.size(); ++i) {
    const ArrayUse& use = arrays[i].uses.front();
    const Layer& layer = network.layer(use.layer);
    pes += arrays[i].pe;
    multipliers += int64_t{arrays[i].pe} * arrays[i].simd;
    bits += int64_t{use.rows} * use.columns * layer.weight_format.bits +
            int64_t{use.rows} * layer.thresholds_per_row() * use.threshold_bits;
    add_redundancy(placement, Redundancy::copies, arrays[i].name, all_pes(arrays[i]));
  }
  const ProtectionCost cost = protection_cost(placement, network);
  CHECK(cost.pes == 2 * pes);
  CHECK(cost.multipliers == 2 * multipliers);
  CHECK(cost.memory_bits == 2 * bits);
  const std::string& first = arrays.front().name;
  CHECK_THROWS_AS(add_redundancy(placement, Redundancy::copies, first, {0}), InputError);  // twice
  Placement other = test::random_dataflow_placement(random, network);
  CHECK_THROWS_AS(add_redundancy(other, Redundancy::copies, "layer9", {0}), InputError);
  CHECK_THROWS_AS(add_redundancy(other, Redundancy::copies, other.arrays.front().name,
                                 {other.arrays.front().pe}),
                  InputError);
}

namespace {

/// A layer in three copies, rows c, n+c, 2n+c, and the majority of their codes, bit by bit: the
/// definition of a voter, from the plain reference.
Tensor majority(const Tensor& copies, const NumberFormat& format) {
  const int n = copies.shape.channels / 3;
  Tensor result{{copies.shape.height, copies.shape.width, n}, {}};
  for (int y = 0; y < result.shape.height; ++y) {
    for (int x = 0; x < result.shape.width; ++x) {
      for (int c = 0; c < n; ++c) {
        const uint32_t a = format.code(copies.at(y, x, c));
        const uint32_t b = format.code(copies.at(y, x, n + c));
        const uint32_t d = format.code(copies.at(y, x, 2 * n + c));
        result.values.push_back(format.value((a & b) | (a & d) | (b & d)));
      }
    }
  }
  return result;
}

}  // namespace

TEST_CASE("three real copies and a bitwise vote give what is left behind the protection") {
  int wrong_copies = 0;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    test::Random random(seed);
    const Network network = test::random_network(random);
    const Layer& layer = network.layer(0);
    // The first layer alone, its rows three times; the last layer's sums stay those of the others.
    Network copies;
    copies.name = "copies";
    Layer tripled = layer;
    tripled.output.channels *= 3;
    const auto triple = [](auto& values) {
      const auto once = values;
      for (int i = 0; i < 2; ++i) values.insert(values.end(), once.begin(), once.end());
    };
    triple(tripled.weights);
    triple(tripled.thresholds);
    copies.add(tripled);
    const Placement plain = test::random_dataflow_placement(random, network);
    Placement voted = plain;
    const PeArray& array = plain.arrays.front();
    add_redundancy(voted, Redundancy::copies, array.name, all_pes(array));
    const Tensor image = test::random_image(random, network);
    for (int i = 0; i < 20; ++i) {
      const FaultMap map = test::random_faults(random, plain, network, 1);
      if (!at_pe(map.faults.front()) || map.faults.front().part != array.name) continue;
      // What the broken copy computes in rows 0 .. n-1 of the three.
      const Effects effects = lower(map, plain, network);
      const Tensor broken = reference::run(copies, image, effects)[1];
      const Tensor expected = reference::run(network, image, lower(map, voted, network))[1];
      INFO("seed " << seed << " " << name(map.faults.front()));
      CHECK(majority(broken, layer.output_format) == expected);
      wrong_copies += broken == reference::run(copies, image, Effects{})[1] ? 0 : 1;
    }
  }
  CHECK(wrong_copies > 30);
}
