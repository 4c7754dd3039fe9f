// Every reader of files, against files with something wrong in them (README.md).
#include "faultmaps/fault_map.h"
#include "faultmaps/site_index.h"
#include "faultmaps/text_files.h"
#include "models/dataflow/accelerator.h"
#include "models/explore/design.h"
#include "models/loopback/accelerator.h"
#include "sim/campaign/result.h"
#include "sim/campaign/run.h"
#include "tests/fuzz/fuzz.h"
#include "tests/sim/campaign/campaign_setup.h"
#include "tests/support/picture_files.h"
#include "tests/support/temporary_folder.h"
#include "tools/stuckat/simulation_json.h"
#include "workloads/errors.h"
#include "workloads/json_file.h"
#include "workloads/model_file.h"
#include "workloads/picture.h"
#include "workloads/zoo.h"

using namespace stuckat;
using test::CampaignSetup;

namespace {

report::Simulation small_simulation() {
  report::Simulation s;
  s.network = "n";
  s.accelerator = "dataflow:d";
  s.images = 2;
  s.total_cycles = 900;
  s.first_image_cycles = 500;
  s.interval_cycles = 400;
  s.modules = {{"a", 100, 20, 30, 0, 0, 0, 750}};
  s.streams = {{"a/out", 4, 128, 3, {10, 20, 30, 840}}};
  s.layers = {{"layer0", 100, 0.5}};
  s.faults = {"a/pe[0]/dead=1"};
  s.effects = {"channel 0 is 1"};
  s.agrees_with_reference = true;
  s.predictions = {{0, "cat", "cat", "dog"}};
  return s;
}

const CampaignSetup& setup() {
  static const CampaignSetup s(5);
  return s;
}

explore::Exploration small_exploration() {
  explore::Exploration e;
  e.network = "n";
  for (int i = 0; i < 3; ++i) {
    explore::Design d;
    d.name = "design " + std::to_string(i);
    d.pes = 4;
    d.multipliers = 8;
    d.memory_bits = 1000;
    d.frames_per_second = 100;
    e.designs.push_back(d);
  }
  return e;
}

Picture small_picture() {
  Picture p{6, 5, {}};
  for (int i = 0; i < 6 * 5 * 3; ++i) p.pixels.push_back(static_cast<uint8_t>(7 * i));
  return p;
}

std::vector<FaultMap> small_maps() {
  const SiteIndex sites(setup().dataflow, setup().network);
  FaultMap map{setup().dataflow.accelerator, {}};
  map.faults = sites.expand("*/pe[0]/dead=1", "test");
  return {map, {setup().dataflow.accelerator, {}}};
}

std::vector<test::Reader> readers() {
  const auto text = [](const std::string& path, const std::string& content) {
    test::write_bytes(path, content);
  };
  return {
      {"model", "m.h5", [](auto& p) { write_model(p, setup().network); },
       [](auto& p) { read_model(p); }, 60},
      {"result", "c.h5",
       [](auto& p) {
         const auto faults = campaign::channel_faults(setup().network);
         campaign::write_result(p, campaign::run(setup().network, setup().data, faults, {}).result);
       },
       [](auto& p) { campaign::read_result(p); }, 60},
      {"fault map", "f.h5", [](auto& p) { write_fault_maps(p, small_maps(), "{}"); },
       [](auto& p) { read_fault_file(p); }, 60},
      {"exploration", "e.h5", [](auto& p) { explore::write_exploration(p, small_exploration()); },
       [](auto& p) { explore::read_exploration(p); }, 60},
      {"fault list in JSON", "f.json", [=](auto& p) { text(p, fault_json(small_maps())); },
       [](auto& p) { read_fault_file(p); }, 400},
      {"fault list in CSV", "f.csv",
       [=](auto& p) { text(p, fault_csv(small_maps(), CsvStyle::columns)); },
       [](auto& p) { read_fault_file(p); }, 400},
      {"simulation", "s.json", [=](auto& p) { text(p, cli::to_json(small_simulation()).dump()); },
       [](auto& p) { cli::read_simulation(p); }, 400},
      {"loopback accelerator", "l.json",
       [=](auto& p) { text(p, to_json(loopback::LoopbackAccelerator{})); },
       [](auto& p) { loopback::validate(loopback::parse_loopback("loopback:" + p)); }, 400},
      {"dataflow accelerator", "d.json",
       [=](auto& p) {
         const Network network = zoo_network("tfc-w1a1");
         text(p, to_json(dataflow::auto_dataflow(network, 1000), network));
       },
       [](auto& p) { dataflow::parse_dataflow(p, zoo_network("tfc-w1a1")); }, 400},
      {"FINN folding", "finn.json",
       [=](auto& p) {
         text(p, R"({"Defaults": {"outFIFODepths": [[8], "all"]},
                     "MVAU_hls_0": {"PE": 16, "SIMD": 49, "inFIFODepths": [2]},
                     "StreamingFIFO_0": {"depth": 4},
                     "StreamingDataWidthConverter_rtl_0": {"inFIFODepths": [3]}, "MVAU_hls_1": {"PE": 8, "SIMD": 8},
                     "MVAU_hls_2": {"PE": 32, "SIMD": 32}, "MVAU_hls_3": {"PE": 10, "SIMD": 8}})");
       },
       [](auto& p) { dataflow::parse_dataflow(p, zoo_network("tfc-w1a1")); }, 400},
      {"PNG", "p.png", [](auto& p) { test::write_png(p, small_picture()); },
       [](auto& p) { read_picture(p); }, 600},
      {"JPEG", "p.jpg", [](auto& p) { test::write_jpeg(p, small_picture()); },
       [](auto& p) { read_picture(p); }, 600},
  };
}

}  // namespace

TEST_CASE("readers give what they read or one line, whatever the file holds") {
  const auto all = readers();
  CHECK(all.size() >= 12);
  test::check_readers(all);
}
