// The registers of the accelerator as a bus sees it: one table, which the device, docs/device.md
// and the tests read.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace stuckat::cosim {

enum class Register : uint32_t {
  id = 0x00,
  control = 0x04,
  status = 0x08,
  error = 0x0c,
  image_count = 0x10,
  images_done = 0x14,
  image_address = 0x18,
  image_address_high = 0x1c,
  result_address = 0x20,
  result_address_high = 0x24,
  image_bytes = 0x28,
  result_bytes = 0x2c,
  parameter_bytes = 0x30,
  total_cycles = 0x34,
  total_cycles_high = 0x38,
  first_image_cycles = 0x3c,
  first_image_cycles_high = 0x40,
  bytes_read = 0x44,
  bytes_read_high = 0x48,
  bytes_written = 0x4c,
  bytes_written_high = 0x50,
  kind = 0x54,
  parameter_address = 0x58,
  parameter_address_high = 0x5c,
  waiting_cycles = 0x60,
  waiting_cycles_high = 0x64,
};
inline constexpr size_t register_count = static_cast<size_t>(Register::waiting_cycles_high) / 4 + 1;

/// What a device of a family is to a host.
struct DeviceKind {
  uint32_t number = 0;              ///< what register `kind` says
  bool fetches_parameters = false;  ///< from memory, image by image; else the host writes them
};

/// constant: of the device, the rest changes.
enum class Access : uint8_t { constant, read_only, read_write, write_one_to_clear };
/// Which devices have the register.
enum class Devices : uint8_t { all, fetching };

struct RegisterRow {
  Register offset;
  const char* name;
  Access access;
  uint32_t reset;
  const char* meaning;
  Devices devices = Devices::all;
};
const std::vector<RegisterRow>& register_table();
/// The row at a byte offset, or null if such a device has no register there.
const RegisterRow* register_at(uint64_t offset, DeviceKind kind);

inline constexpr uint32_t device_id = 0x53544154;  // "STAT"
inline constexpr uint32_t control_start = 1u << 0;
inline constexpr uint32_t control_reset = 1u << 1;
inline constexpr uint32_t control_interrupt = 1u << 8;
inline constexpr uint32_t status_busy = 1u << 0;
inline constexpr uint32_t status_done = 1u << 1;
inline constexpr uint32_t status_error = 1u << 2;

/// What register `error` says: the first thing that went wrong since it was cleared.
enum class DeviceError : uint32_t {
  none,
  busy,
  image_count,
  address,
  parameters,
  memory,
  aborted,
  watchdog,
};
struct ErrorRow {
  DeviceError code;
  const char* name;
  const char* meaning;
};
const std::vector<ErrorRow>& error_table();

/// Both tables as they stand in docs/device.md.
std::string register_markdown();
std::string error_markdown();

}  // namespace stuckat::cosim
