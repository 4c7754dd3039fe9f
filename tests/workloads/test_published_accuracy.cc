// The published accuracies of the BNN-PYNQ networks, by the reference on real images: minutes of
// integer code, so a program and a ctest label ("full-size") of its own. With sanitizers, a few
// images.
#include <atomic>
#include <thread>

#include "tests/support/bnn_pynq_folder.h"
#include "tests/support/catch.h"
#include "tests/support/shared_data.h"
#include "workloads/bnn_pynq.h"
#include "workloads/dataset.h"
#include "workloads/reference.h"
#include "workloads/sanitized.h"

using namespace stuckat;

namespace {

/// Number of images that `classify(logits)` puts into their class; two threads.
template <class Classify>
int count_right(const Network& network, const DataSet& data, const Classify& classify) {
  std::atomic<int> next{0};
  std::atomic<int> right{0};
  const auto work = [&] {
    for (int i = next++; i < data.size(); i = next++) {
      const auto logits = reference::run(network, input_tensor(network, data, i)).back().values;
      if (classify(logits) == data.labels[static_cast<size_t>(i)]) ++right;
    }
  };
  std::thread other(work);
  work();
  other.join();
  return right;
}

int greatest(const std::vector<int32_t>& logits) {
  return predicted_class(logits.data(), static_cast<int>(logits.size()));
}

struct CnvRow {
  std::string name;
  std::string archive;
  std::string folder;
  int right_of_1017;
  int right_of_20;
};

const std::vector<CnvRow> cnv_rows = {
    {"cnv-w1a1", "bnn-pynq/cifar10-cnvW1A1.tar.xz", "cifar10/cnvW1A1", 822, 18},
    {"cnv-w1a2", "bnn-pynq/cifar10-cnvW1A2.tar.xz", "cifar10/cnvW1A2", 865, 19},
};

}  // namespace

TEST_CASE("CNV is right on as many true CIFAR-10 images as the published network") {
  const std::string images = test::shared_data("cifar10/test_exact_first1017.bin.xz");
  for (const CnvRow& row : cnv_rows) test::shared_data(row.archive);
  for (const CnvRow& row : cnv_rows) {
    const std::string archive = test::shared_data(row.archive);
    const test::TemporaryFolder folder;
    const Network network = import_bnn_pynq(test::unpacked(folder, archive, row.folder), row.name);
    const DataSet first = read_dataset("cifar10:" + images, {.count = 20});
    CHECK(count_right(network, first, greatest) == row.right_of_20);
    if (sanitized) continue;
    const DataSet all = read_dataset("cifar10:" + images, {});
    CHECK(all.size() == 1017);
    CHECK(count_right(network, all, greatest) == row.right_of_1017);
  }
}

TEST_CASE("LFC is right on as many of MNIST's images as published, by the highest output bit") {
  struct Row {
    std::string bits, name;
    int right_by_bits, right_by_sums;
  };
  const std::string mnist = test::shared_data("mnist");
  if (mnist.empty()) return;
  // Published: 98.40 % and 98.49 %.
  for (const Row& row :
       {Row{"W1A1", "lfc-w1a1", 9840, 9834}, Row{"W1A2", "lfc-w1a2", 9849, 9849}}) {
    const std::string archive = test::shared_data("bnn-pynq/mnist-lfc" + row.bits + ".tar.xz");
    if (archive.empty()) return;
    const test::TemporaryFolder temporary;
    const std::string folder = test::unpacked(temporary, archive, "mnist/lfc" + row.bits);
    const Network network = import_bnn_pynq(folder, row.name);
    CHECK(network.layers[0].is_xnor() == (row.bits == "W1A1"));
    const auto highest_bit = [&](const std::vector<int32_t>& logits) {
      return class_by_output_bits(network, logits.data());
    };
    if (sanitized) {
      const DataSet first = read_dataset("mnist:" + mnist, {.count = 50});
      CHECK(count_right(network, first, highest_bit) == 50);
      continue;
    }
    const DataSet all = read_dataset("mnist:" + mnist, {});
    CHECK(count_right(network, all, highest_bit) == row.right_by_bits);
    CHECK(count_right(network, all, greatest) == row.right_by_sums);
  }
}
