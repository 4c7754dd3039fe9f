#include "workloads/hash.h"

#include <openssl/evp.h>

#include <array>
#include <bit>
#include <cstring>
#include <stdexcept>

namespace stuckat {

struct Hasher::Context {
  struct Free {
    void operator()(EVP_MD_CTX* c) const { EVP_MD_CTX_free(c); }
  };
  std::unique_ptr<EVP_MD_CTX, Free> digest{EVP_MD_CTX_new()};
  std::array<unsigned char, 4096> waiting;  // small fields, digested together
  size_t waiting_bytes = 0;

  void digest_bytes(const void* bytes, size_t count) const {
    if (EVP_DigestUpdate(digest.get(), bytes, count) != 1) {
      throw std::runtime_error("SHA-256 failed");
    }
  }
  void digest_waiting() {
    digest_bytes(waiting.data(), waiting_bytes);
    waiting_bytes = 0;
  }
};

Hasher::Hasher() : context_(std::make_unique<Context>()) {
  if (!context_->digest || EVP_DigestInit_ex(context_->digest.get(), EVP_sha256(), nullptr) != 1) {
    throw std::runtime_error("SHA-256 is not available in this OpenSSL");
  }
}

Hasher::~Hasher() = default;
Hasher::Hasher(Hasher&&) noexcept = default;
Hasher& Hasher::operator=(Hasher&&) noexcept = default;

Hasher& Hasher::add(std::string_view text) {
  add_integer(text.size());
  return add_bytes(text.data(), text.size());
}

Hasher& Hasher::add(double value) { return add_integer(std::bit_cast<uint64_t>(value)); }

std::string Hasher::hex() {
  context_->digest_waiting();
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  if (EVP_DigestFinal_ex(context_->digest.get(), digest.data(), &size) != 1) {
    throw std::runtime_error("SHA-256 failed");
  }
  std::string text;
  for (unsigned i = 0; i < size; ++i) {
    text += "0123456789abcdef"[digest[i] >> 4];
    text += "0123456789abcdef"[digest[i] & 15];
  }
  return text;
}

Hasher& Hasher::add_integer(uint64_t value) {
  add_low_bytes(value, sizeof value);
  return *this;
}

Hasher& Hasher::add_bytes(const void* bytes, size_t count) {
  if (count == 0) return *this;
  Context& context = *context_;
  if (count > context.waiting.size() - context.waiting_bytes) context.digest_waiting();
  if (count > context.waiting.size()) {
    context.digest_bytes(bytes, count);
  } else {
    std::memcpy(context.waiting.data() + context.waiting_bytes, bytes, count);
    context.waiting_bytes += count;
  }
  return *this;
}

void Hasher::add_low_bytes(uint64_t value, size_t count) {
  std::array<unsigned char, sizeof value> bytes{};
  for (size_t i = 0; i < count; ++i) bytes[i] = static_cast<unsigned char>(value >> (8 * i));
  add_bytes(bytes.data(), count);
}

}  // namespace stuckat
