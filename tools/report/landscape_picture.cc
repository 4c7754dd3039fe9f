#include "tools/report/landscape_picture.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "tools/report/plot.h"
#include "tools/report/svg.h"

namespace stuckat::report {
namespace {

constexpr double landscape_width = 980;
constexpr double landscape_height = 430;
constexpr PlotArea left_area = {62, 52, 440, 370};
constexpr PlotArea right_area = {560, 52, 878, 370};
constexpr int shades = 8;

constexpr std::string_view landscape_style =
    "svg{background:#fff}text{font:12px 'DejaVu Sans',sans-serif;fill:#1b2130}.title{font-weight:"
    "bold}.soft,.tick,.axis{fill:#5b6475;font-size:11px}line,.grid{stroke:#dde1e8}path{fill:none;"
    "stroke-width:1.6}.s0{stroke:#c8501a;fill:none}.s1{stroke:#0068a8;fill:none}.s2{stroke:#00865f;"
    "fill:none}.s3{stroke:#a8568a;fill:none}.chip{stroke:#1b2130;stroke-width:1;fill:#f0c862}"
    ".h0{fill:#e9edf2}.h1{fill:#fdf0b8}.h2{fill:#fcd98a}.h3{fill:#f9b25f}.h4{fill:#ee8143}.h5{"
    "fill:#d24d3e}.h6{fill:#9c2450}.h7{fill:#4f0d4b}";

struct Bounds {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();
  void add(double value) {
    if (!std::isfinite(value)) return;
    low = std::min(low, value);
    high = std::max(high, value);
  }
  bool empty() const { return low > high; }
};

Axis axis_of(Bounds bounds, double from, double to, std::string label) {
  Axis axis;
  axis.scale = nice_scale(bounds.low, bounds.high, 1e-6, 5);
  axis.scale.from = from;
  axis.scale.to = to;
  axis.ticks = nice_ticks(axis.scale.low, axis.scale.high, 5);
  axis.label = std::move(label);
  return axis;
}

std::string tip_of(const Landscape::Chip& chip) {
  return "a broken chip: distance " + fixed(chip.distance, 2) + ", loss " + fixed(chip.loss, 4);
}

void draw_lines(Drawing& drawing, const Landscape& landscape) {
  Bounds x;
  Bounds y;
  for (const Landscape::Line& line : landscape.lines) {
    for (const double d : line.distance) x.add(d);
    for (const double l : line.loss) y.add(l);
  }
  for (const Landscape::Chip& chip : landscape.chips) {
    x.add(chip.distance);
    y.add(chip.loss);
  }
  if (x.empty() || y.empty()) return;
  const Axis across = axis_of(x, left_area.left, left_area.right, "distance from the network");
  const Axis up = axis_of(y, left_area.bottom, left_area.top, "loss");
  draw_axes(drawing, left_area, across, up);
  int number = 0;
  for (const Landscape::Line& line : landscape.lines) {
    std::string data;
    for (size_t i = 0; i < line.distance.size(); ++i) {
      data += (i == 0 ? "M" : " L") + coordinate(across.scale(line.distance[i])) + " " +
              coordinate(up.scale(line.loss[i]));
    }
    drawing.path(data, "s" + std::to_string(number % 4), line.name);
    ++number;
  }
  for (const Landscape::Chip& chip : landscape.chips) {
    drawing.marker(0, across.scale(chip.distance), up.scale(chip.loss), 3.5, "chip", tip_of(chip));
  }
}

void draw_plane(Drawing& drawing, const Landscape& landscape) {
  if (landscape.plane.empty()) return;
  Bounds x;
  Bounds y;
  Bounds loss;
  for (const double v : landscape.x) x.add(v);
  for (const double v : landscape.y) y.add(v);
  for (const double v : landscape.plane) loss.add(v);
  const Scale across{x.low, x.high, right_area.left, right_area.right};
  const Scale up{y.low, y.high, right_area.bottom, right_area.top};
  const auto columns = static_cast<double>(landscape.x.size());
  const auto rows = static_cast<double>(landscape.y.size());
  const double cell_width = (right_area.right - right_area.left) / columns;
  const double cell_height = (right_area.bottom - right_area.top) / rows;
  for (size_t j = 0; j < landscape.y.size(); ++j) {
    for (size_t i = 0; i < landscape.x.size(); ++i) {
      const double value = landscape.plane[j * landscape.x.size() + i];
      const double share = loss.high > loss.low ? (value - loss.low) / (loss.high - loss.low) : 0;
      const int shade = std::clamp(static_cast<int>(share * shades), 0, shades - 1);
      drawing.rectangle(right_area.left + static_cast<double>(i) * cell_width,
                        right_area.bottom - static_cast<double>(j + 1) * cell_height, cell_width,
                        cell_height, "h" + std::to_string(shade), "loss " + fixed(value, 4));
    }
  }
  for (const Landscape::Chip& chip : landscape.chips) {
    const bool inside = chip.x >= x.low && chip.x <= x.high && chip.y >= y.low && chip.y <= y.high;
    if (inside) drawing.marker(0, across(chip.x), up(chip.y), 3.5, "chip", tip_of(chip));
  }
  const auto range = [](const Bounds& b) { return fixed(b.low, 2) + " to " + fixed(b.high, 2); };
  drawing.text(right_area.left, right_area.bottom + 20,
               "two random directions, filter-normalised: " + range(x), "soft");
  drawing.text(right_area.left, right_area.bottom + 36,
               "loss " + fixed(loss.low, 3) + " (light) to " + fixed(loss.high, 3) + " (dark)",
               "soft");
}

}  // namespace

std::string landscape_picture(const Landscape& landscape) {
  Drawing drawing(landscape_width, landscape_height, landscape.title);
  drawing.text(left_area.left, 24, landscape.title, "title");
  draw_lines(drawing, landscape);
  draw_plane(drawing, landscape);
  return standalone(drawing, landscape_style);
}

}  // namespace stuckat::report
