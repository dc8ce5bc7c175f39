// Tables of Fourier transforms, and the cache of them.
#include "fft_tables.h"

#include <algorithm>
#include <cmath>
#include <complex>
#include <list>
#include <mutex>

#include "fft.h"

namespace chainrule::fft {
namespace {

constexpr int kPrimes[] = {13, 11, 7, 5, 3};
constexpr Int kWidth = 16;                  // of the largest vectors
constexpr std::size_t kKept = 32;           // tables of each kind
constexpr Int kKeptNumbers = Int(1) << 23;  // numbers in them

using Wide = std::complex<long double>;

/// exp(-2 pi i k / n) by products of two tables of some sqrt(n) entries.
class Roots {
  public:
    explicit Roots(Int n) : n_(n), fine_(1) {
        while (fine_ * fine_ < n) fine_ *= 2;
        for (Int k = 0; k < fine_; ++k) low_.push_back(exact(k));
        for (Int k = 0; k * fine_ < n; ++k) high_.push_back(exact(k * fine_));
    }
    Wide operator()(Int k) const {
        k %= n_;
        const Wide &a = low_[k % fine_], &b = high_[k / fine_];
        return {a.real() * b.real() - a.imag() * b.imag(),
                a.real() * b.imag() + a.imag() * b.real()};
    }

  private:
    Wide exact(Int k) const {
        const long double turn = 6.283185307179586476925286766559L;
        const long double angle = turn * static_cast<long double>(k) / n_;
        return {std::cos(angle), -std::sin(angle)};
    }
    Int n_, fine_;
    std::vector<Wide> low_, high_;
};

template <class T> void add(std::vector<T>& to, const Wide& x) {
    to.push_back(T(x.real()));
    to.push_back(T(x.imag()));
}

/// Large factors first; of 2, as many eights as leave no single 2 beside others.
std::vector<int> factors(Int n) {
    std::vector<int> out;
    for (int p : kPrimes)
        for (; n % p == 0; n /= p) out.push_back(p);
    for (; n % 8 == 0 && n != 16; n /= 8) out.push_back(8);
    for (; n % 4 == 0; n /= 4) out.push_back(4);
    if (n == 2) out.push_back(2);
    return out;
}

/// The divisor of n for the number of rows: both factors near the root of n, and full
/// vectors in either direction where that can be.
Int rows_of(Int n) {
    Int best = 1;
    double least = 1e300;
    for (Int d = 1; d * d <= n; ++d) {
        if (n % d) continue;
        for (Int rows : {d, n / d}) {
            const Int columns = n / rows;
            const auto filled = [](Int k) {
                return double((k + kWidth - 1) / kWidth * kWidth) / double(k);
            };
            const double cost = filled(columns) * (3 + std::log2(double(rows))) +
                                filled(rows) * (3 + std::log2(double(columns))) +
                                double(rows + columns) / 512;
            if (cost < least) least = cost, best = rows;
        }
    }
    return best;
}

/// A list of tables, the one used last in front.
template <class Tables> struct Cache {
    std::mutex mutex;
    std::list<std::shared_ptr<const Tables>> kept;
};

}  // namespace

bool is_smooth(Int n) {
    for (int p : {2, 3, 5, 7, 11, 13})
        while (n % p == 0) n /= p;
    return n == 1;
}

Int smooth_above(Int n) {
    Int power = 1;
    while (power < n) power *= 2;
    Int best = power;
    for (Int odd : {3, 5, 7, 9, 15})
        for (Int k = odd; k <= best; k *= 2)
            if (k >= n) {
                best = std::min(best, k);
                break;
            }
    return best;
}

template <class T> Steps<T>::Steps(Int n) : n(n) {
    const Roots roots(n);
    Int stride = 1, rest = n;
    std::vector<std::size_t> starts;
    for (int radix : factors(n)) {
        const Int parts = rest / radix;
        starts.push_back(roots_.size());
        for (Int p = 0; p < parts; ++p)
            for (Int j = 1; j < radix; ++j) add(roots_, roots(p * j * stride));
        passes.push_back({radix, parts, stride, nullptr});
        rest = parts;
        stride *= radix;
    }
    for (std::size_t i = 0; i < passes.size(); ++i)
        passes[i].roots = roots_.data() + starts[i];
}

template <class T> Chirp<T>::Chirp(Int n) : n(n), padded(smooth_above(2 * n - 1)) {
    const Roots roots(2 * n);
    std::vector<double> filter(std::size_t(2 * padded)), image(filter.size());
    Int square = 0;  // k^2 modulo 2 n
    for (Int k = 0; k < n; ++k) {
        const Wide root = roots(square);
        add(chirp, root);
        for (Int place : {k, (padded - k) % padded}) {
            filter[2 * place] = double(root.real()) / double(padded);
            filter[2 * place + 1] = -double(root.imag()) / double(padded);
        }
        square = (square + 2 * k + 1) % (2 * n);
    }
    transform_long(*tables<Long<double>>(padded), filter.data(), image.data(), false,
                   1.0);
    spectrum.assign(image.begin(), image.end());
}

template <class T>
Lanes<T>::Lanes(Int n)
    : n(n),
      chirp(is_smooth(n) ? nullptr : std::make_unique<Chirp<T>>(n)),
      steps(chirp ? chirp->padded : n) {}

template <class T>
Long<T>::Long(Int n)
    : n(n), chirp(is_smooth(n) ? nullptr : std::make_unique<Chirp<T>>(n)) {
    const Int size = chirp ? chirp->padded : n;
    rows = rows_of(size);
    columns = size / rows;
    of_columns = std::make_unique<Lanes<T>>(rows);
    of_rows = std::make_unique<Lanes<T>>(columns);
    const Roots roots(size);
    for (auto& plane : twist) plane.reserve(std::size_t(size + kWidth));
    for (Int row = 0; row < rows; ++row)
        for (Int column = 0; column < columns; ++column) {
            const Wide root = roots(row * column);
            twist[0].push_back(T(root.real()));
            twist[1].push_back(T(root.imag()));
        }
    for (auto& plane : twist)
        plane.resize(std::size_t(size + kWidth));  // to be read beyond
}

template <class T> Halves<T>::Halves(Int n) : n(n) {
    const Roots all(n);
    for (Int k = 0; k <= n / 2; ++k) add(roots, all(k));
}

template <class Tables> std::shared_ptr<const Tables> tables(Int n) {
    static Cache<Tables> cache;
    {
        std::lock_guard<std::mutex> lock(cache.mutex);
        for (auto it = cache.kept.begin(); it != cache.kept.end(); ++it)
            if ((*it)->n == n) {
                cache.kept.splice(cache.kept.begin(), cache.kept, it);
                return cache.kept.front();
            }
    }
    auto made = std::make_shared<const Tables>(n);  // may need others of its kind
    std::lock_guard<std::mutex> lock(cache.mutex);
    cache.kept.push_front(made);
    Int numbers = 0;
    std::size_t count = 0;
    for (auto it = cache.kept.begin(); it != cache.kept.end();) {
        numbers += 8 * (*it)->n;
        const bool stays = ++count <= kKept && (numbers <= kKeptNumbers || count == 1);
        it = stays ? std::next(it) : cache.kept.erase(it);
    }
    return made;
}

template std::shared_ptr<const Lanes<float>> tables(Int);
template std::shared_ptr<const Lanes<double>> tables(Int);
template std::shared_ptr<const Long<float>> tables(Int);
template std::shared_ptr<const Long<double>> tables(Int);
template std::shared_ptr<const Halves<float>> tables(Int);
template std::shared_ptr<const Halves<double>> tables(Int);

}  // namespace chainrule::fft
