#include "models/cosim/register_map.h"

#include <cstdio>

namespace stuckat::cosim {
namespace {

const char* access_text(Access access) {
  switch (access) {
    case Access::constant:
      return "read, constant";
    case Access::read_only:
      return "read";
    case Access::read_write:
      return "read, write";
    case Access::write_one_to_clear:
      return "read, write 1 to clear";
  }
  return "";
}

}  // namespace

const std::vector<RegisterRow>& register_table() {
  using R = Register;
  constexpr Access fix = Access::constant, ro = Access::read_only, rw = Access::read_write,
                   w1c = Access::write_one_to_clear;
  static const std::vector<RegisterRow> rows = {
      {R::id, "id", fix, device_id, "what this is, \"STAT\""},
      {R::control, "control", rw, 0,
       "bit 0 start; bit 1 reset (both read as 0); bit 8 interrupt enable"},
      {R::status, "status", w1c, 0,
       "bit 0 busy (read only); bit 1 done; bit 2 error. The interrupt is high while it is enabled "
       "and done or error is set"},
      {R::error, "error", ro, 0, "code of the first error since `status` bit 2 was cleared, below"},
      {R::image_count, "image_count", rw, 1, "images of the next run, at least 1"},
      {R::images_done, "images_done", ro, 0, "results of the run that are in memory"},
      {R::image_address, "image_address", rw, 0,
       "address of the first image, a multiple of 4; low"},
      {R::image_address_high, "image_address_high", rw, 0, "high 32 bits"},
      {R::result_address, "result_address", rw, 0,
       "address of the first result, a multiple of 4; low"},
      {R::result_address_high, "result_address_high", rw, 0, "high 32 bits"},
      {R::image_bytes, "image_bytes", fix, 0,
       "bytes of an image in memory; images follow each other"},
      {R::result_bytes, "result_bytes", fix, 0,
       "bytes of a result, usually a 32-bit little-endian accumulator for each class; results "
       "follow each other"},
      {R::parameter_bytes, "parameter_bytes", fix, 0,
       "bytes of all weights and thresholds: dataflow, behind the socket `parameters`; loopback, "
       "in "
       "memory"},
      {R::total_cycles, "total_cycles", ro, 0,
       "cycles of the run, from start to the last byte of the last result; low"},
      {R::total_cycles_high, "total_cycles_high", ro, 0, "high 32 bits"},
      {R::first_image_cycles, "first_image_cycles", ro, 0,
       "cycles until the first result left the accelerator; low"},
      {R::first_image_cycles_high, "first_image_cycles_high", ro, 0, "high 32 bits"},
      {R::bytes_read, "bytes_read", ro, 0, "bytes read from memory in the run; low"},
      {R::bytes_read_high, "bytes_read_high", ro, 0, "high 32 bits"},
      {R::bytes_written, "bytes_written", ro, 0, "bytes written to memory in the run; low"},
      {R::bytes_written_high, "bytes_written_high", ro, 0, "high 32 bits"},
      {R::kind, "kind", fix, 0, "of the accelerator: 0 dataflow, 1 loopback, 2 systolic"},
      {R::parameter_address, "parameter_address", rw, 0,
       "address of the weights and thresholds, a multiple of 4; low", Devices::fetching},
      {R::parameter_address_high, "parameter_address_high", rw, 0, "high 32 bits",
       Devices::fetching},
      {R::waiting_cycles, "waiting_cycles", ro, 0,
       "cycles of the run in which the array waited for weights; low", Devices::fetching},
      {R::waiting_cycles_high, "waiting_cycles_high", ro, 0, "high 32 bits", Devices::fetching},
  };
  return rows;
}

const RegisterRow* register_at(uint64_t offset, DeviceKind kind) {
  for (const RegisterRow& row : register_table()) {
    if (static_cast<uint64_t>(row.offset) != offset) continue;
    const bool has = row.devices == Devices::all || kind.fetches_parameters;
    return has ? &row : nullptr;
  }
  return nullptr;
}

const std::vector<ErrorRow>& error_table() {
  using E = DeviceError;
  static const std::vector<ErrorRow> rows = {
      {E::none, "none", "nothing went wrong"},
      {E::busy, "busy", "started, or a setting written, while busy; the run goes on"},
      {E::image_count, "image_count", "started with no image"},
      {E::address, "address",
       "an image, result or parameter address is no multiple of 4, or the end is beyond 2^64"},
      {E::parameters, "parameters",
       "a weight or a threshold is out of its range; one that is fetched from memory ends the run"},
      {E::memory, "memory", "memory answered a transfer with an error"},
      {E::aborted, "aborted", "reset while busy"},
      {E::watchdog, "watchdog",
       "memory did not answer, or nothing moved, in time; the run goes on"},
  };
  return rows;
}

std::string register_markdown() {
  std::string text =
      "| offset | register | of | access | after reset | meaning |\n|---|---|---|---|---|---|\n";
  for (const RegisterRow& row : register_table()) {
    char line[64];
    std::snprintf(line, sizeof line, "| 0x%02x | `%s` | ", static_cast<uint32_t>(row.offset),
                  row.name);
    text += line;
    text += row.devices == Devices::all ? "all | " : "loopback, systolic | ";
    text += std::string(access_text(row.access)) + " | ";
    const bool of_network = row.access == Access::constant && row.reset == 0;
    std::snprintf(line, sizeof line, row.reset > 9 ? "0x%x | " : "%u | ", row.reset);
    text += (of_network ? "of the device | " : line) + std::string(row.meaning) + " |\n";
  }
  return text;
}

std::string error_markdown() {
  std::string text = "| code | error | meaning |\n|---|---|---|\n";
  for (const ErrorRow& row : error_table()) {
    text += "| " + std::to_string(static_cast<uint32_t>(row.code)) + " | " + row.name + " | " +
            row.meaning + " |\n";
  }
  return text;
}

}  // namespace stuckat::cosim
