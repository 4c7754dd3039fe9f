// The journal of a running campaign: append-only, checked, synced (FORMAT.md). Inside sim/campaign
// only.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "workloads/errors.h"

namespace stuckat::campaign {

class Journal {
 public:
  /// KEY and VALUE of each line of the header; neither holds a line end, no key a blank.
  using Header = std::vector<std::pair<std::string, std::string>>;

  /// Opens and locks `path`, or starts it with `header`. Throws InputError if another process has
  /// it, if it is no journal, or if a line differs from `header`; lines whose keys are in
  /// `taken_over` may differ.
  Journal(const std::string& path, const Header& header,
          const std::vector<std::string>& taken_over);
  ~Journal();
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  /// The header of the journal at `path`, without taking it. Throws InputError if there is none.
  static Header header_of(const std::string& path);

  /// It held a header already, so an earlier run was not finished.
  bool existed() const { return existed_; }
  /// The value of a line as it stands in the file.
  const std::string& value(const std::string& key) const;

  /// Calls use(unit, counts) for every whole record, in the order of the file, and cuts what
  /// follows the last of them. A record that use() refuses (false) ends the whole ones. Returns the
  /// number of bytes that were cut. Once, before append().
  int64_t replay(const std::function<bool(int64_t, std::span<const uint8_t>)>& use);

  /// One record, on the disk when this returns. Throws InputError if it cannot be written; then
  /// the journal is as it was before.
  void append(int64_t unit, std::span<const uint8_t> counts);

  /// A write went wrong.
  bool failed() const { return failed_; }

  /// Deletes the file: the result is there, or there is nothing to go on from.
  void remove();

 private:
  explicit Journal(const std::string& path);  // for reading only
  void start(const Header& header);
  void read_header();
  bool torn_off(const Header& header) const;
  InputError damaged() const;
  void write_at_end(const std::string& bytes);
  [[noreturn]] void fail(int error) const;

  std::string path_;
  int descriptor_ = -1;
  bool locked_ = false;
  bool existed_ = false;
  bool failed_ = false;
  Header header_;
  std::string checksum_;  // of the header
  int64_t end_ = 0;       // of the last whole record
};

}  // namespace stuckat::campaign
