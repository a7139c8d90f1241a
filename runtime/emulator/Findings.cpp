// Findings as the C interface shows them.
#include "Findings.h"

namespace moe::emulator {

SourceLines::SourceLines(std::string sourceName, std::string_view text) : name(std::move(sourceName)) {
  while (!text.empty()) {
    size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    size_t first = line.find_first_not_of(" \t\r");
    size_t last = line.find_last_not_of(" \t\r");
    lines.emplace_back(first == std::string_view::npos ? std::string_view() : line.substr(first, last - first + 1));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
}

std::string SourceLines::quote(uint32_t line) const {
  std::string text = name + ":" + std::to_string(line);
  if (line >= 1 && line <= lines.size())
    text += " `" + lines[line - 1] + "`";
  return text;
}

const std::vector<moe_emulator_finding> &Findings::view() {
  shown.clear();
  for (const Entry &entry : entries)
    shown.push_back({entry.kind, entry.times, entry.text.c_str()});
  return shown;
}

} // namespace moe::emulator
