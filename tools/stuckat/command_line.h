// One description of a command's options feeds its parser, its configuration file and its help.
#pragma once

#include <boost/program_options.hpp>
#include <functional>
#include <iosfwd>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tools/stuckat/files.h"
#include "workloads/errors.h"

namespace stuckat::cli {

namespace po = boost::program_options;

/// Does an option change what a command does, with the other options as they are?
struct Effect {
  std::string option;
  bool has_effect;
  std::string otherwise;  ///< "without faults"
  std::string expected;
};

/// The options of one command. Adds --help, --version, --quiet, --force, --config FILE (lines
/// `option = value`) and --json FILE to what the command describes. Where a document goes to
/// standard output (--json -, --trace -), nothing else does: all that is printed goes to standard
/// error from parse() on, or nowhere with --quiet.
class CommandLine {
 public:
  /// usage: "eval MODEL --data NAME[:PATH] [options]"; description: a paragraph for --help;
  /// positional: names of the arguments that need no option name, in order; the last one takes
  /// all that follow if its name ends in "...".
  CommandLine(std::string usage, std::string description, std::vector<std::string> positional = {});

  po::options_description& options() { return options_; }
  /// Printed after the options: what values mean, examples.
  CommandLine& epilogue(std::string text);

  /// False if something else was asked for and printed: --help, --version, or as the only argument
  /// what scripts ask: --list-options (a name on each line), --man (roff). Throws InputError on
  /// unknown or repeated options, wrong values and missing arguments, with the nearest option
  /// suggested, and where an output could not be written or would destroy an input or another
  /// output.
  bool parse(const std::vector<std::string>& arguments);

  bool has(const std::string& name) const { return values_.count(name) > 0; }
  /// Gives an option that was not given the value that it then has for the rest of the command.
  void set_default(const std::string& name, const std::string& value);
  /// Outputs may take the place of files that are not of their kind.
  bool force() const;
  /// By the user, and not by the option's default.
  bool given(const std::string& name) const { return has(name) && !values_[name].defaulted(); }
  template <typename T>
  T get(const std::string& name) const {
    return values_[name].as<T>();
  }
  std::string text(const std::string& name) const {
    return has(name) ? get<std::string>(name) : "";
  }
  /// Integer option within a range. Throws InputError("--name", ...).
  int64_t integer(const std::string& name, int64_t low, int64_t high) const;
  double real(const std::string& name, double low, double high) const;

  /// What the command reads, of what is there.
  std::vector<NamedFile> files_read() const;
  /// Throws InputError where outputs, `more_written` among them, destroy an input, of this command
  /// or `more_read`, or each other.
  void check_files(const std::vector<NamedFile>& more_read,
                   const std::vector<NamedFile>& more_written) const;

  /// A run that is not what its command says must not look like one: throws InputError for the
  /// first option that was given and has no effect.
  void refuse_without_effect(const std::vector<Effect>& effects) const;

  /// Every option with its resolved value, as results record it; outputs and --json are left out.
  nlohmann::ordered_json configuration() const;

  /// Writes the result for machines if --json was given ("-": standard output). Atomic. An object
  /// begins with schema ("stuckat.output.COMMAND"), schema_version and tool_version, unless it has
  /// a schema of its own (FORMAT.md). `document`: what stands for COMMAND if not the command.
  void write_json(const nlohmann::ordered_json& result, std::string document = {}) const;

 private:
  /// "faults new": what the usage begins with.
  std::string command() const;
  void print_help() const;
  void print_man() const;
  /// Of --json and --trace, those whose document goes to standard output.
  std::vector<std::string> to_standard_output() const;
  /// Option or argument, and each of its texts.
  std::vector<NamedFile> texts_of(FileRole role) const;

  std::string usage_;
  std::string description_;
  std::string epilogue_;
  std::vector<std::string> positional_;
  po::options_description options_{"Options", 96, 60};
  po::variables_map values_;
};

/// "a|b|c", or with something else between the names.
inline std::string joined(const std::vector<std::string>& names, const char* between = "|") {
  std::string text;
  for (const auto& name : names) text += (text.empty() ? "" : between) + name;
  return text;
}

/// Option value parsers say po::value<std::string>() in short.
inline po::typed_value<std::string>* text() { return po::value<std::string>()->value_name("TEXT"); }
inline po::typed_value<std::string>* text(const char* value_name) {
  return po::value<std::string>()->value_name(value_name);
}
inline po::typed_value<std::string>* text(const char* value_name, const char* standard) {
  return text(value_name)->default_value(standard);
}
inline po::typed_value<int64_t>* number(const char* value_name, int64_t standard) {
  return po::value<int64_t>()->value_name(value_name)->default_value(standard);
}
inline po::typed_value<double>* real(const char* value_name, double standard, const char* shown) {
  return po::value<double>()->value_name(value_name)->default_value(standard, shown);
}

/// Writes a whole file under a temporary name and renames it; "-": to standard output, where
/// nothing else goes then. Throws InputError.
void write_file(const std::string& path, const std::function<void(std::ostream&)>& content);
void write_text_file(const std::string& path, const std::string& text);

/// Throws InputError if no file could be made there: before hours are spent on what then cannot be
/// kept.
void check_can_write(const std::string& path);
/// The same for a file that takes the place of one of that name: no device, which it would replace.
void check_can_replace(const std::string& path);

/// Throws InputError unless files could be written into that folder and none is there, so that
/// those of two runs do not mix.
void check_new_folder(const std::string& path);

/// "12 s", "3 min 05 s", "2 h 07 min".
std::string duration(double seconds);

/// Progress on standard error where that is a terminal; silent elsewhere, and with --quiet.
class ProgressLine {
 public:
  explicit ProgressLine(std::string what) : what_(std::move(what)) {}
  ~ProgressLine() { clear(); }
  /// fraction 0 .. 1; rate: a finished text like "91,000 fault-images/s".
  void show(double fraction, const std::string& rate);
  /// Takes the line away, so that something else can be printed.
  void clear();

 private:
  std::string what_;
  double started_ = -1;
  double first_fraction_ = 0;  // of resumed work, some is done at the start
  double last_ = -1;
  bool visible_ = false;
};

}  // namespace stuckat::cli
