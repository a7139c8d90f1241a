// CSV and table.
#include "Report.h"

#include <algorithm>
#include <cstdarg>
#include <cstdio>

namespace train {

namespace {

// Appends what printf would print.
__attribute__((format(printf, 2, 3))) void append(std::string &text, const char *format, ...) {
  char buffer[512];
  va_list arguments;
  va_start(arguments, format);
  int length = std::vsnprintf(buffer, sizeof(buffer), format, arguments);
  va_end(arguments);
  text.append(buffer, static_cast<std::size_t>(std::min<int>(length, sizeof(buffer) - 1)));
}

struct Means {
  double deviation = 0, greatest = 0, idle = 0, taskLoss = 0;
};

Means meansOf(const std::vector<Sample> &samples, std::size_t begin, std::size_t end) {
  Means means;
  double share = 1 / static_cast<double>(end - begin);
  for (std::size_t i = begin; i < end; ++i) {
    means.deviation += share * static_cast<double>(samples[i].deviation);
    means.greatest += share * samples[i].greatest;
    means.idle += share * samples[i].idle;
    means.taskLoss += share * samples[i].taskLoss;
  }
  return means;
}

// "12.3 (11.9 to 12.8)": mean, least and greatest.
std::string spread(const std::vector<double> &values, int digits) {
  double sum = 0;
  for (double value : values)
    sum += value;
  auto [least, greatest] = std::minmax_element(values.begin(), values.end());
  std::string text;
  append(text, "%.*f (%.*f to %.*f)", digits, sum / static_cast<double>(values.size()), digits, *least, digits,
         *greatest);
  return text;
}

} // namespace

std::vector<std::vector<const Run *>> byMethod(const std::vector<Run> &runs) {
  std::vector<std::vector<const Run *>> groups;
  for (const Run &run : runs) {
    auto same = std::find_if(groups.begin(), groups.end(), [&](const std::vector<const Run *> &group) {
      return group.front()->method.alpha == run.method.alpha && group.front()->method.rate == run.method.rate;
    });
    (same == groups.end() ? groups.emplace_back() : *same).push_back(&run);
  }
  return groups;
}

std::string makeCsv(const std::vector<Run> &runs, const Settings &settings) {
  std::string text = "method,alpha,u,seed,step,deviation,greatest,idle,task_loss,held_out_loss\n";
  for (const Run &run : runs) {
    const char *method = run.method.rate != 0 ? "loss-free" : run.method.alpha != 0 ? "auxiliary" : "neither";
    for (std::size_t window = 0; window < run.heldOutLosses.size(); ++window) {
      std::size_t begin = window * settings.every, end = std::min(begin + settings.every, run.samples.size());
      Means means = meansOf(run.samples, begin, end);
      append(text, "%s,%g,%g,%llu,%zu,%.3f,%.2f,%.3f,%.5f,%.5f\n", method, static_cast<double>(run.method.alpha),
             static_cast<double>(run.method.rate), static_cast<unsigned long long>(run.seed), end, means.deviation,
             means.greatest, means.idle, means.taskLoss, run.heldOutLosses[window]);
    }
  }
  return text;
}

std::string makeTable(const std::vector<Run> &runs) {
  std::string text;
  append(text, "%-30s %-22s %-22s %-20s %-26s %s\n", "mean (least to greatest seed)", "deviation", "greatest load",
         "idle experts", "task loss", "held-out loss");
  for (const std::vector<const Run *> &group : byMethod(runs)) {
    std::vector<double> deviation, greatest, idle, taskLoss, heldOut;
    for (const Run *run : group) {
      std::size_t count = run->samples.size();
      Means means = meansOf(run->samples, count - (count + 9) / 10, count);
      deviation.push_back(means.deviation);
      greatest.push_back(means.greatest);
      idle.push_back(means.idle);
      taskLoss.push_back(means.taskLoss);
      heldOut.push_back(run->heldOutLosses.back());
    }
    append(text, "%-30s %-22s %-22s %-20s %-26s %s\n", group.front()->method.name().c_str(),
           spread(deviation, 1).c_str(), spread(greatest, 0).c_str(), spread(idle, 2).c_str(),
           spread(taskLoss, 3).c_str(), spread(heldOut, 3).c_str());
  }
  return text;
}

} // namespace train
