// The table and the load of a call.
#include "tools/moe-run/Report.h"
#include "fmt/format.h"
#include "llvm/ADT/APFloat.h"
#include "llvm/ADT/STLExtras.h"
#include <algorithm>
#include <cmath>

namespace moe::run {
namespace {

std::vector<double> halves(llvm::ArrayRef<uint16_t> elements, const llvm::fltSemantics &semantics) {
  std::vector<double> result;
  bool losesInfo = false;
  for (uint16_t bits : elements) {
    llvm::APFloat number(semantics, llvm::APInt(16, bits));
    number.convert(llvm::APFloat::IEEEdouble(), llvm::APFloat::rmNearestTiesToEven, &losesInfo);
    result.push_back(number.convertToDouble());
  }
  return result;
}

// The elements of an array as doubles.
std::vector<double> values(const CallArray &call) {
  const NpyArray &array = call.storage;
  auto convert = [](auto elements) { return std::vector<double>(elements.begin(), elements.end()); };
  switch (array.type) {
  case NpyType::F32:
    return convert(array.as<float>());
  case NpyType::F64:
    return convert(array.as<double>());
  case NpyType::I32:
    return convert(array.as<int32_t>());
  case NpyType::I64:
    return convert(array.as<int64_t>());
  case NpyType::I16:
    return convert(array.as<int16_t>());
  case NpyType::Bool:
  case NpyType::U8:
    return convert(array.as<uint8_t>());
  default:
    return halves(array.as<uint16_t>(),
                  call.description->dtype == MOE_F16 ? llvm::APFloat::IEEEhalf() : llvm::APFloat::BFloat());
  }
}

std::string typeAndShape(const CallArray &array) {
  return fmt::format("{} {}", moe_dtype_name(static_cast<moe_dtype>(array.description->dtype)),
                     shapeText(array.storage.sizes));
}

// As many digits as tell the number from its neighbours. The sign of a NaN means nothing.
std::string scalarText(float value) { return std::isnan(value) ? "nan" : fmt::format("{}", value); }

// Scalars as they are; arrays as a summary of what is a number, and how many are none.
std::string valueText(const CallArray &array) {
  if (array.storage.sizes.empty() && array.storage.type == NpyType::F32)
    return scalarText(array.storage.as<float>()[0]);
  std::vector<double> all = values(array);
  if (array.storage.sizes.empty() && all.size() == 1)
    return fmt::format("{:.9g}", all[0]);
  std::string text = typeAndShape(array);
  size_t given = all.size();
  llvm::erase_if(all, [](double value) { return std::isnan(value); });
  std::string nans = all.size() < given ? fmt::format("{} of {} nan", given - all.size(), given) : "";
  if (all.empty())
    return nans.empty() ? text : text + "  " + nans;
  double sum = 0;
  for (double value : all)
    sum += value;
  auto [least, greatest] = std::minmax_element(all.begin(), all.end());
  return fmt::format("{}  least {:.6g}, mean {:.6g}, greatest {:.6g}{}", text, *least,
                     sum / static_cast<double>(all.size()), *greatest, nans.empty() ? "" : ", " + nans);
}

struct Row {
  std::string kind, name, value;
};

void addRows(std::vector<Row> &rows, const CallArrays &call, uint32_t role, const char *kind) {
  double total = 0;
  unsigned count = 0;
  for (const CallArray &array : call.arrays) {
    if (array.description->role != role)
      continue;
    std::string value;
    if (role == MOE_INPUT)
      value = fmt::format("{}  {}", typeAndShape(array), array.source);
    else if (role == MOE_OUTPUT)
      value = typeAndShape(array);
    else
      value = valueText(array);
    if (role == MOE_PARAM && array.source.empty())
      value += "  (default)";
    if (role == MOE_STATE && !array.source.empty())
      value += "  from " + array.source;
    if (role == MOE_LOSS)
      total += values(array).at(0);
    rows.push_back({kind, array.description->name, value});
    ++count;
  }
  if (role == MOE_LOSS && count > 1)
    rows.push_back({kind, "(total)", scalarText(static_cast<float>(total))});
}

// A gradient that comes out: its Euclidean norm and its greatest magnitude, of what is a number.
std::string gradientText(const CallArray &array) {
  double squares = 0, greatest = 0;
  size_t nans = 0, count = 0;
  for (double value : values(array)) {
    ++count;
    nans += std::isnan(value);
    squares += std::isnan(value) ? 0 : value * value;
    greatest = std::max(greatest, std::isnan(value) ? 0 : std::abs(value));
  }
  return fmt::format("{}  norm {:.6g}, greatest {:.6g}{}", typeAndShape(array), std::sqrt(squares), greatest,
                     nans ? fmt::format(", {} of {} nan", nans, count) : "");
}

void printRows(llvm::raw_ostream &os, llvm::ArrayRef<Row> rows) {
  size_t width = 0;
  for (const Row &row : rows)
    width = std::max(width, row.name.size());
  for (const Row &row : rows)
    os << fmt::format("  {:<6}  {:<{}}  {}\n", row.kind, row.name, width, row.value);
}

int64_t groupOf(const moe_axis &axis, const moe_axis &finer, int64_t element) {
  return axis.map ? axis.map[element] : element / (finer.size / axis.size);
}

const moe_axis *findAxis(const moe_gate &gate, llvm::StringRef name) {
  const moe_axis *end = gate.axes + gate.axis_count;
  const moe_axis *found = std::find_if(gate.axes, end, [&](const moe_axis &axis) { return name == axis.name; });
  return found == end ? nullptr : found;
}

} // namespace

void printTable(llvm::raw_ostream &os, const CallArrays &call) {
  std::vector<Row> rows;
  addRows(rows, call, MOE_INPUT, "input");
  addRows(rows, call, MOE_PARAM, "param");
  addRows(rows, call, MOE_STATE, "state");
  addRows(rows, call, MOE_OUTPUT, "output");
  addRows(rows, call, MOE_LOSS, "loss");
  addRows(rows, call, MOE_METRIC, "metric");
  addRows(rows, call, MOE_STATUS_WORD, "status");
  printRows(os, rows);
}

void printGradients(llvm::raw_ostream &os, const CallArrays &call) {
  std::vector<Row> rows;
  for (const CallArray &array : call.arrays) {
    const moe_array &description = *array.description;
    if (array.source == fromForward)
      continue;
    if (description.role == MOE_INPUT)
      rows.push_back({"input", description.name, fmt::format("{}  {}", typeAndShape(array), array.source)});
    if (description.role == MOE_PARAM)
      rows.push_back({"scale", description.name, valueText(array) + (array.source.empty() ? "  (default)" : "")});
    if (description.role == MOE_OUTPUT)
      rows.push_back({"grad", description.name, gradientText(array)});
  }
  printRows(os, rows);
}

void printTraffic(llvm::raw_ostream &os, llvm::ArrayRef<moe_traffic> traffic) {
  size_t width = 5;
  for (const moe_traffic &row : traffic)
    width = std::max(width, llvm::StringRef(row.array).size());
  llvm::StringRef kernel;
  auto line = [&](const char *direction, const char *array, const moe_transfer &moved) {
    if (moved.requests)
      os << fmt::format("  {:<5}  {:<{}}  {:>12}  {:>10}  {:>10}  {:>10}\n", direction, array, width, moved.bytes,
                        moved.requests, moved.sectors, moved.ideal_sectors);
  };
  for (const moe_traffic &row : traffic) {
    if (kernel != row.kernel) {
      kernel = row.kernel;
      os << fmt::format("\ntraffic of {}\n  {:<5}  {:<{}}  {:>12}  {:>10}  {:>10}  {:>10}\n", row.kernel, "", "array",
                        width, "bytes", "requests", "sectors", "ideal");
    }
    line("load", row.array, row.load);
    line("store", row.array, row.store);
  }
}

std::vector<int64_t> loadPerElement(const NpyArray &route, int64_t elements) {
  std::vector<int64_t> load(static_cast<size_t>(elements), 0);
  for (int32_t index : route.as<int32_t>())
    if (index >= 0 && index < elements)
      ++load[static_cast<size_t>(index)];
  return load;
}

std::vector<int64_t> loadPerGroup(const moe_gate &gate, const moe_axis &axis, llvm::StringRef selected,
                                  llvm::ArrayRef<int64_t> load) {
  if (!axis.of || axis.size < 0)
    return {};
  const moe_axis *finer = findAxis(gate, axis.of);
  if (!finer || (!axis.map && (axis.size == 0 || finer->size % axis.size != 0)))
    return {};
  std::vector<int64_t> below = axis.of == selected ? load.vec() : loadPerGroup(gate, *finer, selected, load);
  std::vector<int64_t> groups;
  for (size_t i = 0; i < below.size(); ++i) {
    groups.resize(static_cast<size_t>(axis.size), 0);
    groups[static_cast<size_t>(groupOf(axis, *finer, static_cast<int64_t>(i)))] += below[i];
  }
  return groups;
}

void printLoad(llvm::raw_ostream &os, const moe_gate &gate, const CallArray &output, llvm::StringRef selected,
               const ChartStyle &style) {
  const moe_axis *axis = findAxis(gate, selected);
  if (!axis || axis->size <= 0)
    return;
  std::vector<int64_t> load = loadPerElement(output.storage, axis->size);
  os << '\n';
  drawLoad(os, axis->name, load, style);
  for (uint32_t i = 0; i < gate.axis_count; ++i) {
    std::vector<int64_t> groups = loadPerGroup(gate, gate.axes[i], selected, load);
    if (groups.empty())
      continue;
    os << '\n';
    drawLoad(os, gate.axes[i].name, groups, style);
  }
}

} // namespace moe::run
