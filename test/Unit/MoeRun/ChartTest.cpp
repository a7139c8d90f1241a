// The load chart: what stands in it, that it fits the width, and that it stays readable from 1 to 256 experts.
#include "tools/moe-run/Chart.h"
#include "llvm/ADT/SmallVector.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include <numeric>
#include <string>
#include <vector>

namespace moe::run {
namespace {

using testing::HasSubstr;

std::string draw(llvm::ArrayRef<int64_t> counts, unsigned width = 80, bool unicode = false) {
  std::string text;
  llvm::raw_string_ostream os(text);
  drawLoad(os, "expert", counts, {width, unicode});
  return text;
}

std::vector<std::string> lines(llvm::StringRef text) {
  llvm::SmallVector<llvm::StringRef> parts;
  text.split(parts, '\n', -1, false);
  return {parts.begin(), parts.end()};
}

// Terminal columns: UTF-8 characters, all of width one here.
size_t columns(llvm::StringRef line) {
  size_t count = 0;
  for (unsigned char c : line)
    count += (c & 0xc0) != 0x80;
  return count;
}

std::vector<int64_t> ramp(size_t count) {
  std::vector<int64_t> counts(count);
  std::iota(counts.begin(), counts.end(), 1);
  return counts;
}

TEST(Chart, EightExpertsAreLabelledBars) {
  EXPECT_EQ(draw({40, 10, 0, 30, 20, 20, 20, 20}, 40),
            "load per expert: 160 routes over 8, balanced 20.0\n"
            "  most 40 (expert 0, 2.00x), least 0 (expert 2, 0.00x), cv 0.559, idle 1\n"
            "  0 |#####################| 40     2.00x\n"
            "  1 |#####                | 10     0.50x\n"
            "  2 |                     |  0     0.00x\n"
            "  3 |###############-     | 30     1.50x\n"
            "  4 |##########-          | 20     1.00x\n"
            "  5 |##########-          | 20     1.00x\n"
            "  6 |##########-          | 20     1.00x\n"
            "  7 |##########-          | 20     1.00x\n");
}

TEST(Chart, EveryBarLineFitsTheWidth) {
  for (size_t count : {1, 2, 8, 16, 17, 60, 64, 160, 256, 1024})
    for (unsigned width : {1u, 40u, 80u, 132u, 300u})
      for (bool unicode : {false, true}) {
        std::vector<std::string> all = lines(draw(ramp(count), width, unicode));
        for (size_t i = 2; i < all.size(); ++i)
          EXPECT_LE(columns(all[i]), std::max(40u, width)) << count << " experts, width " << width << ": " << all[i];
      }
}

TEST(Chart, A256ExpertChartHasFewLinesAndEveryIndexOfEight) {
  std::string text = draw(ramp(256), 80);
  EXPECT_LE(lines(text).size(), 30u);
  for (int index = 0; index < 256; index += 8)
    EXPECT_THAT(text, HasSubstr(" " + std::to_string(index)));
}

TEST(Chart, ColumnsShowTheEvenLoadAsALine) {
  std::vector<int64_t> counts(32, 0);
  counts[5] = 320;
  std::vector<std::string> all = lines(draw(counts));
  ASSERT_EQ(all.size(), 2u + 8u + 1u);
  EXPECT_EQ(all[2], "   320 |     #                          ");
  EXPECT_EQ(all[9], "  even |-----#--------------------------");
  EXPECT_EQ(all[10], "        0       8       16      24");
}

TEST(Chart, OneRouteIsNeverDrawnEmpty) {
  std::vector<int64_t> counts(64, 100000);
  counts[3] = 1;
  counts[4] = 0;
  std::vector<std::string> all = lines(draw(counts));
  EXPECT_EQ(all[9].substr(10, 6), "###_ #");
}

TEST(Chart, NoRoutesAtAllDrawsWithoutRatios) {
  std::string text = draw({0, 0});
  EXPECT_THAT(text, HasSubstr("load per expert: 0 routes over 2, balanced 0.0\n"));
  EXPECT_THAT(text, testing::Not(HasSubstr("nan")));
  EXPECT_EQ(draw({}), "");
}

} // namespace
} // namespace moe::run
