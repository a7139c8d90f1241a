/// Products of dense row-major matrices over a BLAS, in f32 and in f64, and the sums of columns that a bias needs. Only
/// what the training example uses.
#ifndef MOE_EXAMPLES_TRAIN_MATRIX_H
#define MOE_EXAMPLES_TRAIN_MATRIX_H
#include <cblas.h>

#include <cstddef>
#include <type_traits>

namespace train {

/// How an operand of a product is taken.
enum class Form { Plain, Transposed };

/// c[m, n] = a[m, k] b[k, n] + beta c, where a transposed operand lies in memory as [k, m] or [n, k].
template <typename Real>
void multiply(Form formA, Form formB, std::size_t m, std::size_t n, std::size_t k, const Real *a, const Real *b,
              Real beta, Real *c) {
  if (m == 0 || n == 0)
    return;
  CBLAS_TRANSPOSE transposeA = formA == Form::Plain ? CblasNoTrans : CblasTrans;
  CBLAS_TRANSPOSE transposeB = formB == Form::Plain ? CblasNoTrans : CblasTrans;
  int rows = static_cast<int>(m), columns = static_cast<int>(n), inner = static_cast<int>(k);
  int strideA = formA == Form::Plain ? inner : rows, strideB = formB == Form::Plain ? columns : inner;
  if constexpr (std::is_same_v<Real, float>)
    cblas_sgemm(CblasRowMajor, transposeA, transposeB, rows, columns, inner, 1.0f, a, strideA, b, strideB, beta, c,
                columns);
  else
    cblas_dgemm(CblasRowMajor, transposeA, transposeB, rows, columns, inner, 1.0, a, strideA, b, strideB, beta, c,
                columns);
}

/// Adds bias[n] to every row of c[m, n].
template <typename Real> void addRows(std::size_t m, std::size_t n, const Real *bias, Real *c) {
  for (std::size_t i = 0; i < m; ++i)
    for (std::size_t j = 0; j < n; ++j)
      c[i * n + j] += bias[j];
}

/// sum[n] += the rows of c[m, n].
template <typename Real> void sumRows(std::size_t m, std::size_t n, const Real *c, Real *sum) {
  for (std::size_t i = 0; i < m; ++i)
    for (std::size_t j = 0; j < n; ++j)
      sum[j] += c[i * n + j];
}

} // namespace train
#endif
