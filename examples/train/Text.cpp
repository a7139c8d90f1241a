// Files as one string of bytes, and positions in it.
#include "Text.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace train {

Text::Text(std::vector<std::string> files, std::size_t context) : context(context) {
  namespace fs = std::filesystem;
  if (files.empty() && fs::is_directory("docs"))
    for (const fs::directory_entry &entry : fs::directory_iterator("docs"))
      if (entry.path().extension() == ".md")
        files.push_back(entry.path().string());
  if (files.empty())
    throw std::runtime_error("no text: name files to train on, or run in a folder with docs/*.md");
  std::sort(files.begin(), files.end());
  for (const std::string &file : files) {
    std::ifstream stream(file, std::ios::binary);
    bytes.append(std::istreambuf_iterator<char>(stream), {});
    if (!stream || fs::is_directory(file))
      throw std::runtime_error("cannot read '" + file + "'");
  }
  if (bytes.size() < 10000)
    throw std::runtime_error("the text has " + std::to_string(bytes.size()) +
                             " bytes; 10000 are needed to hold some out");
  for (std::size_t i = context; i < bytes.size(); ++i)
    (i / 1000 % 10 == 9 ? held : training).push_back(i);
}

void Text::put(std::size_t position, std::size_t token, Batch &batch) const {
  std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(position - context), context,
              batch.context.begin() + static_cast<std::ptrdiff_t>(token * context));
  batch.next[token] = static_cast<std::uint8_t>(bytes[position]);
}

void Text::draw(std::mt19937_64 &random, std::size_t tokens, Batch &batch) const {
  batch.tokens = tokens;
  batch.context.resize(tokens * context);
  batch.next.resize(tokens);
  for (std::size_t t = 0; t < tokens; ++t)
    put(training[random() % training.size()], t, batch);
}

Batch Text::heldOut(std::size_t tokens) const {
  Batch batch;
  batch.tokens = std::min(tokens, held.size());
  batch.context.resize(batch.tokens * context);
  batch.next.resize(batch.tokens);
  for (std::size_t t = 0; t < batch.tokens; ++t)
    put(held[t * held.size() / batch.tokens], t, batch);
  return batch;
}

} // namespace train
