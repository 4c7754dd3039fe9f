// Penalties on activations: their derivatives, the share of zeros, and what training makes of them.
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <string>

#include "tests/support/catch.h"
#include "tests/support/refusal.h"
#include "tests/trainer/noise.h"
#include "trainer/activation_penalty.h"
#include "trainer/random.h"
#include "trainer/train.h"
#include "workloads/errors.h"
#include "workloads/zoo.h"

using namespace stuckat;
using namespace stuckat::trainer;

namespace {

/// By the definition, on real values.
double penalty_of(PenaltyKind kind, const std::vector<double>& a) {
  double sizes = 0;
  double squares = 0;
  for (const double v : a) {
    sizes += std::abs(v);
    squares += v * v;
  }
  const auto n = static_cast<double>(a.size());
  return kind == PenaltyKind::l1 ? sizes / n : sizes * sizes / squares / n;
}

double mean_zeros(const EpochRecord& record) {
  double sum = 0;
  int layers = 0;
  for (const double share : record.zeros) {
    if (share < 0) continue;
    CHECK(share <= 1);
    sum += share;
    ++layers;
  }
  REQUIRE(layers > 0);
  return sum / layers;
}

}  // namespace

TEST_CASE("penalties and their derivatives are those of the definition") {
  constexpr int samples = 19;
  const Shape shape{2, 3, 5};
  for (const int greatest : {1, 7}) {
    const Sequence random(static_cast<uint64_t>(greatest), Purpose::order);
    std::vector<int8_t> values(block_count(samples) * block_elements(shape));
    std::vector<double> a;
    std::vector<int> v;
    int zeros = 0;
    uint64_t drawn = 0;
    for (int n = 0; n < samples; ++n) {
      for (int e = 0; e < shape.size(); ++e) {
        const int value = random.below(drawn++, 2 * greatest + 1) - greatest;
        values[static_cast<size_t>(n / lanes) * block_elements(shape) +
               static_cast<size_t>(e * lanes + n % lanes)] = static_cast<int8_t>(value);
        a.push_back(static_cast<double>(value) / greatest);
        v.push_back(value);
        zeros += value == 0 ? 1 : 0;
      }
    }
    Workers workers(2);
    const ValueSums sums = sums_of_values(values.data(), shape, samples, workers);
    CHECK(sums.count == static_cast<int64_t>(a.size()));
    CHECK(sums.zeros == zeros);
    for (const PenaltyKind kind : {PenaltyKind::l1, PenaltyKind::hoyer_square}) {
      const PenaltyTerms terms = penalty_terms(kind, sums, greatest);
      CHECK(terms.penalty == Approx(penalty_of(kind, a)).epsilon(1e-12));
      for (size_t i = 0; i < a.size(); i += 7) {
        if (v[i] == 0) continue;  // no derivative there: 0 is taken
        const double h = 1e-5;
        std::vector<double> above = a;
        std::vector<double> below = a;
        above[i] += h;
        below[i] -= h;
        const double expected = (penalty_of(kind, above) - penalty_of(kind, below)) / (2 * h);
        const double found = terms.by_sign * (v[i] > 0 ? 1 : -1) + terms.by_value * v[i];
        CHECK(found == Approx(expected).margin(1e-9).epsilon(1e-5));
      }
    }
  }
}

TEST_CASE("a penalty makes zeros, and its history survives a resume") {
  const Network network = zoo_network("cnv-w1a3", {.width = 1.0 / 16, .input_channels = 1});
  const DataSet data = test::noise(network.input(), 40);
  const std::string checkpoint = (std::filesystem::temp_directory_path() /
                                  ("stuckat_penalty_" + std::to_string(getpid()) + ".h5"))
                                     .string();
  TrainOptions options;
  options.epochs = 20;
  options.batch = 20;
  options.learning_rate = 0.02;
  options.threads = 1;
  const TrainResult plain = train(network, {data}, options);
  CHECK(plain.history.back().zeros.empty());
  for (const PenaltyKind kind : {PenaltyKind::l1, PenaltyKind::hoyer_square}) {
    options.penalty = {kind, 0};
    options.checkpoint.clear();
    const TrainResult free = train(network, {data}, options);
    CHECK(free.model == plain.model);  // a weight of 0 changes nothing
    options.penalty.weight = 20;
    const TrainResult sparse = train(network, {data}, options);
    CHECK(mean_zeros(sparse.history.back()) > mean_zeros(free.history.back()) + 0.05);
    CHECK(sparse.history.back().penalty > 0);
    CHECK(sparse.history.back().zeros.back() == -1);
    options.threads = 2;
    options.checkpoint = checkpoint;
    CHECK(train(network, {data}, options, [](const auto& p) { return p.epoch < 2; }).stopped);
    const TrainResult resumed = train(network, {data}, options);
    CHECK(resumed.model == sparse.model);
    CHECK(resumed.history == sparse.history);
    std::filesystem::remove(checkpoint);
    options.threads = 1;
  }
}

TEST_CASE("a penalty that could not make activations smaller is refused") {
  const auto refused = [](const char* name, PenaltyKind kind) {
    const Network network = zoo_network(name, {.width = 0.25});
    return test::refusal([&] { ActivationPenalty({kind, 1}, network); }) != "accepted";
  };
  CHECK(refused("tfc-w1a1", PenaltyKind::l1));
  CHECK(refused("tfc-w1a1", PenaltyKind::hoyer_square));
  CHECK_FALSE(refused("tfc-w2a2", PenaltyKind::l1));
  CHECK(refused("tfc-w2a2", PenaltyKind::hoyer_square));
  CHECK_FALSE(refused("tfc-w1a3", PenaltyKind::hoyer_square));
  CHECK_FALSE(refused("tfc-w1a1", PenaltyKind::none));
}
