#include <hdf5.h>

#include <limits>

#include "tests/support/catch.h"
#include "tests/support/temporary_folder.h"
#include "trainer/random.h"
#include "trainer/train.h"
#include "workloads/errors.h"
#include "workloads/zoo.h"

using namespace stuckat;
using namespace stuckat::trainer;

namespace {

/// Fills a data set of a checkpoint with one value.
void plant(const std::string& path, const std::string& name, float value) {
  const hid_t file = H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT);
  const hid_t data = H5Dopen2(file, name.c_str(), H5P_DEFAULT);
  const hid_t space = H5Dget_space(data);
  const std::vector<float> values(static_cast<size_t>(H5Sget_simple_extent_npoints(space)), value);
  CHECK(H5Dwrite(data, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()) >= 0);
  H5Sclose(space);
  H5Dclose(data);
  // As a file of the version before, which had no hash over its contents.
  CHECK(H5Adelete(file, "everything_hash") >= 0);
  const hid_t version = H5Aopen(file, "schema_version", H5P_DEFAULT);
  int64_t number = 0;
  CHECK(H5Aread(version, H5T_NATIVE_INT64, &number) >= 0);
  --number;
  CHECK(H5Awrite(version, H5T_NATIVE_INT64, &number) >= 0);
  H5Aclose(version);
  H5Fclose(file);
}

}  // namespace

TEST_CASE("divergence stops a run, says so, and keeps the last good checkpoint") {
  DataSet data;
  data.name = "noise";
  data.shape = {28, 28, 1};
  data.classes = 10;
  const Sequence random(5, Purpose::order);
  for (int n = 0; n < 20; ++n) data.labels.push_back(static_cast<uint16_t>(n % 10));
  for (uint64_t i = 0; i < 20 * 28 * 28; ++i) {
    data.pixels.push_back(static_cast<uint8_t>(random.below(i, 256)));
  }
  const Network network = zoo_network("tfc-w1a1", {.width = 0.25});
  const test::TemporaryFolder folder;
  TrainOptions options;
  options.checkpoint = folder / "checkpoint.h5";
  options.epochs = 3;
  options.batch = 20;  // one step for each epoch
  CHECK(train(network, {data, &data}, options, [](const Progress& p) {
          return p.epoch < 1;
        }).stopped);

  const std::string first = network.layers.front().name;
  const std::string last = network.layers.back().name;
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const auto [planted, value, message] = GENERATE_COPY(table<std::string, float, std::string>({
      {"/model/" + last + "/gamma", nan, "the loss is not finite in epoch"},
      // No float holds what the update makes of it.
      {"/model/" + last + "/gamma", 3e38f, "the training diverged"},
      // The loss is fine, and the update makes a NaN of a batch-norm, or of weights.
      {"/adam_first/" + first + "/gamma", nan, "the training diverged"},
      {"/adam_first/" + first + "/weights", nan, "the training diverged"},
  }));
  INFO(planted);
  plant(options.checkpoint, planted, value);
  const std::string before = test::read_bytes(options.checkpoint);
  CHECK_THROWS_WITH(train(network, {data, &data}, options), Catch::Contains(message));
  CHECK_THROWS_AS(train(network, {data, &data}, options), InputError);
  CHECK(test::read_bytes(options.checkpoint) == before);
}
