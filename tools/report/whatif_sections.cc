#include "tools/report/whatif_sections.h"

#include <algorithm>
#include <array>

#include "tools/report/plot.h"
#include "tools/report/png.h"
#include "tools/report/svg.h"

namespace stuckat::report {
namespace {

/// Shares of elements that differ, for colouring: the greatest i with share >= edges[i]; class 0 is
/// no difference at all.
constexpr std::array<double, 8> share_edges = {0, 0, 0.01, 0.05, 0.1, 0.25, 0.5, 0.9};

int share_class(double share) {
  if (share <= 0) return 0;
  int result = 1;
  for (size_t i = 2; i < share_edges.size(); ++i) {
    if (share >= share_edges[i]) result = static_cast<int>(i);
  }
  return result;
}

std::string share_name(int index) {
  if (index == 0) return "never differs";
  const auto edge = [](int i) { return fixed(100 * share_edges[static_cast<size_t>(i)], 0); };
  if (index == 1) return "below " + edge(2) + " %";
  return index == 7 ? edge(7) + " % and more" : edge(index) + " to " + edge(index + 1) + " %";
}

std::string share_text(double share) {
  const double value = 100 * share;
  return (value > 0 && value < 0.01 ? "<0.01" : fixed(value, 2)) + " %";
}

/// Equal neighbours in a row become one rectangle.
template <typename Share>
void draw_cells(Drawing& drawing, double left, double top, double cell, int rows, int columns,
                int count, const Share& share) {
  for (int row = 0; row < rows; ++row) {
    for (int x = 0; x < columns && row * columns + x < count;) {
      const int shade = share_class(share(row * columns + x));
      int end = x + 1;
      while (end < columns && row * columns + end < count &&
             share_class(share(row * columns + end)) == shade) {
        ++end;
      }
      drawing.rectangle(left + x * cell, top + row * cell, (end - x) * cell, cell,
                        "h" + std::to_string(shade));
      x = end;
    }
  }
}

std::string tensor_figure(const TensorChange& t) {
  constexpr double width = 210;
  constexpr int channels_a_row = 64;
  std::string text = "<figure><h4>" + escape(t.name) + " <small>" + std::to_string(t.shape.height) +
                     " x " + std::to_string(t.shape.width) + " x " +
                     std::to_string(t.shape.channels) + "</small></h4>";
  const int columns = std::min(channels_a_row, t.shape.channels);
  const int rows = (t.shape.channels + columns - 1) / columns;
  const double channel_cell = std::min(width / columns, 14.0);
  const double map_cell = t.shape.pixels() > 1 ? std::min(width / t.shape.width, 24.0) : 0;
  const double map_height = map_cell * t.shape.height;
  Drawing drawing(width, map_height + (map_cell > 0 ? 26 : 14) + rows * channel_cell + 2,
                  "shares of the elements of " + t.name + " that differ");
  double y = 0;
  if (map_cell > 0) {
    draw_cells(drawing, 0, 0, map_cell, t.shape.height, t.shape.width, t.shape.pixels(),
               [&](int p) { return t.pixel_share(p); });
    y = map_height + 12;
  }
  drawing.text(0, y + 10, "channels", "tick");
  draw_cells(drawing, 0, y + 14, channel_cell, rows, columns, t.shape.channels,
             [&](int c) { return t.channel_share(c); });
  return text + drawing.str() + "<figcaption>" + share_text(t.share()) +
         " of the elements differ</figcaption></figure>\n";
}

int64_t some(const std::vector<int64_t>& counts) {
  return static_cast<int64_t>(
      std::count_if(counts.begin(), counts.end(), [](int64_t n) { return n > 0; }));
}

/// "1, 5, 9 and 3 more"
std::string numbers(const std::vector<int64_t>& counts) {
  constexpr int shown = 8;
  std::string text;
  int64_t listed = 0;
  const int64_t all = some(counts);
  for (size_t i = 0; i < counts.size() && listed < shown; ++i) {
    if (counts[i] == 0) continue;
    text += (listed++ > 0 ? ", " : "") + std::to_string(i);
  }
  if (all > listed) text += " and " + grouped(all - listed) + " more";
  return text;
}

std::string spread_table(const WhatIfCase& c) {
  const auto images = static_cast<int64_t>(c.now.size());
  std::string text =
      "<div class=\"scroll\"><table><thead><tr><th>tensor</th><th class=\"n\">elements that "
      "differ</th><th class=\"n\">channels</th><th>which</th><th class=\"n\">pixels</th><th "
      "class=\"n\">differences end here</th><th></th></tr></thead>\n<tbody>";
  const auto row = [&](const std::string& name, const std::string& cells, int64_t last) {
    const double share =
        images == 0 ? 0 : 100.0 * static_cast<double>(last) / static_cast<double>(images);
    text += "<tr><th>" + escape(name) + "</th>" + cells + "<td class=\"n\">" + grouped(last) +
            "</td><td class=\"barcell\">" +
            stacked_bar({{share, "busy", grouped(last) + " of " + grouped(images) + " images"}},
                        name + ": " + fixed(share, 1) + " % of the images") +
            "</td></tr>\n";
  };
  row("nothing differs", "<td></td><td></td><td></td><td></td>", c.untouched);
  for (const TensorChange& t : c.tensors) {
    row(t.name,
        "<td class=\"n\">" + share_text(t.share()) + "</td><td class=\"n\">" +
            grouped(some(t.channels)) + " of " + grouped(t.shape.channels) + "</td><td>" +
            numbers(t.channels) + "</td><td class=\"n\">" + grouped(some(t.pixels)) + " of " +
            grouped(t.shape.pixels()) + "</td>",
        t.last);
  }
  return text + "</tbody></table></div>\n";
}

std::string class_name(const WhatIf& what_if, int index) {
  return what_if.class_names[static_cast<size_t>(index)];
}

/// "Coat -> Shirt", green where right.
std::string prediction(const WhatIf& what_if, const WhatIfCase& c, size_t image, int label) {
  const auto span = [&](const char* name, int predicted) {
    return "<span class=\"" + std::string(name) + (predicted == label ? " right" : " wrong") +
           "\">" + escape(class_name(what_if, predicted)) + "</span>";
  };
  const std::string before = span("was", c.before[image]);
  if (c.before[image] == c.now[image]) return before + " unchanged";
  return before + " &#8594; " + span("is", c.now[image]);
}

}  // namespace

std::string spread_section(const WhatIf& what_if) {
  std::string text =
      "<section id=\"spread\">\n<h2>Where it differs</h2>\n<p>Elements that differ from the "
      "fault-free run, tensor by tensor: measured over the first " +
      grouped(what_if.cases.front().tensors.empty() ? 0
                                                    : what_if.cases.front().tensors[0].examined) +
      " images. Where differences end is counted over all images: in the last tensor they reach "
      "the scores.</p>\n<p class=\"legend\">";
  for (int i = 0; i < 8; ++i) {
    text += "<span><svg class=\"mark\" viewBox=\"0 0 14 14\" aria-hidden=\"true\"><path d=\"" +
            marker_path(1, 7, 7, 6) + "\" class=\"h" + std::to_string(i) + "\"/></svg>" +
            share_name(i) + "</span> ";
  }
  text += "</p>\n";
  for (const WhatIfCase& c : what_if.cases) {
    if (what_if.cases.size() > 1) text += "<h3>" + escape(c.label) + "</h3>\n";
    text += "<figure>" + spread_table(c) + "</figure>\n<div class=\"tensors\">\n";
    for (const TensorChange& t : c.tensors) {
      if (t.elements() > 0) text += tensor_figure(t);
    }
    text += "</div>\n";
  }
  return text + "</section>\n";
}

std::string gallery_section(const WhatIf& what_if, const DataSet& data) {
  const std::vector<int> changed = changed_images(what_if, data);
  std::string text = "<section id=\"images\">\n<h2>Images whose prediction changed</h2>\n";
  if (changed.empty()) return text + "<p>None.</p>\n</section>\n";
  const auto shown = std::min(changed.size(), static_cast<size_t>(what_if.shown));
  text +=
      "<p>" + grouped(static_cast<int64_t>(shown)) + " of " +
      grouped(static_cast<int64_t>(changed.size())) +
      " are shown: first those that became wrong, then those that became right, then those that "
      "were and stay wrong.</p>\n<div class=\"gallery\">\n";
  for (size_t n = 0; n < shown; ++n) {
    const auto image = static_cast<size_t>(changed[n]);
    const int label = data.labels[image];
    text += "<figure><img alt=\"image " + std::to_string(image) + "\" src=\"" +
            png_address(png(data.image(static_cast<int>(image)), data.shape.height,
                            data.shape.width, data.shape.channels)) +
            "\"><figcaption>#" + grouped(what_if.first_image + static_cast<int64_t>(image)) +
            " shows <b>" + escape(class_name(what_if, label)) + "</b>";
    for (const WhatIfCase& c : what_if.cases) {
      text += "<br>" + (what_if.cases.size() > 1 ? escape(c.label) + ": " : std::string()) +
              prediction(what_if, c, image, label);
    }
    text += "</figcaption></figure>\n";
  }
  return text + "</div>\n</section>\n";
}

std::string class_section(const WhatIf& what_if, const DataSet& data) {
  std::string text =
      "<section id=\"classes\">\n<h2>Classes</h2>\n<div class=\"scroll\"><table><thead><tr>"
      "<th>class</th><th class=\"n\">images</th>";
  for (const WhatIfCase& c : what_if.cases) {
    const std::string of = what_if.cases.size() > 1 ? " " + escape(c.label) : "";
    text += "<th class=\"n\">right before" + of + "</th><th class=\"n\">right now" + of +
            "</th><th class=\"n\">predicted now" + of + "</th>";
  }
  text += "</tr></thead>\n<tbody>";
  for (int k = 0; k < static_cast<int>(what_if.class_names.size()); ++k) {
    const auto images = std::count(data.labels.begin(), data.labels.end(), k);
    text += "<tr><th>" + escape(class_name(what_if, k)) + "</th><td class=\"n\">" +
            grouped(images) + "</td>";
    for (const WhatIfCase& c : what_if.cases) {
      int64_t before = 0, now = 0, predicted = 0;
      for (size_t i = 0; i < c.now.size(); ++i) {
        predicted += c.now[i] == k ? 1 : 0;
        if (data.labels[i] != k) continue;
        before += c.before[i] == k ? 1 : 0;
        now += c.now[i] == k ? 1 : 0;
      }
      const char* mark = now < before ? " wrong" : now > before ? " right" : "";
      text += "<td class=\"n\">" + grouped(before) + "</td><td class=\"n" + mark + "\">" +
              grouped(now) + "</td><td class=\"n\">" + grouped(predicted) + "</td>";
    }
    text += "</tr>\n";
  }
  return text + "</tbody></table></div>\n</section>\n";
}

}  // namespace stuckat::report
