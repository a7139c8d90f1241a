// The picture, as SVG: two panels of curves over the steps, one of dots, and a legend. Coordinates are written with one
// decimal, texts are the program's own, so nothing needs to be escaped.
#include "Report.h"

#include <algorithm>
#include <cmath>
#include <cstdarg>
#include <cstdio>
#include <functional>
#include <utility>

namespace train {

namespace {

__attribute__((format(printf, 2, 3))) void append(std::string &text, const char *format, ...) {
  char buffer[1024];
  va_list arguments;
  va_start(arguments, format);
  int length = std::vsnprintf(buffer, sizeof(buffer), format, arguments);
  va_end(arguments);
  text.append(buffer, static_cast<std::size_t>(std::min<int>(length, sizeof(buffer) - 1)));
}

// Greys for neither, blues for the auxiliary loss, the darker the greater alpha, oranges for the bias.
std::string colourOf(const Method &method, std::size_t rank) {
  static const char *const blues[] = {"#7fb8e0", "#2f7fc1", "#0b3c7d"}, *const oranges[] = {"#f4a259", "#c8400a"};
  if (method.rate != 0)
    return oranges[std::min<std::size_t>(rank, 1)];
  return method.alpha != 0 ? blues[std::min<std::size_t>(rank, 2)] : "#555555";
}

// A round number at or above x / 5: distance of the lines of an axis.
double tickOf(double range) {
  double power = std::pow(10, std::floor(std::log10(range / 5)));
  for (double factor : {1.0, 2.0, 5.0})
    if (power * factor >= range / 5)
      return power * factor;
  return power * 10;
}

// A rectangle of the picture with its axes.
struct Panel {
  double left, top, width, height;
  double xLow, xHigh, yLow, yHigh;

  double x(double value) const { return left + width * (value - xLow) / (xHigh - xLow); }
  double y(double value) const { return top + height * (1 - (std::clamp(value, yLow, yHigh) - yLow) / (yHigh - yLow)); }

  void drawFrame(std::string &svg, const char *title, bool steps) const {
    append(svg, "<text x=\"%.1f\" y=\"%.1f\" class=\"title\">%s</text>\n", left, top - 14, title);
    double tick = tickOf(yHigh - yLow);
    for (double value = std::ceil(yLow / tick) * tick; value <= yHigh + 1e-9 * tick; value += tick)
      append(svg,
             "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" class=\"grid\"/>\n"
             "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">%.4g</text>\n",
             left, y(value), left + width, y(value), left - 6, y(value) + 4, value);
    tick = tickOf(xHigh - xLow);
    for (double value = 0; steps && value <= xHigh; value += tick)
      append(svg, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">%.0f</text>\n", x(value), top + height + 18,
             value);
    if (steps)
      append(svg, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">step</text>\n", left + width / 2,
             top + height + 36);
    append(svg, "<path d=\"M%.1f %.1fv%.1fh%.1f\" class=\"axis\"/>\n", left, top, height, width);
  }
};

// A curve: mean and range over the seeds, in windows of steps.
struct Curve {
  std::string colour;
  std::vector<double> step, mean, least, greatest;
};

Curve curveOf(const std::vector<const Run *> &group, const std::string &colour,
              const std::function<double(const Sample &)> &read) {
  Curve curve;
  curve.colour = colour;
  std::size_t count = group.front()->samples.size(), window = std::max<std::size_t>(1, count / 125);
  for (std::size_t begin = 0; begin + window <= count; begin += window) {
    std::vector<double> seeds;
    for (const Run *run : group) {
      double sum = 0;
      for (std::size_t i = begin; i < begin + window; ++i)
        sum += read(run->samples[i]);
      seeds.push_back(sum / static_cast<double>(window));
    }
    double sum = 0;
    for (double value : seeds)
      sum += value;
    curve.step.push_back(static_cast<double>(begin) + static_cast<double>(window) / 2);
    curve.mean.push_back(sum / static_cast<double>(seeds.size()));
    curve.least.push_back(*std::min_element(seeds.begin(), seeds.end()));
    curve.greatest.push_back(*std::max_element(seeds.begin(), seeds.end()));
  }
  return curve;
}

void drawCurve(std::string &svg, const Panel &panel, const Curve &curve) {
  auto point = [&](double step, double value) { append(svg, "%.1f,%.1f ", panel.x(step), panel.y(value)); };
  append(svg, "<polygon fill=\"%s\" fill-opacity=\"0.18\" points=\"", curve.colour.c_str());
  for (std::size_t i = 0; i < curve.step.size(); ++i)
    point(curve.step[i], curve.greatest[i]);
  for (std::size_t i = curve.step.size(); i-- > 0;)
    point(curve.step[i], curve.least[i]);
  append(svg, "\"/>\n<polyline stroke=\"%s\" class=\"curve\" points=\"", curve.colour.c_str());
  for (std::size_t i = 0; i < curve.step.size(); ++i)
    point(curve.step[i], curve.mean[i]);
  svg += "\"/>\n";
}

using Groups = std::vector<std::vector<const Run *>>;

// Of tokens per expert, where each token draws its experts evenly and without replacement: binomial counts.
double deviationByLot(const Settings &settings) {
  double share = static_cast<double>(slots) / static_cast<double>(experts);
  return std::sqrt(static_cast<double>(settings.batch) * share * (1 - share));
}

void drawDeviation(std::string &svg, const Groups &groups, const std::vector<std::string> &colours,
                   const Settings &settings) {
  Panel panel = {60, 50, 400, 300, 0, static_cast<double>(settings.steps), 0, 1};
  std::vector<Curve> curves;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    curves.push_back(curveOf(groups[i], colours[i], [](const Sample &s) { return static_cast<double>(s.deviation); }));
    for (double value : curves.back().greatest)
      panel.yHigh = std::max(panel.yHigh, value * 1.05);
  }
  panel.drawFrame(svg, "Standard deviation of tokens per expert", true);
  for (const Curve &curve : curves)
    drawCurve(svg, panel, curve);
  double chance = deviationByLot(settings);
  append(svg, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" class=\"chance\"/>\n", panel.left, panel.y(chance),
         panel.left + panel.width, panel.y(chance));
}

void drawTaskLoss(std::string &svg, const Groups &groups, const std::vector<std::string> &colours,
                  const Settings &settings) {
  Panel panel = {540, 50, 400, 300, 0, static_cast<double>(settings.steps), INFINITY, 0};
  std::vector<Curve> curves;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    curves.push_back(curveOf(groups[i], colours[i], [](const Sample &s) { return s.taskLoss; }));
    for (double value : curves.back().least)
      panel.yLow = std::min(panel.yLow, value - 0.05);
    // The first steps fall from far above: the panel is for what comes after the first twentieth.
    panel.yHigh = std::max(panel.yHigh, curves.back().greatest[curves.back().greatest.size() / 20] + 0.05);
  }
  panel.drawFrame(svg, "Task loss on the batch, nats per byte", true);
  for (const Curve &curve : curves)
    drawCurve(svg, panel, curve);
}

void drawHeldOut(std::string &svg, const Groups &groups, const std::vector<std::string> &colours) {
  Panel panel = {1020, 50, 150, 300, -0.5, static_cast<double>(groups.size()) - 0.5, INFINITY, 0};
  for (const std::vector<const Run *> &group : groups)
    for (const Run *run : group) {
      panel.yLow = std::min(panel.yLow, run->heldOutLosses.back() - 0.02);
      panel.yHigh = std::max(panel.yHigh, run->heldOutLosses.back() + 0.02);
    }
  panel.drawFrame(svg, "Held-out loss", false);
  for (std::size_t i = 0; i < groups.size(); ++i)
    for (const Run *run : groups[i])
      append(svg, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4\" fill=\"%s\" fill-opacity=\"0.8\"/>\n",
             panel.x(static_cast<double>(i)), panel.y(run->heldOutLosses.back()), colours[i].c_str());
  append(svg, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">at the end, one dot a seed</text>\n",
         panel.left + panel.width / 2, panel.top + panel.height + 18);
}

void drawLegend(std::string &svg, const Groups &groups, const std::vector<std::string> &colours,
                const Settings &settings) {
  auto place = [](std::size_t i) {
    return std::pair(60 + 290 * static_cast<double>(i % 4), 420 + 24 * static_cast<double>(i / 4));
  };
  for (std::size_t i = 0; i < groups.size(); ++i) {
    auto [x, y] = place(i);
    append(svg,
           "<rect x=\"%.1f\" y=\"%.1f\" width=\"22\" height=\"4\" fill=\"%s\"/>\n"
           "<text x=\"%.1f\" y=\"%.1f\">%s</text>\n",
           x, y, colours[i].c_str(), x + 30, y + 6, groups[i].front()->method.name().c_str());
  }
  auto [x, y] = place(groups.size());
  append(svg,
         "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" class=\"chance\"/>\n"
         "<text x=\"%.1f\" y=\"%.1f\">experts drawn by lot: %.1f</text>\n",
         x, y + 2, x + 22, y + 2, x + 30, y + 6, deviationByLot(settings));
}

} // namespace

std::string makePicture(const std::vector<Run> &runs, const Settings &settings) {
  Groups groups = byMethod(runs);
  std::vector<std::string> colours;
  std::size_t alphas = 0, rates = 0;
  for (const std::vector<const Run *> &group : groups) {
    const Method &method = group.front()->method;
    std::size_t rank = method.rate != 0 ? rates++ : method.alpha != 0 ? alphas++ : 0;
    colours.push_back(colourOf(method, rank));
  }
  std::string svg = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 1200 470\" font-family=\"sans-serif\" "
                    "font-size=\"12\" fill=\"#333\">\n"
                    "<style>.title{font-size:15px;font-weight:bold}.grid{stroke:#e4e4e4}.axis{stroke:#888;fill:none}"
                    ".curve{fill:none;stroke-width:1.8;stroke-linejoin:round}"
                    ".chance{stroke:#888;stroke-dasharray:4 4}</style>\n"
                    "<rect width=\"1200\" height=\"470\" fill=\"#ffffff\"/>\n";
  drawDeviation(svg, groups, colours, settings);
  drawTaskLoss(svg, groups, colours, settings);
  drawHeldOut(svg, groups, colours);
  drawLegend(svg, groups, colours, settings);
  return svg + "</svg>\n";
}

} // namespace train
