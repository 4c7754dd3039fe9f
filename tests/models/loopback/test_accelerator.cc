#include <fstream>
#include <map>
#include <regex>

#include "models/loopback/accelerator.h"
#include "models/loopback/placement.h"
#include "tests/support/catch.h"
#include "tests/support/temporary_folder.h"
#include "workloads/errors.h"
#include "workloads/zoo.h"

using namespace stuckat;
using namespace stuckat::loopback;
using Catch::Contains;

namespace {

LoopbackAccelerator from_json(const std::string& json) {
  return loopback_from_json(json, "test.json", "test");
}

}  // namespace

TEST_CASE("32x64 is 32 PE of 64 lanes") {
  const LoopbackAccelerator accelerator = parse_loopback("loopback:32x64");
  CHECK(accelerator == LoopbackAccelerator{});
  CHECK(accelerator.pe == 32);
  CHECK(accelerator.simd == 64);
  CHECK(parse_loopback("loopback:004x7").name == "4x7");
}

TEST_CASE("what is no shape and no file is refused in one line") {
  for (const char* text :
       {"", "loopback", "loopback:", "dataflow:32x64", "loopback:0x4", "loopback:4x0",
        "loopback:4097x1", "loopback:99999999999999999999x1", "loopback:-4x4", "loopback:4x4x4",
        "loopback:x", "loopback:4x", "loopback:/", "loopback:no-such-file.json"}) {
    CAPTURE(text);
    CHECK_THROWS_AS(parse_loopback(text), InputError);
  }
}

TEST_CASE("every parameter survives a file") {
  LoopbackAccelerator accelerator;
  accelerator.name = "mine_1.0";
  accelerator.pe = 5;
  accelerator.simd = 7;
  accelerator.schedule = Schedule::pixel_parallel;
  accelerator.host_first_last = true;
  accelerator.double_buffering = false;
  accelerator.weight_buffer_bytes = 1001;
  accelerator.activation_buffer_bytes = 1002;
  accelerator.control_cycles = 1003;
  accelerator.pipeline_cycles = 1004;
  accelerator.accumulator_bits = 17;
  accelerator.threshold_bits = 18;
  accelerator.memory = {3, 1005, 1006, 4};
  CHECK(from_json(to_json(accelerator)) == accelerator);

  const test::TemporaryFolder folder;
  test::write_bytes(folder / "an array.json", R"({"pe": 3, "simd": 4})");
  CHECK(parse_loopback("loopback:" + folder / "an array.json").name == "an_array");
}

TEST_CASE("FORMAT.md lists the keys, the ranges and the defaults that the reader has") {
  std::ifstream file(std::string(STUCKAT_SOURCE_DIR) + "/models/loopback/FORMAT.md");
  const std::regex row(R"(^\| `(\w+)` \| integer \| (\d+) to ([\d^]+) \| (\w+) \|.*)");
  const std::string defaults = to_json(LoopbackAccelerator{});
  using A = LoopbackAccelerator;
  using M = MemoryParams;
  const std::map<std::string, int64_t A::*> in_array = {
      {"pe", &A::pe},
      {"simd", &A::simd},
      {"weight_buffer_bytes", &A::weight_buffer_bytes},
      {"activation_buffer_bytes", &A::activation_buffer_bytes},
      {"control_cycles", &A::control_cycles},
      {"pipeline_cycles", &A::pipeline_cycles},
      {"accumulator_bits", &A::accumulator_bits},
      {"threshold_bits", &A::threshold_bits}};
  const std::map<std::string, int64_t M::*> in_memory = {
      {"bytes_per_cycle", &M::bytes_per_cycle},
      {"latency_cycles", &M::latency_cycles},
      {"burst_bytes", &M::burst_bytes},
      {"outstanding_bursts", &M::outstanding_bursts}};
  int rows = 0;
  for (std::string line; std::getline(file, line);) {
    std::smatch match;
    if (!std::regex_match(line, match, row)) continue;
    ++rows;
    const std::string key = match[1];
    std::string greatest = match[3];
    if (greatest.find('^') != std::string::npos) {  // 2^40, 10^9
      const int64_t base = std::stoll(greatest);
      int64_t value = 1;
      for (int i = 0; i < std::stoi(greatest.substr(greatest.find('^') + 1)); ++i) value *= base;
      greatest = std::to_string(value);
    }
    const bool memory = in_memory.count(key) > 0;
    const auto with = [&](const std::string& value) {
      const std::string member = "\"" + key + "\": " + value;
      if (memory) return R"({"pe": 1, "simd": 1, "memory": {)" + member + "}}";
      const std::string other = key == "pe" ? "\"simd\": 1" : "\"pe\": 1";
      return "{" + other + (key == "pe" || key == "simd" ? "" : ", \"simd\": 1") + ", " + member +
             "}";
    };
    CAPTURE(line);
    CHECK_NOTHROW(from_json(with(match[2])));
    CHECK_NOTHROW(from_json(with(greatest)));
    CHECK_THROWS_AS(from_json(with(std::to_string(std::stoll(greatest) + 1))), InputError);
    CHECK_THROWS_AS(from_json(with(std::to_string(std::stoll(match[2]) - 1))), InputError);
    // The same of what a program puts there.
    const auto set = [&](int64_t value) {
      LoopbackAccelerator accelerator;
      (memory ? accelerator.memory.*in_memory.at(key) : accelerator.*in_array.at(key)) = value;
      return accelerator;
    };
    CHECK_NOTHROW(validate(set(std::stoll(match[2]))));
    CHECK_NOTHROW(validate(set(std::stoll(greatest))));
    for (const int64_t value : {std::stoll(greatest) + 1, std::stoll(match[2]) - 1}) {
      CHECK_THROWS_WITH(validate(set(value)),
                        Contains("'" + key + "' is " + std::to_string(value)));
      CHECK_THROWS_AS(place(set(value), zoo_network("cnv-w1a1")), InputError);
    }
    if (match[4] != "required") {
      CHECK_THAT(defaults, Contains("\"" + key + "\": " + match[4].str()));
    }
  }
  CHECK(rows == 12);
}

TEST_CASE("hostile files are refused with a reason, never a crash") {
  struct Row {
    std::string json;
    const char* reason;
  };
  const std::vector<Row> rows = {
      {"", "one JSON document"},
      {"[]", "one JSON object"},
      {"3", "one JSON object"},
      {"{", "one JSON document"},
      {"{\"pe\": 1, \"simd\": 1} x", "one JSON document"},
      {"\xff\xfe", "one JSON document"},
      {"{}", "'pe' is missing"},
      {R"({"pe": 1})", "'simd' is missing"},
      {R"({"pe": 1, "simd": 1, "pe": 2})", "key 'pe' twice"},
      {R"({"pe": 1, "simd": 1, "memory": {"burst_bytes": 1, "burst_bytes": 1}})",
       "key 'burst_bytes' twice"},
      {R"({"pe": 1, "simd": 1, "shedule": "channel_parallel"})", "did you mean 'schedule'"},
      {R"({"pe": 1, "simd": 1, "memory": {"latency": 1}})", "unknown key 'latency'"},
      {R"({"pe": 1, "simd": 1, "schedule": "pixel-parallel"})", "did you mean 'pixel_parallel'"},
      {R"({"pe": 1, "simd": 1, "schedule": 1})", "a string"},
      {R"({"pe": "1", "simd": 1})", "an integer from 1"},
      {R"({"pe": 1.0, "simd": 1})", "an integer from 1"},
      {R"({"pe": null, "simd": 1})", "an integer from 1"},
      {R"({"pe": -1, "simd": 1})", "an integer from 1"},
      {R"({"pe": 18446744073709551615, "simd": 1})", "an integer from 1"},
      {R"({"pe": 1e400, "simd": 1})", "one JSON document"},
      {R"({"pe": 1, "simd": 1, "double_buffering": 1})", "true or false"},
      {R"({"pe": 1, "simd": 1, "memory": 4})", "an object"},
      {R"({"pe": 1, "simd": 1, "name": ""})", "1 to 100 letters"},
      {R"({"pe": 1, "simd": 1, "name": "a b"})", "1 to 100 letters"},
      {R"({"pe": 1, "simd": 1, "name": "../x"})", "1 to 100 letters"},
      {R"({"pe": 1, "simd": 1, "memory": [[[[[[]]]]]]})", "an object"},
      {std::string(100000, '['), "nested too deeply"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.json.substr(0, 100));
    CHECK_THROWS_WITH(from_json(row.json), Contains(row.reason));
    CHECK_THROWS_AS(from_json(row.json), InputError);
  }
}

TEST_CASE("damaged files are read or refused") {
  std::mt19937_64 random(7);
  const std::string good = to_json(LoopbackAccelerator{});
  for (int i = 0; i < 2000; ++i) {
    const std::string bad = test::damaged(good, random);
    try {
      const LoopbackAccelerator read = from_json(bad);
      CHECK((read.pe >= 1 && read.pe <= 4096));
    } catch (const InputError&) {
    }
  }
}

TEST_CASE("a large file is refused before it is read") {
  const test::TemporaryFolder folder;
  test::write_bytes(folder / "big.json", std::string((1 << 20) + 1, ' '));
  CHECK_THROWS_WITH(parse_loopback("loopback:" + folder / "big.json"), Contains("at most 1048576"));
}

TEST_CASE("one array serves all layers at one width, first and last only if the host does not") {
  const Network network = zoo_network("cnv-w1a1");
  LoopbackAccelerator accelerator;
  Placement placement = place(accelerator, network);
  CHECK_NOTHROW(validate(placement, network));
  REQUIRE(placement.arrays.size() == 1);
  CHECK(placement.accelerator == "loopback:32x64");
  CHECK(placement.streams.empty());
  const auto& uses = placement.arrays[0].uses;
  REQUIRE(uses.size() == 9);
  CHECK(uses[0].columns == 64);  // 27, padded
  CHECK(uses[8].rows == 32);     // 10, padded
  for (const ArrayUse& use : uses) CHECK(use.accumulator_bits == uses[0].accumulator_bits);

  accelerator.host_first_last = true;
  placement = place(accelerator, network);
  REQUIRE(placement.arrays[0].uses.size() == 7);
  CHECK(placement.arrays[0].uses[0].layer == 1);

  accelerator.accumulator_bits = 4;
  CHECK_THROWS_WITH(place(accelerator, network), Contains("accumulator of 4 bits"));
}
