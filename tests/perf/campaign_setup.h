// Networks and images that the campaign benchmarks measure.
#pragma once

#include <iostream>
#include <random>
#include <string>
#include <vector>

#include "tests/support/bnn_pynq_folder.h"
#include "tests/support/random_network.h"
#include "tests/support/shared_data.h"
#include "workloads/bnn_pynq.h"
#include "workloads/dataset.h"
#include "workloads/zoo.h"

namespace stuckat::bench {

struct Setup {
  Network network;
  DataSet data;                // empty: random images
  std::vector<Tensor> images;  // those
};

inline Setup random_setup(const std::string& name, double width) {
  std::mt19937_64 random(1);
  ZooOptions options;
  options.width = width;
  Setup setup;
  setup.network = zoo_network(name, options);
  for (Layer& layer : setup.network.layers) {
    if (layer.has_weights()) test::fill_parameters(layer, random);
  }
  for (int i = 0; i < 40; ++i) setup.images.push_back(test::random_image(random, setup.network));
  return setup;
}

/// The published trained network and true CIFAR-10 images if STUCKAT_DATA has them, else random
/// parameters and images.
inline Setup make_setup(const std::string& name) {
  Setup setup;
  const std::string published = name == "cnv-w1a1"   ? "cnvW1A1"
                                : name == "cnv-w1a2" ? "cnvW1A2"
                                                     : "";
  if (!published.empty()) {
    const std::string archive = test::find_shared_data("bnn-pynq/cifar10-" + published + ".tar.xz");
    const std::string images = test::find_shared_data("cifar10/test_exact_first1017.bin.xz");
    if (!archive.empty() && !images.empty()) {
      const test::TemporaryFolder folder;
      setup.network =
          import_bnn_pynq(test::unpacked(folder, archive, "cifar10/" + published), name);
      setup.data = read_dataset("cifar10:" + images, {});
      return setup;
    }
  }
  std::cout << "random parameters and images\n";
  return random_setup(name, 1.0);
}

inline Tensor image_of(const Setup& setup, int64_t index) {
  if (setup.data.size() > 0) {
    return input_tensor(setup.network, setup.data, static_cast<int>(index % setup.data.size()));
  }
  return setup.images[static_cast<size_t>(index) % setup.images.size()];
}

inline int label_of(const Setup& setup, int64_t index) {
  return setup.data.size() > 0 ? setup.data.labels[static_cast<size_t>(index % setup.data.size())]
                               : 0;
}

}  // namespace stuckat::bench
