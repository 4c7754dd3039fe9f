#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <filesystem>

#include "sim/campaign/journal.h"
#include "sim/campaign/run.h"
#include "tests/sim/campaign/campaign_setup.h"
#include "tests/support/catch.h"
#include "tests/support/refusal.h"
#include "tests/support/temporary_folder.h"
#include "workloads/errors.h"

using namespace stuckat;
using namespace stuckat::campaign;
using test::CampaignSetup;
using test::TemporaryFolder;

namespace {
bool file_system_has_locks = true;
}

/// In the place of the C library's.
extern "C" int flock(int descriptor, int operation) {
  if (file_system_has_locks) return static_cast<int>(::syscall(SYS_flock, descriptor, operation));
  errno = ENOLCK;
  return -1;
}

namespace {

RunOptions small_chunks(int threads) {
  RunOptions options;
  options.threads = threads;
  options.chunk_images = 1;
  options.block_faults = 40;
  return options;
}

/// The uninterrupted file, and one folder for interrupted runs.
struct Interrupted : CampaignSetup {
  explicit Interrupted(uint64_t seed, int images = 24)
      : CampaignSetup(seed, images), faults(channel_faults(network)) {
    run_to_file(folder / "whole.h5", Resume::refuse, network, data, faults, small_chunks(1));
    whole = test::read_bytes(folder / "whole.h5");
    std::filesystem::remove(folder / "whole.h5");
  }
  Outcome go_on(Resume resume = Resume::allowed, const ProgressCallback& progress = {}) {
    return run_to_file(folder / "c.h5", resume, network, data, faults, small_chunks(2), engine,
                       progress);
  }
  /// Ends after about `images` chunks, as a kill between two chunks would.
  void stop_after(int images) {
    const auto outcome = go_on(Resume::allowed, [&](const Progress& p) {
      return p.done - p.resumed < images * std::min<int64_t>(faults.size(), 40);
    });
    REQUIRE_FALSE(outcome.finished);
  }
  /// Goes on in a child whose files may not grow beyond `bytes`: the kernel refuses as a full disk
  /// does. 0: finished, 2: the message of a full disk, anything else: something is wrong.
  int exit_code_with_limit(int64_t bytes) {
    const pid_t child = ::fork();
    if (child == 0) {
      ::signal(SIGXFSZ, SIG_IGN);
      const rlimit files{static_cast<rlim_t>(bytes), static_cast<rlim_t>(bytes)};
      ::setrlimit(RLIMIT_FSIZE, &files);
      int code = 4;
      try {
        go_on();
        code = 0;
      } catch (const InputError& error) {
        code = std::string(error.what()).find("room on the disk") != std::string::npos ? 2 : 5;
      } catch (...) {
        code = 3;
      }
      ::_exit(code);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  void check_whole() {
    CHECK(test::read_bytes(folder / "c.h5") == whole);
    CHECK(folder.files() == std::vector<std::string>{"c.h5"});
  }

  TemporaryFolder folder;
  FaultSet faults;
  Engine engine = fast_engine();
  std::string whole;
};

}  // namespace

TEST_CASE("killed at random moments and resumed, the file is that of an uninterrupted run") {
  Interrupted s(31);
  // Where a run is killed: after so many images, or where the journal crosses a size, in the middle
  // of a record. None of them can be the end: 24 images are more than all rounds do.
  const auto killed = [&](int images, int64_t bytes) {
    const pid_t child = ::fork();
    if (child == 0) {
      // No exit handlers: only what reached the disk counts.
      const rlimit no_core{0, 0};
      ::setrlimit(RLIMIT_CORE, &no_core);
      const rlimit files{static_cast<rlim_t>(bytes), static_cast<rlim_t>(bytes)};
      if (bytes > 0) ::setrlimit(RLIMIT_FSIZE, &files);
      try {
        s.go_on(Resume::allowed, [&, left = images](const Progress&) mutable {
          if (--left == 0) ::kill(::getpid(), SIGKILL);
          return true;
        });
      } catch (...) {
        ::_exit(3);
      }
      ::_exit(0);
    }
    REQUIRE(child > 0);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(WIFSIGNALED(status));
    CHECK(WTERMSIG(status) == (bytes > 0 ? SIGXFSZ : SIGKILL));
  };
  int torn = 0;
  for (int round = 0; round < 6; ++round) {
    INFO("round " << round);
    // An engine that is stopped between parts, too.
    s.engine = round % 2 == 0 ? fast_engine() : reference_engine();
    std::filesystem::remove(s.folder / "c.h5");
    // Two threads: at the third image one of them has written its first.
    killed(static_cast<int>(3 + s.random() % 6), 0);
    killed(static_cast<int>(1 + s.random() % 6), 0);
    const auto size = std::filesystem::file_size(s.folder / "c.h5.journal");
    killed(-1, static_cast<int64_t>(size + 1 + s.random() % 150));
    const Outcome outcome = s.go_on();
    CHECK(outcome.finished);
    CHECK(outcome.progress.done == outcome.progress.total);
    CHECK(outcome.progress.resumed > 0);
    torn += outcome.torn_bytes > 0;
    s.check_whole();
  }
  CHECK(torn >= 3);
}

TEST_CASE("whatever a kill leaves of the journal's end is cut and done again") {
  Interrupted s(32);
  s.stop_after(12);
  const std::string journal = test::read_bytes(s.folder / "c.h5.journal");
  const size_t header = journal.find("REC1");
  REQUIRE(header != std::string::npos);
  REQUIRE(journal.size() > header + 200);
  for (int trial = 0; trial < 24; ++trial) {
    INFO("trial " << trial);
    std::string torn = journal;
    switch (trial % 4) {
      case 0:  // cut anywhere, the header included
        torn.resize(s.random() % journal.size());
        break;
      case 1:  // a record half written: blocks of zeros
        torn.resize(journal.size() - s.random() % 100);
        torn.append(s.random() % 5000, '\0');
        break;
      case 2:  // a bit of a record flipped
        torn[header + s.random() % (journal.size() - header)] ^=
            static_cast<char>(1u << s.random() % 8);
        break;
      default:  // a record twice
        torn += journal.substr(header);
    }
    std::filesystem::remove(s.folder / "c.h5");
    test::write_bytes(s.folder / "c.h5.journal", torn);
    const Outcome outcome = s.go_on();
    CHECK(outcome.finished);
    CHECK(outcome.progress.done == outcome.progress.total);
    if (trial % 4 != 0) CHECK(outcome.torn_bytes > 0);
    s.check_whole();
  }
}

TEST_CASE("a journal of another campaign is refused and stays as it is") {
  Interrupted s(33);
  s.stop_after(5);
  const std::string before = test::read_bytes(s.folder / "c.h5.journal");
  const auto with = [&](const CampaignSetup& other, const FaultSet& faults, RunOptions options) {
    return test::refusal([&] {
      run_to_file(s.folder / "c.h5", Resume::required, other.network, other.data, faults, options);
    });
  };
  RunOptions options = small_chunks(1);
  options.images = 7;
  CHECK_THAT(with(s, s.faults, options), Catch::Contains("another campaign: images '24'"));
  options = small_chunks(1);
  options.shard = {0, 2};
  CHECK_THAT(with(s, s.faults, options), Catch::Contains("shard"));
  options = small_chunks(1);
  options.configuration = "{}";
  CHECK_THAT(with(s, s.faults, options), Catch::Contains("configuration"));
  CHECK_THAT(with(s, pixel_faults(s.network, true), small_chunks(1)),
             Catch::Contains("faults_hash"));
  CampaignSetup other(33, 24);
  other.data.pixels[5] ^= 1;
  CHECK_THAT(with(other, s.faults, small_chunks(1)), Catch::Contains("data_hash"));
  CHECK_THAT(test::refusal([&] { s.go_on(Resume::refuse); }), Catch::Contains("did not finish"));
  CHECK(test::read_bytes(s.folder / "c.h5.journal") == before);
  CHECK(read_unfinished(s.folder / "c.h5").shard == Shard{0, 1});
  CHECK(read_unfinished(s.folder / "c.h5").configuration.empty());
  CHECK_THROWS_AS(read_unfinished(s.folder / "other.h5"), InputError);

  test::write_bytes(s.folder / "c.h5.journal", "a letter to my aunt");
  CHECK_THAT(test::refusal([&] { s.go_on(); }), Catch::Contains("no journal"));
  // Damage in the header, its last line among it, is told, and the journal stays.
  const size_t checksum = before.find("\nchecksum ") + 1;
  for (const size_t at :
       {size_t{40}, checksum, checksum + 3, checksum + 8, checksum + 20, checksum + 9 + 64}) {
    INFO("byte " << at);
    std::string damaged = before;
    damaged[at] ^= 1;
    test::write_bytes(s.folder / "c.h5.journal", damaged);
    CHECK_THAT(test::refusal([&] { s.go_on(); }), Catch::Contains("is damaged"));
    CHECK(test::read_bytes(s.folder / "c.h5.journal") == damaged);
  }
  // Torn off before anything was counted: nothing is lost.
  for (size_t size = 0; size < checksum + 40; size += 13) {
    Interrupted torn(33);
    test::write_bytes(torn.folder / "c.h5.journal", before.substr(0, size));
    CHECK(test::refusal([&] { torn.go_on(); }) == "accepted");
  }
  // A resumed run takes over how the work was cut, whatever it is told now.
  test::write_bytes(s.folder / "c.h5.journal", before);
  options = small_chunks(1);
  options.chunk_images = 5;
  options.block_faults = 3;
  run_to_file(s.folder / "c.h5", Resume::required, s.network, s.data, s.faults, options);
  s.check_whole();
}

TEST_CASE("resuming a finished run gives its result, and needs something to resume") {
  Interrupted s(34);
  CHECK_THAT(test::refusal([&] { s.go_on(Resume::required); }),
             Catch::Contains("nothing to resume"));
  s.go_on();
  const Outcome again = s.go_on(Resume::required);
  CHECK(again.finished);
  CHECK(again.progress.resumed == again.progress.total);
  CHECK(again.result == read_result(s.folder / "c.h5"));
}

TEST_CASE("killed around the writing of the result, a run leaves nothing that stays") {
  Interrupted s(37);
  std::string journal;
  s.go_on(Resume::refuse, [&](const Progress& p) {
    if (p.done == p.total) journal = test::read_bytes(s.folder / "c.h5.journal");
    return true;
  });
  const std::string result = test::read_bytes(s.folder / "c.h5");
  // The result has its name, the journal is still there; and a partial file of a dead process.
  test::write_bytes(s.folder / "c.h5.journal", journal);
  test::write_bytes(s.folder / "c.h5.partial-1", result.substr(0, 100));
  CHECK(s.go_on().finished);
  s.check_whole();
}

TEST_CASE("two runs cannot use one journal") {
  Interrupted s(35);
  s.go_on(Resume::refuse, [&, asked = false](const Progress&) mutable {
    if (!asked) CHECK_THAT(test::refusal([&] { s.go_on(); }), Catch::Contains("in use"));
    asked = true;
    return true;
  });
  s.check_whole();
  const Journal::Header header = {{"key", "value"}};
  Journal journal(s.folder / "j", header, {});
  CHECK_THAT(test::refusal([&] { Journal(s.folder / "j", header, {}); }),
             Catch::Contains("in use"));
}

TEST_CASE("where the file system has no locks, a file beside the journal stands for one") {
  Interrupted s(38);
  const std::string owner = s.folder / "c.h5.journal.owner";
  file_system_has_locks = false;
  s.go_on(Resume::refuse, [&, asked = false](const Progress&) mutable {
    if (!asked) {
      CHECK_THAT(test::refusal([&] { s.go_on(); }),
                 Catch::Contains("may be in use by process " + std::to_string(::getpid())) &&
                     Catch::Contains("its file system has no locks"));
    }
    asked = true;
    return true;
  });
  CHECK_FALSE(std::filesystem::exists(owner));
  s.check_whole();
  // Left by a process of this host that is gone, and by one of another host.
  std::array<char, 256> host{};
  REQUIRE(::gethostname(host.data(), host.size() - 1) == 0);
  std::filesystem::remove(s.folder / "c.h5");
  test::write_bytes(owner, std::string(host.data()) + " 2147483647\n");
  CHECK(test::refusal([&] { s.go_on(); }) == "accepted");
  std::filesystem::remove(s.folder / "c.h5");
  test::write_bytes(owner, "elsewhere 1\n");
  CHECK_THAT(test::refusal([&] { s.go_on(); }), Catch::Contains("process 1 of elsewhere"));
  file_system_has_locks = true;
}

TEST_CASE("a result of the same campaign is not computed again, anything else is not replaced") {
  Interrupted s(39);
  s.go_on(Resume::refuse);
  int images = 0;
  const auto count = [&](const Progress&) { return ++images > 0; };
  for (const Resume resume : {Resume::refuse, Resume::allowed, Resume::required}) {
    const Outcome again = s.go_on(resume, count);
    CHECK(again.finished);
    CHECK(again.result == read_result(s.folder / "c.h5"));
  }
  CHECK(images == 0);
  const std::string good = test::read_bytes(s.folder / "c.h5");
  const auto with = [&](RunOptions options) {
    return test::refusal([&] {
      run_to_file(s.folder / "c.h5", Resume::allowed, s.network, s.data, s.faults, options);
    });
  };
  RunOptions other = small_chunks(1);
  other.images = 7;
  CHECK_THAT(with(other), Catch::Contains("holds another campaign: images '24', now '7'"));
  CHECK(test::read_bytes(s.folder / "c.h5") == good);
  test::write_bytes(s.folder / "c.h5", "a letter to my aunt");
  CHECK_THAT(with(small_chunks(1)), Catch::Contains("no result of this campaign"));
  CHECK(test::read_bytes(s.folder / "c.h5") == "a letter to my aunt");
  other.replace = true;
  CHECK(with(other) == "accepted");
  CHECK(read_result(s.folder / "c.h5").images == 7);
}

TEST_CASE("a full disk ends the run with a message, and what was done is resumed") {
  Interrupted s(36, 60);
  std::vector<int64_t> limits;
  for (int64_t limit = 100; limit < 40'000; limit = limit * 3 / 2) limits.push_back(limit);
  int failures = 0;
  for (const int64_t limit : limits) {
    INFO("limit " << limit);
    const int code = s.exit_code_with_limit(limit);
    CHECK((code == 2 || code == 0));
    failures += code == 2;
    if (code == 0) break;
    CHECK_FALSE(std::filesystem::exists(s.folder / "c.h5"));
  }
  CHECK(failures > 0);
  s.go_on();
  s.check_whole();

  // All chunks are in the journal; only the result has no room.
  std::filesystem::remove(s.folder / "c.h5");
  std::filesystem::create_directories(s.folder / "c.h5/in the way");
  CHECK_THAT(test::refusal([&] { s.go_on(); }), Catch::Contains("can be resumed"));
  std::filesystem::remove_all(s.folder / "c.h5");
  for (const int64_t limit : {0, 1000, 3000, 5000}) CHECK(s.exit_code_with_limit(limit) == 2);
  CHECK(s.go_on().progress.resumed > 0);
  s.check_whole();
}
