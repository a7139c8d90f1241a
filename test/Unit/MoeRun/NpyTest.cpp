// The .npy reader and writer: headers as NumPy writes them, round trips, and the message for each kind of broken file.
#include "tools/moe-run/Npy.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include <cmath>
#include <fstream>

namespace moe::run {
namespace {

using testing::HasSubstr;

std::string pathOf(const std::string &name) { return std::string(MOE_TEST_OUTPUT_DIR) + "/" + name; }

std::string writeFile(const std::string &name, const std::string &bytes) {
  std::ofstream(pathOf(name), std::ios::binary) << bytes;
  return pathOf(name);
}

// A file of format `major`.0 with this header text, unpadded, and these elements.
std::string npyFile(int major, const std::string &header, const std::string &elements) {
  std::string file = "\x93NUMPY";
  file += {static_cast<char>(major), '\0'};
  for (int i = 0; i < (major == 1 ? 2 : 4); ++i)
    file += static_cast<char>(header.size() >> (8 * i) & 0xff);
  return file + header + elements;
}

std::string readError(const std::string &path) {
  llvm::Expected<NpyArray> array = readNpy(path);
  return array ? std::string("no error") : llvm::toString(array.takeError());
}

std::string headerError(llvm::StringRef text) {
  llvm::Expected<NpyHeader> header = parseNpyHeader(text);
  return header ? std::string("no error") : llvm::toString(header.takeError());
}

TEST(Npy, RoundTripKeepsTypeShapeAndBits) {
  const float values[] = {0.0f, -0.0f, INFINITY, -INFINITY, 1.5e-42f, NAN};
  std::string path = pathOf("roundtrip.npy");
  ASSERT_FALSE(static_cast<bool>(writeNpy(path, NpyType::F32, {2, 3}, values)));
  llvm::Expected<NpyArray> array = readNpy(path);
  ASSERT_TRUE(static_cast<bool>(array));
  EXPECT_EQ(array->type, NpyType::F32);
  EXPECT_EQ(shapeText(array->sizes), "[2, 3]");
  EXPECT_EQ(std::memcmp(array->data.data(), values, sizeof values), 0);
}

TEST(Npy, RoundTripOfEveryTypeAndOfScalarsAndEmptyArrays) {
  const char zeros[64] = {};
  for (int i = 0; i <= static_cast<int>(NpyType::U16); ++i)
    for (llvm::SmallVector<int64_t> sizes : {llvm::SmallVector<int64_t>{}, {0}, {0, 64}, {5}, {1, 2, 3}}) {
      NpyType type = static_cast<NpyType>(i);
      std::string path = pathOf("every.npy");
      ASSERT_FALSE(static_cast<bool>(writeNpy(path, type, sizes, zeros)));
      llvm::Expected<NpyArray> array = readNpy(path);
      ASSERT_TRUE(static_cast<bool>(array));
      EXPECT_EQ(array->type, type);
      EXPECT_EQ(array->sizes, sizes);
      EXPECT_NE(array->data.data(), nullptr);
    }
}

TEST(Npy, HeaderIsPaddedTo64AsNumpyDoes) {
  std::string path = pathOf("padded.npy");
  const float value = 1;
  ASSERT_FALSE(static_cast<bool>(writeNpy(path, NpyType::F32, {1}, &value)));
  std::ifstream file(path, std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(file)), {});
  ASSERT_EQ(bytes.size(), 128u + 4u);
  EXPECT_EQ(bytes[127], '\n');
  EXPECT_THAT(bytes, HasSubstr("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), } "));
}

TEST(Npy, ReadsVersions1To3) {
  for (int major : {1, 2, 3}) {
    auto array =
        readNpy(writeFile("version.npy", npyFile(major, "{'descr': '<i4', 'fortran_order': False, 'shape': (2,), }\n",
                                                 std::string("\1\0\0\0\2\0\0\0", 8))));
    ASSERT_TRUE(static_cast<bool>(array));
    EXPECT_EQ(array->as<int32_t>()[1], 2);
  }
  EXPECT_THAT(readError(writeFile("version.npy", npyFile(4, "{}", ""))),
              HasSubstr("has .npy format version 4.0; expected 1.0, 2.0 or 3.0"));
}

TEST(Npy, BfloatComesAsRawWordsOrFromMlDtypes) {
  for (const char *descr : {"<u2", "<V2", "|V2", "bfloat16"}) {
    auto header = parseNpyHeader(std::string("{'descr': '") + descr + "', 'fortran_order': False, 'shape': (), }");
    ASSERT_TRUE(static_cast<bool>(header)) << descr;
    EXPECT_TRUE(holds(header->type, MOE_BF16)) << descr;
    EXPECT_FALSE(holds(header->type, MOE_F16)) << descr;
  }
  EXPECT_TRUE(holds(NpyType::U8, MOE_BOOL));
  EXPECT_FALSE(holds(NpyType::F64, MOE_F32));
}

TEST(Npy, FortranOrderIsRefusedUnlessItIsTheSameBytes) {
  EXPECT_THAT(headerError("{'descr': '<f4', 'fortran_order': True, 'shape': (4, 3), }"),
              HasSubstr("is in Fortran order; expected C order"));
  EXPECT_EQ(headerError("{'descr': '<f4', 'fortran_order': True, 'shape': (4, 1), }"), "no error");
  EXPECT_EQ(headerError("{'descr': '<f4', 'fortran_order': True, 'shape': (0, 7), }"), "no error");
}

TEST(Npy, HeaderErrorsSayWhatStandsThere) {
  EXPECT_THAT(headerError("{'descr': '>f4', 'fortran_order': False, 'shape': (4,), }"),
              HasSubstr("holds elements of type '>f4'; expected a little-endian '<f4'"));
  EXPECT_THAT(headerError("{'descr': '|O', 'fortran_order': False, 'shape': (4,), }"), HasSubstr("type '|O'"));
  EXPECT_THAT(headerError("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (4,), }"),
              HasSubstr("holds records"));
  EXPECT_THAT(headerError("{'descr': '<f4', 'shape': (4,), }"), HasSubstr("the header lacks 'fortran_order'"));
  EXPECT_THAT(headerError("{'descr': '<f4', 'fortran_order': False, 'shape': (-4,), }"), HasSubstr("expected a size"));
  EXPECT_THAT(headerError("{'descr': '<f4', 'fortran_order': maybe, }"), HasSubstr("expected True or False"));
  EXPECT_THAT(headerError("{'descr': '<f4', 'colour': 'red', }"), HasSubstr("unknown key 'colour'"));
  EXPECT_THAT(headerError("{'descr"), HasSubstr("does not end"));
  EXPECT_THAT(headerError("{'descr': '<f4', 'fortran_order': False, 'shape': (4"), HasSubstr("expected ',' or ')'"));
  EXPECT_THAT(headerError("{'descr': '<f4', 'fortran_order': False, 'shape': (4,), } x"), HasSubstr("text after"));
  EXPECT_THAT(headerError(""), HasSubstr("does not start with '{'"));
  EXPECT_THAT(headerError("{'descr': '<f8', 'fortran_order': False, 'shape': (4294967296, 4294967296), }"),
              HasSubstr("too large"));
}

TEST(Npy, EveryTruncationAndEveryFlippedHeaderByteIsSurvived) {
  std::string good = npyFile(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }\n", std::string(16, '\1'));
  for (size_t length = 0; length < good.size(); ++length)
    EXPECT_NE(readError(writeFile("broken.npy", good.substr(0, length))), "no error") << length;
  for (size_t i = 0; i + 16 < good.size(); ++i)
    for (char c : {'\0', '(', '9', '\xff'}) {
      std::string bad = good;
      bad[i] = c;
      (void)readError(writeFile("broken.npy", bad)); // any answer, no crash
    }
}

TEST(Npy, FileErrorsNameTheFileAndBothSizes) {
  EXPECT_THAT(readError("/nonexistent/x.npy"),
              HasSubstr("cannot read '/nonexistent/x.npy': No such file or directory"));
  EXPECT_THAT(readError(MOE_TEST_OUTPUT_DIR), HasSubstr("cannot read"));
  EXPECT_THAT(readError(writeFile("empty.npy", "")), HasSubstr("is not a .npy file: it starts with nothing"));
  EXPECT_THAT(readError(writeFile("zip.npy", "PK\3\4abcd")), HasSubstr("it starts with 50 4b 03 04 61 62"));
  std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (4, 64), }\n";
  EXPECT_THAT(readError(writeFile("short.npy", npyFile(1, header, std::string(1000, 'x')))),
              HasSubstr("holds 1000 bytes of elements; its shape [4, 64] of f32 needs 1024"));
  EXPECT_THAT(readError(writeFile("long.npy", npyFile(1, header, std::string(1025, 'x')))),
              HasSubstr("holds 1025 bytes of elements"));
}

TEST(Npy, WriteErrorsNameTheFileAndTheReason) {
  std::vector<float> values(1 << 16);
  auto text = [&](llvm::StringRef path) {
    return llvm::toString(writeNpy(path, NpyType::F32, {1 << 16}, values.data()));
  };
  EXPECT_EQ(text("/dev/full"), "cannot write '/dev/full': No space left on device");
  EXPECT_EQ(text("/nonexistent/x.npy"), "cannot write '/nonexistent/x.npy': No such file or directory");
  // A few bytes stay in the C library's buffer until the end: their loss is an error as well.
  EXPECT_EQ(llvm::toString(writeNpy("/dev/full", NpyType::F32, {1}, values.data())),
            "cannot write '/dev/full': No space left on device");
}

} // namespace
} // namespace moe::run
