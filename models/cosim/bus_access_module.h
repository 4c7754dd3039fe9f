// What every access of a bus has to keep to, but for its address.
#pragma once

#include <tlm>

namespace stuckat::cosim {

/// Neither a read nor a write: whatever it carries is for extensions, and it may have no bytes.
inline bool is_ignored(const tlm::tlm_generic_payload& transaction) {
  return transaction.get_command() == tlm::TLM_IGNORE_COMMAND;
}

inline tlm::tlm_response_status check_form(const tlm::tlm_generic_payload& transaction) {
  if (is_ignored(transaction)) return tlm::TLM_OK_RESPONSE;
  if (transaction.get_byte_enable_ptr() != nullptr) return tlm::TLM_BYTE_ENABLE_ERROR_RESPONSE;
  if (transaction.get_streaming_width() < transaction.get_data_length() ||
      transaction.get_data_length() == 0) {
    return tlm::TLM_BURST_ERROR_RESPONSE;
  }
  return tlm::TLM_OK_RESPONSE;
}

}  // namespace stuckat::cosim
