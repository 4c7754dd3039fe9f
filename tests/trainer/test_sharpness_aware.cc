// Second passes at perturbed weights: the steps of an independent PyTorch script, and what must
// hold exactly. sharpness_in_pytorch.py says what is computed; pytorch_sharpness.txt has the
// numbers.
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "tests/support/catch.h"
#include "tests/support/random_placement.h"
#include "tests/trainer/noise.h"
#include "tests/trainer/pytorch.h"
#include "trainer/activation_penalty.h"
#include "trainer/optimizer.h"
#include "trainer/predict.h"
#include "trainer/sharpness_aware.h"
#include "trainer/train.h"
#include "workloads/errors.h"
#include "workloads/sanitized.h"
#include "workloads/zoo.h"

using namespace stuckat;
using namespace stuckat::trainer;

namespace {

constexpr int toy_batch = 20;
const std::string sharpness_file = STUCKAT_TEST_FOLDER "/pytorch_sharpness.txt";

/// One line of pytorch_sharpness.txt.
struct Row {
  std::string network;
  int width = 1;  // 1 / width
  int weight_bits = 0;
  int activation_bits = 0;
  std::string method;
  double rho = 0;
  double eta = 0;
  bool norms = false;
  std::string penalty;
  double weight = 0;
  std::vector<double> losses;
};

std::vector<Row> rows_of(std::istream& text) {
  std::vector<Row> rows;
  for (std::string line; std::getline(text, line);) {
    if (line.empty() || line.front() == '#') continue;
    std::istringstream words(line);
    Row row;
    words >> row.network >> row.width >> row.weight_bits >> row.activation_bits >> row.method >>
        row.rho >> row.eta >> row.norms >> row.penalty >> row.weight;
    for (double loss = 0; words >> loss;) row.losses.push_back(loss);
    rows.push_back(row);
  }
  return rows;
}

std::vector<Row> golden_sharpness() {
  std::ifstream file(sharpness_file);
  return rows_of(file);
}

const AscentRow* row_named(const std::string& name) {
  for (const AscentRow& row : ascent_rows()) {
    if (row.name == name) return &row;
  }
  return nullptr;
}

/// A network of the zoo with other numbers of bits.
Network network_of(const std::string& architecture, double width, int weight_bits,
                   int activation_bits, int channels = 0) {
  Network network =
      zoo_network(architecture + "-w2a2", {.width = width, .input_channels = channels});
  for (Layer& layer : network.layers) {
    if (layer.has_weights()) layer.weight_format = quantized_format(weight_bits);
    if (&layer != &network.layers.front()) layer.input_format = quantized_format(activation_bits);
    if (!layer.accumulator_output) layer.output_format = quantized_format(activation_bits);
  }
  return network;
}

std::vector<int> labels_from(int first, int count) {
  std::vector<int> labels;
  for (int n = 0; n < count; ++n) labels.push_back((first + n) % 10);
  return labels;
}

std::vector<double> losses(const Row& row) {
  const Network network =
      network_of(row.network, 1.0 / row.width, row.weight_bits, row.activation_bits);
  Workers workers(2);
  Model model = initial_model(network, 1);
  TrainingStep step(network, {}, workers);
  Adam adam(model);
  Ascent ascent{row_named(row.method), row.rho, row.eta, row.norms};
  SharpnessAware second(ascent);
  const auto& names = penalty_names();
  const auto kind = std::find(names.begin(), names.end(), row.penalty) - names.begin();
  ActivationPenalty penalty({static_cast<PenaltyKind>(kind), row.weight}, network);
  const std::vector<FaultOverlay*> overlays{&penalty};
  std::vector<double> result;
  for (int i = 0; i < 10; ++i) {
    const int first = i % 2 * toy_batch;
    const std::vector<int> labels = labels_from(first, toy_batch);
    const std::vector<int8_t> input = test::pytorch_images(network.input(), first, toy_batch);
    result.push_back(step.run(model, input.data(), labels, overlays).loss);
    if (ascent.active()) second.run(step, model, input.data(), labels, overlays);
    adam.update(model, ascent.active() ? second.gradients() : step.gradients(), 0.001, workers);
  }
  return result;
}

/// A small network in the middle of a step.
struct Toy {
  explicit Toy(const Network& n, int threads = 1)
      : network(n),
        workers(threads),
        model(initial_model(n, 1)),
        step(n, {}, workers),
        input(test::pytorch_images(n.input(), 0, toy_batch)),
        labels(labels_from(0, toy_batch)) {
    if (n.layers.front().input_format.kind == FormatKind::binary) {
      for (int8_t& x : input) x = static_cast<int8_t>(x < 0 ? -1 : 1);
    }
    for (LayerParameters& p : model.layers) {
      for (size_t r = 0; r < p.gamma.size(); ++r) {
        p.gamma[r] = r % 3 == 1 ? -0.8f : 1.1f;
        p.beta[r] = static_cast<float>(0.05 * static_cast<double>(r % 5) - 0.1);
      }
    }
  }
  StepResult run(const Pass& pass = {}) {
    return step.run(model, input.data(), labels, {}, 0, pass);
  }
  std::vector<std::vector<float>> no_offsets() const {
    std::vector<std::vector<float>> offsets;
    for (const LayerParameters& p : model.layers) offsets.emplace_back(p.weights.size(), 0.0f);
    return offsets;
  }

  Network network;
  Workers workers;
  Model model;
  TrainingStep step;
  std::vector<int8_t> input;
  std::vector<int> labels;
};

double norm_of(const std::vector<LayerGradient>& gradients) {
  double square = 0;
  for (const LayerGradient& g : gradients) {
    for (const auto* values : {&g.weights, &g.gamma, &g.beta}) {
      for (const double v : *values) square += v * v;
    }
  }
  return std::sqrt(square);
}

/// An array for each layer with weights.
Placement arrays_for(const Network& network) {
  Placement placement;
  placement.accelerator = "dataflow:plain";
  for (size_t i = 0; i < network.layers.size(); ++i) {
    const Layer& layer = network.layers[i];
    if (!layer.has_weights()) continue;
    placement.arrays.push_back({layer.name + "/mvtu",
                                3,
                                4,
                                stuckat::Schedule::channel_parallel,
                                {test::use_of(network, static_cast<int>(i), 3, 4, 1)}});
  }
  return placement;
}

TrainOptions short_run(const char* method) {
  TrainOptions o;
  o.epochs = 2;
  o.batch = 20;
  o.learning_rate = 0.01;
  o.threads = 1;
  o.ascent.row = row_named(method);
  if (o.ascent.row != nullptr) o.ascent.rho = o.ascent.row->rho;
  return o;
}

}  // namespace

TEST_CASE("ten steps of SAM, ASAM, SAQ, QASAM and penalties are those of an independent script") {
  const std::vector<Row> rows = golden_sharpness();
  REQUIRE(rows.size() == 15);
  for (const Row& row : rows) {
    if (sanitized && &row != &rows[0] && &row != &rows[4]) continue;
    REQUIRE(row.losses.size() == 10);
    const std::vector<double> ours = losses(row);
    for (size_t i = 0; i < ours.size(); ++i) {
      INFO(row.network << " w" << row.weight_bits << "a" << row.activation_bits << " " << row.method
                       << ", step " << i);
      CHECK(ours[i] == Approx(row.losses[i]).epsilon(1e-6));
    }
    // The second pass matters, and so does the penalty.
    const bool same_network = row.width == 8 && row.weight_bits == 2 && row.activation_bits == 2;
    if (!same_network || &row == &rows[0]) continue;
    CHECK(std::abs(row.losses[9] - rows[0].losses[9]) > 1e-4);
  }
}

TEST_CASE("the losses of second passes on file are what PyTorch computes") {
  const auto text =
      test::from_pytorch(STUCKAT_TEST_FOLDER "/sharpness_in_pytorch.py " + sharpness_file);
  std::istringstream printed(text);
  const std::vector<Row> rows = rows_of(printed);
  const std::vector<Row> expected = golden_sharpness();
  REQUIRE(rows.size() == expected.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    REQUIRE(rows[i].losses.size() == expected[i].losses.size());
    for (size_t k = 0; k < rows[i].losses.size(); ++k) {
      CHECK(rows[i].losses[k] == Approx(expected[i].losses[k]).epsilon(1e-7));
    }
  }
}

TEST_CASE("the perturbation is as long as its radius, in the metric of its row") {
  Toy toy(network_of("tfc", 0.25, 2, 2));
  toy.run();
  for (const AscentRow& row : ascent_rows()) {
    INFO(row.name);
    const Ascent ascent{&row, 0.3, 0.01, !row.adaptive};
    std::vector<LayerGradient> eps = ascent_step(ascent, toy.model, toy.step.gradients());
    if (row.adaptive) {
      for (size_t i = 0; i < eps.size(); ++i) {
        const Layer& layer = toy.network.layers[i];
        const std::vector<int8_t> q = quantized_weights(layer, toy.model.layers[i].weights);
        for (size_t k = 0; k < eps[i].weights.size(); ++k) {
          const float w = row.quantized ? static_cast<float>(std::abs(q[k])) /
                                              static_cast<float>(layer.weight_format.max_level())
                                        : std::abs(toy.model.layers[i].weights[k]);
          // QASAM: q^2 g against (|q| + eta) g: nothing where q is 0.
          if (row.quantized && w == 0) CHECK(eps[i].weights[k] == 0);
          if (!row.quantized) eps[i].weights[k] /= w + 0.01f;
        }
      }
    }
    if (row.adaptive && row.quantized) {
      CHECK(norm_of(eps) < 0.3);
      CHECK(norm_of(eps) > 0);
    } else {
      CHECK(norm_of(eps) == Approx(0.3).epsilon(1e-5));
    }
  }
}

TEST_CASE("without an offset real weights compute what integers do") {
  for (const char* architecture : {"cnv", "tfc"}) {
    for (const int bits : {1, 2, 4}) {
      INFO(architecture << " " << bits);
      Toy toy(network_of(architecture, 1.0 / 8, bits, bits), 2);
      const StepResult expected = toy.run();
      const std::vector<LayerGradient> gradients = toy.step.gradients();
      const std::vector<BatchStatistics> statistics = toy.step.statistics();
      std::vector<std::vector<int8_t>> values;
      for (int t = 0; t + 1 < toy.network.tensors(); ++t) {
        const size_t size = block_count(toy_batch) * block_elements(toy.network.shape(t));
        values.emplace_back(toy.step.values(t), toy.step.values(t) + size);
      }
      const auto offsets = toy.no_offsets();
      const StepResult found = toy.run({&offsets});
      CHECK(found.loss == expected.loss);
      CHECK(toy.step.statistics() == statistics);
      for (int t = 0; t + 1 < toy.network.tensors(); ++t) {
        const auto& before = values[static_cast<size_t>(t)];
        CHECK(std::equal(before.begin(), before.end(), toy.step.values(t)));
      }
      for (size_t i = 0; i < gradients.size(); ++i) {
        double difference = 0;
        double square = 0;
        for (size_t k = 0; k < gradients[i].weights.size(); ++k) {
          const double d = double{gradients[i].weights[k]} - toy.step.gradients()[i].weights[k];
          difference += d * d;
          square += double{gradients[i].weights[k]} * gradients[i].weights[k];
        }
        CHECK(std::sqrt(difference) <= 1e-5 * std::sqrt(square) + 1e-12);
      }
    }
  }
}

TEST_CASE("the gradient of a second pass is the derivative at the quantized weights plus offset") {
  // By central differences in the last layer's offsets, where no quantizer is in between.
  Toy toy(network_of("tfc", 0.25, 2, 2));
  auto offsets = toy.no_offsets();
  const Sequence random(3, Purpose::order);
  uint64_t drawn = 0;
  for (auto& of_layer : offsets) {
    for (float& o : of_layer) o = static_cast<float>(0.1 * random.uniform(drawn++) - 0.05);
  }
  for (LayerParameters& p : toy.model.layers) {
    std::fill(p.variance.begin(), p.variance.end(), 3.0);
    std::fill(p.mean.begin(), p.mean.end(), 0.2);
  }
  for (const bool frozen : {false, true}) {
    const Pass pass{&offsets, frozen};
    toy.run(pass);
    const std::vector<float> gradient = toy.step.gradients().back().weights;
    for (size_t k = 0; k < offsets.back().size(); k += 17) {
      const float h = 1e-2f;
      const float kept = offsets.back()[k];
      offsets.back()[k] = kept + h;
      const double above = toy.run(pass).loss;
      offsets.back()[k] = kept - h;
      const double below = toy.run(pass).loss;
      offsets.back()[k] = kept;
      INFO("frozen " << frozen << ", weight " << k);
      CHECK(gradient[k] == Approx((above - below) / (2 * double{h})).margin(1e-5).epsilon(2e-3));
    }
  }
}

TEST_CASE("with frozen statistics the values are those of the exported network") {
  Toy toy(network_of("cnv", 1.0 / 8, 2, 2, 1));
  const DataSet data = test::noise(toy.network.input(), toy_batch);
  for (int n = 0; n < 30; ++n) {  // statistics of this batch
    toy.run();
    update_statistics(toy.model, toy.step.statistics());
  }
  const Network exported = export_network(toy.model);
  Predictor predictor(exported, {}, toy.workers);
  const std::vector<int32_t> logits = predictor.logits(toy.input.data(), toy_batch);
  int right = 0;
  for (int n = 0; n < toy_batch; ++n) {
    right += predicted_class(logits.data() + n * 10, 10) == toy.labels[static_cast<size_t>(n)];
  }
  const auto offsets = toy.no_offsets();
  CHECK(toy.run({&offsets, true}).correct == right);
}

TEST_CASE("a radius of 0 is plain training, bit for bit") {
  const Network network = network_of("tfc", 0.25, 2, 2);
  const DataSet data = test::noise(network.input(), 40);
  const TrainResult plain = train(network, {data}, short_run("none"));
  for (const AscentRow& row : ascent_rows()) {
    TrainOptions options = short_run(row.name);
    const TrainResult perturbed = train(network, {data}, options);
    options.ascent.rho = 0;
    const TrainResult same = train(network, {data}, options);
    INFO(row.name);
    CHECK(same.model == plain.model);
    CHECK(same.history == plain.history);
    CHECK_FALSE(perturbed.model == plain.model);
  }
}

TEST_CASE("second passes give the same bytes on 1 and 2 threads and resumed, with faults too") {
  const Network network = network_of("cnv", 1.0 / 16, 2, 2, 1);
  const DataSet data = test::noise(network.input(), 40);
  const std::string checkpoint = (std::filesystem::temp_directory_path() /
                                  ("stuckat_second_" + std::to_string(getpid()) + ".h5"))
                                     .string();
  const auto check = [&](TrainOptions options) {
    options.threads = 1;
    options.checkpoint.clear();
    const TrainResult whole = train(network, {data}, options);
    options.threads = 2;
    options.checkpoint = checkpoint;
    const TrainResult part =
        train(network, {data}, options, [](const auto& progress) { return progress.epoch == 0; });
    CHECK(part.stopped);
    const TrainResult resumed = train(network, {data}, options);
    CHECK(resumed.model == whole.model);
    CHECK(resumed.history == whole.history);
    std::filesystem::remove(checkpoint);
    return whole.model;
  };
  for (const char* method : {"asam", "saq"}) {
    INFO(method);
    TrainOptions options = short_run(method);
    const Model plain = check(options);
    options.method = Method::fat1;
    const Model fat = check(options);
    CHECK_FALSE(fat == plain);
    options.method = Method::fat_placement;
    options.hardware.placement = arrays_for(network);
    options.hardware.draw = Draw::batch;
    options.hardware.sites = {SiteKind::pe_weight, SiteKind::pe_threshold};
    options.percent = 1;
    const Model broken = check(options);
    CHECK_FALSE(broken == plain);
  }
}

TEST_CASE("faults in a PE's arithmetic are refused where weights are real numbers") {
  const Network network = network_of("tfc", 0.25, 2, 2);
  const DataSet data = test::noise(network.input(), 40);
  for (const char* method : {"sam", "saq"}) {
    TrainOptions options = short_run(method);
    options.method = Method::fat_placement;
    options.hardware.placement = arrays_for(network);
    options.hardware.draw = Draw::batch;
    options.hardware.sites = {SiteKind::pe_accumulator};
    options.percent = 0.1;
    if (method == std::string("sam")) {
      CHECK_NOTHROW(train(network, {data}, options));
    } else {
      CHECK_THROWS_AS(train(network, {data}, options), InputError);
    }
  }
}

TEST_CASE("running statistics follow the first pass, or both") {
  const Network network = network_of("tfc", 0.25, 2, 2);
  const DataSet data = test::noise(network.input(), 20);
  TrainOptions options = short_run("saq");
  options.epochs = 1;
  const Model first = train(network, {data}, options).model;
  options.ascent.both_statistics = true;
  const Model both = train(network, {data}, options).model;
  const Model plain = [&] {
    TrainOptions o = short_run("none");
    o.epochs = 1;
    return train(network, {data}, o).model;
  }();
  CHECK(first.layers[0].weights == both.layers[0].weights);
  CHECK(first.layers[1].mean == plain.layers[1].mean);  // of one step, before any update
  CHECK_FALSE(first.layers[1].mean == both.layers[1].mean);
}
