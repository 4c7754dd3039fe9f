// What a command reads and what it writes, told by the names of its options, so that no output
// destroys an input or another output.
#pragma once

#include <string>
#include <vector>

namespace stuckat::cli {

enum class FileRole { none, read, written, folder_written };

/// Of an option or an argument; a name means the same in every command.
FileRole file_role(const std::string& name);

struct NamedFile {
  std::string option;  ///< "--csv"; of an argument its name alone
  std::string path;
};

/// What a file holds, told by its first bytes: the schema of an HDF5 file, or "HDF5", "JSON",
/// "markup", "text", "nothing", "something else".
std::string kind_of_file(const std::string& path);

/// What a command writes to one of its outputs, in the same words; "" if that is not known.
std::string kind_of_output(const std::string& command, const NamedFile& output);

/// Throws InputError where a file is there under the name of an output and is not of the kind that
/// the command writes there: it belongs to somebody else.
void refuse_foreign_file(const std::string& command, const NamedFile& output);

/// Files that are there and that the value of an option names, wherever in it: "m.h5",
/// "LABEL=m.h5", "dataflow:a.json", "map:a.csv,b.csv".
std::vector<std::string> files_in(const std::string& value);

/// Throws InputError where an output is the same file as an input or another output, or lies in a
/// folder that is an output. Devices and pipes, which are written to and not replaced, may repeat.
void refuse_same_files(const std::vector<NamedFile>& read, const std::vector<NamedFile>& written);

}  // namespace stuckat::cli
