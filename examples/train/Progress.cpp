// Draws the bar at most ten times a second.
#include "Progress.h"

#include <cstdio>
#include <unistd.h>

namespace train {

Progress::Progress(std::size_t total) : total(total), terminal(isatty(STDERR_FILENO)) {}

void Progress::step(const std::string &what, double taskLoss, double deviation) {
  std::lock_guard lock(mutex);
  ++done;
  Clock::time_point now = Clock::now();
  bool newTenth = done * 10 / total > tenths;
  tenths = done * 10 / total;
  if (terminal ? now - drawn < std::chrono::milliseconds(100) && done < total : !newTenth)
    return;
  drawn = now;
  draw(what, taskLoss, deviation);
}

void Progress::draw(const std::string &what, double taskLoss, double deviation) {
  constexpr std::size_t width = 30;
  std::string bar;
  for (std::size_t i = 0; i < width; ++i)
    bar += i < done * width / total ? "█" : "░";
  double seconds = std::chrono::duration<double>(drawn - start).count();
  double left = seconds * static_cast<double>(total - done) / static_cast<double>(done);
  std::fprintf(stderr, "%s%s %3zu %%  %.0f s, %.0f s left | %s: loss %.3f, deviation %.1f%s", terminal ? "\r" : "",
               bar.c_str(), done * 100 / total, seconds, left, what.c_str(), taskLoss, deviation,
               terminal ? "\033[K" : "\n");
  std::fflush(stderr);
}

void Progress::finish() {
  if (terminal)
    std::fputc('\n', stderr);
}

} // namespace train
