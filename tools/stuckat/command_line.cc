#include "tools/stuckat/command_line.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <set>
#include <sstream>

#include "workloads/compressed_file.h"
#include "workloads/environment_error.h"
#include "workloads/text_file.h"
#include "workloads/version.h"

namespace stuckat::cli {
namespace {

double now() {
  const auto time = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration<double>(time).count();
}

/// "--name" of an option as Boost reports it.
std::string dashed(std::string name) {
  while (name.starts_with('-')) name.erase(0, 1);
  return "--" + name;
}

/// A new option that names files has to say in files.cc whether it reads or writes them.
void check_roles(const po::options_description& options) {
  for (const auto& option : options.options()) {
    const std::string value = option->semantic()->name();
    for (const char* kind : {"FILE", "FOLDER", "PATH", "RESULT", "MODEL"}) {
      if (value.find(kind) == std::string::npos) continue;
      if (file_role(option->long_name()) != FileRole::none) continue;
      throw std::logic_error("--" + option->long_name() + " names files and has no role");
    }
  }
}

nlohmann::ordered_json value_of(const po::variable_value& value) {
  const auto& any = value.value();
  if (const auto* s = boost::any_cast<std::string>(&any)) return *s;
  if (const auto* i = boost::any_cast<int64_t>(&any)) return *i;
  if (const auto* d = boost::any_cast<double>(&any)) return *d;
  if (const auto* b = boost::any_cast<bool>(&any)) return *b;
  if (const auto* v = boost::any_cast<std::vector<std::string>>(&any)) return *v;
  return nullptr;
}

/// Where documents for standard output go while file descriptor 1 is somewhere else; -1: it is not.
/// Of the process, as standard output is.
int document_output = -1;

/// --quiet was given; of the process, too.
bool is_quiet = false;

/// From now on what is printed goes to standard error, or nowhere.
void turn_standard_output(bool keep_for_document, bool quiet) {
  std::cout.flush();
  std::fflush(stdout);
  is_quiet = quiet;
  if (keep_for_document && document_output < 0) document_output = fcntl(1, F_DUPFD_CLOEXEC, 3);
  if (quiet) {
    const int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (nowhere >= 0) dup2(nowhere, 1);
    if (nowhere > 1) close(nowhere);
  } else if (keep_for_document) {
    dup2(2, 1);
  }
}

/// All of the document, to what was standard output when the command began.
void write_document(const std::string& text) {
  for (size_t done = 0; done < text.size();) {
    const ssize_t n = write(document_output, text.data() + done, text.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0)
      throw_system_error("standard output", "cannot be written", errno, "room on the disk");
    done += static_cast<size_t>(n);
  }
}

/// Text in roff: what would be a command is not.
std::string roff(const std::string& text) {
  std::string result;
  bool line_begins = true;
  for (const char c : text) {
    if (line_begins && (c == '.' || c == '\'')) result += "\\&";
    result += c == '\\' ? "\\e" : c == '-' ? "\\-" : std::string(1, c);
    line_begins = c == '\n';
  }
  return result;
}

}  // namespace

std::string duration(double seconds) {
  const auto s = static_cast<int64_t>(std::lround(seconds));
  if (s < 60) return fmt::format("{} s", s);
  if (s < 3600) return fmt::format("{} min {:02} s", s / 60, s % 60);
  return fmt::format("{} h {:02} min", s / 3600, s / 60 % 60);
}

CommandLine::CommandLine(std::string usage, std::string description,
                         std::vector<std::string> positional)
    : usage_(std::move(usage)),
      description_(std::move(description)),
      positional_(std::move(positional)) {
  options_.add_options()("help,h", "show this help");
}

CommandLine& CommandLine::epilogue(std::string text) {
  epilogue_ = std::move(text);
  return *this;
}

void CommandLine::print_help() const {
  std::cout << "Usage: stuckat " << usage_ << "\n\n" << description_ << "\n\n" << options_;
  if (!epilogue_.empty()) std::cout << "\n" << epilogue_;
}

void CommandLine::print_man() const {
  std::string name = "stuckat " + command();
  std::replace(name.begin(), name.end(), ' ', '-');
  const std::string first_sentence = description_.substr(0, description_.find(". "));
  std::string summary = first_sentence.substr(0, first_sentence.find(':'));
  std::replace(summary.begin(), summary.end(), '\n', ' ');
  if (summary.ends_with('.')) summary.pop_back();
  std::cout << ".TH \"" << roff(name) << "\" 1 \"\" \"stuckat " << tool_version << "\"\n.SH NAME\n"
            << roff(name) << " \\- " << roff(summary) << "\n.SH SYNOPSIS\n.B stuckat\n"
            << roff(usage_) << "\n.SH DESCRIPTION\n"
            << roff(description_) << "\n.SH OPTIONS\n";
  for (const auto& option : options_.options()) {
    std::cout << ".TP\n.B " << roff(option->format_name());
    const std::string value = option->format_parameter();
    if (!value.empty()) std::cout << " " << roff(value);
    std::cout << "\n" << roff(option->description()) << "\n";
  }
  if (!epilogue_.empty()) std::cout << ".SH NOTES\n.nf\n" << roff(epilogue_) << ".fi\n";
  std::cout
      << ".SH EXIT STATUS\n0 done; 1 results that differ from the reference; 2 bad input; 3 a "
         "full disk, no cluster, no memory; 130, 143 interrupted.\n";
}

std::vector<std::string> CommandLine::to_standard_output() const {
  std::vector<std::string> options;
  for (const char* name : {"json", "trace"}) {
    if (has(name) && text(name) == "-") options.emplace_back(name);
  }
  return options;
}

bool CommandLine::parse(const std::vector<std::string>& arguments) {
  options_.add_options()("version", "show the version")("quiet,q", po::bool_switch(),
                                                        "print nothing but errors")(
      "config", cli::text("FILE"),
      "read options from a file of lines `option = value`; the command line wins")(
      "json", cli::text("FILE"), "write the result for machines ('-': standard output)")(
      "force", po::bool_switch(), "replace what has the name of an output, whatever it is");
  check_roles(options_);
  po::options_description all;
  all.add(options_);
  po::options_description hidden;
  po::positional_options_description order;
  for (const std::string& argument : positional_) {
    if (argument.ends_with("...")) {
      const std::string name = argument.substr(0, argument.size() - 3);
      hidden.add_options()(name.c_str(), po::value<std::vector<std::string>>());
      order.add(name.c_str(), -1);
    } else {
      hidden.add_options()(argument.c_str(), po::value<std::string>());
      order.add(argument.c_str(), 1);
    }
  }
  all.add(hidden);
  std::vector<std::string> known;
  for (const auto& option : options_.options()) known.push_back("--" + option->long_name());
  if (!arguments.empty() && arguments.back() == "--list-options") {
    for (const std::string& option : known) std::cout << option << "\n";
    return false;
  }
  if (!arguments.empty() && arguments.back() == "--man") {
    print_man();
    return false;
  }
  try {
    namespace style = po::command_line_style;
    const auto strict = style::unix_style & ~style::allow_guessing;
    po::store(po::command_line_parser(arguments).options(all).positional(order).style(strict).run(),
              values_);
    if (has("help")) {
      print_help();
      return false;
    }
    if (has("version")) {
      std::cout << "stuckat " << tool_version << "\n";
      return false;
    }
    if (has("config")) {
      const std::string path = get<std::string>("config");
      constexpr size_t most_bytes = size_t{1} << 20;
      const auto bytes = read_plain_file(path, most_bytes);
      std::istringstream in(std::string(bytes.begin(), bytes.end()));
      try {
        po::store(po::parse_config_file(in, options_), values_);
      } catch (const po::unknown_option& error) {
        throw_unknown_name(path, "option", dashed(error.get_option_name()), known);
      } catch (const po::error& error) {
        throw InputError(path, error.what());
      }
    }
    po::notify(values_);
  } catch (const po::unknown_option& error) {
    throw_unknown_name("stuckat " + usage_.substr(0, usage_.find(' ')), "option",
                       dashed(error.get_option_name()), known);
  } catch (const po::too_many_positional_options_error&) {
    throw InputError("stuckat " + usage_.substr(0, usage_.find(' ')), "too many arguments",
                     "stuckat " + usage_);
  } catch (const po::error& error) {
    throw InputError("stuckat " + usage_.substr(0, usage_.find(' ')), error.what(),
                     "stuckat " + usage_);
  }
  for (std::string argument : positional_) {
    if (argument.ends_with("...")) argument.resize(argument.size() - 3);
    if (!has(argument)) {
      throw InputError("stuckat " + usage_.substr(0, usage_.find(' ')), "no " + argument,
                       "stuckat " + usage_);
    }
  }
  for (const NamedFile& output : texts_of(FileRole::written)) check_can_write(output.path);
  check_files({}, {});
  for (const NamedFile& output : texts_of(FileRole::written)) {
    if (!force()) refuse_foreign_file(command(), output);
  }
  const std::vector<std::string> documents = to_standard_output();
  if (documents.size() > 1) {
    throw InputError("--" + documents[1], "goes to standard output, as --" + documents[0],
                     "one document there");
  }
  turn_standard_output(!documents.empty(), get<bool>("quiet"));
  return true;
}

std::string CommandLine::command() const {
  // Words in small letters are the command's: "faults new MODEL ..." is "faults new".
  size_t end = 0;
  while (end < usage_.size() && (std::islower(static_cast<unsigned char>(usage_[end])) != 0 ||
                                 usage_[end] == ' ' || usage_[end] == '-')) {
    if (usage_.compare(end, 2, " -") == 0) break;
    ++end;
  }
  while (end > 0 && usage_[end - 1] == ' ') --end;
  return usage_.substr(0, end);
}

bool CommandLine::force() const { return has("force") && get<bool>("force"); }

void CommandLine::set_default(const std::string& name, const std::string& value) {
  values_.insert_or_assign(name, po::variable_value(boost::any(value), true));
}

std::vector<NamedFile> CommandLine::texts_of(FileRole role) const {
  std::vector<NamedFile> texts;
  for (const auto& [name, value] : values_) {
    if (file_role(name) != role) continue;
    const std::string option = options_.find_nothrow(name, false) ? "--" + name : name;
    if (const auto* one = boost::any_cast<std::string>(&value.value())) {
      const bool standard_output = *one == "-" && (name == "json" || name == "trace");
      const bool nowhere = *one == "none" && name == "checkpoint";
      if (!standard_output && !nowhere) texts.push_back({option, *one});
    } else if (const auto* all = boost::any_cast<std::vector<std::string>>(&value.value())) {
      for (const std::string& text : *all) texts.push_back({option, text});
    }
  }
  return texts;
}

std::vector<NamedFile> CommandLine::files_read() const {
  std::vector<NamedFile> files;
  for (const NamedFile& text : texts_of(FileRole::read)) {
    for (std::string& path : files_in(text.path)) files.push_back({text.option, std::move(path)});
  }
  return files;
}

void CommandLine::check_files(const std::vector<NamedFile>& more_read,
                              const std::vector<NamedFile>& more_written) const {
  std::vector<NamedFile> read = files_read();
  read.insert(read.end(), more_read.begin(), more_read.end());
  std::vector<NamedFile> written = texts_of(FileRole::written);
  for (NamedFile& folder : texts_of(FileRole::folder_written)) written.push_back(std::move(folder));
  written.insert(written.end(), more_written.begin(), more_written.end());
  refuse_same_files(read, written);
}

int64_t CommandLine::integer(const std::string& name, int64_t low, int64_t high) const {
  const int64_t value = get<int64_t>(name);
  if (value < low || value > high) {
    throw InputError("--" + name, std::to_string(value), fmt::format("{} to {}", low, high));
  }
  return value;
}

double CommandLine::real(const std::string& name, double low, double high) const {
  const double value = get<double>(name);
  if (!(value >= low && value <= high)) {
    throw InputError("--" + name, fmt::format("{}", value), fmt::format("{} to {}", low, high));
  }
  return value;
}

void CommandLine::refuse_without_effect(const std::vector<Effect>& effects) const {
  for (const Effect& effect : effects) {
    if (effect.has_effect || !given(effect.option)) continue;
    throw InputError(std::string("--") + effect.option, effect.otherwise + ": has no effect",
                     effect.expected);
  }
}

nlohmann::ordered_json CommandLine::configuration() const {
  nlohmann::ordered_json result;
  result["command"] = command();
  // Where results go, and how fast, is no part of them.
  static const std::set<std::string> left_out = {"checkpoint", "config", "csv",    "force",
                                                 "help",       "json",   "output", "quiet",
                                                 "threads",    "version"};
  for (const auto& [name, value] : values_) {
    if (left_out.count(name) == 0) result[name] = value_of(value);
  }
  return result;
}

void CommandLine::write_json(const nlohmann::ordered_json& result, std::string document) const {
  if (!has("json")) return;
  nlohmann::ordered_json whole = result;
  if (!result.contains("schema")) {
    if (document.empty()) document = command();
    std::replace(document.begin(), document.end(), ' ', '-');
    whole = {{"schema", "stuckat.output." + document},
             {"schema_version", 1},
             {"tool_version", tool_version}};
    whole.update(result);
  }
  write_text_file(text("json"), whole.dump(2) + "\n");
}

namespace {

/// /dev/full: opens, and takes nothing.
bool always_full(const std::string& path) {
  struct stat status = {};
  return stat(path.c_str(), &status) == 0 && S_ISCHR(status.st_mode) &&
         status.st_rdev == makedev(1, 7);
}

}  // namespace

void check_can_write(const std::string& path) {
  std::error_code ignored;
  if (path.empty() || std::filesystem::is_directory(path, ignored)) {
    throw InputError(path.empty() ? "output" : path, "is no file name", "the name of a file");
  }
  if (is_special_file(path)) {
    if (access(path.c_str(), W_OK) == 0 && !always_full(path)) return;
    if (always_full(path)) throw_system_error(path, "cannot be written", ENOSPC, "another device");
    throw InputError(path, "cannot be written", "a file, or a device that takes it");
  }
  // A few pages, for a moment: before hours are spent.
  const std::string probe = target_of(path) + ".partial-" + std::to_string(getpid()) + "-room";
  constexpr off_t bytes = 1 << 16;
  const int descriptor = open(probe.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  int error = descriptor < 0 ? errno : posix_fallocate(descriptor, 0, bytes);
  if (error == EINVAL || error == EOPNOTSUPP) error = 0;  // a file system that cannot be asked
  if (descriptor >= 0) {
    close(descriptor);
    unlink(probe.c_str());
  }
  if (error == 0) return;
  throw_system_error(path, "cannot be written", error,
                     "a folder that is there and writable, with room on the disk");
}

void check_can_replace(const std::string& path) {
  check_can_write(path);
  if (is_special_file(path)) throw InputError(path, "is no regular file", "the name of a file");
}

void check_new_folder(const std::string& path) {
  namespace fs = std::filesystem;
  std::error_code ignored;
  if (path.empty() || (fs::exists(path, ignored) && !fs::is_directory(path, ignored))) {
    throw InputError(path.empty() ? "output" : path, "is no folder", "the name of a folder");
  }
  if (fs::exists(path, ignored) && !fs::is_empty(path, ignored)) {
    throw InputError(path, "holds files already", "a new or empty folder");
  }
  fs::path there = fs::absolute(path, ignored);
  while (!fs::exists(there, ignored) && there.has_relative_path()) there = there.parent_path();
  if (fs::is_directory(there, ignored) && access(there.c_str(), W_OK) == 0) return;
  throw InputError(path, "cannot be made: " + there.string(), "a folder that is writable");
}

void write_text_file(const std::string& path, const std::string& text) {
  write_file(path, [&](std::ostream& out) { out << text; });
}

void write_file(const std::string& path, const std::function<void(std::ostream&)>& content) {
  if (path != "-") return stuckat::write_text_file(path, content);
  if (document_output < 0) return content(std::cout);
  std::ostringstream text;
  content(text);
  write_document(text.str());
}

void ProgressLine::clear() {
  if (visible_) std::fputs("\r\033[K", stderr);
  visible_ = false;
}

void ProgressLine::show(double fraction, const std::string& rate) {
  if (is_quiet || isatty(STDERR_FILENO) == 0) return;
  const double time = now();
  if (started_ < 0) {
    started_ = time;
    first_fraction_ = fraction;
  }
  if (last_ >= 0 && time - last_ < 0.2) return;
  last_ = time;
  visible_ = true;
  std::string left = "?";
  const double since = fraction - first_fraction_;
  if (since > 0.001) left = duration((time - started_) * (1 - fraction) / since);
  fmt::print(stderr, "\r\033[K{}: {:.1f} %  {}  {} left", what_, 100 * fraction, rate, left);
}

}  // namespace stuckat::cli
