// Trains a small Mixture-of-Experts language model on real text, with the experts balanced by an auxiliary loss, by the
// loss-free bias, and not at all, and shows how evenly the tokens are spread over the experts. Nothing is tuned.
//
//   train                                    # docs/*.md of the current folder, three seeds of each method
//   train --csv runs.csv --svg runs.svg book.txt
//   train --check-gradient
#include "CLI/CLI.hpp"
#include "Progress.h"
#include "Report.h"
#include <cblas.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <fstream>
#include <thread>

namespace {

struct Options {
  train::Settings settings;
  std::vector<std::string> files;
  std::vector<float> alphas = {0, 0.001f, 0.01f, 0.1f}, rates = {0.001f, 0.01f};
  std::uint64_t seeds = 3;
  std::size_t jobs = std::max(1u, std::thread::hardware_concurrency());
  std::uint32_t threads = 1;
  std::string csv, svg;
  bool checkGradient = false;
};

void addOptions(CLI::App &app, Options &options) {
  app.add_option("text", options.files, "Files to train on, as bytes (default: docs/*.md)")->check(CLI::ExistingFile);
  app.add_option("--steps", options.settings.steps, "Steps of each run")->check(CLI::Range(1, 10000000));
  app.add_option("--batch", options.settings.batch, "Tokens of each step")->check(CLI::Range(1, 1000000));
  app.add_option("--learning-rate", options.settings.learningRate, "Of Adam")->check(CLI::PositiveNumber);
  app.add_option("--seeds", options.seeds, "Runs of each method")->check(CLI::Range(1, 1000));
  app.add_option("--alpha", options.alphas, "Coefficients of the auxiliary loss; 0: neither")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(CLI::NonNegativeNumber);
  app.add_option("--rate", options.rates, "Update rates u of the loss-free bias")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(CLI::PositiveNumber);
  app.add_option("--every", options.settings.every, "Steps that a line of the CSV is a mean of")
      ->check(CLI::Range(1, 10000000));
  app.add_option("--jobs", options.jobs, "Runs at a time")->check(CLI::Range(1, 1024));
  app.add_option("--threads", options.threads, "Threads of the gate (it shares out batches of more than 1024 tokens)")
      ->check(CLI::Range(1, 1024));
  app.add_option("--csv", options.csv, "File for the measurements");
  app.add_option("--svg", options.svg, "File for the picture");
  app.add_flag("--check-gradient", options.checkGradient, "Only compare the gradient with finite differences");
  app.get_formatter()->column_width(34);
  app.option_defaults()->always_capture_default();
}

void trainWithProgress(const moe::rt::Executable &gate, const train::Text &text, const train::Settings &settings,
                       train::Run &run, train::Progress &progress) {
  std::string what = run.method.name() + ", seed " + std::to_string(run.seed);
  train::trainOne(gate, text, settings, run, [&](const train::Sample &sample) {
    progress.step(what, sample.taskLoss, static_cast<double>(sample.deviation));
  });
}

// All runs, `jobs` at a time. The BLAS gets one thread: the products are small, and the runs fill the cores.
std::vector<train::Run> trainAll(const Options &options, const moe::rt::Executable &gate, const train::Text &text) {
  std::vector<train::Run> runs;
  std::vector<train::Method> methods;
  for (float alpha : options.alphas)
    methods.push_back({alpha, 0});
  for (float rate : options.rates)
    methods.push_back({0, rate});
  for (const train::Method &method : methods)
    for (std::uint64_t seed = 1; seed <= options.seeds; ++seed)
      runs.push_back({method, seed, {}, {}, 0});
  train::Progress progress(runs.size() * options.settings.steps);
  std::atomic<std::size_t> next = 0;
  std::vector<std::exception_ptr> failures(options.jobs);
  auto work = [&](std::size_t worker) {
    try {
      for (std::size_t i = next++; i < runs.size(); i = next++)
        trainWithProgress(gate, text, options.settings, runs[i], progress);
    } catch (...) {
      failures[worker] = std::current_exception();
      next = runs.size();
    }
  };
  std::vector<std::thread> workers;
  for (std::size_t worker = 0; worker < options.jobs; ++worker)
    workers.emplace_back(work, worker);
  for (std::thread &worker : workers)
    worker.join();
  progress.finish();
  for (const std::exception_ptr &failure : failures)
    if (failure)
      std::rethrow_exception(failure);
  return runs;
}

void write(const std::string &name, const std::string &contents) {
  if (name.empty())
    return;
  std::ofstream file(name, std::ios::binary);
  file << contents;
  if (!file.flush())
    throw std::runtime_error("cannot write '" + name + "'");
}

int run(const Options &options) {
  moe::rt::Executable gate = moe::rt::Executable::cpu(moe_gate_balanced, options.threads);
  train::Text text(options.files, options.settings.shape.context);
  if (options.checkGradient)
    return train::checkGradient(gate, text, options.settings.shape) ? 0 : 1;
  std::vector<train::Run> runs = trainAll(options, gate, text);
  std::printf("%zu bytes of text, %zu steps of %zu tokens, %zu experts, %zu for each token\n", text.size(),
              options.settings.steps, options.settings.batch, train::experts, train::slots);
  std::printf("%s", train::makeTable(runs).c_str());
  std::uint64_t bits = 0;
  for (const train::Run &run : runs)
    bits = bits * 31 + run.bits;
  std::printf("bits of all parameters: %016llx\n", static_cast<unsigned long long>(bits));
  write(options.csv, train::makeCsv(runs, options.settings));
  write(options.svg, train::makePicture(runs, options.settings));
  return 0;
}

} // namespace

int main(int argc, char **argv) {
  Options options;
  CLI::App app("Trains a small Mixture-of-Experts language model, with and without balanced experts");
  addOptions(app, options);
  CLI11_PARSE(app, argc, argv);
  openblas_set_num_threads(1);
  try {
    return run(options);
  } catch (const std::exception &error) {
    std::fprintf(stderr, "train: %s\n", error.what());
    return 1;
  }
}
