// What was found, each kind of mistake at each place once.
#pragma once
#include "emulator.h"

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace moe::emulator {

/// The lines of a source, for messages.
class SourceLines {
public:
  SourceLines(std::string sourceName, std::string_view text);
  /// "gate.cu:12 `float x = …`", the line's text without the space around it.
  std::string quote(uint32_t line) const;

private:
  std::string name;
  std::vector<std::string> lines;
};

class Findings {
public:
  /// Counts a finding; `text()` is asked for only the first time that this kind comes up for this buffer (or -1) at
  /// this pair of lines (0: none).
  template <typename Text>
  void add(moe_emulator_finding_kind kind, int buffer, uint32_t line, uint32_t otherLine, Text &&text) {
    for (Entry &entry : entries)
      if (entry.kind == kind && entry.buffer == buffer && entry.line == line && entry.otherLine == otherLine) {
        ++entry.times;
        return;
      }
    if (entries.size() < limit)
      entries.push_back({kind, buffer, line, otherLine, 1, text()});
  }
  size_t size() const { return entries.size(); }
  /// Valid until the next add.
  const std::vector<moe_emulator_finding> &view();

private:
  static constexpr size_t limit = 64;
  struct Entry {
    moe_emulator_finding_kind kind;
    int buffer;
    uint32_t line, otherLine;
    uint64_t times;
    std::string text;
  };
  std::deque<Entry> entries;
  std::vector<moe_emulator_finding> shown;
};

} // namespace moe::emulator
