// The HDF5 owner against the plain C library, in both directions, and against damage.
#include <fcntl.h>
#include <hdf5.h>
#include <malloc.h>
#include <sys/file.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <random>

#include "tests/support/catch.h"
#include "tests/support/plain_hdf5.h"
#include "tests/support/refusal.h"
#include "tests/support/shared_data.h"
#include "tests/support/skip.h"
#include "tests/support/temporary_folder.h"
#include "workloads/errors.h"
#include "workloads/hash.h"
#include "workloads/hdf5_file.h"
#include "workloads/sanitized.h"

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
  CHECK_NOTHROW(file.check_schema("example", 3, 2));
  CHECK(file.children("/") == std::vector<std::string>{"big", "group", "hashed", "names"});
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
  CHECK_THROWS_WITH(file.check_schema("other", 3, 3),
                    Catch::Contains("'example', expected 'other'"));
  CHECK_THROWS_AS(file.check_schema("example", 5, 4), InputError);
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
  CHECK_NOTHROW(Hdf5File::open(folder / "a.h5").check_schema("example", 3, 3));

  std::filesystem::create_directories(folder / "taken.h5/inside");
  CHECK_THROWS_AS(write_example(folder / "taken.h5").commit(), InputError);
  CHECK(folder.files() == std::vector<std::string>{"a.h5", "taken.h5"});
}

TEST_CASE("what a file replaces is not read, and takes no memory") {
  if (sanitized) test::skip("sanitizers have an allocator of their own");
  const TemporaryFolder folder;
  const std::string path = folder / "a.h5";
  const std::string large(1 << 20, 'x');
  const auto in_use = [] {
    const struct mallinfo2 info = ::mallinfo2();
    return info.uordblks + info.hblkhd;
  };
  size_t before = 0;
  for (int i = 0; i < 5; ++i) {
    test::write_bytes(path, large);
    write_example(path).commit();
    if (i == 0) before = in_use();  // what the library keeps from its first file on
  }
  CHECK(in_use() < before + large.size());
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
  constexpr int trials = sanitized ? 250 : 1000;
  for (int trial = 0; trial < trials; ++trial) {
    INFO("trial " << trial);
    test::write_bytes(folder / "bad.h5", test::damaged(good, random));
    try {
      const Hdf5File file = Hdf5File::open(folder / "bad.h5");
      file.check_schema("example", 3, 2);
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

namespace {

/// `path` with other values in data sets and attributes, written by the plain library: every
/// checksum of the format is right afterwards.
template <class Change>
void change_with_library(const std::string& path, const Change& change) {
  const hid_t file = H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT);
  REQUIRE(file >= 0);
  change(file);
  H5Fclose(file);
}

void set_int(hid_t file, const char* attribute, int64_t value) {
  const hid_t id = H5Aopen(file, attribute, H5P_DEFAULT);
  REQUIRE(H5Awrite(id, H5T_NATIVE_INT64, &value) >= 0);
  H5Aclose(id);
}

}  // namespace

TEST_CASE("a file that was changed with all of the format's checksums right is refused") {
  const TemporaryFolder folder;
  const auto changed = [&](const auto& change) {
    write_example(folder / "a.h5").commit();
    change_with_library(folder / "a.h5", change);
    return test::refusal([&] {
      const Hdf5File file = Hdf5File::open(folder / "a.h5");
      file.check_schema("example", 3, 2);
      file.read_array<int32_t>("/group/other", {2});
      file.read_int("/group", "more");
    });
  };
  CHECK_THAT(changed([](hid_t file) { set_int(file, "schema_version", 4); }),
             Catch::Contains("holds something else than was written"));
  CHECK_THAT(changed([](hid_t file) {
               const hid_t id = H5Dopen2(file, "/group/matrix", H5P_DEFAULT);
               const int32_t values[] = {1, 2, 3, 4, 5, 6};
               REQUIRE(H5Dwrite(id, H5T_NATIVE_INT32, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0);
               H5Dclose(id);
             }),
             Catch::Contains("holds something else than was written"));
  CHECK_THAT(changed([](hid_t file) { H5Ldelete(file, "/big", H5P_DEFAULT); }),
             Catch::Contains("'/big' is not what was written"));
  CHECK_THAT(changed([](hid_t file) { H5Adelete(file, "everything_hash"); }),
             Catch::Contains("has no hash over what it holds"));
  // What others add is no part of what was written: it stays, and is not taken for it.
  CHECK_THAT(changed([](hid_t file) {
               const hsize_t two = 2;
               const hid_t space = H5Screate_simple(1, &two, nullptr);
               const hid_t id = H5Dcreate2(file, "/group/other", H5T_STD_I32LE, space, H5P_DEFAULT,
                                           H5P_DEFAULT, H5P_DEFAULT);
               const int32_t values[] = {1, 2};
               REQUIRE(H5Dwrite(id, H5T_NATIVE_INT32, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0);
               H5Dclose(id);
               H5Sclose(space);
             }),
             Catch::Contains("'/group/other' is not covered by the file's hash"));
}

TEST_CASE("a file without a hash is read where its schema version had none") {
  const TemporaryFolder folder;
  const hid_t file = test::create_plain_hdf5(folder / "old.h5");
  const hid_t space = H5Screate(H5S_SCALAR);
  const hid_t text = H5Tcopy(H5T_C_S1);
  H5Tset_size(text, 7);
  const hid_t schema = H5Acreate2(file, "schema", text, space, H5P_DEFAULT, H5P_DEFAULT);
  H5Awrite(schema, text, "example");
  const hid_t version =
      H5Acreate2(file, "schema_version", H5T_STD_I64LE, space, H5P_DEFAULT, H5P_DEFAULT);
  const int64_t two = 2;
  H5Awrite(version, H5T_NATIVE_INT64, &two);
  for (const hid_t id : {schema, version}) H5Aclose(id);
  H5Tclose(text);
  H5Sclose(space);
  H5Fclose(file);
  const Hdf5File old = Hdf5File::open(folder / "old.h5");
  CHECK(old.check_schema("example", 3, 2) == 2);
  CHECK_THROWS_WITH(old.check_schema("example", 2, 2), Catch::Contains("has no hash"));
  CHECK_THROWS_WITH(old.check_schema("example", 4, 3), Catch::Contains("version 2, expected 3"));
}

TEST_CASE("storage that is not in the file, or has no checksums, is refused") {
  const TemporaryFolder folder;
  // An external file, here one that everybody can read, would come in as weights.
  const hid_t file = test::create_plain_hdf5(folder / "x.h5");
  const hsize_t eight = 8;
  const hid_t space = H5Screate_simple(1, &eight, nullptr);
  const hid_t external = H5Pcreate(H5P_DATASET_CREATE);
  H5Pset_external(external, "/etc/passwd", 0, 8);
  H5Dclose(H5Dcreate2(file, "secret", H5T_STD_U8LE, space, H5P_DEFAULT, external, H5P_DEFAULT));
  H5Lcreate_soft("/secret", file, "soft", H5P_DEFAULT, H5P_DEFAULT);
  H5Lcreate_external("/etc/passwd", "/", file, "away", H5P_DEFAULT, H5P_DEFAULT);
  H5Pclose(external);
  H5Sclose(space);
  H5Fclose(file);
  const Hdf5File ours = Hdf5File::open(folder / "x.h5");
  CHECK_THROWS_WITH(ours.read_array<uint8_t>("/secret", {8}), Catch::Contains("not read here"));
  CHECK_FALSE(ours.exists("/soft"));
  CHECK_FALSE(ours.exists("/away"));

  // Superblock version 2, and everything below it in the old form.
  const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
  const hid_t creation = H5Pcreate(H5P_FILE_CREATE);
  H5Pset_shared_mesg_nindexes(creation, 1);  // asks for superblock 2
  H5Fclose(H5Fcreate((folder / "old.h5").c_str(), H5F_ACC_TRUNC, creation, access));
  H5Pclose(creation);
  H5Pclose(access);
  REQUIRE(test::read_bytes(folder / "old.h5")[8] == 2);
  CHECK_THROWS_WITH(Hdf5File::open(folder / "old.h5"),
                    Catch::Contains("metadata in the HDF5 format without checksums"));
}

TEST_CASE("groups in a circle, and too many in one another, end") {
  const TemporaryFolder folder;
  const hid_t circle = test::create_plain_hdf5(folder / "circle.h5");
  H5Gclose(H5Gcreate2(circle, "a", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
  H5Lcreate_hard(circle, "/", circle, "/a/root", H5P_DEFAULT, H5P_DEFAULT);
  H5Fclose(circle);
  CHECK_THROWS_AS(Hdf5File::open(folder / "circle.h5"), InputError);
  const hid_t deep = test::create_plain_hdf5(folder / "deep.h5");
  std::string name;
  for (int i = 0; i < 100; ++i) {
    name += "/g";
    H5Gclose(H5Gcreate2(deep, name.c_str(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
  }
  H5Fclose(deep);
  CHECK_THROWS_AS(Hdf5File::open(folder / "deep.h5"), InputError);
}

TEST_CASE("a file that is open for writing elsewhere is told as that, one with a lock is read") {
  const TemporaryFolder folder;
  write_example(folder / "a.h5").commit();
  std::string bytes = test::read_bytes(folder / "a.h5");
  REQUIRE(bytes[8] == 3);
  const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
  H5Pset_libver_bounds(access, H5F_LIBVER_V110, H5F_LIBVER_V110);
  const hid_t file = H5Fcreate((folder / "b.h5").c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, access);
  H5Fflush(file, H5F_SCOPE_GLOBAL);
  CHECK_THROWS_WITH(Hdf5File::open(folder / "b.h5"),
                    Catch::Contains("is open for writing in another program"));
  H5Fclose(file);
  H5Pclose(access);
  const int descriptor = ::open((folder / "a.h5").c_str(), O_RDWR);
  REQUIRE(::flock(descriptor, LOCK_EX) == 0);
  CHECK_NOTHROW(Hdf5File::open(folder / "a.h5"));
  ::close(descriptor);
}

TEST_CASE("files on which the library crashed or did not end are refused, and quickly") {
  const std::string cases = test::shared_data("cases/hdf5");
  if (cases.empty()) return;
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(cases)) {
    const std::string name = entry.path().filename().string();
    if (name.find("crash") == std::string::npos) continue;
    INFO(name);
    ++files;
    // Whichever way: told, or read without harm.
    const std::string told = test::refusal([&] { Hdf5File::open(entry.path().string()); });
    INFO(told);
    if (name.starts_with("old")) CHECK_THAT(told, Catch::Contains("without checksums"));
  }
  CHECK(files >= 4);
}

TEST_CASE("SHA-256 is the standard one, and fields do not run into each other") {
  // FIPS 180-4: SHA-256("abc"), here as three bytes after their count.
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
