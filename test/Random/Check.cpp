// What is checked and how: the table of targets, child processes, regression files. See Check.h.
#include "test/Random/Check.h"
#include "test/Random/Targets.h"
#include <algorithm>
#include <csignal>
#include <cstring>
#include <sstream>
#include <sys/wait.h>
#include <unistd.h>

namespace moe::test::random {

//===-- Targets
//---------------------------------------------------------------------------------------------------------===//

namespace {
struct Target {
  const char *name;
  void (*check)(const Subject &, Report &);
};
constexpr Target targets[] = {{"cpu", checkCpu}, {"emulator", checkEmulator}, {"gradient", checkGradient}};
} // namespace

std::vector<std::string> targetNames() {
  std::vector<std::string> names;
  for (const Target &target : targets)
    names.push_back(target.name);
  return names;
}

Report check(const Subject &subject, const CheckOptions &options) {
  Report report;
  for (const Target &target : targets)
    if (std::find(options.targets.begin(), options.targets.end(), target.name) != options.targets.end())
      target.check(subject, report);
  return report;
}

//===-- Child processes
//-------------------------------------------------------------------------------------------------===//

void Report::merge(const Report &other) {
  findings.insert(findings.end(), other.findings.begin(), other.findings.end());
  runs += other.runs;
  backwards += other.backwards;
  emulated += other.emulated;
  directions += other.directions;
  kinks += other.kinks;
}

static constexpr char kField = '\1', kRecord = '\2';

std::string Report::serialise() const {
  std::string text;
  for (int64_t number : {runs, backwards, emulated, directions, kinks})
    text += std::to_string(number) + " ";
  text += kRecord;
  for (const Finding &finding : findings)
    text += finding.what + kField + finding.text + kRecord;
  return text;
}

Report Report::deserialise(const std::string &text) {
  Report report;
  std::istringstream records(text);
  std::string record;
  std::getline(records, record, kRecord);
  std::istringstream(record) >> report.runs >> report.backwards >> report.emulated >> report.directions >> report.kinks;
  while (std::getline(records, record, kRecord))
    if (size_t field = record.find(kField); field != std::string::npos)
      report.add(record.substr(0, field), record.substr(field + 1));
  return report;
}

/// Everything that the other end writes.
static std::string readAll(int file) {
  std::string text;
  char block[4096];
  for (ssize_t n; (n = read(file, block, sizeof block)) > 0;)
    text.append(block, n);
  return text;
}

Report checkIsolated(const Subject &subject, const CheckOptions &options, unsigned seconds) {
  int ends[2];
  Report report;
  if (pipe(ends) != 0) {
    report.add("no child process", "pipe failed");
    return report;
  }
  pid_t child = fork();
  if (child == 0) {
    close(ends[0]);
    alarm(seconds);
    std::string text = check(subject, options).serialise();
    for (size_t written = 0; written < text.size();) {
      ssize_t n = write(ends[1], text.data() + written, text.size() - written);
      if (n <= 0)
        break;
      written += n;
    }
    _exit(0);
  }
  close(ends[1]);
  std::string text = readAll(ends[0]);
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
    return Report::deserialise(text);
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
    report.add("hangs", "no answer after " + std::to_string(seconds) + " seconds");
  else
    report.add("crashes", WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : "ends with a status");
  return report;
}

//===-- Regression files
//------------------------------------------------------------------------------------------------===//

std::string writeRegression(const Subject &subject, const std::string &remark) {
  std::string text;
  std::istringstream lines(remark);
  for (std::string line; std::getline(lines, line);)
    text += "# " + line + "\n";
  for (const Case &data : subject.cases)
    text += "# data: " + data.text() + "\n";
  return text + subject.text;
}

Subject readRegression(const std::string &text) {
  Subject subject{text, {}};
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);)
    if (line.rfind("# data: ", 0) == 0)
      if (std::optional<Case> data = Case::parse(line.substr(8)))
        subject.cases.push_back(*data);
  return subject;
}

} // namespace moe::test::random
