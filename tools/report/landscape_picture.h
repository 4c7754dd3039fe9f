// A picture of the loss around a network: against the distance along directions, and as a map of a
// plane, with broken chips as points in both.
#pragma once

#include <string>
#include <vector>

namespace stuckat::report {

struct Landscape {
  std::string title;
  double centre = 0;  ///< loss of the network itself

  /// Loss along a direction, at these distances from the network (both signs).
  struct Line {
    std::string name;
    std::vector<double> distance;
    std::vector<double> loss;
  };
  std::vector<Line> lines;

  /// Loss in the plane of two directions; x and y in units of their (filter-normalised) lengths.
  std::vector<double> x;
  std::vector<double> y;
  std::vector<double> plane;  ///< [y][x]; empty: no plane

  struct Chip {
    double distance = 0;  ///< from the network
    double x = 0;         ///< projected onto the plane
    double y = 0;
    double loss = 0;
  };
  std::vector<Chip> chips;
};

/// An SVG file. Throws nothing: an empty landscape is an empty picture.
std::string landscape_picture(const Landscape& landscape);

}  // namespace stuckat::report
