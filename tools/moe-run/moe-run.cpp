// moe-run: runs a gate on .npy arrays, or on seeded logits, and shows losses, metrics and the load of the experts.
#include "CLI/CLI.hpp"
#include "tools/moe-run/Run.h"
#include "llvm/Support/InitLLVM.h"

using moe::run::RunOptions;

namespace {

// NAME=VALUE, split at the first '='.
std::pair<std::string, std::string> split(const std::string &text) {
  size_t equals = text.find('=');
  return {text.substr(0, equals), text.substr(equals + 1)};
}

const CLI::Validator pair(
    [](std::string &text) {
      size_t equals = text.find('=');
      bool good = equals != std::string::npos && equals > 0 && equals + 1 < text.size();
      return good ? std::string() : "expected NAME=VALUE, came '" + text + "'";
    },
    "NAME=VALUE");

// What CLI11 fills before it is taken apart.
struct Raw {
  std::vector<std::string> inputs, params, states, gradients, scales, defines, dtypes;
  int64_t tokens = 0;
  std::string device = "cpu";
  bool noChart = false, ascii = false;
  unsigned width = 0;
};

void addOptions(CLI::App &app, RunOptions &options, Raw &raw) {
  app.add_option("SPEC", options.spec, "The gate, a .moe file")->required();
  auto many = [&](const char *name, std::vector<std::string> &values, const char *text) {
    app.add_option(name, values, text)->check(pair)->take_all()->expected(1)->allow_extra_args(false);
  };
  many("--input", raw.inputs,
       "Input NAME from a .npy file (NAME=FILE.npy); repeatable. Without any, float inputs are made up");
  many("--param", raw.params, "Value of a param (NAME=VALUE); repeatable");
  many("--state", raw.states, "State NAME from a .npy file (NAME=FILE.npy); repeatable. Without it: its init");
  app.add_option("--steps", options.steps,
                 "Run forward N times, each followed by a step of the states; made-up inputs differ each time")
      ->check(CLI::Range(1u, 1000000u));
  app.add_flag("--backward", options.backward, "Run the backward of the call as well: gradients of the inputs");
  many("--grad", raw.gradients,
       "Gradient of output NAME for --backward, from a .npy file (NAME=FILE.npy); repeatable. Without it: zero");
  many("--scale", raw.scales, "Gradient of loss NAME for --backward (NAME=VALUE); repeatable. Without it: 1");
  many("-D", raw.defines, "Value of a const (NAME=VALUE); repeatable");
  many("--dtype", raw.dtypes, "Storage type of a float input (NAME=f32|bf16|f16); repeatable");
  app.add_option("-T,--tokens", raw.tokens, "Number of tokens (default: as the files say, else 4096)")
      ->check(CLI::Range(int64_t(0), int64_t(INT32_MAX)));
  app.add_option("--seed", options.inputs.seeded.seed, "Seed for made-up inputs; with --input, makes up the others")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--offset", options.offset,
                 "Offset of the random numbers (uniform, normal) of the first call; --seed is their seed")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--first-token", options.firstToken,
                 "Number of the first token among those of all ranks, for the random numbers (default: 0)")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--skew", options.inputs.seeded.skew, "Popularity of experts in made-up logits: 0 even, 1 as 1/rank")
      ->check(CLI::Range(-100.0, 100.0));
  app.add_option("--device", raw.device, "Where to run")->check(CLI::IsMember({"cpu", "cuda", "emulator"}));
  app.add_option("--blocks", options.blocks, "Emulator: blocks of each grid (default: as many as a GPU would get)")
      ->check(CLI::Range(1u, 65535u));
  app.add_option("--schedule", options.schedule,
                 "Emulator: seed of a random order of blocks, warps and threads (default: in order)")
      ->check(CLI::Range(uint64_t(1), UINT64_MAX));
  app.add_flag("--traffic", options.traffic, "Emulator: print what each kernel loads and stores, array by array");
  app.add_option("--threads", options.threads, "CPU threads (default: all)")->check(CLI::Range(1u, 1024u));
  app.add_option("--isa", options.isa, "CPU instruction set (default: the best there is)")
      ->check(CLI::IsMember({"avx2", "avx512"}));
  app.add_option("--save", options.saveDirectory, "Write every output, loss and metric to DIR/NAME.npy");
  app.add_option("--save-inputs", options.saveInputsDirectory, "Write every input to DIR/NAME.npy");
  app.add_flag("--no-chart", raw.noChart, "Do not draw the load");
  app.add_flag("--ascii", raw.ascii, "Draw with plain ASCII characters");
  app.add_option("--width", raw.width, "Columns of the chart (default: the terminal's)")->check(CLI::Range(1u, 1000u));
  app.add_flag("--time", options.time, "Repeat the call and print how long it takes");
}

void complete(const CLI::App &app, RunOptions &options, const Raw &raw) {
  for (const std::string &text : raw.inputs)
    options.inputs.files.push_back(split(text));
  for (const std::string &text : raw.params)
    options.inputs.params.push_back(split(text));
  for (const std::string &text : raw.states)
    options.inputs.states.push_back(split(text));
  for (const std::string &text : raw.gradients)
    options.gradients.files.push_back(split(text));
  for (const std::string &text : raw.scales)
    options.gradients.params.push_back(split(text));
  for (const std::string &text : raw.defines)
    options.frontend.defines.insert_or_assign(split(text).first, split(text).second);
  for (const std::string &text : raw.dtypes)
    options.frontend.dtypes.insert_or_assign(split(text).first, split(text).second);
  if (app.count("--tokens"))
    options.inputs.tokens = raw.tokens;
  options.inputs.makeMissing = app.count("--seed") > 0;
  options.device = raw.device == "cuda" ? MOE_CUDA : raw.device == "emulator" ? MOE_EMULATOR : MOE_CPU;
  options.chart = !raw.noChart;
  options.style = {raw.width ? raw.width : moe::run::terminalWidth(), !raw.ascii};
}

} // namespace

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  CLI::App app(
      "Runs a Mixture-of-Experts gate on .npy arrays, or on made-up logits, and shows losses, metrics and load.",
      "moe-run");
  RunOptions options;
  Raw raw;
  addOptions(app, options, raw);
  CLI11_PARSE(app, argc, argv);
  complete(app, options, raw);
  bool done = moe::run::run(options, llvm::outs(), llvm::errs());
  llvm::outs().flush();
  if (llvm::outs().has_error()) {
    llvm::errs() << "moe-run: error: cannot write the report: " << llvm::outs().error().message() << '\n';
    llvm::outs().clear_error();
    return 1;
  }
  return done ? 0 : 1;
}
