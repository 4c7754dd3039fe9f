// The published CNV networks on real images: a sample of faults of every campaign against the
// reference, tensor by tensor.
#include <string>

#include "faultmaps/faulty_reference.h"
#include "sim/fast/fault_simulator.h"
#include "sim/fast/verdict_counts.h"
#include "tests/perf/campaign_faults.h"
#include "tests/support/bnn_pynq_folder.h"
#include "tests/support/catch.h"
#include "tests/support/shared_data.h"
#include "workloads/bnn_pynq.h"
#include "workloads/dataset.h"

namespace stuckat::fast {
namespace {

struct PublishedRow {
  std::string name;
  std::string archive;
  std::string folder;
  int right_of_1017;
};

const std::vector<PublishedRow> published_rows = {
    {"cnv-w1a1", "bnn-pynq/cifar10-cnvW1A1.tar.xz", "cifar10/cnvW1A1", 822},
    {"cnv-w1a2", "bnn-pynq/cifar10-cnvW1A2.tar.xz", "cifar10/cnvW1A2", 865},
};

const char* const images_path = "cifar10/test_exact_first1017.bin.xz";

/// Skips the test unless all is there.
void require_data() {
  test::shared_data(images_path);
  for (const PublishedRow& row : published_rows) test::shared_data(row.archive);
}

Network read_published(const PublishedRow& row) {
  const test::TemporaryFolder folder;
  return import_bnn_pynq(test::unpacked(folder, test::shared_data(row.archive), row.folder),
                         row.name);
}

/// Every step-th fault of every campaign, a different one for each campaign to start with.
std::vector<Effects> sample(const Network& network, size_t per_campaign) {
  std::vector<Effects> result;
  for (const bench::CampaignRow& row : bench::campaign_rows()) {
    const std::vector<Effects> all = row.faults(network);
    const size_t step = std::max<size_t>(1, all.size() / per_campaign);
    for (size_t f = result.size() % step; f < all.size(); f += step) result.push_back(all[f]);
  }
  return result;
}

TEST_CASE("verdicts of a sample of faults on the published networks equal the reference") {
  require_data();
  for (const PublishedRow& row : published_rows) {
    CAPTURE(row.name);
    const PackedNetwork network(read_published(row));
    const DataSet data = read_dataset("cifar10:" + test::shared_data(images_path), {});
    const std::vector<Effects> effects = sample(network.network(), 12);
    const FaultList faults(network, effects);
    FaultSimulator simulator(faults);
    std::vector<Verdict> verdicts(effects.size());
    for (int i = 0; i < 2; ++i) {
      const Tensor image = input_tensor(network.network(), data, i);
      simulator.simulate(image, i, verdicts);
      const auto golden = reference::run(network.network(), image, {}, i);
      REQUIRE(simulator.golden().tensors() == golden);
      for (int f = 0; f < faults.size(); ++f) {
        CAPTURE(i, f);
        const auto faulty =
            reference::run(network.network(), image, effects[static_cast<size_t>(f)], i);
        int last = -1;
        for (size_t t = 0; t < golden.size(); ++t) last = faulty[t] == golden[t] ? last : int(t);
        const Verdict& verdict = verdicts[static_cast<size_t>(f)];
        REQUIRE(verdict.last_difference == last);
        REQUIRE(verdict.prediction ==
                predicted_class(faulty.back().values.data(), network.network().classes()));
        REQUIRE(simulator.tensors(f) == faulty);
      }
    }
  }
}

TEST_CASE("evaluation is right on as many images as the published networks") {
  require_data();
  for (const PublishedRow& row : published_rows) {
    const PackedNetwork network(read_published(row));
    const DataSet data = read_dataset("cifar10:" + test::shared_data(images_path), {});
    const auto image = [&](int64_t i) {
      return input_tensor(network.network(), data, static_cast<int>(i));
    };
    const Evaluation result = evaluate(network, image, 0, data.size(), 2);
    int right = 0;
    for (size_t i = 0; i < result.predictions.size(); ++i) {
      right += result.predictions[i] == data.labels[i] ? 1 : 0;
    }
    CHECK(right == row.right_of_1017);
  }
}

TEST_CASE("counts of a campaign do not depend on the number of threads or on the order") {
  const PublishedRow& row = published_rows.front();
  require_data();
  const PackedNetwork network(read_published(row));
  const DataSet data = read_dataset("cifar10:" + test::shared_data(images_path), {});
  const FaultList faults(network, sample(network.network(), 40));
  const auto image = [&](int64_t i) {
    return input_tensor(network.network(), data, static_cast<int>(i));
  };
  const auto label = [&](int64_t i) { return int{data.labels[static_cast<size_t>(i)]}; };
  const VerdictCounts one = count_verdicts(faults, image, label, 0, 6, 1);
  CHECK(count_verdicts(faults, image, label, 0, 6, 3) == one);
  VerdictCounts parts = count_verdicts(faults, image, label, 4, 2, 1);
  parts.add(count_verdicts(faults, image, label, 0, 4, 2));
  CHECK(parts == one);
}

}  // namespace
}  // namespace stuckat::fast
