// Bars in eighths of a character cell: horizontal for few elements, columns in bands for many.
#include "tools/moe-run/Chart.h"
#include "fmt/format.h"
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <numeric>
#include <string>
#include <sys/ioctl.h>
#include <unistd.h>

namespace moe::run {
namespace {

constexpr unsigned horizontalLimit = 16;
constexpr unsigned minimumWidth = 40;

// A chart's numbers: what all bars share.
struct Scale {
  int64_t total = 0;
  int64_t top = 1;     // the count of a full bar
  double balanced = 0; // the load of each element if all had the same
};

Scale scaleOf(llvm::ArrayRef<int64_t> counts) {
  Scale scale;
  scale.total = std::accumulate(counts.begin(), counts.end(), int64_t(0));
  scale.balanced = static_cast<double>(scale.total) / static_cast<double>(counts.size());
  int64_t greatest = *std::max_element(counts.begin(), counts.end());
  scale.top = std::max({int64_t(1), greatest, static_cast<int64_t>(std::ceil(scale.balanced))});
  return scale;
}

// Eighths of a bar of `cells` character cells; 0 only for a count of 0.
unsigned eighths(int64_t count, const Scale &scale, unsigned cells) {
  if (count <= 0)
    return 0;
  double filled = static_cast<double>(count) / static_cast<double>(scale.top) * cells * 8;
  return std::clamp(static_cast<unsigned>(std::lround(filled)), 1u, cells * 8);
}

void summary(llvm::raw_ostream &os, llvm::StringRef axis, llvm::ArrayRef<int64_t> counts, const Scale &scale) {
  auto greatest = std::max_element(counts.begin(), counts.end());
  auto least = std::min_element(counts.begin(), counts.end());
  os << fmt::format("load per {}: {} routes over {}, balanced {:.1f}", axis.str(), scale.total, counts.size(),
                    scale.balanced);
  if (scale.total > 0) {
    double squares = 0;
    for (int64_t count : counts)
      squares += (static_cast<double>(count) - scale.balanced) * (static_cast<double>(count) - scale.balanced);
    double cv = std::sqrt(squares / static_cast<double>(counts.size())) / scale.balanced;
    os << fmt::format("\n  most {} ({} {}, {:.2f}x), least {} ({} {}, {:.2f}x), cv {:.3f}, idle {}", *greatest,
                      axis.str(), greatest - counts.begin(), static_cast<double>(*greatest) / scale.balanced, *least,
                      axis.str(), least - counts.begin(), static_cast<double>(*least) / scale.balanced, cv,
                      std::count(counts.begin(), counts.end(), 0));
  }
  os << '\n';
}

std::string horizontalBar(unsigned filled, unsigned cells, bool unicode) {
  static constexpr const char *parts[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  std::string bar;
  unsigned used = filled / 8;
  for (unsigned i = 0; i < used; ++i)
    bar += unicode ? "█" : "#";
  if (filled % 8) {
    bar += unicode ? parts[filled % 8] : filled % 8 >= 4 || used == 0 ? "-" : " ";
    ++used;
  }
  return bar + std::string(cells - used, ' ');
}

void drawHorizontal(llvm::raw_ostream &os, llvm::ArrayRef<int64_t> counts, const Scale &scale,
                    const ChartStyle &style) {
  unsigned labels = static_cast<unsigned>(fmt::format("{}", counts.size() - 1).size());
  unsigned numbers = static_cast<unsigned>(fmt::format("{}", scale.top).size());
  // "  LABEL |BAR| NUMBER  9999.99x"
  unsigned cells = style.width - std::min(style.width - 8, 2 + labels + 2 + 2 + numbers + 10);
  for (size_t i = 0; i < counts.size(); ++i) {
    os << fmt::format("  {:>{}} |{}| {:>{}}", i, labels,
                      horizontalBar(eighths(counts[i], scale, cells), cells, style.unicode), counts[i], numbers);
    if (scale.total > 0)
      os << fmt::format(" {:>8.2f}x", static_cast<double>(counts[i]) / scale.balanced);
    os << '\n';
  }
}

const char *verticalCell(unsigned filled, bool line, bool unicode) {
  static constexpr const char *blocks[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  static constexpr const char *ascii[] = {" ", "_", "_", ".", ".", ":", ":", "#", "#"};
  if (filled == 0 && line)
    return unicode ? "·" : "-";
  return (unicode ? blocks : ascii)[filled];
}

void drawBand(llvm::raw_ostream &os, llvm::ArrayRef<int64_t> counts, size_t begin, size_t end, unsigned height,
              const Scale &scale, const ChartStyle &style) {
  unsigned numbers = std::max(4u, static_cast<unsigned>(fmt::format("{}", scale.top).size()));
  // The row that holds the balanced load, counted from the bottom.
  unsigned line = std::min(height - 1, static_cast<unsigned>(scale.balanced / static_cast<double>(scale.top) * height));
  for (unsigned row = height; row-- > 0;) {
    std::string label = row == height - 1 ? fmt::format("{}", scale.top) : row == line ? "even" : "";
    os << fmt::format("  {:>{}} |", label, numbers);
    for (size_t i = begin; i < end; ++i) {
      unsigned filled = eighths(counts[i], scale, height);
      os << verticalCell(std::min(8u, filled - std::min(filled, row * 8)), row == line && scale.total > 0,
                         style.unicode);
    }
    os << '\n';
  }
  std::string ticks(2 + numbers + 2, ' ');
  for (size_t i = begin; i < end; i += 8)
    ticks += fmt::format("{:<8}", i);
  ticks.erase(ticks.find_last_not_of(' ') + 1);
  os << ticks << '\n';
}

void drawColumns(llvm::raw_ostream &os, llvm::ArrayRef<int64_t> counts, const Scale &scale, const ChartStyle &style) {
  unsigned numbers = std::max(4u, static_cast<unsigned>(fmt::format("{}", scale.top).size()));
  // Whole groups of eight, so that ticks do not move from band to band.
  size_t perBand = std::max<size_t>(8, (style.width - numbers - 4) / 8 * 8);
  size_t bands = (counts.size() + perBand - 1) / perBand;
  perBand = std::min(perBand, ((counts.size() + bands - 1) / bands + 7) / 8 * 8);
  unsigned height = bands == 1 ? 8 : 5;
  for (size_t begin = 0; begin < counts.size(); begin += perBand)
    drawBand(os, counts, begin, std::min(counts.size(), begin + perBand), height, scale, style);
}

} // namespace

void drawLoad(llvm::raw_ostream &os, llvm::StringRef axis, llvm::ArrayRef<int64_t> counts, const ChartStyle &style) {
  if (counts.empty())
    return;
  ChartStyle fitted = style;
  fitted.width = std::max(style.width, minimumWidth);
  Scale scale = scaleOf(counts);
  summary(os, axis, counts, scale);
  if (counts.size() <= horizontalLimit)
    drawHorizontal(os, counts, scale, fitted);
  else
    drawColumns(os, counts, scale, fitted);
}

unsigned terminalWidth() {
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
    return size.ws_col;
  unsigned width = 0;
  const char *columns = std::getenv("COLUMNS");
  if (columns && !llvm::StringRef(columns).getAsInteger(10, width) && width > 0)
    return std::min(width, 1000u);
  return 80;
}

} // namespace moe::run
