// Files that take the place of others: whole or not at all, through links, and not over devices.
#include <signal.h>
#include <sys/resource.h>

#include <filesystem>
#include <ostream>

#include "tests/support/catch.h"
#include "tests/support/in_child.h"
#include "tests/support/refusal.h"
#include "tests/support/temporary_folder.h"
#include "workloads/hdf5_file.h"
#include "workloads/text_file.h"

using namespace stuckat;
using test::TemporaryFolder;
namespace fs = std::filesystem;

namespace {

void write(const std::string& path, const std::string& text) {
  write_text_file(path, [&](std::ostream& out) { out << text; });
}

/// What a process that may write no more than `bytes` into a file is told.
template <class Action>
std::string told_with_limit(rlim_t bytes, const Action& action) {
  return test::in_child([&] {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit = {bytes, bytes};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    return test::refusal(action);
  });
}

}  // namespace

TEST_CASE("a link stays a link: what it points to is replaced, whether that is there or not") {
  const TemporaryFolder folder;
  fs::create_directory(folder / "far");
  fs::create_symlink("far/there", folder / "link");
  fs::create_symlink("link", folder / "link to link");
  write(folder / "link to link", "one");
  CHECK(test::read_bytes(folder / "far/there") == "one");
  write(folder / "link", "two");
  CHECK(test::read_bytes(folder / "far/there") == "two");
  CHECK(fs::is_symlink(folder / "link"));
  CHECK(fs::is_symlink(folder / "link to link"));
  auto file = Hdf5File::create(folder / "link");
  file.write_schema("example", 1);
  file.commit();
  CHECK(fs::is_symlink(folder / "link"));
  CHECK(Hdf5File::schema_of(folder / "far/there") == "example");
  CHECK(folder.files() == std::vector<std::string>{"far", "link", "link to link"});
  fs::create_symlink("a", folder / "b");
  fs::create_symlink("b", folder / "a");
  CHECK_THROWS_WITH(write(folder / "a", "x"), Catch::Contains("a link that leads nowhere"));
}

TEST_CASE("a disk that is full at any byte is told, and what was there stays") {
  const TemporaryFolder folder;
  const auto write_model = [&] {
    auto file = Hdf5File::create(folder / "m.h5");
    file.write_schema("example", 1);
    file.write_array<uint8_t>("/noise", std::vector<uint8_t>(5000, 7), {5000});
    file.commit();
  };
  write_model();
  const std::string good = test::read_bytes(folder / "m.h5");
  int failed = 0;
  for (rlim_t limit = 0; limit < good.size(); limit += 1 + good.size() / 29) {
    INFO("limit " << limit);
    CHECK_THAT(told_with_limit(limit, write_model), Catch::Contains("m.h5: cannot be written ("));
    ++failed;
    CHECK(test::read_bytes(folder / "m.h5") == good);
    CHECK(folder.files() == std::vector<std::string>{"m.h5"});
  }
  CHECK(failed > 20);
  CHECK(told_with_limit(good.size(), write_model) == "accepted");
  CHECK(test::read_bytes(folder / "m.h5") == good);

  write(folder / "t.txt", "old");
  CHECK_THAT(told_with_limit(10, [&] { write(folder / "t.txt", std::string(100'000, 'x')); }),
             Catch::Contains("t.txt: cannot be written"));
  CHECK(test::read_bytes(folder / "t.txt") == "old");
  CHECK_THROWS_WITH(write("/dev/full", "text"), Catch::Contains("/dev/full: cannot be written"));
  CHECK_NOTHROW(write("/dev/null", "text"));
  CHECK_THROWS_WITH(Hdf5File::create("/dev/null"), Catch::Contains("is no regular file"));
}
