/// A progress bar on stderr for runs that go on at the same time: one line that is drawn over itself on a terminal, one
/// line per tenth elsewhere.
#ifndef MOE_EXAMPLES_TRAIN_PROGRESS_H
#define MOE_EXAMPLES_TRAIN_PROGRESS_H
#include <chrono>
#include <cstddef>
#include <mutex>
#include <string>

namespace train {

class Progress {
public:
  /// For `total` steps in all.
  explicit Progress(std::size_t total);
  /// Counts one step, of the run that `what` describes. From any thread.
  void step(const std::string &what, double taskLoss, double deviation);
  /// Ends the line.
  void finish();

private:
  using Clock = std::chrono::steady_clock;
  void draw(const std::string &what, double taskLoss, double deviation);

  std::mutex mutex;
  std::size_t total, done = 0, tenths = 0;
  Clock::time_point start = Clock::now(), drawn = start;
  bool terminal;
};

} // namespace train
#endif
