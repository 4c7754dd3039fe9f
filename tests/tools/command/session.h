// The command as a user has it: run in a process of its own, judged by exit code, output and files.
#pragma once

#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "tests/support/catch.h"
#include "tests/support/random_network.h"
#include "tests/support/temporary_folder.h"
#include "workloads/model_file.h"

namespace stuckat::test {

struct Outcome {
  int code = -1;
  std::string output;  // standard output and standard error
};

/// environment: "NAME=VALUE ..."; streams: what becomes of standard error, by default output as
/// well.
inline Outcome run(const std::string& arguments, const std::string& environment = "",
                   const std::string& streams = "2>&1") {
  const std::string line = environment + " " + STUCKAT_COMMAND + " " + arguments + " " + streams;
  Outcome outcome;
  FILE* pipe = popen(line.c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::array<char, 4096> buffer;
  while (const size_t n = fread(buffer.data(), 1, buffer.size(), pipe)) {
    outcome.output.append(buffer.data(), n);
  }
  outcome.code = WEXITSTATUS(pclose(pipe));
  return outcome;
}

/// Bad input: exit code 2 and one readable line.
inline void check_refused(const std::string& arguments, const std::string& expected_text,
                          const std::string& environment = "") {
  INFO("stuckat " << arguments);
  const Outcome outcome = run(arguments, environment);
  INFO(outcome.output);
  CHECK(outcome.code == 2);
  CHECK(std::count(outcome.output.begin(), outcome.output.end(), '\n') == 1);
  CHECK_THAT(outcome.output, Catch::StartsWith("stuckat: ") && Catch::Contains(expected_text));
}

/// A small CNV with random parameters, and CIFAR-format images to go with it.
class Session {
 public:
  Session() {
    Random random(11);
    Network network = random_network(random);
    // 32x32x3 images, three layers.
    network.layers.clear();
    network.add(random_layer(random, LayerKind::convolution, {32, 32, 3}, fixed_point_format,
                             binary_format, binary_format, 3, 4, 0, 8, "layer0", false));
    network.add(random_layer(random, LayerKind::max_pool, {8, 8, 8}, binary_format, binary_format,
                             binary_format, 2, 2, 0, 8, "pool0", false));
    network.add(random_layer(random, LayerKind::convolution, {4, 4, 8}, binary_format,
                             binary_format, binary_format, 3, 1, 0, 8, "layer1", false));
    network.add(random_layer(random, LayerKind::dense, {2, 2, 8}, binary_format, binary_format,
                             binary_format, 1, 1, 0, 10, "layer2", true));
    network.name = "small";
    write_model(file("m.h5"), network);
    std::ofstream images(file("images.bin"), std::ios::binary);
    for (int i = 0; i < 60; ++i) {
      images.put(static_cast<char>(i % 10));
      for (int p = 0; p < 3072; ++p) images.put(static_cast<char>(random() & 255));
    }
  }
  std::string file(const std::string& name) const { return folder_ / name; }
  std::string data() const { return " --data cifar10:" + file("images.bin"); }
  std::string model() const { return file("m.h5"); }

 private:
  TemporaryFolder folder_;
};

/// What the command writes with --json; it succeeds.
inline nlohmann::json json_of(const Session& s, const std::string& arguments) {
  const std::string path = s.file("out.json");
  const auto outcome = run(arguments + " --json " + path);
  INFO("stuckat " << arguments << "\n" << outcome.output);
  REQUIRE(outcome.code == 0);
  return nlohmann::json::parse(read_bytes(path));
}

}  // namespace stuckat::test
