/* The loops of the benchmarks as a C programmer writes them; see benchmarks/native.py
   for the signature. Same arithmetic as the rows, statement by statement. */

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <tgmath.h>

#define R(x) ((REAL)(x))

/* c + 1, 100,000 times: what a step costs that does nothing else. */
void empty(const REAL **in, REAL *out, long n) {
    REAL c = in[0][0];
    for (int i = 0; i < 100000; i++) c += R(1);
    out[0] = c;
}

/* An exponential moving average. */
void average(const REAL **in, REAL *out, long n) {
    REAL state = 0;
    for (long i = 0; i < n; i++) {
        state = R(0.9) * state + R(0.1) * in[0][i];
        out[i] = state;
    }
}

/* The gradient of the sum of its squares. */
void average_grad(const REAL **in, REAL *out, long n) {
    average(in, out, n);
    REAL back = 0;
    for (long i = n - 1; i >= 0; i--) {
        back = R(0.9) * back + R(2) * out[i];
        out[i] = R(0.1) * back;
    }
}

/* Newton's square roots of n numbers, until all have converged. */
void newton(const REAL **in, REAL *out, long n) {
    const REAL *x = in[0];
    REAL *y = out, count = 0;
    memcpy(y, x, n * sizeof(REAL));
    for (;;) {
        REAL worst = 0;
        for (long i = 0; i < n; i++) {
            REAL off = fabs(y[i] * y[i] - x[i]);
            worst = off > worst ? off : worst;
        }
        if (!(worst > R(1e-3) && count < 50)) break;
        for (long i = 0; i < n; i++) y[i] = R(0.5) * (y[i] + x[i] / y[i]);
        count++;
    }
    out[n] = count;
}

/* 100 steps of the heat equation on a ring of n points. */
void heat(const REAL **in, REAL *out, long n) {
    REAL *made = malloc(2 * n * sizeof(REAL)), *u = made, *v = made + n;
    memcpy(u, in[0], n * sizeof(REAL));
    for (int k = 0; k < 100; k++) {
        v[0] = u[0] + R(0.25) * (u[n - 1] - 2 * u[0] + u[1]);
        for (long i = 1; i < n - 1; i++)
            v[i] = u[i] + R(0.25) * (u[i - 1] - 2 * u[i] + u[i + 1]);
        v[n - 1] = u[n - 1] + R(0.25) * (u[n - 2] - 2 * u[n - 1] + u[0]);
        REAL *w = u;
        u = v, v = w;
    }
    memcpy(out, u, n * sizeof(REAL));
    free(made);
}

/* 1000 Runge-Kutta steps of a pendulum. */
void pendulum(const REAL **in, REAL *out, long n) {
    REAL p = in[0][0], v = in[0][1];
    for (int i = 0; i < 1000; i++) {
        REAL a0 = v, a1 = -sin(p);
        REAL b0 = v + R(0.005) * a1, b1 = -sin(p + R(0.005) * a0);
        REAL c0 = v + R(0.005) * b1, c1 = -sin(p + R(0.005) * b0);
        REAL d0 = v + R(0.01) * c1, d1 = -sin(p + R(0.01) * c0);
        p += R(0.01 / 6) * (a0 + 2 * b0 + 2 * c0 + d0);
        v += R(0.01 / 6) * (a1 + 2 * b1 + 2 * c1 + d1);
    }
    out[0] = p, out[1] = v;
}

/* The gradient of a scan of 60 scalars, 614 steps: states forward, then back. */
void leaves_grad(const REAL **in, REAL *out, long n) {
    enum { STEPS = 614, N = 60 };
    static REAL cosines[STEPS][N];
    REAL c[N], bar[N];
    memcpy(c, in[0], sizeof c);
    for (int k = 0; k < STEPS; k++) {
        REAL total = 0;
        for (int i = 0; i < N; i++) total += c[i];
        for (int i = 0; i < N; i++) {
            REAL angle = c[i] - total / 60;
            cosines[k][i] = cos(angle);
            c[i] += R(0.01) * sin(angle);
        }
    }
    for (int i = 0; i < N; i++) bar[i] = 2 * c[i];
    for (int k = STEPS - 1; k >= 0; k--) {
        REAL total = 0;
        for (int i = 0; i < N; i++) {
            REAL angle = bar[i] * R(0.01) * cosines[k][i];
            bar[i] += angle;
            total += angle;
        }
        for (int i = 0; i < N; i++) bar[i] -= total / 60;
    }
    memcpy(out, bar, sizeof bar);
}

/* A 3 x 3 matrix times a nearly orthogonal one, 20,000 times. */
void matrix(const REAL **in, REAL *out, long n) {
    const REAL turn[3][3] = {{1, R(-1e-3), 0}, {R(1e-3), 1, R(-1e-3)}, {0, R(1e-3), 1}};
    REAL m[3][3], next[3][3];
    memcpy(m, in[0], sizeof m);
    for (int k = 0; k < 20000; k++) {
        for (int i = 0; i < 3; i++)
            for (int j = 0; j < 3; j++) {
                REAL sum = 0;
                for (int l = 0; l < 3; l++) sum += m[i][l] * turn[l][j];
                next[i][j] = sum * R(0.999999);
            }
        memcpy(m, next, sizeof m);
    }
    memcpy(out, m, sizeof m);
}

/* Three scalars, 100,000 steps. */
void scalars(const REAL **in, REAL *out, long n) {
    REAL a = in[0][0], b = in[0][1];
    for (int k = 0; k < 100000; k++) {
        REAL next = R(0.5) * a + cos(b);
        b += R(1e-4) * a;
        a = next;
    }
    out[0] = a, out[1] = b;
}

static inline void lorenz_slope(const REAL s[3], REAL d[3]) {
    REAL x = s[0], y = s[1], z = s[2];
    d[0] = 10 * (y - x), d[1] = x * (28 - z) - y, d[2] = x * y - R(8.0 / 3) * z;
}

/* 2000 Runge-Kutta steps of Lorenz's system, every state kept. */
void lorenz(const REAL **in, REAL *out, long n) {
    REAL y[3], a[3], b[3], c[3], d[3], t[3];
    memcpy(y, in[0], sizeof y);
    for (int k = 0; k < 2000; k++) {
        lorenz_slope(y, a);
        for (int i = 0; i < 3; i++) t[i] = y[i] + R(0.0005) * a[i];
        lorenz_slope(t, b);
        for (int i = 0; i < 3; i++) t[i] = y[i] + R(0.0005) * b[i];
        lorenz_slope(t, c);
        for (int i = 0; i < 3; i++) t[i] = y[i] + R(0.001) * c[i];
        lorenz_slope(t, d);
        for (int i = 0; i < 3; i++) {
            y[i] += R(0.001 / 6) * (a[i] + 2 * b[i] + 2 * c[i] + d[i]);
            out[3 * k + i] = y[i];
        }
    }
}

static REAL energy(const REAL *q, long n) {
    REAL squares = 0, bonds = 0;
    for (long i = 0; i < n; i++) squares += q[i] * q[i];
    for (long i = 1; i < n; i++) bonds += (q[i] - q[i - 1]) * (q[i] - q[i - 1]);
    return R(0.5) * squares + R(0.25) * bonds;
}

static void push(const REAL *q, REAL *p, long n) {
    for (long i = 0; i < n; i++) {
        REAL force = q[i];
        if (i > 0) force += R(0.5) * (q[i] - q[i - 1]);
        if (i < n - 1) force -= R(0.5) * (q[i + 1] - q[i]);
        p[i] -= R(0.05) * force;
    }
}

/* Hamiltonian Monte Carlo: 500 samples of 10 leapfrog steps. */
void hmc(const REAL **in, REAL *out, long n) {
    REAL q[n], after[n], p[n], total = 0;
    memcpy(q, in[0], sizeof q);
    for (int k = 0; k < 500; k++) {
        memcpy(after, q, sizeof q);
        memcpy(p, in[1] + k * n, sizeof p);
        REAL before = 0, end = 0;
        for (long i = 0; i < n; i++) before += p[i] * p[i];
        for (int l = 0; l < 10; l++) {
            push(after, p, n);
            for (long i = 0; i < n; i++) after[i] += R(0.1) * p[i];
            push(after, p, n);
        }
        for (long i = 0; i < n; i++) end += p[i] * p[i];
        REAL change = energy(after, n) + R(0.5) * end - energy(q, n) - R(0.5) * before;
        if (log(in[2][k]) < -change) memcpy(q, after, sizeof q);
        total += q[0];
    }
    out[0] = total / 500;
}

/* Twenty rounds of k-means, 8 centers in 4 dimensions. */
void means(const REAL **in, REAL *out, long n) {
    REAL centers[8][4];
    memcpy(centers, in[1], sizeof centers);
    for (int k = 0; k < 20; k++) {
        REAL sums[8][4] = {{0}}, counts[8] = {0}, norms[8] = {0};
        for (int j = 0; j < 8; j++)
            for (int d = 0; d < 4; d++) norms[j] += centers[j][d] * centers[j][d];
        for (long i = 0; i < n; i++) {
            const REAL *x = in[0] + 4 * i;
            REAL square = 0, least = INFINITY;
            int mine = 0;
            for (int d = 0; d < 4; d++) square += x[d] * x[d];
            for (int j = 0; j < 8; j++) {
                REAL dot = 0;
                for (int d = 0; d < 4; d++) dot += x[d] * centers[j][d];
                REAL away = square - 2 * dot + norms[j];
                if (away < least) least = away, mine = j;
            }
            counts[mine] += 1;
            for (int d = 0; d < 4; d++) sums[mine][d] += x[d];
        }
        for (int j = 0; j < 8; j++)
            for (int d = 0; d < 4; d++)
                centers[j][d] = sums[j][d] / (counts[j] > 1 ? counts[j] : 1);
    }
    memcpy(out, centers, sizeof centers);
}

/* The explicit heat equation on n x n points, 50 steps. */
void plate(const REAL **in, REAL *out, long n) {
    long w = n + 2;
    REAL *u = calloc(2 * w * w, sizeof(REAL)), *v = u + w * w, *all = u;
    for (long i = 0; i < n; i++)
        memcpy(u + (i + 1) * w + 1, in[0] + i * n, n * sizeof(REAL));
    for (int k = 0; k < 50; k++) {
        for (long i = 1; i <= n; i++) {
            const REAL *r = u + i * w;
            REAL *s = v + i * w;
            for (long j = 1; j <= n; j++) {
                REAL around = r[j + w] + r[j - w] + r[j + 1] + r[j - 1];
                s[j] = r[j] + R(0.2) * (around - 4 * r[j]);
            }
        }
        REAL *t = u;
        u = v, v = t;
    }
    for (long i = 0; i < n; i++)
        memcpy(out + i * n, u + (i + 1) * w + 1, n * sizeof(REAL));
    free(all);
}
