// The HDF5 owner against the plain C library, in both directions, and against damage.
#include <hdf5.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <random>

#include "tests/support/catch.h"
#include "tests/support/plain_hdf5.h"
#include "tests/support/temporary_folder.h"
#include "workloads/errors.h"
#include "workloads/hash.h"
#include "workloads/hdf5_file.h"

using namespace stuckat;
using test::TemporaryFolder;

// HDF5 1.10 keeps small pieces of memory when it refuses a damaged file.
extern "C" const char* __lsan_default_suppressions();  // NOLINT: LeakSanitizer's name
extern "C" const char* __lsan_default_suppressions() { return "leak:libhdf5"; }

namespace {

Hdf5File write_example(const std::string& path) {
  Hdf5File file = Hdf5File::create(path);
  file.write_schema("example", 3);
  file.create_group("/group");
  file.write_string("/group", "title", "two by three");
  file.write_string("/group", "nothing", "");
  file.write_double("/group", "rate", 0.125);
  file.write_array<int32_t>("/group/matrix", {1, 2, 3, 4, 5, -6}, {2, 3});
  file.write_array<uint8_t>("/group/empty", {}, {0, 3});
  file.write_array<double>("/big", std::vector<double>(300'000, 1.5), {3, 100, 1000});
  file.write_strings("/names", {"a", "", "third"});
  return file;
}

}  // namespace

TEST_CASE(
    "the C library does not clean up at exit, where a damaged file makes it print complaints") {
  CHECK(H5dont_atexit() < 0);  // it was told so before its first function
}

TEST_CASE("what was written is read back, with its dimensions") {
  const TemporaryFolder folder;
  write_example(folder / "a.h5").commit();
  const Hdf5File file = Hdf5File::open(folder / "a.h5");
  CHECK_NOTHROW(file.check_schema("example", 3));
  CHECK(file.children("/") == std::vector<std::string>{"big", "group", "names"});
  CHECK(file.exists("/group/matrix"));
  CHECK_FALSE(file.exists("/group/other"));
  CHECK_FALSE(file.exists("/nowhere/at/all"));
  CHECK(file.has_attribute("/group", "title"));
  CHECK_FALSE(file.has_attribute("/group", "subtitle"));
  CHECK(file.read_string("/group", "title") == "two by three");
  CHECK(file.read_string("/group", "nothing").empty());
  CHECK(file.read_double("/group", "rate") == 0.125);
  CHECK(file.read_array<int32_t>("/group/matrix", {2, 3}) ==
        std::vector<int32_t>{1, 2, 3, 4, 5, -6});
  CHECK(file.read_array<uint8_t>("/group/empty", {Hdf5File::any_size, 3}).empty());
  CHECK(file.dimensions("/big") == Hdf5File::Dimensions{3, 100, 1000});
  CHECK(file.read_array<double>("/big", {3, 100, 1000}) == std::vector<double>(300'000, 1.5));
  CHECK(file.read_strings("/names", 3) == std::vector<std::string>{"a", "", "third"});
}

TEST_CASE("what does not match the expectation is an InputError that names it") {
  const TemporaryFolder folder;
  write_example(folder / "a.h5").commit();
  const Hdf5File file = Hdf5File::open(folder / "a.h5");
  CHECK_THROWS_WITH(file.read_array<int32_t>("/group/matrix", {3, 2}),
                    Catch::Contains("'/group/matrix' has dimensions 2 x 3, expected 3 x 2"));
  CHECK_THROWS_WITH(file.read_array<int32_t>("/group/matrix", {6}), Catch::Contains("2 x 3"));
  CHECK_THROWS_WITH(file.read_array<int8_t>("/group/matrix", {2, 3}),
                    Catch::Contains("holds int32, expected int8"));
  CHECK_THROWS_AS(file.read_array<uint32_t>("/group/matrix", {2, 3}), InputError);
  CHECK_THROWS_AS(file.read_array<float>("/big", {3, 100, 1000}), InputError);
  CHECK_THROWS_AS(file.read_array<double>("/names", {3}), InputError);
  CHECK_THROWS_AS(file.read_array<double>("/group", {3}), InputError);
  CHECK_THROWS_AS(file.read_array<double>("/missing", {3}), InputError);
  CHECK_THROWS_AS(file.read_strings("/group/matrix"), InputError);
  CHECK_THROWS_AS(file.read_strings("/names", 4), InputError);
  CHECK_THROWS_AS(file.read_string("/group", "rate"), InputError);
  CHECK_THROWS_AS(file.read_int("/group", "title"), InputError);
  CHECK_THROWS_AS(file.read_int("/group", "rate"), InputError);
  CHECK_THROWS_AS(file.read_double("/group", "title"), InputError);
  CHECK_THROWS_AS(file.read_double("/nowhere", "title"), InputError);
  CHECK_THROWS_WITH(file.read_int("/", "schema_version", 5, 9), Catch::Contains("5 to 9"));
  CHECK_THROWS_WITH(file.check_schema("other", 3), Catch::Contains("'example', expected 'other'"));
  CHECK_THROWS_AS(file.check_schema("example", 4), InputError);
  CHECK_THROWS_AS(file.children("/names"), InputError);
  CHECK_THROWS_AS(Hdf5File::open(folder / "missing.h5"), InputError);
  CHECK_THROWS_AS(Hdf5File::open(folder.path().string()), InputError);
}

TEST_CASE("writing a name twice or into a missing group is refused") {
  const TemporaryFolder folder;
  Hdf5File file = write_example(folder / "a.h5");
  CHECK_THROWS_AS(file.write_array<int8_t>("/names", {1}, {1}), InputError);
  CHECK_THROWS_AS(file.write_array<int8_t>("/missing/x", {1}, {1}), InputError);
  CHECK_THROWS_AS(file.create_group("/group"), InputError);
  CHECK_THROWS_AS(file.write_int("/", "schema", 1), InputError);
  CHECK_THROWS_AS(file.write_string("/", "long", std::string(100'000, 'x')), InputError);
  CHECK_THROWS_AS(Hdf5File::create(folder / "no/such/folder.h5"), InputError);
}

TEST_CASE("what killed processes left is removed, what others are writing is not") {
  const test::TemporaryFolder folder;
  const std::string running = folder / ("a.h5.partial-" + std::to_string(::getppid()));
  for (const std::string& name : {running, folder / "a.h5.partial-2147483647",
                                  folder / "a.h5.partial-x", folder / "b.h5.partial-2147483647"}) {
    std::ofstream(name) << "x";
  }
  Hdf5File::remove_leftovers(folder / "a.h5");
  CHECK_FALSE(std::filesystem::exists(folder / "a.h5.partial-2147483647"));
  CHECK(std::filesystem::exists(running));
  CHECK(std::filesystem::exists(folder / "a.h5.partial-x"));
  CHECK(std::filesystem::exists(folder / "b.h5.partial-2147483647"));
  std::filesystem::create_symlink("/dev/null", folder / "device");
  CHECK_THROWS_AS(Hdf5File::create(folder / "device"), InputError);
  Hdf5File::remove_leftovers("/nonexistent/a.h5");
}

TEST_CASE("a file has its name only after commit, and the old one stays until then") {
  const TemporaryFolder folder;
  test::write_bytes(folder / "a.h5", "old");
  {
    const Hdf5File abandoned = write_example(folder / "a.h5");
    CHECK(test::read_bytes(folder / "a.h5") == "old");
  }
  CHECK(test::read_bytes(folder / "a.h5") == "old");
  CHECK(folder.files() == std::vector<std::string>{"a.h5"});
  Hdf5File file = write_example(folder / "a.h5");
  Hdf5File moved = std::move(file);
  moved.commit();
  CHECK(folder.files() == std::vector<std::string>{"a.h5"});
  CHECK_NOTHROW(Hdf5File::open(folder / "a.h5").check_schema("example", 3));

  std::filesystem::create_directories(folder / "taken.h5/inside");
  CHECK_THROWS_AS(write_example(folder / "taken.h5").commit(), InputError);
  CHECK(folder.files() == std::vector<std::string>{"a.h5", "taken.h5"});
}

TEST_CASE("the same contents make the same bytes") {
  const TemporaryFolder folder;
  write_example(folder / "a.h5").commit();
  write_example(folder / "b.h5").commit();
  CHECK(test::read_bytes(folder / "a.h5") == test::read_bytes(folder / "b.h5"));
}

TEST_CASE("the plain C library reads our rows and columns") {
  const TemporaryFolder folder;
  write_example(folder / "a.h5").commit();
  const hid_t file = H5Fopen((folder / "a.h5").c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
  REQUIRE(file >= 0);
  const hid_t dataset = H5Dopen2(file, "/group/matrix", H5P_DEFAULT);
  const hid_t space = H5Dget_space(dataset);
  hsize_t extents[2] = {};
  REQUIRE(H5Sget_simple_extent_ndims(space) == 2);
  H5Sget_simple_extent_dims(space, extents, nullptr);
  CHECK(extents[0] == 2);
  CHECK(extents[1] == 3);
  int matrix[2][3] = {};
  REQUIRE(H5Dread(dataset, H5T_NATIVE_INT, H5S_ALL, H5S_ALL, H5P_DEFAULT, matrix) >= 0);
  CHECK(matrix[0][2] == 3);
  CHECK(matrix[1][0] == 4);
  H5Sclose(space);
  H5Dclose(dataset);
  H5Fclose(file);
}

TEST_CASE("we read what the plain C library wrote, big-endian, contiguous and of other strings") {
  const TemporaryFolder folder;
  const hid_t file = test::create_plain_hdf5(folder / "c.h5");
  const hsize_t extents[2] = {3, 2};
  const int16_t small[3][2] = {{1, 2}, {3, 4}, {5, -6}};
  const hid_t space = H5Screate_simple(2, extents, nullptr);
  const hid_t dataset =
      H5Dcreate2(file, "matrix", H5T_STD_I32BE, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  REQUIRE(H5Dwrite(dataset, H5T_NATIVE_SHORT, H5S_ALL, H5S_ALL, H5P_DEFAULT, small) >= 0);
  const hid_t text = H5Tcopy(H5T_C_S1);
  H5Tset_size(text, H5T_VARIABLE);
  const hid_t scalar = H5Screate(H5S_SCALAR);
  const hid_t attribute = H5Acreate2(dataset, "title", text, scalar, H5P_DEFAULT, H5P_DEFAULT);
  const char* title = "variable";
  REQUIRE(H5Awrite(attribute, text, static_cast<const void*>(&title)) >= 0);
  const hid_t number = H5Acreate2(dataset, "n", H5T_STD_I16BE, scalar, H5P_DEFAULT, H5P_DEFAULT);
  REQUIRE(H5Awrite(number, H5T_NATIVE_SHORT, &small[2][1]) >= 0);
  const hsize_t two = 2;
  const hid_t line = H5Screate_simple(1, &two, nullptr);
  const hid_t names = H5Dcreate2(file, "names", text, line, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  const char* words[2] = {"one", "twenty"};
  REQUIRE(H5Dwrite(names, text, H5S_ALL, H5S_ALL, H5P_DEFAULT, static_cast<const void*>(words)) >=
          0);
  // Claims 2^60 elements, holds none.
  const hsize_t huge = hsize_t{1} << 60;
  const hsize_t chunk = 1024;
  const hid_t chunked = H5Pcreate(H5P_DATASET_CREATE);
  H5Pset_chunk(chunked, 1, &chunk);
  const hid_t desert = H5Screate_simple(1, &huge, nullptr);
  const hid_t claim =
      H5Dcreate2(file, "huge", H5T_STD_I32LE, desert, H5P_DEFAULT, chunked, H5P_DEFAULT);
  REQUIRE(claim >= 0);
  for (const hid_t id : {claim, names}) H5Dclose(id);
  for (const hid_t id : {space, scalar, line, desert}) H5Sclose(id);
  for (const hid_t id : {attribute, number}) H5Aclose(id);
  H5Pclose(chunked);
  H5Tclose(text);
  H5Dclose(dataset);
  H5Fclose(file);

  const Hdf5File ours = Hdf5File::open(folder / "c.h5");
  CHECK(ours.read_array<int32_t>("/matrix", {3, 2}) == std::vector<int32_t>{1, 2, 3, 4, 5, -6});
  CHECK(ours.read_string("/matrix", "title") == "variable");
  CHECK(ours.read_int("/matrix", "n") == -6);
  CHECK(ours.read_strings("/names") == std::vector<std::string>{"one", "twenty"});
  CHECK_THROWS_WITH(ours.read_array<int32_t>("/huge", {Hdf5File::any_size}),
                    Catch::Contains("as many as the file holds"));
}

TEST_CASE("a file in the old format, which has no checksums, is refused") {
  const TemporaryFolder folder;
  H5Fclose(test::create_plain_hdf5(folder / "old.h5", true));
  CHECK_THROWS_WITH(Hdf5File::open(folder / "old.h5"), Catch::Contains("without checksums"));
  test::write_bytes(folder / "text.h5", "not HDF5 at all");
  CHECK_THROWS_WITH(Hdf5File::open(folder / "text.h5"), Catch::Contains("no HDF5 file"));
}

TEST_CASE("a damaged HDF5 file gives its contents or an InputError, never a crash") {
  const TemporaryFolder folder;
  write_example(folder / "a.h5").commit();
  const std::string good = test::read_bytes(folder / "a.h5");
  std::mt19937_64 random(1);
  int refused = 0;
  constexpr int trials = 600;
  for (int trial = 0; trial < trials; ++trial) {
    INFO("trial " << trial);
    test::write_bytes(folder / "bad.h5", test::damaged(good, random));
    try {
      const Hdf5File file = Hdf5File::open(folder / "bad.h5");
      file.check_schema("example", 3);
      file.children("/group");
      const std::string title = file.read_string("/group", "title");
      const auto matrix = file.read_array<int32_t>("/group/matrix", {2, 3});
      const auto big = file.read_array<double>("/big", {3, 100, 1000});
      const auto names = file.read_strings("/names");
      // Whatever the checksums let through is what was written.
      CHECK(title == "two by three");
      CHECK(matrix == std::vector<int32_t>{1, 2, 3, 4, 5, -6});
      CHECK(big == std::vector<double>(300'000, 1.5));
      CHECK(names == std::vector<std::string>{"a", "", "third"});
    } catch (const InputError&) {
      ++refused;
    }
  }
  CHECK(refused > trials / 4);
  CHECK(H5Fget_obj_count(H5F_OBJ_ALL, H5F_OBJ_ALL) == 0);
}

TEST_CASE("SHA-256 is the standard one, and fields do not run into each other") {
  // FIPS 180-4: SHA-256("abc"), here as three bytes behind their count.
  const std::vector<uint8_t> bytes = {'a', 'b', 'c'};
  CHECK(Hasher().add(std::span<const uint8_t>(bytes)).hex() ==
        Hasher().add(std::string_view("abc")).hex());
  CHECK(Hasher().hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(Hasher().add(std::string_view("ab")).add(std::string_view("c")).hex() !=
        Hasher().add(std::string_view("a")).add(std::string_view("bc")).hex());
  const std::vector<int32_t> words = {1, -1};
  CHECK(Hasher().add(std::span<const int32_t>(words)).hex() != Hasher().add(1).add(-1).hex());
  CHECK(Hasher().add(1.0).hex() != Hasher().add(1).hex());
}
