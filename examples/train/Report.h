/// What the runs have measured, as CSV, as a table, and as a picture.
#ifndef MOE_EXAMPLES_TRAIN_REPORT_H
#define MOE_EXAMPLES_TRAIN_REPORT_H
#include "Training.h"

#include <string>
#include <vector>

namespace train {

/// One line per run and `settings.every` steps: method, alpha, u, seed, the last step, the means over these steps of
/// deviation, greatest, idle and task_loss, and the held-out loss after the last.
std::string makeCsv(const std::vector<Run> &runs, const Settings &settings);

/// One line per method: means over the last tenth of the steps, and over the seeds, with their spread.
std::string makeTable(const std::vector<Run> &runs);

/// SVG: standard deviation of tokens per expert and task loss over the steps, mean over the seeds of each method and in
/// a lighter shade the range from least to greatest; the held-out loss of each run at the end.
std::string makePicture(const std::vector<Run> &runs, const Settings &settings);

/// The runs of each method, in the order of their first appearance.
std::vector<std::vector<const Run *>> byMethod(const std::vector<Run> &runs);

} // namespace train
#endif
