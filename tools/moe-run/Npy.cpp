// Reading and writing of .npy files: a magic string, a version, the length of a header, a Python dictionary in text
// that holds type, order and shape, then the elements.
#include "tools/moe-run/Npy.h"
#include "fmt/format.h"
#include "fmt/ranges.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/MemoryBuffer.h"
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>

namespace moe::run {
namespace {

constexpr llvm::StringLiteral magic("\x93NUMPY");
constexpr const char *readable =
    "a little-endian '<f4', '<f8', '<f2', '<u2' or '<V2' (bfloat16), '<i4', '<i8', '|b1' or '|u1'";

template <typename... Args> llvm::Error failure(fmt::format_string<Args...> format, Args &&...args) {
  return llvm::createStringError(fmt::format(format, std::forward<Args>(args)...));
}

// The part of Python's literals that a .npy header uses: strings, integers, True and False, tuples of integers.
class HeaderParser {
public:
  explicit HeaderParser(llvm::StringRef text) : rest(text) {}

  llvm::Expected<NpyHeader> parse();

private:
  bool take(char c) {
    rest = rest.ltrim(" \t\n");
    return rest.consume_front(llvm::StringRef(&c, 1));
  }
  llvm::Expected<std::string> string();
  llvm::Error descr();
  llvm::Error order();
  llvm::Error shape();
  llvm::Error entry();
  llvm::Error checkComplete();

  llvm::StringRef rest;
  NpyHeader header;
  bool fortran = false, seenDescr = false, seenOrder = false, seenShape = false;
};

llvm::Expected<std::string> HeaderParser::string() {
  rest = rest.ltrim(" \t\n");
  if (rest.empty() || (rest.front() != '\'' && rest.front() != '"'))
    return failure("expected a quoted string in the header at \"{}\"", rest.take_front(24).str());
  char quote = rest.front();
  size_t end = rest.find(quote, 1);
  if (end == llvm::StringRef::npos)
    return failure("a string in the header does not end");
  std::string value = rest.slice(1, end).str();
  rest = rest.drop_front(end + 1);
  return value;
}

std::optional<NpyType> typeOf(llvm::StringRef descr) {
  return llvm::StringSwitch<std::optional<NpyType>>(descr)
      .Case("<f4", NpyType::F32)
      .Case("<f8", NpyType::F64)
      .Case("<f2", NpyType::F16)
      .Case("<u2", NpyType::U16)
      .Cases({"<V2", "|V2", "bfloat16"}, NpyType::BF16)
      .Case("<i4", NpyType::I32)
      .Case("<i8", NpyType::I64)
      .Cases({"|b1", "?", "<b1"}, NpyType::Bool)
      .Cases({"|u1", "<u1"}, NpyType::U8)
      .Default(std::nullopt);
}

llvm::Error HeaderParser::descr() {
  rest = rest.ltrim(" \t\n");
  if (rest.starts_with("["))
    return failure("holds records (a structured dtype); expected a plain array of {}", readable);
  llvm::Expected<std::string> text = string();
  if (!text)
    return text.takeError();
  std::optional<NpyType> type = typeOf(*text);
  if (!type)
    return failure("holds elements of type '{}'; expected {}", *text, readable);
  header.type = *type;
  seenDescr = true;
  return llvm::Error::success();
}

llvm::Error HeaderParser::order() {
  rest = rest.ltrim(" \t\n");
  if (rest.consume_front("True"))
    fortran = true;
  else if (!rest.consume_front("False"))
    return failure("expected True or False for 'fortran_order' at \"{}\"", rest.take_front(24).str());
  seenOrder = true;
  return llvm::Error::success();
}

llvm::Error HeaderParser::shape() {
  if (!take('('))
    return failure("expected a tuple for 'shape' at \"{}\"", rest.take_front(24).str());
  while (!take(')')) {
    rest = rest.ltrim(" \t\n");
    uint64_t size = 0;
    if (rest.consumeInteger(10, size) || size > INT64_MAX)
      return failure("expected a size that fits 63 bits in 'shape' at \"{}\"", rest.take_front(24).str());
    rest.consume_front("L"); // Python 2 wrote long integers so
    header.sizes.push_back(static_cast<int64_t>(size));
    if (!take(',') && !rest.ltrim(" \t\n").starts_with(")"))
      return failure("expected ',' or ')' in 'shape' at \"{}\"", rest.take_front(24).str());
  }
  seenShape = true;
  return llvm::Error::success();
}

llvm::Error HeaderParser::entry() {
  llvm::Expected<std::string> key = string();
  if (!key)
    return key.takeError();
  if (!take(':'))
    return failure("expected ':' after '{}' in the header", *key);
  if (*key == "descr")
    return descr();
  if (*key == "fortran_order")
    return order();
  if (*key == "shape")
    return shape();
  return failure("unknown key '{}' in the header; expected 'descr', 'fortran_order' and 'shape'", *key);
}

llvm::Error HeaderParser::checkComplete() {
  if (!seenDescr || !seenOrder || !seenShape)
    return failure("the header lacks '{}'", !seenDescr ? "descr" : !seenOrder ? "fortran_order" : "shape");
  int64_t count = 1, bytes = 0;
  bool overflow = false;
  int64_t longDimensions = 0;
  for (int64_t size : header.sizes) {
    overflow |= llvm::MulOverflow(count, size, count) != 0;
    longDimensions += size != 1;
  }
  overflow |= llvm::MulOverflow(count, static_cast<int64_t>(typeBytes(header.type)), bytes) != 0;
  header.bytes = static_cast<uint64_t>(bytes);
  if (overflow)
    return failure("the shape {} is too large to be in memory", shapeText(header.sizes));
  // With at most one dimension longer than 1 both orders are the same bytes.
  if (fortran && longDimensions > 1 && count != 0)
    return failure("is in Fortran order; expected C order (save numpy.ascontiguousarray(x))");
  return llvm::Error::success();
}

llvm::Expected<NpyHeader> HeaderParser::parse() {
  if (!take('{'))
    return failure("the header does not start with '{{'");
  while (!take('}')) {
    if (llvm::Error error = entry())
      return error;
    if (!take(',') && !rest.ltrim(" \t\n").starts_with("}"))
      return failure("expected ',' or '}}' in the header at \"{}\"", rest.take_front(24).str());
  }
  if (!rest.trim(" \t\n").empty())
    return failure("text after the header's '}}': \"{}\"", rest.trim().take_front(24).str());
  if (llvm::Error error = checkComplete())
    return error;
  return header;
}

uint64_t littleEndian(llvm::StringRef bytes) {
  uint64_t value = 0;
  for (size_t i = bytes.size(); i-- > 0;)
    value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return value;
}

// Splits the file into the header's dictionary and the elements' bytes.
llvm::Error splitFile(llvm::StringRef file, llvm::StringRef &dictionary, llvm::StringRef &elements) {
  if (!file.starts_with(magic) || file.size() < magic.size() + 2)
    return failure("is not a .npy file: it starts with {}, expected the bytes 93 'NUMPY' (an .npz archive has to be "
                   "unpacked first)",
                   file.empty() ? "nothing (the file is empty)"
                                : fmt::format("{:02x}", fmt::join(file.take_front(6).bytes(), " ")));
  unsigned major = static_cast<unsigned char>(file[6]), minor = static_cast<unsigned char>(file[7]);
  if (major < 1 || major > 3)
    return failure("has .npy format version {}.{}; expected 1.0, 2.0 or 3.0", major, minor);
  size_t lengthBytes = major == 1 ? 2 : 4;
  llvm::StringRef body = file.drop_front(magic.size() + 2);
  if (body.size() < lengthBytes)
    return failure("ends inside its header");
  uint64_t length = littleEndian(body.take_front(lengthBytes));
  body = body.drop_front(lengthBytes);
  if (length > body.size())
    return failure("ends inside its header: {} bytes announced, {} there", length, body.size());
  dictionary = body.take_front(length);
  elements = body.drop_front(length);
  return llvm::Error::success();
}

llvm::Expected<NpyArray> decode(llvm::StringRef file) {
  llvm::StringRef dictionary, elements;
  if (llvm::Error error = splitFile(file, dictionary, elements))
    return error;
  llvm::Expected<NpyHeader> header = parseNpyHeader(dictionary);
  if (!header)
    return header.takeError();
  if (elements.size() != header->bytes)
    return failure("holds {} bytes of elements; its shape {} of {} needs {}", elements.size(), shapeText(header->sizes),
                   typeName(header->type).str(), header->bytes);
  NpyArray array(header->type, header->sizes);
  if (header->bytes)
    std::memcpy(array.data.data(), elements.data(), header->bytes);
  return array;
}

// NumPy's name for a type, and the dictionary around it, padded so that the elements start at a multiple of 64.
std::string encodeHeader(NpyType type, llvm::ArrayRef<int64_t> sizes) {
  static constexpr const char *names[] = {"<f4", "<f8", "<V2", "<f2", "<i4", "<i8", "|b1", "|u1", "<u2", "<i2"};
  std::string text =
      fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}{}), }}", names[static_cast<size_t>(type)],
                  fmt::join(sizes, ", "), sizes.size() == 1 ? "," : "");
  size_t before = magic.size() + 4;
  text.append(llvm::alignTo(before + text.size() + 1, 64) - (before + text.size() + 1), ' ');
  text += '\n';
  std::string header = magic.str();
  header += {'\x01', '\x00', static_cast<char>(text.size() & 0xff), static_cast<char>(text.size() >> 8)};
  return header + text;
}

} // namespace

llvm::StringRef typeName(NpyType type) {
  static constexpr llvm::StringLiteral names[] = {"f32", "f64",  "bf16", "f16", "i32",
                                                  "i64", "bool", "u8",   "u16", "i16"};
  return names[static_cast<size_t>(type)];
}

size_t typeBytes(NpyType type) {
  static constexpr size_t bytes[] = {4, 8, 2, 2, 4, 8, 1, 1, 2, 2};
  return bytes[static_cast<size_t>(type)];
}

NpyType typeToWrite(moe_dtype dtype) {
  static constexpr NpyType types[] = {NpyType::F32, NpyType::F64, NpyType::U16,  NpyType::F16,
                                      NpyType::I32, NpyType::I64, NpyType::Bool, NpyType::I16};
  return types[static_cast<size_t>(dtype)];
}

bool holds(NpyType type, moe_dtype dtype) {
  return type == typeToWrite(dtype) || (dtype == MOE_BF16 && type == NpyType::BF16) ||
         (dtype == MOE_BOOL && type == NpyType::U8);
}

std::string shapeText(llvm::ArrayRef<int64_t> sizes) { return fmt::format("[{}]", fmt::join(sizes, ", ")); }

AlignedBytes::AlignedBytes(size_t size) : count(size) {
  size_t allocated = llvm::alignTo(size ? size : 1, 64);
  bytes.reset(static_cast<std::byte *>(std::aligned_alloc(64, allocated)));
  if (!bytes)
    throw std::bad_alloc();
  std::memset(bytes.get(), 0, allocated);
}

void AlignedBytes::Free::operator()(std::byte *pointer) const { std::free(pointer); }

NpyArray::NpyArray(NpyType type, llvm::ArrayRef<int64_t> sizes) : type(type), sizes(sizes) {
  data = AlignedBytes(static_cast<size_t>(elements()) * typeBytes(type));
}

int64_t NpyArray::elements() const {
  int64_t count = 1;
  for (int64_t size : sizes)
    count *= size;
  return count;
}

llvm::Expected<NpyHeader> parseNpyHeader(llvm::StringRef dictionary) { return HeaderParser(dictionary).parse(); }

llvm::Expected<NpyArray> readNpy(llvm::StringRef path) {
  auto buffer = llvm::MemoryBuffer::getFile(path, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!buffer)
    return failure("cannot read '{}': {}", path.str(), buffer.getError().message());
  llvm::Expected<NpyArray> array = decode((*buffer)->getBuffer());
  if (!array)
    return failure("'{}' {}", path.str(), llvm::toString(array.takeError()));
  return array;
}

llvm::Error writeNpy(llvm::StringRef path, NpyType type, llvm::ArrayRef<int64_t> sizes, const void *data) {
  std::string name = path.str();
  std::string header = encodeHeader(type, sizes);
  size_t bytes = typeBytes(type);
  for (int64_t size : sizes)
    bytes *= static_cast<size_t>(size);
  std::FILE *file = std::fopen(name.c_str(), "wb");
  if (!file)
    return failure("cannot write '{}': {}", name, std::strerror(errno));
  bool written = std::fwrite(header.data(), 1, header.size(), file) == header.size() &&
                 (bytes == 0 || std::fwrite(data, 1, bytes, file) == bytes) && std::fflush(file) == 0;
  int reason = errno;
  if (std::fclose(file) != 0 && written) {
    written = false;
    reason = errno;
  }
  if (!written)
    return failure("cannot write '{}': {}", name, std::strerror(reason));
  return llvm::Error::success();
}

} // namespace moe::run
