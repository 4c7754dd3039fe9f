// What the tests of training graphs share.
#pragma once

#include <vector>

#include "tests/support/catch.h"
#include "tests/support/random_graph.h"
#include "trainer/model.h"
#include "trainer/product.h"
#include "trainer/train.h"
#include "workloads/dataset.h"
#include "workloads/errors.h"
#include "workloads/reference.h"

namespace stuckat::test {

/// A random graph that the trainer takes: one pixel of sums or levels of sums at the end. Its image
/// is one of raw_data(), whose bytes hold no values less a zero point.
inline Network trainable_graph(Random& random) {
  while (true) {
    Network network = random_graph(random);
    try {
      trainer::check_trainable(network);
    } catch (const InputError&) {
      continue;
    }
    const bool raw = !network.format(0).has_zero_point();
    if (raw && !trainer::by_tables(network)) return network;
  }
}

/// Every method and every second pass changes what training with these options comes to, but for
/// a second pass of radius 0. differs(options): whether it does.
template <class Differs>
void check_methods(const trainer::TrainOptions& options, const Differs& differs) {
  using trainer::InjectionKind;
  using trainer::Method;
  for (const Method method : {Method::fat1, Method::fat2, Method::dropout, Method::dropout2d}) {
    for (const InjectionKind kind : {InjectionKind::channel, InjectionKind::pixel}) {
      trainer::TrainOptions o = options;
      o.method = method;
      o.injection = kind;
      o.percent = 20;
      INFO(trainer::method_names()[static_cast<size_t>(method)]);
      CHECK(differs(o));
    }
  }
  for (const trainer::AscentRow& row : trainer::ascent_rows()) {
    trainer::TrainOptions o = options;
    o.ascent.row = &row;
    o.ascent.rho = 0;
    CHECK_FALSE(differs(o));
    o.ascent.rho = row.rho;
    INFO(row.name);
    CHECK(differs(o));
  }
}

/// Random images as values and as a block tensor.
struct GraphImages {
  GraphImages(const Network& network, int count, Random& random)
      : block(trainer::block_count(count) * trainer::block_elements(network.input())) {
    for (int n = 0; n < count; ++n) {
      images.push_back(random_image(random, network));
      for (size_t e = 0; e < images.back().values.size(); ++e) {
        block[static_cast<size_t>(n / trainer::lanes) * trainer::block_elements(network.input()) +
              e * trainer::lanes + static_cast<size_t>(n % trainer::lanes)] =
            static_cast<int16_t>(images.back().values[e]);
      }
    }
  }
  std::vector<Tensor> images;
  std::vector<int16_t> block;
};

/// Images of a random graph as raw data.
inline DataSet raw_data(const Network& network, int count, Random& random) {
  DataSet data;
  data.name = "raw";
  data.shape = network.input();
  data.classes = 2;
  data.is_raw = true;
  data.is_signed = network.layers.front().input_format.min_value() < 0;
  for (int n = 0; n < count; ++n) {
    data.labels.push_back(static_cast<uint16_t>(n % std::min(2, network.classes())));
    for (const auto v : random_image(random, network).values) {
      data.pixels.push_back(static_cast<uint8_t>(v));
    }
  }
  return data;
}

/// Values of a block tensor that are not the reference's, over all images.
inline int differing(const int16_t* found, const std::vector<std::vector<Tensor>>& expected,
                     int tensor) {
  int wrong = 0;
  for (size_t n = 0; n < expected.size(); ++n) {
    const Tensor& image = expected[n][static_cast<size_t>(tensor)];
    for (size_t e = 0; e < image.values.size(); ++e) {
      const size_t at = n / trainer::lanes * trainer::block_elements(image.shape) +
                        e * trainer::lanes + n % trainer::lanes;
      wrong += found[at] == image.values[e] ? 0 : 1;
    }
  }
  return wrong;
}

}  // namespace stuckat::test
