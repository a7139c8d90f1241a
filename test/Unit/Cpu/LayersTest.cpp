// Programs whose tokens have layers, and programs whose pieces come in pieces, through the runtime, against plain
// loops. Numbers are small integers, so that sums are exact in any order.
#include "test/Unit/Cpu/KernelRunner.h"
#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

using namespace moe;
using namespace moe::test;

namespace {

constexpr size_t layers = 3, experts = 6;
constexpr uint32_t threadCounts[] = {1, 2, 7};

Elements integers(size_t count, int low, int high, unsigned seed) {
  std::mt19937 random(seed);
  Elements result;
  for (size_t i = 0; i < count; ++i)
    result.push_back(low + static_cast<int>(random() % static_cast<unsigned>(high - low + 1)));
  return result;
}

void expectArrays(const Arrays &got, const Arrays &expected, const std::string &what) {
  for (const auto &[name, values] : expected) {
    ASSERT_TRUE(got.count(name)) << name << ", " << what;
    ASSERT_EQ(got.at(name).size(), values.size()) << name << ", " << what;
    for (size_t i = 0; i < values.size(); ++i)
      ASSERT_EQ(got.at(name)[i], values[i]) << name << "[" << i << "], " << what;
  }
}

//===-- Layers
//------------------------------------------------------------------------------------------------------===//

/// Two passes over [layer, token]: an input that all layers share, rows of other tokens, a coefficient and a saved
/// array with rows, and its backward.
const char *const stacked = R"(
moe_kernel.program @stacked layers 3 {
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 6] layered "layer"
  moe_kernel.buffer @weight input bf16 axes ["token"] sizes [-1]
  moe_kernel.buffer @y output bf16 axes ["token", "expert"] sizes [-1, 6] layered "layer"
  moe_kernel.buffer @next output f32 axes ["token", "expert"] sizes [-1, 6] layered "layer"
  moe_kernel.buffer @row output i32 axes ["token"] sizes [-1] layered "layer"
  moe_kernel.buffer @doubled coefficient f32 axes ["token"] sizes [-1]
  moe_kernel.buffer @first coefficient f32 axes ["expert"] sizes [6]
  moe_kernel.buffer @kept saved f32 axes ["token"] sizes [-1]
  moe_kernel.buffer @total metric f32 axes ["expert"] sizes [6]
  moe_kernel.buffer @greatest metric f32 axes [] sizes []
  moe_kernel.buffer @rows metric i32 axes [] sizes []
  moe_kernel.accumulator @t sum f32 sizes [6]
  moe_kernel.accumulator @m max f32 sizes []
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<6xf32>
    %w = moe_kernel.load @weight : f32
    %d = arith.addf %w, %w : f32
    moe_kernel.store %d, @doubled : f32
    moe_kernel.store %d, @kept : f32
    %y = moe_kernel.map (%x : !moe_kernel.row<6xf32>) -> !moe_kernel.row<6xf32> {
    ^bb0(%a: f32):
      %0 = arith.mulf %a, %w : f32
      moe_kernel.yield %0 : f32
    }
    moe_kernel.store %y, @y : !moe_kernel.row<6xf32>
    moe_kernel.accumulate %y, @t : !moe_kernel.row<6xf32>
  } finish {
    %t = moe_kernel.read @t : !moe_kernel.row<6xf32>
    moe_kernel.store %t, @first : !moe_kernel.row<6xf32>
  }
  moe_kernel.pass because "it needs 'first'" rows {
    %i = moe_kernel.index token : i32
    moe_kernel.store %i, @row : i32
    %one = arith.constant 1 : i32
    %j = arith.addi %i, %one : i32
    %other = moe_kernel.load_at @x[%j] : !moe_kernel.row<6xf32>
    %f = moe_kernel.load @first : !moe_kernel.row<6xf32>
    %d = moe_kernel.load @doubled : f32
    %n = moe_kernel.map (%other, %f : !moe_kernel.row<6xf32>, !moe_kernel.row<6xf32>) -> !moe_kernel.row<6xf32> {
    ^bb0(%a: f32, %b: f32):
      %0 = arith.addf %a, %b : f32
      %1 = arith.addf %0, %d : f32
      moe_kernel.yield %1 : f32
    }
    moe_kernel.store %n, @next : !moe_kernel.row<6xf32>
    %g = moe_kernel.reduce max %n : !moe_kernel.row<6xf32> -> f32
    moe_kernel.accumulate %g, @m : f32
  } finish {
    %t = moe_kernel.read @t : !moe_kernel.row<6xf32>
    moe_kernel.store %t, @total : !moe_kernel.row<6xf32>
    %m = moe_kernel.read @m : f32
    moe_kernel.store %m, @greatest : f32
    %n = moe_kernel.size : i32
    moe_kernel.store %n, @rows : i32
  }
}
moe_kernel.program @stacked_backward backward_of @stacked layers 3 {
  moe_kernel.buffer @kept saved f32 axes ["token"] sizes [-1]
  moe_kernel.buffer @grad_y input f32 axes ["token"] sizes [-1] layered "layer"
  moe_kernel.buffer @grad_x output f32 axes ["token", "expert"] sizes [-1, 6] adds layered "layer"
  moe_kernel.pass rows {
    %k = moe_kernel.load @kept : f32
    %y = moe_kernel.load @grad_y : f32
    %s = arith.mulf %k, %y : f32
    %g = moe_kernel.map -> !moe_kernel.row<6xf32> {
      moe_kernel.yield %s : f32
    }
    moe_kernel.store %g, @grad_x : !moe_kernel.row<6xf32>
  } finish {
  }
}
)";

Arrays expectedStacked(size_t tokens, const Arrays &inputs) {
  const Elements &x = inputs.at("x"), &weight = inputs.at("weight"), &gradY = inputs.at("grad_y");
  Arrays out;
  size_t rows = layers * tokens;
  out["total"] = Elements(experts, 0.0);
  for (size_t row = 0; row < rows; ++row)
    for (size_t e = 0; e < experts; ++e) {
      out["y"].push_back(x[row * experts + e] * weight[row % tokens]);
      out["total"][e] += out["y"].back();
      out["grad_x"].push_back(2 * weight[row % tokens] * gradY[row]);
    }
  out["greatest"] = {-INFINITY};
  for (size_t row = 0; row < rows; ++row) {
    out["row"].push_back(static_cast<double>(row));
    for (size_t e = 0; e < experts; ++e) {
      double other = row + 1 < rows ? x[(row + 1) * experts + e] : 0;
      out["next"].push_back(other + out["total"][e] + 2 * weight[row % tokens]);
      out["greatest"][0] = std::max(out["greatest"][0], out["next"].back());
    }
  }
  out["rows"] = {static_cast<double>(rows)};
  return out;
}

TEST(Layers, OneArrayOrOneOfEachLayer) {
  KernelRunner runner(stacked);
  ASSERT_TRUE(runner.isReady());
  EXPECT_EQ(runner.descriptor().layers, layers);
  for (size_t tokens : {0, 1, 5, 16, 17, 341, 342, 1024, 3000}) {
    Arrays inputs = {{"x", integers(layers * tokens * experts, -4, 4, 1)},
                     {"weight", integers(tokens, 1, 3, 2)},
                     {"grad_y", integers(layers * tokens, -3, 3, 3)}};
    Arrays expected = expectedStacked(tokens, inputs);
    for (bool bindsByLayer : {false, true})
      for (uint32_t threads : threadCounts)
        for (unsigned variant = 0; variant < runner.descriptor().cpu_variant_count; ++variant) {
          RuntimeCall options{static_cast<int64_t>(tokens), 0, threads, variant};
          options.bindsByLayer = bindsByLayer;
          options.runsBackward = true;
          expectArrays(runner.call(inputs, options), expected,
                       std::to_string(tokens) + " tokens, " + std::to_string(threads) + " threads" +
                           (bindsByLayer ? ", by layer" : ""));
        }
  }
}

/// Groups of tokens in each layer, and the layers as pieces of groups.
const char *const grouped = R"(
moe_kernel.program @grouped layers 3 piece_length 4 {
  moe_kernel.pieces count 3
  moe_kernel.buffer @x input f32 axes ["token", "expert"] sizes [-1, 6] layered "layer"
  moe_kernel.buffer @scale input f32 axes ["group"] sizes [-2] layered "layer"
  moe_kernel.buffer @y output f32 axes ["token", "expert"] sizes [-1, 6] layered "layer"
  moe_kernel.buffer @sums output f32 axes ["group", "expert"] sizes [-2, 6] layered "layer"
  moe_kernel.buffer @load output f32 axes ["layer", "expert"] sizes [-5, 6]
  moe_kernel.buffer @number output i32 axes ["layer"] sizes [-5]
  moe_kernel.buffer @all metric f32 axes ["expert"] sizes [6]
  moe_kernel.buffer @carried coefficient f32 axes ["group", "expert"] sizes [-2, 6]
  moe_kernel.accumulator @s sum f32 sizes [6] per_piece
  moe_kernel.accumulator @l sum f32 sizes [6] per_piece
  moe_kernel.accumulator @a sum f32 sizes [6]
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : !moe_kernel.row<6xf32>
    %w = moe_kernel.load @scale : f32
    %y = moe_kernel.map (%x : !moe_kernel.row<6xf32>) -> !moe_kernel.row<6xf32> {
    ^bb0(%a: f32):
      %0 = arith.mulf %a, %w : f32
      moe_kernel.yield %0 : f32
    }
    moe_kernel.store %y, @y : !moe_kernel.row<6xf32>
    moe_kernel.accumulate %y, @s : !moe_kernel.row<6xf32>
  } pieces {
    %s = moe_kernel.read @s : !moe_kernel.row<6xf32>
    moe_kernel.store %s, @sums : !moe_kernel.row<6xf32>
    moe_kernel.store %s, @carried : !moe_kernel.row<6xf32>
  } finish {}
  moe_kernel.pass because "layers" over_level 1 rows {
    %s = moe_kernel.load @carried : !moe_kernel.row<6xf32>
    moe_kernel.accumulate %s, @l : !moe_kernel.row<6xf32>
  } pieces {
    %l = moe_kernel.read @l : !moe_kernel.row<6xf32>
    moe_kernel.store %l, @load : !moe_kernel.row<6xf32>
    %p = moe_kernel.index piece : i32
    moe_kernel.store %p, @number : i32
    moe_kernel.accumulate %l, @a : !moe_kernel.row<6xf32>
  } finish {
    %a = moe_kernel.read @a : !moe_kernel.row<6xf32>
    moe_kernel.store %a, @all : !moe_kernel.row<6xf32>
  }
}
)";

TEST(Layers, OfGroups) {
  KernelRunner runner(grouped);
  ASSERT_TRUE(runner.isReady());
  for (size_t groups : {0, 1, 3, 100, 700}) {
    size_t tokens = 4 * groups;
    Arrays inputs = {{"x", integers(layers * tokens * experts, -4, 4, 5)},
                     {"scale", integers(layers * groups, 1, 3, 6)}};
    Arrays expected;
    expected["all"] = Elements(experts, 0.0);
    expected["load"] = Elements(layers * experts, 0.0);
    expected["sums"] = Elements(layers * groups * experts, 0.0);
    expected["number"] = {0, 1, 2};
    for (size_t row = 0; row < layers * tokens; ++row)
      for (size_t e = 0; e < experts; ++e) {
        double y = inputs["x"][row * experts + e] * inputs["scale"][row / 4];
        expected["y"].push_back(y);
        expected["sums"][row / 4 * experts + e] += y;
        expected["load"][row / tokens * experts + e] += y;
        expected["all"][e] += y;
      }
    for (bool bindsByLayer : {false, true})
      for (uint32_t threads : threadCounts) {
        RuntimeCall options{static_cast<int64_t>(tokens), static_cast<int64_t>(groups), threads};
        options.bindsByLayer = bindsByLayer;
        options.outerPieces = {layers};
        expectArrays(runner.call(inputs, options), expected, std::to_string(groups) + " groups");
      }
  }
}

//===-- Pieces of pieces
//--------------------------------------------------------------------------------------------===//

/// Tokens in sentences, these in paragraphs, these in books: sums of each, from pass to pass.
const char *const books = R"(
moe_kernel.program @books $SENTENCES {
  moe_kernel.pieces $PARAGRAPHS
  moe_kernel.pieces $BOOKS
  moe_kernel.buffer @x input f32 axes ["token"] sizes [-1]
  $OFFSETS
  moe_kernel.buffer @price input f32 axes ["paragraph"] sizes [-5]
  moe_kernel.buffer @sentence output f32 axes ["sentence"] sizes [-2]
  moe_kernel.buffer @place output i32 axes ["sentence"] sizes [-2]
  moe_kernel.buffer @paragraph output f32 axes ["paragraph"] sizes [-5]
  moe_kernel.buffer @size output i32 axes ["paragraph"] sizes [-5]
  moe_kernel.buffer @book output f32 axes ["book"] sizes [-7]
  moe_kernel.buffer @paragraphs output i32 axes ["book"] sizes [-7]
  moe_kernel.buffer @greatest metric f32 axes [] sizes []
  moe_kernel.buffer @counts metric i32 axes [] sizes []
  moe_kernel.buffer @tokens metric i32 axes [] sizes []
  moe_kernel.buffer @bad_offsets status i32 axes [] sizes []
  moe_kernel.buffer @kept saved f32 axes ["paragraph"] sizes [-5]
  moe_kernel.buffer @s1 coefficient f32 axes ["sentence"] sizes [-2]
  moe_kernel.buffer @s2 coefficient f32 axes ["paragraph"] sizes [-5]
  moe_kernel.accumulator @a1 sum f32 sizes [] per_piece
  moe_kernel.accumulator @a2 sum f32 sizes [] per_piece
  moe_kernel.accumulator @a3 sum f32 sizes [] per_piece
  moe_kernel.accumulator @m max f32 sizes []
  moe_kernel.accumulator @c sum i32 sizes []
  moe_kernel.accumulator @bad_offsets_seen sum i32 sizes []
  moe_kernel.pass rows {
    %x = moe_kernel.load @x : f32
    moe_kernel.accumulate %x, @a1 : f32
  } pieces {
    %s = moe_kernel.read @a1 : f32
    moe_kernel.store %s, @sentence : f32
    moe_kernel.store %s, @s1 : f32
  } finish {}
  moe_kernel.pass because "paragraphs" over_level 1 rows {
    %s = moe_kernel.load @s1 : f32
    %p = moe_kernel.load @price : f32
    %v = arith.mulf %s, %p : f32
    moe_kernel.accumulate %v, @a2 : f32
    %i = moe_kernel.index token : i32
    %b = moe_kernel.index piece_begin : i32
    %in = arith.subi %i, %b : i32
    moe_kernel.store %in, @place : i32
    %one = arith.constant 1 : i32
    moe_kernel.accumulate %one, @c : i32
  } pieces {
    %s = moe_kernel.read @a2 : f32
    moe_kernel.store %s, @paragraph : f32
    moe_kernel.store %s, @kept : f32
    moe_kernel.store %s, @s2 : f32
    %n = moe_kernel.index piece_size : i32
    moe_kernel.store %n, @size : i32
  } finish {}
  moe_kernel.pass because "books" over_level 2 rows {
    %s = moe_kernel.load @s2 : f32
    moe_kernel.accumulate %s, @a3 : f32
  } pieces {
    %s = moe_kernel.read @a3 : f32
    moe_kernel.store %s, @book : f32
    moe_kernel.accumulate %s, @m : f32
    %n = moe_kernel.index piece_size : i32
    moe_kernel.store %n, @paragraphs : i32
  } finish {
    %m = moe_kernel.read @m : f32
    moe_kernel.store %m, @greatest : f32
    %c = moe_kernel.read @c : i32
    moe_kernel.store %c, @counts : i32
    %n = moe_kernel.size : i32
    moe_kernel.store %n, @tokens : i32
    %bad = moe_kernel.read @bad_offsets_seen : i32
    moe_kernel.store %bad, @bad_offsets : i32
  }
}
moe_kernel.program @books_backward backward_of @books $SENTENCES {
  moe_kernel.pieces $PARAGRAPHS
  $BACKWARD_OFFSETS
  moe_kernel.buffer @kept saved f32 axes ["paragraph"] sizes [-5]
  moe_kernel.buffer @grad_price output f32 axes ["paragraph"] sizes [-5]
  moe_kernel.pass rows {} finish {}
  moe_kernel.pass because "paragraphs" over_level 1 rows {
  } pieces {
    %k = moe_kernel.load @kept : f32
    moe_kernel.store %k, @grad_price : f32
  } finish {
  }
}
)";

/// Sizes of the parts of each level.
struct Division {
  std::vector<int64_t> sentences, paragraphs, books;

  int64_t tokens() const { return std::accumulate(sentences.begin(), sentences.end(), int64_t(0)); }
  std::string text() const {
    return std::to_string(sentences.size()) + " sentences in " + std::to_string(paragraphs.size()) + " paragraphs in " +
           std::to_string(books.size()) + " books";
  }
};

/// `count` numbers with the sum `total`.
std::vector<int64_t> cut(int64_t total, size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<int64_t> bounds = {0, total}, sizes;
  for (size_t i = 1; i < count; ++i)
    bounds.push_back(static_cast<int64_t>(random() % static_cast<unsigned>(total + 1)));
  std::sort(bounds.begin(), bounds.end());
  for (size_t i = 0; i < count; ++i)
    sizes.push_back(bounds[i + 1] - bounds[i]);
  return sizes;
}

Elements offsetsOf(const std::vector<int64_t> &sizes) {
  Elements offsets = {0};
  for (int64_t size : sizes)
    offsets.push_back(offsets.back() + static_cast<double>(size));
  return offsets;
}

Arrays inputsOf(const Division &division) {
  return {{"x", integers(static_cast<size_t>(division.tokens()), -3, 3, 7)},
          {"price", integers(division.paragraphs.size(), 1, 4, 8)},
          {"o1", offsetsOf(division.sentences)},
          {"o2", offsetsOf(division.paragraphs)},
          {"o3", offsetsOf(division.books)}};
}

Arrays expectedBooks(const Division &division, const Arrays &inputs) {
  Arrays out;
  size_t token = 0, sentence = 0, paragraph = 0;
  for (int64_t size : division.sentences) {
    double sum = 0;
    for (int64_t i = 0; i < size; ++i)
      sum += inputs.at("x")[token++];
    out["sentence"].push_back(sum);
  }
  for (size_t p = 0; p < division.paragraphs.size(); ++p) {
    double sum = 0;
    for (int64_t i = 0; i < division.paragraphs[p]; ++i, ++sentence) {
      sum += out["sentence"][sentence] * inputs.at("price")[p];
      out["place"].push_back(static_cast<double>(i));
    }
    out["paragraph"].push_back(sum);
    out["size"].push_back(static_cast<double>(division.paragraphs[p]));
  }
  out["greatest"] = {-INFINITY};
  for (int64_t size : division.books) {
    double sum = 0;
    for (int64_t i = 0; i < size; ++i)
      sum += out["paragraph"][paragraph++];
    out["book"].push_back(sum);
    out["paragraphs"].push_back(static_cast<double>(size));
    out["greatest"][0] = std::max(out["greatest"][0], sum);
  }
  out["grad_price"] = out["paragraph"];
  out["counts"] = {static_cast<double>(division.sentences.size())};
  out["tokens"] = {static_cast<double>(division.tokens())};
  out["bad_offsets"] = {0};
  return out;
}

RuntimeCall callOf(const Division &division, uint32_t threads, unsigned variant = 0) {
  RuntimeCall options{division.tokens(), static_cast<int64_t>(division.sentences.size()), threads, variant};
  options.outerPieces = {static_cast<int64_t>(division.paragraphs.size()), static_cast<int64_t>(division.books.size())};
  options.runsBackward = true;
  return options;
}

const std::map<std::string, std::string> allByOffsets = {
    {"SENTENCES", "piece_offsets @o1"},
    {"PARAGRAPHS", "offsets @o2"},
    {"BOOKS", "offsets @o3"},
    {"BACKWARD_OFFSETS", R"(moe_kernel.buffer @o1 input i32 axes ["b1"] sizes [-3]
  moe_kernel.buffer @o2 input i32 axes ["b2"] sizes [-6])"},
    {"OFFSETS", R"(moe_kernel.buffer @o1 input i32 axes ["b1"] sizes [-3]
  moe_kernel.buffer @o2 input i32 axes ["b2"] sizes [-6]
  moe_kernel.buffer @o3 input i32 axes ["b3"] sizes [-8])"}};

TEST(PiecesOfPieces, ByOffsets) {
  KernelRunner runner(fill(books, allByOffsets));
  ASSERT_TRUE(runner.isReady());
  const Division divisions[] = {{{}, {}, {}},
                                {{5}, {1}, {1}},
                                {{0, 3, 0, 0, 40, 1, 0}, {0, 4, 3, 0}, {2, 0, 2}},
                                {{1000, 24, 0, 0, 5000, 0, 1}, cut(7, 5, 1), cut(5, 5, 2)},
                                {cut(20000, 9000, 3), cut(9000, 4000, 4), cut(4000, 3, 5)},
                                {cut(100, 6000, 6), cut(6000, 5, 7), cut(5, 1, 8)}};
  for (const Division &division : divisions) {
    Arrays inputs = inputsOf(division), expected = expectedBooks(division, inputs);
    for (uint32_t threads : threadCounts)
      for (unsigned variant = 0; variant < runner.descriptor().cpu_variant_count; ++variant)
        expectArrays(runner.call(inputs, callOf(division, threads, variant)), expected, division.text());
  }
}

TEST(PiecesOfPieces, ByLengthAndCount) {
  KernelRunner runner(fill(books, {{"SENTENCES", "piece_length 5"},
                                   {"PARAGRAPHS", "length 2"},
                                   {"BOOKS", "count 4"},
                                   {"BACKWARD_OFFSETS", ""},
                                   {"OFFSETS", ""}}));
  ASSERT_TRUE(runner.isReady());
  for (size_t paragraphs : {0, 4, 40, 3000}) {
    Division division{std::vector<int64_t>(2 * paragraphs, 5), std::vector<int64_t>(paragraphs, 2),
                      std::vector<int64_t>(4, static_cast<int64_t>(paragraphs) / 4)};
    Arrays inputs = inputsOf(division), expected = expectedBooks(division, inputs);
    for (uint32_t threads : threadCounts)
      expectArrays(runner.call(inputs, callOf(division, threads)), expected, division.text());
  }
}

/// Whatever the offsets of a level hold, it is as if every one of them were put in its place.
TEST(PiecesOfPieces, BadOffsetsOfAnyLevel) {
  KernelRunner runner(fill(books, allByOffsets));
  ASSERT_TRUE(runner.isReady());
  Division division{{3, 0, 4, 2}, {1, 0, 3}, {2, 1}};
  Arrays good = inputsOf(division), expected = expectedBooks(division, good);
  expected["bad_offsets"] = {1};
  const std::pair<const char *, Elements> bad[] = {{"o1", {-7, 3, 3, 7, 9}}, {"o1", {0, 3, 1, 7, 100}},
                                                   {"o2", {1, 1, 1, 4}},     {"o2", {0, 1, -2e9, 2e9}},
                                                   {"o3", {0, 2, 2}},        {"o3", {5, 2, 3}}};
  for (const auto &[name, offsets] : bad) {
    Arrays inputs = good;
    inputs[name] = offsets;
    expectArrays(runner.call(inputs, callOf(division, 2)), expected, name);
  }
}

} // namespace
