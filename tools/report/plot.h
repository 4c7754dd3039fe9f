// Axes and legends on top of svg.h.
#pragma once

#include <string>
#include <vector>

#include "tools/report/svg.h"

namespace stuckat::report {

/// About `about` round numbers (1, 2 or 5 times a power of ten apart) within low .. high.
std::vector<double> nice_ticks(double low, double high, int about);

/// Data values to coordinates; logarithmic needs low > 0.
struct Scale {
  double low = 0;
  double high = 1;
  double from = 0;  ///< coordinate of low
  double to = 1;    ///< coordinate of high
  bool logarithmic = false;

  double operator()(double value) const;
};

/// low .. high widened to the surrounding ticks, at least `least` wide.
Scale nice_scale(double low, double high, double least, int about);

struct Axis {
  Scale scale;
  std::vector<double> ticks;
  std::string label;
};

/// The rectangle that data is drawn in.
struct PlotArea {
  double left = 0;
  double top = 0;
  double right = 0;
  double bottom = 0;
};

/// "0.5", "100,000", "10 M": how both axes write a tick; short, so that it has room.
std::string tick_label(double tick, int decimals);

/// Grid lines, tick numbers and labels; the x axis below, the y axis to the left. A number that has
/// no room beside the last one is left out. Those at the ends of the x axis need 24 beyond `area`.
void draw_axes(Drawing& drawing, const PlotArea& area, const Axis& x, const Axis& y);

struct LegendEntry {
  std::string css_class;  ///< of the mark
  std::string label;
  int shape = 1;  ///< of marker_path(); 1 is a square
};

/// An HTML line of marks and labels.
std::string legend(const std::vector<LegendEntry>& entries);

/// One horizontal bar of parts, each a share of 100 %; as wide as its container.
struct BarPart {
  double percent = 0;
  std::string css_class;
  std::string tip;
};
std::string stacked_bar(const std::vector<BarPart>& parts, const std::string& description);

/// CSS class of the series with that index: page_style has colours for six.
std::string series_class(size_t index);
/// A cell of a table, to the right as numbers are.
std::string number_cell(const std::string& text);
/// A figure at the top of a page, with `more` in small print.
std::string tile(const std::string& value, const std::string& what, const std::string& more = "");

}  // namespace stuckat::report
