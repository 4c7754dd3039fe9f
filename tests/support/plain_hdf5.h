// Files made by the plain C library, for tests of what others write.
#pragma once

#include <hdf5.h>

#include <string>

namespace stuckat::test {

/// Creates `path` in the format with checksums, which is the one that we read; or in the old one.
inline hid_t create_plain_hdf5(const std::string& path, bool old_format = false) {
  const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
  if (!old_format) H5Pset_libver_bounds(access, H5F_LIBVER_V18, H5F_LIBVER_LATEST);
  const hid_t file = H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, access);
  H5Pclose(access);
  return file;
}

}  // namespace stuckat::test
