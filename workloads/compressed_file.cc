#include "workloads/compressed_file.h"

#include <lzma.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <memory>

#include "workloads/errors.h"

namespace stuckat {
namespace {

constexpr size_t most_decoded_bytes = most_plain_bytes;
constexpr uint64_t most_decoder_memory = uint64_t{1} << 28;

using Bytes = std::vector<uint8_t>;

bool starts_with(const Bytes& bytes, std::initializer_list<uint8_t> magic) {
  return bytes.size() >= magic.size() && std::equal(magic.begin(), magic.end(), bytes.begin());
}

void append(Bytes& output, const uint8_t* bytes, size_t count, const std::string& path) {
  if (output.size() + count > most_decoded_bytes) {
    throw InputError(path, "holds more than 1 GiB", "a smaller file");
  }
  output.insert(output.end(), bytes, bytes + count);
}

Bytes decode_gzip(Bytes& input, const std::string& path) {
  constexpr int window_bits_of_gzip = 16 + MAX_WBITS;
  z_stream stream{};
  if (inflateInit2(&stream, window_bits_of_gzip) != Z_OK) {
    throw InputError(path, "cannot be unpacked", "zlib with enough memory");
  }
  const std::unique_ptr<z_stream, int (*)(z_stream*)> end(&stream, inflateEnd);
  stream.next_in = input.data();
  stream.avail_in = static_cast<unsigned>(input.size());
  Bytes output;
  std::array<uint8_t, 1 << 16> block;
  int status = Z_OK;
  // A gzip file is one or more members, one after the other.
  while (status != Z_STREAM_END || stream.avail_in > 0) {
    if (status == Z_STREAM_END) inflateReset(&stream);
    stream.next_out = block.data();
    stream.avail_out = block.size();
    status = inflate(&stream, Z_NO_FLUSH);
    if (status != Z_OK && status != Z_STREAM_END) {
      throw InputError(path, "is damaged or cut off", "an intact gzip file");
    }
    append(output, block.data(), block.size() - stream.avail_out, path);
  }
  return output;
}

Bytes decode_xz(const Bytes& input, const std::string& path) {
  lzma_stream stream = LZMA_STREAM_INIT;
  if (lzma_stream_decoder(&stream, most_decoder_memory, LZMA_CONCATENATED) != LZMA_OK) {
    throw InputError(path, "cannot be unpacked", "liblzma with enough memory");
  }
  const std::unique_ptr<lzma_stream, void (*)(lzma_stream*)> end(&stream, lzma_end);
  stream.next_in = input.data();
  stream.avail_in = input.size();
  Bytes output;
  std::array<uint8_t, 1 << 16> block;
  lzma_ret status = LZMA_OK;
  while (status != LZMA_STREAM_END) {
    stream.next_out = block.data();
    stream.avail_out = block.size();
    status = lzma_code(&stream, LZMA_FINISH);
    if (status != LZMA_OK && status != LZMA_STREAM_END) {
      throw InputError(path, "is damaged or cut off", "an intact xz file");
    }
    append(output, block.data(), block.size() - stream.avail_out, path);
  }
  return output;
}

}  // namespace

std::vector<uint8_t> read_plain_file(const std::string& path, size_t most) {
  std::error_code error;
  const auto size = std::filesystem::file_size(path, error);
  if (error) throw InputError(path, "cannot be read (" + error.message() + ")", "a file");
  if (size > most) {
    throw InputError(path, "holds " + std::to_string(size) + " bytes",
                     "at most " + std::to_string(most));
  }
  Bytes bytes(size);
  std::ifstream file(path, std::ios::binary);
  file.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(size));
  if (!file) throw InputError(path, "cannot be read", "a readable file");
  return bytes;
}

std::vector<uint8_t> read_whole_file(const std::string& path) {
  Bytes bytes = read_plain_file(path);
  if (starts_with(bytes, {0x1f, 0x8b})) return decode_gzip(bytes, path);
  if (starts_with(bytes, {0xfd, '7', 'z', 'X', 'Z', 0})) return decode_xz(bytes, path);
  return bytes;
}

bool is_intact_zlib(std::span<const uint8_t> bytes) {
  z_stream stream{};
  if (inflateInit(&stream) != Z_OK) return false;
  const std::unique_ptr<z_stream, int (*)(z_stream*)> end(&stream, inflateEnd);
  std::vector<uint8_t> input(bytes.begin(), bytes.end());
  stream.next_in = input.data();
  stream.avail_in = static_cast<unsigned>(input.size());
  std::array<uint8_t, 1 << 16> block;
  int status = Z_OK;
  while (status == Z_OK) {
    stream.next_out = block.data();
    stream.avail_out = block.size();
    status = inflate(&stream, Z_NO_FLUSH);
  }
  return status == Z_STREAM_END && stream.avail_in == 0;
}

std::string find_compressed(const std::string& folder, const std::string& name) {
  for (const char* ending : {"", ".gz", ".xz"}) {
    const auto path = std::filesystem::path(folder) / (name + ending);
    std::error_code error;
    if (std::filesystem::is_regular_file(path, error)) return path.string();
  }
  return {};
}

}  // namespace stuckat
