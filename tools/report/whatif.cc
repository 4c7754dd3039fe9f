#include "tools/report/whatif.h"

#include <algorithm>
#include <numeric>

#include "tools/report/plot.h"
#include "tools/report/sections.h"
#include "tools/report/svg.h"
#include "tools/report/whatif_sections.h"

namespace stuckat::report {
namespace {

double percent_or_0(int64_t part, int64_t whole) {
  return whole == 0 ? 0 : 100.0 * static_cast<double>(part) / static_cast<double>(whole);
}

std::string percent_text(int64_t part, int64_t whole) {
  return fixed(percent_or_0(part, whole), 1) + " %";
}

/// "A: " where there are two cases.
std::string which(const WhatIf& what_if, const WhatIfCase& c) {
  return what_if.cases.size() > 1 ? c.label + ": " : "";
}

std::string cycles_sentence(const WhatIfCase& c) {
  if (!c.cycles) return "";
  std::string text = "Simulated cycle by cycle, the first result comes after " +
                     count_of(c.cycles->first_image, "cycle");
  if (c.cycles->interval > 0) {
    text += " and then one every " + grouped(c.cycles->interval);
  }
  if (c.healthy_cycles) {
    text += c.cycles->same_cycles(*c.healthy_cycles)
                ? ", just as without faults"
                : "; without faults it is " + grouped(c.healthy_cycles->first_image) + " and " +
                      grouped(c.healthy_cycles->interval);
  }
  return text + (c.cycles->tensors_agree ? "; every tensor is the one predicted, bit for bit."
                                         : "; tensors DIFFER from those predicted.");
}

/// 'A and B disagree on 12 images ...'
std::string comparison(const WhatIf& what_if, const DataSet& data) {
  const WhatIfCase& a = what_if.cases[0];
  const WhatIfCase& b = what_if.cases[1];
  int64_t only_a = 0, only_b = 0;
  for (size_t i = 0; i < a.now.size(); ++i) {
    const bool a_right = a.now[i] == data.labels[i];
    const bool b_right = b.now[i] == data.labels[i];
    only_a += a_right && !b_right ? 1 : 0;
    only_b += b_right && !a_right ? 1 : 0;
  }
  const int64_t lead = counts(b, data).right_now - counts(a, data).right_now;
  std::string text = lead == 0 ? "With their faults, A and B are right equally often"
                               : "With its faults, " + std::string(lead > 0 ? "B" : "A") +
                                     " is right on " + count_of(std::abs(lead), "image") +
                                     " more than " + (lead > 0 ? "A" : "B");
  return text + ": " + grouped(only_a) + " only A gets right, " + grouped(only_b) + " only B.";
}

std::string tiles(const WhatIfCase& c, const DataSet& data) {
  const WhatIfCounts n = counts(c, data);
  std::string text =
      "<div class=\"tiles\">\n" +
      tile(percent_text(n.right_before, n.images), "right without faults",
           grouped(n.right_before) + " of " + grouped(n.images)) +
      tile(percent_text(n.right_now, n.images), "right with the faults",
           grouped(n.right_now) + " of " + grouped(n.images)) +
      tile(grouped(n.changed), n.changed == 1 ? "prediction changed" : "predictions changed",
           grouped(n.broken) + " right ones became wrong, " + grouped(n.repaired) +
               " wrong ones right") +
      tile(grouped(n.masked), n.masked == 1 ? "image masked" : "images masked", "no score differs");
  if (c.cycles) {
    const bool same = c.healthy_cycles && c.cycles->same_cycles(*c.healthy_cycles);
    text += tile(grouped(c.cycles->interval > 0 ? c.cycles->interval : c.cycles->first_image),
                 c.cycles->interval > 0 ? "cycles from image to image" : "cycles an image",
                 same ? "unchanged by the faults" : "");
  }
  return text + "</div>\n";
}

std::string case_article(const WhatIf& what_if, const WhatIfCase& c, const DataSet& data) {
  const bool two = what_if.cases.size() > 1;
  std::string text = "<article>\n<h3>" + (two ? escape(c.label) + ": " : std::string()) +
                     escape(c.accelerator.empty() ? c.network : c.accelerator) + " <small>" +
                     escape(c.model) + ", " + escape(c.network) +
                     (c.training.empty() ? "" : ", " + escape(c.training)) + "</small></h3>\n" +
                     tiles(c, data) +
                     "<h4>What is broken, and what that does to the network</h4>\n" +
                     fault_list(c.faults, static_cast<int64_t>(c.faults.size()));
  return text + map_figures(c.pictures, c.memories) + "</article>\n";
}

constexpr std::string_view own_style = R"css(
.cases{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,500px),1fr));gap:16px}
.cases article{margin:8px 0}
code{font:12.5px ui-monospace,"DejaVu Sans Mono",Menlo,Consolas,monospace}
.gallery{display:grid;grid-template-columns:repeat(auto-fill,minmax(150px,1fr));gap:12px;margin:14px 0}
.gallery figure{padding:10px;text-align:center}
.gallery img{width:112px;height:112px;image-rendering:pixelated;border-radius:4px;background:#000}
.gallery figcaption{text-align:left;line-height:1.4}.gallery b{color:var(--ink)}
.was,.is{font-weight:600}.right{color:var(--good)}.wrong{color:var(--bad)}
.tensors{margin-top:12px;display:grid;grid-template-columns:repeat(auto-fill,minmax(235px,1fr));gap:12px}
.tensors figure{padding:10px 12px}.tensors figure svg{min-width:0}.tensors h4{margin:0 0 2px}
.spreads{display:grid;gap:8px}
)css";

}  // namespace

int64_t TensorChange::elements() const {
  return std::accumulate(channels.begin(), channels.end(), int64_t{0});
}
double TensorChange::share() const {
  const double all = static_cast<double>(shape.size()) * static_cast<double>(examined);
  return all == 0 ? 0 : static_cast<double>(elements()) / all;
}
double TensorChange::channel_share(int channel) const {
  const double all = static_cast<double>(shape.pixels()) * static_cast<double>(examined);
  return all == 0 ? 0 : static_cast<double>(channels[static_cast<size_t>(channel)]) / all;
}
double TensorChange::pixel_share(int pixel) const {
  const double all = static_cast<double>(shape.channels) * static_cast<double>(examined);
  return all == 0 ? 0 : static_cast<double>(pixels[static_cast<size_t>(pixel)]) / all;
}

WhatIfCounts counts(const WhatIfCase& c, const DataSet& data) {
  WhatIfCounts n;
  n.images = static_cast<int64_t>(c.now.size());
  for (size_t i = 0; i < c.now.size(); ++i) {
    const bool was_right = c.before[i] == data.labels[i];
    const bool is_right = c.now[i] == data.labels[i];
    n.right_before += was_right ? 1 : 0;
    n.right_now += is_right ? 1 : 0;
    if (c.before[i] == c.now[i]) continue;
    ++n.changed;
    ++(was_right ? n.broken : is_right ? n.repaired : n.other);
  }
  n.masked = n.images - (c.tensors.empty() ? 0 : c.tensors.back().last);
  return n;
}

std::vector<int> changed_images(const WhatIf& what_if, const DataSet& data) {
  std::vector<std::pair<int, int>> ranked;  // rank, image
  for (size_t i = 0; i < what_if.cases.front().now.size(); ++i) {
    int rank = 3;
    for (const WhatIfCase& c : what_if.cases) {
      if (c.before[i] == c.now[i]) continue;
      rank = std::min(rank, c.before[i] == data.labels[i] ? 0 : c.now[i] == data.labels[i] ? 1 : 2);
    }
    if (rank < 3) ranked.emplace_back(rank, static_cast<int>(i));
  }
  std::sort(ranked.begin(), ranked.end());
  std::vector<int> images;
  for (const auto& [rank, image] : ranked) images.push_back(image);
  return images;
}

std::vector<std::string> summary(const WhatIf& what_if, const DataSet& data) {
  std::vector<std::string> sentences;
  for (const WhatIfCase& c : what_if.cases) {
    const WhatIfCounts n = counts(c, data);
    const auto broken = static_cast<int64_t>(c.faults.size());
    std::string text =
        which(what_if, c) + "With " + count_of(broken, "broken site") + " the network gets " +
        grouped(n.right_now) + " of " + count_of(n.images, "image") + " right (" +
        percent_text(n.right_now, n.images) + ") instead of " + grouped(n.right_before) + " (" +
        percent_text(n.right_before, n.images) + "); " +
        (n.changed == 1 ? "1 prediction" : grouped(n.changed) + " predictions") + " changed.";
    sentences.push_back(text);
  }
  if (what_if.cases.size() > 1) sentences.push_back(comparison(what_if, data));
  for (const WhatIfCase& c : what_if.cases) {
    const std::string sentence = cycles_sentence(c);
    if (!sentence.empty()) sentences.push_back(which(what_if, c) + sentence);
  }
  return sentences;
}

std::string html(const WhatIf& what_if, const DataSet& data) {
  std::string text =
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n<title>" +
      escape(what_if.title) + "</title>\n<style>" + std::string(page_style) +
      std::string(own_style) + "</style>\n</head>\n<body>\n<header class=\"top\">\n<h1>" +
      escape(what_if.title) + "</h1>\n<p class=\"sub\">" + escape(data.name) + ", images " +
      grouped(what_if.first_image) + " to " +
      grouped(what_if.first_image + static_cast<int64_t>(data.size()) - 1) + ". stuckat " +
      escape(what_if.tool_version) + "</p>\n";
  const auto sentences = summary(what_if, data);
  text += "<p class=\"lead\">" + escape(sentences.front()) + "</p>\n";
  if (sentences.size() > 1) {
    text += "<ul class=\"short\">";
    for (size_t i = 1; i < sentences.size(); ++i) text += "<li>" + escape(sentences[i]) + "</li>";
    text += "</ul>\n";
  }
  text +=
      "</header>\n<nav><div><a href=\"#broken\">Broken hardware</a><a href=\"#images\">Images</a>"
      "<a href=\"#spread\">Where it differs</a><a href=\"#classes\">Classes</a>"
      "<a href=\"#made\">How it was made</a></div></nav>\n<main>\n"
      "<section id=\"broken\">\n<h2>Broken hardware</h2>\n<div class=\"cases\">\n";
  for (const WhatIfCase& c : what_if.cases) text += case_article(what_if, c, data);
  text += "</div>\n</section>\n" + gallery_section(what_if, data) + spread_section(what_if) +
          class_section(what_if, data) +
          "<section id=\"made\">\n<h2>How it was made</h2>\n<div class=\"facts\"><dl>";
  for (const WhatIfCase& c : what_if.cases) {
    text += "<dt>" + escape(c.model) + "</dt><dd>" + escape(c.hash) + "</dd>";
  }
  return text + "</dl></div>\n<details><summary>Configuration</summary><pre>" +
         escape(what_if.configuration) +
         "</pre></details>\n</section>\n</main>\n<footer>This file is complete in itself and loads "
         "nothing.</footer>\n<div id=\"tip\"></div>\n<script>" +
         std::string(page_script) + "</script>\n</body>\n</html>\n";
}

}  // namespace stuckat::report
