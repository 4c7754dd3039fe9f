// Reads a VCD as a viewer would (IEEE 1364, 18.2): declarations, then times that rise and changes
// of declared variables with values that fit.
#pragma once

#include <cstdint>
#include <fstream>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace stuckat::test {

struct Vcd {
  /// By name, "scope.name" inside SystemC's own scope: time and value of each change.
  std::map<std::string, std::vector<std::pair<int64_t, std::string>>> changes;
  std::string timescale;
  std::string error;  ///< "" if well-formed
};

inline Vcd read_vcd(const std::string& path) {
  Vcd vcd;
  std::map<std::string, std::pair<std::string, size_t>> variables;  // by code: name, width
  std::ifstream in(path);
  std::string token;
  std::vector<std::string> scopes;
  bool declared = false;
  int64_t time = -1;
  if (!in) vcd.error = "no file";
  while (vcd.error.empty() && in >> token) {
    if (token == "$dumpvars" || token == "$end") continue;
    if (token[0] == '$') {
      std::vector<std::string> words;
      const std::string keyword = token;
      while (in >> token && token != "$end") words.push_back(token);
      if (keyword == "$enddefinitions") declared = true;
      if (keyword == "$timescale" && !words.empty()) vcd.timescale = words[0];
      if (keyword == "$scope" && words.size() == 2) scopes.push_back(words[1]);
      if (keyword == "$upscope" && !scopes.empty()) scopes.pop_back();
      if (keyword != "$var") continue;
      if (declared || words.size() < 4 || scopes.empty()) {
        vcd.error = "a misplaced $var";
      } else {
        std::string name;
        for (size_t i = 1; i < scopes.size(); ++i) name += scopes[i] + ".";
        name += words[3];
        variables[words[2]] = {name, std::stoul(words[1])};
        vcd.changes[name];
      }
    } else if (token[0] == '#') {
      const int64_t next = std::stoll(token.substr(1));
      if (!declared || next < time) vcd.error = "time " + token;
      time = next;
    } else {
      std::string value = token, code;
      const bool vector = token[0] == 'b' || token[0] == 'r';
      if (vector) {
        in >> code;
        value = token.substr(1);
      } else {
        value = token.substr(0, 1);
        code = token.substr(1);
      }
      const auto found = variables.find(code);
      if (!declared || found == variables.end()) {
        vcd.error = "a change of " + code;
      } else if (token[0] != 'r' && (value.size() > found->second.second ||
                                     value.find_first_not_of("01xzXZ") != std::string::npos)) {
        vcd.error = "value " + value + " of " + found->second.first;
      } else {
        vcd.changes[found->second.first].push_back({time, value});
      }
    }
  }
  if (vcd.error.empty() && (!declared || time < 0)) vcd.error = "nothing in it";
  return vcd;
}

}  // namespace stuckat::test
