// A reader of files against files with something wrong in them: README.md.
#pragma once

#include <sys/resource.h>
#include <unistd.h>

#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include "tests/fuzz/mutations.h"
#include "tests/support/catch.h"
#include "tests/support/in_child.h"
#include "tests/support/temporary_folder.h"
#include "workloads/errors.h"

namespace stuckat::test {

/// One kind of file.
struct Reader {
  std::string name;
  std::string file;                                    ///< a good one is written under this name
  std::function<void(const std::string& path)> write;  ///< a good one
  std::function<void(const std::string& path)> read;
  int trials;            ///< of a test run
  double refused = 0.1;  ///< share of the trials that must be refused: what was changed matters
};

inline int from_environment(const char* name, int standard) {
  const char* text = std::getenv(name);
  return text == nullptr ? standard : std::atoi(text);
}

/// "" if all is well: one text for each trial that went wrong.
inline std::string fuzz(const Reader& reader, const TemporaryFolder& folder, int trials, int seed) {
  const std::string path = folder / reader.file;
  reader.write(path);
  const std::string good = read_bytes(path);
  reader.read(path);  // what it refuses below is refused for what was changed
  std::mt19937_64 random(static_cast<uint64_t>(seed));
  int refused = 0;
  std::string wrong;
  for (int trial = 0; trial < trials; ++trial) {
    write_bytes(folder / "trial", std::to_string(trial));
    const bool by_content = path.ends_with(".json") || path.ends_with(".h5");
    if (!by_content || random() % 2 == 0) {
      write_bytes(path, damaged(good, random));
    } else if (path.ends_with(".json")) {
      write_bytes(path, changed_json(good, random));
    } else {
      write_bytes(path, good);
      change_hdf5(path, random);
    }
    constexpr unsigned most_seconds = 120;  // on a machine that does much else
    ::alarm(most_seconds);
    try {
      reader.read(path);
    } catch (const InputError& error) {
      ++refused;
      const std::string told = error.what();
      constexpr size_t longest = 5000;
      if (told.size() > longest || told.find('\n') != std::string::npos) {
        wrong += "trial " + std::to_string(trial) + " is told in a way that nobody reads\n";
      }
    } catch (const std::exception& error) {
      wrong += "trial " + std::to_string(trial) + " threw " + error.what() + "\n";
    }
    ::alarm(0);
  }
  if (refused < static_cast<int>(trials * reader.refused))
    wrong += "only " + std::to_string(refused) + " were refused\n";
  return wrong;
}

/// All of them, each in a process of its own.
inline void check_readers(const std::vector<Reader>& readers) {
  const int seed = from_environment("STUCKAT_FUZZ_SEED", 1);
  for (const Reader& reader : readers) {
    const int trials = from_environment("STUCKAT_FUZZ_TRIALS", reader.trials);
    INFO(reader.name << ": " << trials << " trials, STUCKAT_FUZZ_SEED=" << seed);
    const TemporaryFolder folder;
    const std::string wrong = in_child([&] { return fuzz(reader, folder, trials, seed); });
    INFO("the last trial was " << read_bytes(folder / "trial"));
    CHECK(wrong == "");
  }
}

}  // namespace stuckat::test
