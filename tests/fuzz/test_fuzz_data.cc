// Readers of data sets, parameters, checkpoints and journals.
#include <matio.h>

#include "sim/campaign/run.h"
#include "tests/fuzz/fuzz.h"
#include "tests/sim/campaign/campaign_setup.h"
#include "tests/support/bnn_pynq_folder.h"
#include "tools/studies/journal.h"
#include "trainer/checkpoint.h"
#include "workloads/bnn_pynq.h"
#include "workloads/dataset.h"
#include "workloads/zoo.h"

// A library that asks for more memory than there is gets none, as it does without AddressSanitizer.
// NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp,readability-identifier-naming)
extern "C" const char* __asan_default_options();
extern "C" const char* __asan_default_options() { return "allocator_may_return_null=1"; }
// NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp,readability-identifier-naming)

using namespace stuckat;
using test::CampaignSetup;
using test::Reader;

namespace {

std::string folder_of(const std::string& path) { return path.substr(0, path.rfind('/')); }

std::string idx(const std::vector<uint32_t>& extents, size_t values) {
  std::string bytes = {0, 0, 8, static_cast<char>(extents.size())};
  for (const uint32_t extent : extents) {
    for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(extent >> shift);
  }
  for (size_t i = 0; i < values; ++i) bytes += static_cast<char>(i % 10);
  return bytes;
}

void write_idx(const std::string& folder) {
  test::write_bytes(folder + "/t10k-images-idx3-ubyte", idx({5, 28, 28}, 5 * 28 * 28));
  test::write_bytes(folder + "/t10k-labels-idx1-ubyte", idx({5}, 5));
}

void write_mat(const std::string& path) {
  mat_t* file = Mat_CreateVer(path.c_str(), nullptr, MAT_FT_MAT5);
  std::vector<uint8_t> x(size_t{32} * 32 * 3 * 2, 9);
  size_t extents[4] = {32, 32, 3, 2};
  matvar_t* variable = Mat_VarCreate("X", MAT_C_UINT8, MAT_T_UINT8, 4, extents, x.data(), 0);
  Mat_VarWrite(file, variable, MAT_COMPRESSION_ZLIB);
  Mat_VarFree(variable);
  size_t column[2] = {2, 1};
  double labels[2] = {10, 3};
  variable = Mat_VarCreate("y", MAT_C_DOUBLE, MAT_T_DOUBLE, 2, column, labels, 0);
  Mat_VarWrite(file, variable, MAT_COMPRESSION_NONE);
  Mat_VarFree(variable);
  Mat_Close(file);
}

Network small_tfc() {
  test::Random random(4);
  Network network = zoo_network("tfc-w1a1");
  for (Layer& layer : network.layers) test::fill_parameters(layer, random);
  for (int c = 0; c < 10; ++c) network.class_names.push_back(std::to_string(c));
  return network;
}

void write_pynq(const std::string& path) {
  // The folder is that of the file, which is one of those it holds.
  struct Folder {
    std::string path;
    std::string operator/(const std::string& name) const { return path + "/" + name; }
  };
  static const Network network = small_tfc();
  test::write_bnn_pynq_folder(Folder{folder_of(path)}, network,
                              {{16, 26}, {8, 16}, {32, 8}, {4, 2}});
}

void read_pynq(const std::string& path) { import_bnn_pynq(folder_of(path), "tfc-w1a1"); }

const CampaignSetup& data_setup() {
  static const CampaignSetup s(5);
  return s;
}

trainer::TrainState small_state() {
  const Network network = zoo_network("tfc-w1a1", {.width = 0.1});
  const trainer::Model model = trainer::initial_model(network, 1);
  trainer::TrainState state{"{}", model, {model, 0}, {model, -1}, trainer::Adam(model), {}};
  state.history.push_back({0.02, 1.5, 0.4, 0.5, 0, -1});
  return state;
}

campaign::Outcome go_on(const std::string& result, bool stop) {
  campaign::RunOptions options;
  options.chunk_images = 1;
  return campaign::run_to_file(
      result, campaign::Resume::allowed, data_setup().network, data_setup().data,
      campaign::channel_faults(data_setup().network), options, campaign::fast_engine(),
      [images = 0, stop](const auto&) mutable { return !stop || ++images < 5; });
}

std::vector<Reader> data_readers() {
  const std::string journal = ".journal";
  return {
      {"IDX images", "t10k-images-idx3-ubyte", [](auto& p) { write_idx(folder_of(p)); },
       [](auto& p) { read_dataset("mnist:" + folder_of(p), {}); }, 600},
      {"IDX labels", "t10k-labels-idx1-ubyte", [](auto& p) { write_idx(folder_of(p)); },
       [](auto& p) { read_dataset("mnist:" + folder_of(p), {}); }, 600},
      {"CIFAR-10", "images.bin", [](auto& p) { test::write_bytes(p, std::string(3073 * 3, 4)); },
       [](auto& p) { read_dataset("cifar10:" + p, {}); }, 600},
      {"MATLAB", "test_32x32.mat", write_mat, [](auto& p) { read_dataset("svhn:" + p, {}); }, 600},
      {"BNN-PYNQ weights", "1-3-weights.bin", write_pynq, read_pynq, 300},
      {"BNN-PYNQ thresholds", "0-5-thres.bin", write_pynq, read_pynq, 300},
      {"BNN-PYNQ classes", "classes.txt", write_pynq, read_pynq, 300, 0.01},
      {"fault list", "list.h5",
       [](auto& p) {
         campaign::write_fault_list(p, campaign::channel_faults(data_setup().network));
       },
       [](auto& p) { campaign::read_fault_list(p, data_setup().network, nullptr); }, 60},
      {"fault list as text", "list.txt",
       [](auto& p) {
         test::write_bytes(
             p, campaign::fault_list_text(campaign::channel_faults(data_setup().network)));
       },
       [](auto& p) { campaign::read_fault_list(p, data_setup().network, nullptr); }, 400},
      {"checkpoint", "k.h5", [](auto& p) { trainer::write_checkpoint(p, small_state()); },
       [](auto& p) {
         trainer::TrainState state = small_state();
         trainer::read_checkpoint(p, state);
       },
       60},
      // What follows the last whole record is done again: only the header can be refused.
      {"journal of a campaign", "c.h5" + journal,
       [=](auto& p) { go_on(p.substr(0, p.size() - journal.size()), true); },
       [=](auto& p) {
         // The journal goes when the result is there.
         const std::string result = p.substr(0, p.size() - journal.size());
         go_on(result, false);
         std::filesystem::remove(result);
       },
       150, 0.05},
      {"journal of an exploration", "findings",
       [](auto& p) {
         studies::Journal kept(p);
         for (const char* question : {"a", "b", "c"}) {
           kept.find(question, [] { return R"([1,2,"three"])"; });
         }
       },
       [](auto& p) {
         studies::Journal kept(p);
         kept.find("b", [] { return "[4]"; });
       },
       400},
  };
}

}  // namespace

TEST_CASE("readers of data, parameters and journals give what they read or one line") {
  const auto all = data_readers();
  CHECK(all.size() >= 12);
  test::check_readers(all);
}
