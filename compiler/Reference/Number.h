// A real number that remembers the magnitude of the terms it was made from, so that formulas can be written plainly and
// still yield what an error is measured against.
#pragma once
#include <algorithm>
#include <cmath>

namespace moe::reference {

/// A value and the sum of the absolute values of its terms: |a| + |b| for a - b, the product of both for a * b. For a
/// function f of one number, |f| plus |f'| times what cancelled in its argument.
struct Number {
  double value = 0, terms = 0;
  Number() = default;
  Number(double value) : value(value), terms(std::fabs(value)) {}
  Number(double value, double terms) : value(value), terms(terms) {}
};

inline Number operator+(Number a, Number b) { return {a.value + b.value, a.terms + b.terms}; }
inline Number operator-(Number a, Number b) { return {a.value - b.value, a.terms + b.terms}; }
inline Number operator-(Number a) { return {-a.value, a.terms}; }
inline Number operator*(Number a, Number b) { return {a.value * b.value, a.terms * b.terms}; }
/// Nothing has cancelled in an infinite divisor: terms over it are 0, as is the quotient.
inline Number operator/(Number a, Number b) {
  double divisor = std::fabs(b.value), cancelled = std::isinf(divisor) ? 1 : b.terms / divisor;
  return {a.value / b.value, a.terms / divisor * cancelled};
}
/// x - m, where only what has cancelled before in x and m counts beyond the difference itself.
inline Number shifted(Number x, Number m) {
  double difference = x.value - m.value;
  return {difference, std::fabs(difference) + (x.terms - std::fabs(x.value)) + (m.terms - std::fabs(m.value))};
}
inline Number &operator+=(Number &a, Number b) { return a = a + b; }

/// f(x), given the value and the derivative there.
inline Number apply(Number x, double value, double derivative) {
  double cancelled = x.terms - std::fabs(x.value);
  return {value, std::fabs(value) + (cancelled > 0 ? std::fabs(derivative) * cancelled : 0)};
}

inline Number exp(Number x) { return apply(x, std::exp(x.value), std::exp(x.value)); }
inline Number log(Number x) { return apply(x, std::log(x.value), 1 / x.value); }
inline Number log1p(Number x) { return apply(x, std::log1p(x.value), 1 / (1 + x.value)); }
/// The root of the terms, not the derivative, which is infinite at 0.
inline Number sqrt(Number x) { return {std::sqrt(x.value), std::sqrt(x.terms)}; }
inline Number abs(Number x) { return {std::fabs(x.value), x.terms}; }
inline Number erfc(Number x) {
  return apply(x, std::erfc(x.value), 2 / std::sqrt(M_PI) * std::exp(-x.value * x.value));
}

/// The greater of two; NaN if either is.
inline Number maximum(Number a, Number b) {
  return std::isnan(a.value) ? a : std::isnan(b.value) || b.value > a.value ? b : a;
}
/// The smaller of two; NaN if either is.
inline Number minimum(Number a, Number b) {
  return std::isnan(a.value) ? a : std::isnan(b.value) || b.value < a.value ? b : a;
}
/// x > m ? x : m, so that NaN is ignored.
inline Number maxnum(Number m, Number x) { return std::isnan(m.value) || x.value > m.value ? x : m; }

} // namespace moe::reference
