// The table of functions: see Builtins.h.
#include "compiler/Frontend/Builtins.h"
#include "llvm/ADT/STLExtras.h"

using namespace moe::frontend;

static constexpr unsigned kMany = ~0u;

static const Builtin kBuiltins[] = {
    {"exp", Group::Pointwise, 1, 1, "exp(x)", ""},
    {"log", Group::Pointwise, 1, 1, "log(x)", ""},
    {"sqrt", Group::Pointwise, 1, 1, "sqrt(x)", ""},
    {"rsqrt", Group::Pointwise, 1, 1, "rsqrt(x)", ""},
    {"abs", Group::Pointwise, 1, 1, "abs(x)", ""},
    {"sign", Group::Pointwise, 1, 1, "sign(x)", ""},
    {"relu", Group::Pointwise, 1, 1, "relu(x)", ""},
    {"sigmoid", Group::Pointwise, 1, 1, "sigmoid(x)", ""},
    {"softplus", Group::Pointwise, 1, 1, "softplus(x)", ""},
    {"tanh", Group::Pointwise, 1, 1, "tanh(x)", ""},
    {"erf", Group::Pointwise, 1, 1, "erf(x)", ""},
    {"normal_cdf", Group::Pointwise, 1, 1, "normal_cdf(x)", ""},
    {"floor", Group::Pointwise, 1, 1, "floor(x)", ""},
    {"ceil", Group::Pointwise, 1, 1, "ceil(x)", ""},
    {"clamp", Group::Clamp, 3, 3, "clamp(x, low, high)", ""},
    {"min", Group::MinMax, 1, kMany, "min(x, y) or min(x, axis, ...)", ""},
    {"max", Group::MinMax, 1, kMany, "max(x, y) or max(x, axis, ...)", ""},
    {"where", Group::Where, 3, 3, "where(condition, x, y)", ""},
    {"mod", Group::Mod, 2, 2, "mod(x, y)", ""},
    {"sum", Group::Reduce, 1, kMany, "sum(x, axis, ...) or sum(x, axis -> coarser)", ""},
    {"mean", Group::Reduce, 1, kMany, "mean(x, axis, ...) or mean(x, axis -> coarser)", ""},
    {"var", Group::Reduce, 1, kMany, "var(x, axis, ...) or var(x, axis -> coarser)", ""},
    {"std", Group::Reduce, 1, kMany, "std(x, axis, ...) or std(x, axis -> coarser)", ""},
    {"cv2", Group::Reduce, 1, kMany, "cv2(x, axis, ...) or cv2(x, axis -> coarser)", ""},
    {"logsumexp", Group::Reduce, 1, kMany, "logsumexp(x, axis, ...) or logsumexp(x, axis -> coarser)", ""},
    {"argmax", Group::Argmax, 2, 2, "argmax(x, axis)", ""},
    {"quantile", Group::Quantile, 3, 3, "quantile(x, q, axis)", ""},
    {"softmax", Group::Along, 2, 2, "softmax(x, axis)", ""},
    {"normalize", Group::Along, 2, 2, "normalize(x, axis)", ""},
    {"standardize", Group::Standardize, 3, 3, "standardize(x, axis, eps)", ""},
    {"shift", Group::Shift, 3, 3, "shift(x, axis, distance)", ""},
    {"index", Group::Index, 1, 1, "index(axis) or index(token -> sequence)", ""},
    {"bucket", Group::Bucket, 2, 2, "bucket(index(axis), n)", ""},
    {"topk", Group::Topk, 3, 3, "topk(score, k, axis) or topk(score, k, axis, among = groups)", "among"},
    {"sum_top", Group::SumTop, 3, 3, "sum_top(x, n, axis) or sum_top(x, n, axis -> coarser)", ""},
    {"kth", Group::Kth, 3, 3, "kth(x, k, axis)", ""},
    {"scatter", Group::Scatter, 2, 2, "scatter(x, selection)", ""},
    {"chosen", Group::Chosen, 1, 1, "chosen(selection)", ""},
    {"count", Group::Count, 1, kMany,
     "count(selection), count(selection, axis, ...) or count(selection, axis -> coarser)", ""},
    {"first", Group::First, 2, 2, "first(selection, n)", ""},
    {"filter", Group::Filter, 2, 2, "filter(selection, condition)", ""},
    {"append", Group::Append, 2, kMany, "append(selection, expert, ...)", ""},
    {"forced", Group::Forced, 1, 2, "forced(index, axis)", ""},
    {"limit", Group::Limit, 1, 1, "limit(selection, capacity = C, over = axis, ...)",
     "capacity over order priority overflow rounds per exempt"},
    {"dropped", Group::Dropped, 1, 1, "dropped(selection)", ""},
    {"permute", Group::Permute, 1, 1, "permute(selection) or permute(selection, pad = n)", "pad"},
    {"uniform", Group::Random, 1, kMany, "uniform(axis, ...)", ""},
    {"normal", Group::Random, 1, kMany, "normal(axis, ...)", ""},
    {"detach", Group::Detach, 1, 1, "detach(x)", ""},
    {"size", Group::Size, 1, 1, "size(axis) or size(axis -> coarser)", ""},
    {"expand", Group::Expand, 2, 2, "expand(x, coarse -> fine)", ""},
};

llvm::ArrayRef<Builtin> moe::frontend::allBuiltins() { return kBuiltins; }

const Builtin *moe::frontend::findBuiltin(llvm::StringRef name) {
  auto *entry = llvm::find_if(kBuiltins, [&](const Builtin &b) { return b.name == name; });
  return entry == std::end(kBuiltins) ? nullptr : entry;
}
