// Networks that are graphs, against oracles of another make: each layer by scattering its inputs to
// what they reach, depthwise and average against the matrices that they are, adds against a
// convolution on joined channels.
#include <functional>
#include <map>

#include "tests/support/catch.h"
#include "tests/support/random_graph.h"
#include "tests/support/refusal.h"
#include "tests/support/temporary_folder.h"
#include "workloads/model_file.h"
#include "workloads/reference.h"

using namespace stuckat;
using test::uniform;

namespace {

/// Sums or maxima of one layer, built up input by input: every input element is carried to all
/// outputs whose window holds it. The other way round than the reference.
class Scatter {
 public:
  Scatter(const Layer& layer, const std::vector<const Tensor*>& inputs)
      : layer_(layer), sums_(static_cast<size_t>(layer.output.size())), empty_(sums_.size(), true) {
    if (layer.kind == LayerKind::add) {
      add(inputs);
    } else if (layer.kind == LayerKind::concat) {
      concat(inputs);
    } else {
      scatter(*inputs[0]);
    }
  }

  Tensor output() const {
    Tensor result{layer_.output, {}};
    for (size_t i = 0; i < sums_.size(); ++i) {
      result.values.push_back(level(static_cast<int>(i) % layer_.output.channels, sums_[i]));
    }
    return result;
  }

 private:
  void scatter(const Tensor& input) {
    // The image with its padding around it, as values.
    const Padding& p = layer_.padding;
    const Shape& in = layer_.input;
    for (int y = -p.top; y < in.height + p.bottom; ++y) {
      for (int x = -p.left; x < in.width + p.right; ++x) {
        const bool inside = y >= 0 && x >= 0 && y < in.height && x < in.width;
        for (int c = 0; c < in.channels; ++c) {
          const int padding = layer_.input_format.kind == FormatKind::binary ? -1 : 0;
          carry(y, x, c, inside ? input.at(y, x, c) : padding, inside);
        }
      }
    }
  }

  void carry(int y, int x, int channel, int value, bool inside) {
    const std::string kind = layer_.kind->name;
    if (kind == "dense") {
      for (int row = 0; row < layer_.rows(); ++row) {
        const int column = (y * layer_.input.width + x) * layer_.input.channels + channel;
        give(row, row, column, value);
      }
      return;
    }
    const int in_part = layer_.input.channels / layer_.groups;
    const int out_part = layer_.output.channels / layer_.groups;
    for (int oy = 0; oy < layer_.output.height; ++oy) {
      for (int ox = 0; ox < layer_.output.width; ++ox) {
        const int ky = y + layer_.padding.top - oy * layer_.stride.height;
        const int kx = x + layer_.padding.left - ox * layer_.stride.width;
        if (ky < 0 || kx < 0 || ky >= layer_.kernel.height || kx >= layer_.kernel.width) continue;
        const int pixel = oy * layer_.output.width + ox;
        if (kind != "convolution") {
          if (inside) pool(pixel * layer_.output.channels + channel, value);
          continue;
        }
        const int group = channel / in_part;
        const int column = (ky * layer_.kernel.width + kx) * in_part + channel % in_part;
        for (int row = group * out_part; row < (group + 1) * out_part; ++row) {
          give(pixel * layer_.output.channels + row, row, column, value);
        }
      }
    }
  }

  void give(int element, int row, int column, int value) {
    const int weight = layer_.weights[static_cast<size_t>(row * layer_.columns() + column)];
    const bool matches =
        layer_.weight_format == binary_format && layer_.input_format == binary_format;
    sums_[static_cast<size_t>(element)] += matches ? (weight == value ? 1 : 0) : weight * value;
  }

  void pool(int element, int value) {
    const auto e = static_cast<size_t>(element);
    if (std::string(layer_.kind->name) == "average_pool") {
      sums_[e] += value;
    } else if (empty_[e] || value > sums_[e]) {
      sums_[e] = value;
      empty_[e] = false;
    }
  }

  void add(const std::vector<const Tensor*>& inputs) {
    for (size_t k = 0; k < inputs.size(); ++k) {
      for (size_t i = 0; i < sums_.size(); ++i) {
        const CodeTable& table = layer_.tables[k];
        sums_[i] += table.values[table.format.code(inputs[k]->values[i])];
      }
    }
  }

  void concat(const std::vector<const Tensor*>& inputs) {
    int first = 0;
    for (const Tensor* input : inputs) {
      for (int i = 0; i < input->shape.size(); ++i) {
        const int pixel = i / input->shape.channels;
        const int channel = first + i % input->shape.channels;
        sums_[static_cast<size_t>(pixel * layer_.output.channels + channel)] =
            input->values[static_cast<size_t>(i)];
      }
      first += input->shape.channels;
    }
  }

  /// By bisection, not by counting.
  int level(int row, int64_t sum) const {
    const std::string kind = layer_.kind->name;
    if (kind == "max_pool" || kind == "concat" || layer_.accumulator_output) {
      return static_cast<int>(sum);
    }
    const int per_row = layer_.output_format.levels() - 1;
    const auto first = layer_.thresholds.begin() + std::ptrdiff_t{row} * per_row;
    const auto reached = std::lower_bound(first, first + per_row, sum);
    return layer_.output_format.level(static_cast<int>(reached - first));
  }

  const Layer& layer_;
  std::vector<int64_t> sums_;
  std::vector<bool> empty_;
};

Tensor image_of(test::Random& random, Shape shape, NumberFormat format) {
  Tensor image{shape, {}};
  for (int i = 0; i < shape.size(); ++i) {
    image.values.push_back(format.level(uniform(random, 0, format.levels() - 1)));
  }
  return image;
}

/// One layer as a network, for layers that are compared with each other.
std::vector<int32_t> result(const Layer& layer, const Tensor& input) {
  return reference::run_layer(layer, input).values;
}

Layer depthwise(test::Random& random, NumberFormat weight) {
  Layer layer;
  layer.name = "depthwise";
  layer.inputs = {0};
  layer.input = {5, 4, 3};
  layer.kernel = {3, 2};
  layer.stride = {2, 1};
  layer.padding = {1, 0, 2, 1};
  layer.groups = 3;
  layer.input_format = full_format(4);
  layer.weight_format = weight;
  layer.output_format = unsigned_format(4);
  layer.output.channels = 6;
  layer.output = layer.kind->output(layer, "test");
  test::fill_graph_parameters(layer, random);
  return layer;
}

}  // namespace

TEST_CASE("every_layer_of_a_random_graph_is_what_scattering_its_inputs_gives") {
  const int trials = 300;
  std::map<std::string, int> kinds;
  int forks = 0;
  int levels = 0;
  int groups = 0;
  int changing = 0;
  for (int seed = 0; seed < trials; ++seed) {
    INFO("seed " << seed);
    test::Random random(static_cast<uint64_t>(seed));
    const Network network = test::random_graph(random);
    const auto tensors = reference::run(network, test::random_image(random, network));
    REQUIRE(tensors.size() == static_cast<size_t>(network.tensors()));
    for (int i = 0; i < static_cast<int>(network.layers.size()); ++i) {
      const Layer& layer = network.layer(i);
      INFO(layer.name);
      std::vector<const Tensor*> inputs;
      for (const int t : layer.inputs) inputs.push_back(&tensors[static_cast<size_t>(t)]);
      const Tensor& output = tensors[static_cast<size_t>(i) + 1];
      REQUIRE(output == Scatter(layer, inputs).output());
      ++kinds[layer.kind->name];
      groups += layer.groups > 1 ? 1 : 0;
      const auto [low, high] = std::minmax_element(output.values.begin(), output.values.end());
      changing += *low < *high ? 1 : 0;
    }
    for (int t = 0; t < network.tensors(); ++t) forks += network.consumers(t).size() > 1 ? 1 : 0;
    levels += network.layers.back().accumulator_output ? 0 : 1;
  }
  for (const LayerKind kind : layer_kinds()) CHECK(kinds[kind->name] > trials / 10);
  CHECK(forks > trials / 4);
  CHECK(groups > trials / 4);
  CHECK(levels > trials / 4);
  CHECK(levels < trials);
  CHECK(changing > 2 * trials);
}

TEST_CASE("a_grouped_convolution_is_the_whole_one_with_zeros_between_the_groups") {
  test::Random random(3);
  const Layer grouped = depthwise(random, signed_format(3));
  Layer whole = grouped;
  whole.groups = 1;
  whole.weights.assign(static_cast<size_t>(whole.rows()) * static_cast<size_t>(whole.columns()), 0);
  const int taps = grouped.kernel.height * grouped.kernel.width;
  for (int row = 0; row < grouped.rows(); ++row) {
    for (int tap = 0; tap < taps; ++tap) {
      whole.weights[static_cast<size_t>(row * whole.columns() + tap * 3 + row / 2)] =
          grouped.weights[static_cast<size_t>(row * taps + tap)];
    }
  }
  for (int i = 0; i < 20; ++i) {
    const Tensor image = image_of(random, grouped.input, grouped.input_format);
    CHECK(result(grouped, image) == result(whole, image));
  }
}

TEST_CASE("an_average_pool_is_a_depthwise_convolution_with_weights_of_one") {
  test::Random random(4);
  Layer ones = depthwise(random, signed_format(2));
  ones.output.channels = 3;
  ones.weights.assign(18, 1);
  ones.thresholds.resize(3 * 15);
  Layer pool = ones;
  pool.kind = LayerKind::average_pool;
  pool.groups = 1;
  pool.weights.clear();
  int different = 0;
  for (int i = 0; i < 20; ++i) {
    const Tensor image = image_of(random, pool.input, pool.input_format);
    CHECK(result(pool, image) == result(ones, image));
    different += result(pool, image).front() == result(pool, image).back() ? 0 : 1;
  }
  CHECK(different > 0);
}

TEST_CASE("an_add_with_linear_tables_is_a_convolution_on_joined_channels") {
  test::Random random(5);
  const NumberFormat in = full_format(5);
  const NumberFormat out = signed_format(6);
  Network adds;
  adds.name = "adds";
  Layer first;
  first.name = "branch";
  first.inputs = {0};
  first.input = {4, 3, 2};
  first.output = {4, 3, 2};
  first.input_format = first.output_format = in;
  first.weight_format = signed_format(3);
  test::fill_graph_parameters(first, random);
  adds.add(first);
  Network joins = adds;
  Layer add;
  add.name = "add";
  add.kind = LayerKind::add;
  add.inputs = {1, 0};
  add.input = add.output = first.output;
  add.input_format = in;
  add.output_format = out;
  const int factors[] = {3, -2};
  for (const int factor : factors) {
    CodeTable table{in, {}};
    for (uint32_t code = 0; code < 32; ++code) table.values.push_back(factor * in.value(code));
    add.tables.push_back(table);
  }
  test::fill_graph_parameters(add, random);
  adds.add(add);
  Layer concat;
  concat.name = "concat";
  concat.kind = LayerKind::concat;
  concat.inputs = {1, 0};
  concat.input = first.output;
  concat.output = {4, 3, 4};
  concat.input_format = concat.output_format = in;
  joins.add(concat);
  Layer sum;
  sum.name = "sum";
  sum.inputs = {2};
  sum.input = concat.output;
  sum.output = {4, 3, 2};
  sum.input_format = in;
  sum.weight_format = signed_format(3);
  sum.output_format = out;
  for (int row = 0; row < 2; ++row) {
    for (int c = 0; c < 4; ++c) {
      sum.weights.push_back(static_cast<int8_t>(c % 2 == row ? factors[c / 2] : 0));
    }
  }
  sum.thresholds = add.thresholds;
  joins.add(sum);
  validate(adds, "adds");
  validate(joins, "joins");
  for (int i = 0; i < 20; ++i) {
    const Tensor image = image_of(random, first.input, in);
    CHECK(reference::run(adds, image).back() == reference::run(joins, image).back());
  }
}

TEST_CASE("a_graph_that_contradicts_itself_is_refused_in_one_line") {
  test::Random random(8);
  std::map<std::string, std::function<void(Network&)>> damages = {
      {"reads tensor 99", [](Network& n) { n.layers[1].inputs[0] = 99; }},
      {"reads 0 tensors", [](Network& n) { n.layers[1].inputs.clear(); }},
      {"passes its sums out", [](Network& n) { n.layers[0].accumulator_output = true; }},
      {"groups", [](Network& n) { n.layers[0].groups = 7; }},
      {"thresholds", [](Network& n) { n.layers[0].thresholds.pop_back(); }},
      {"input is",
       [](Network& n) {
         Layer& layer = n.layers[1];
         layer.input.height += layer.stride.height;  // its output goes with it
         layer.output = layer.kind->output(layer, "damaged");
       }},
      {"tables", [](Network& n) { n.layers[0].tables.resize(1); }},
      {"kernel",
       [](Network& n) {
         n.layers[0].kernel = {1, 99};
       }},
      {"padding",
       [](Network& n) {
         n.layers[0].padding = {0, 0, 0, 99};
       }},
  };
  for (const auto& [text, damage] : damages) {
    Network bad = test::random_graph(random);
    CHECK(test::refusal([&] { validate(bad, "x.h5"); }) == "accepted");
    damage(bad);
    const std::string refusal = test::refusal([&] { validate(bad, "x.h5"); });
    INFO(text << " in: " << refusal);
    CHECK(refusal.rfind("x.h5: layer '", 0) == 0);
    CHECK(refusal.find(text) != std::string::npos);
    CHECK(refusal.find('\n') == std::string::npos);
  }
}

TEST_CASE("graphs_go_through_model_files_and_their_hash_sees_all_that_is_new") {
  const test::TemporaryFolder folder;
  for (int seed = 0; seed < 40; ++seed) {
    INFO("seed " << seed);
    test::Random random(static_cast<uint64_t>(seed));
    const Network network = test::random_graph(random);
    write_model(folder / "graph.h5", network);
    CHECK(read_model(folder / "graph.h5") == network);
  }
  test::Random random(7);
  Network network;
  network.name = "one";
  network.add(depthwise(random, signed_format(3)));
  const std::string hash = content_hash(network);
  const std::vector<std::function<void(Layer&)>> changes = {
      [](Layer& l) { l.inputs = {1}; },
      [](Layer& l) { l.kernel.width += 1; },
      [](Layer& l) { l.stride.width += 1; },
      [](Layer& l) { l.padding.left += 1; },
      [](Layer& l) { l.padding.bottom += 1; },
      [](Layer& l) { l.padding.right += 1; },
      [](Layer& l) { l.groups = 1; },
      [](Layer& l) { l.tables.resize(1); },
      [](Layer& l) { l.kind = LayerKind::add; },
      [](Layer& l) { l.input_format = signed_format(4); },
  };
  for (size_t i = 0; i < changes.size(); ++i) {
    INFO("change " << i);
    Network changed = network;
    changes[i](changed.layers[0]);
    CHECK(content_hash(changed) != hash);
  }
}
