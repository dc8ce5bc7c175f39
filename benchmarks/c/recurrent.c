/* Gradients of recurrent networks by hand, as a C programmer writes them; see
   benchmarks/native.py for the signature. The inner loops run along rows, so that gcc
   makes vectors of them. n stands for the batch. */

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <tgmath.h>

#define R(x) ((REAL)(x))
#define H 32

/* c += a b, with a of rows x k and b of k x columns. */
static inline void add_product(const REAL *restrict a, const REAL *restrict b,
                               REAL *restrict c, long rows, int k, int columns) {
    for (long i = 0; i < rows; i++)
        for (int p = 0; p < k; p++)
            for (int j = 0; j < columns; j++)
                c[i * columns + j] += a[i * k + p] * b[p * columns + j];
}

/* c += a^T b, with a of rows x k and b of rows x columns. */
static inline void add_product_of_transposed(const REAL *restrict a,
                                             const REAL *restrict b, REAL *restrict c,
                                             long rows, int k, int columns) {
    for (long i = 0; i < rows; i++)
        for (int p = 0; p < k; p++)
            for (int j = 0; j < columns; j++)
                c[p * columns + j] += a[i * k + p] * b[i * columns + j];
}

static void transpose(const REAL *restrict a, REAL *restrict t, int rows, int columns) {
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < columns; j++) t[j * rows + i] = a[i * columns + j];
}

/* h' = tanh(h w + x u); the gradient of the mean of squares of the last h, by w and u. */
static void plain(const REAL **in, REAL *out, long n, int steps) {
    const REAL *w = in[0], *u = in[1], *x = in[2];
    long size = n * H;
    REAL *h = calloc((steps + 3) * size + H * H, sizeof(REAL));
    REAL *back = h + (steps + 1) * size, *inner = back + size, *wt = inner + size;
    for (int s = 0; s < steps; s++) {
        REAL *next = h + (s + 1) * size;
        add_product(h + s * size, w, next, n, H, H);
        add_product(x + s * size, u, next, n, H, H);
        for (long i = 0; i < size; i++) next[i] = tanh(next[i]);
    }
    memset(out, 0, 2 * H * H * sizeof(REAL));
    transpose(w, wt, H, H);
    for (long i = 0; i < size; i++) back[i] = R(2) / size * h[steps * size + i];
    for (int s = steps - 1; s >= 0; s--) {
        const REAL *y = h + (s + 1) * size;
        for (long i = 0; i < size; i++) inner[i] = back[i] * (R(1) - y[i] * y[i]);
        add_product_of_transposed(h + s * size, inner, out, n, H, H);
        add_product_of_transposed(x + s * size, inner, out + H * H, n, H, H);
        memset(back, 0, size * sizeof(REAL));
        add_product(inner, wt, back, n, H, H);
    }
    free(h);
}

void plain_50(const REAL **in, REAL *out, long n) { plain(in, out, n, 50); }
void plain_200(const REAL **in, REAL *out, long n) { plain(in, out, n, 200); }

/* An LSTM of 50 steps: the gradient of the mean of squares of the last state, by the
   weights (2 H x 4 H) and the biases. Kept of a step: its input and state side by side,
   the four gates, the new cell and its tanh. */
void gated(const REAL **in, REAL *out, long n) {
    enum { steps = 50, G = 4 * H };
    const REAL *w = in[0], *b = in[1], *x = in[2];
    long size = n * H;
    REAL *both = calloc((steps + 1) * 2 * size, sizeof(REAL));
    REAL *gates = malloc(steps * 4 * size * sizeof(REAL));
    REAL *cells = calloc((steps + 1) * size, sizeof(REAL));
    REAL *bounded = malloc(steps * size * sizeof(REAL));
    for (int s = 0; s < steps; s++) {
        REAL *z = both + s * 2 * size, *g = gates + s * 4 * size;
        for (long i = 0; i < n; i++) {
            memcpy(z + i * 2 * H, x + s * size + i * H, H * sizeof(REAL));
            memcpy(g + i * G, b, G * sizeof(REAL));
        }
        add_product(z, w, g, n, 2 * H, G);
        for (long i = 0; i < n; i++) {
            REAL *row = g + i * G, *next = z + 2 * size + i * 2 * H + H;
            for (int j = 0; j < 3 * H; j++)
                row[j] = R(0.5) + R(0.5) * tanh(R(0.5) * row[j]);
            for (int j = 3 * H; j < G; j++) row[j] = tanh(row[j]);
            for (int j = 0; j < H; j++) {
                long at = s * size + i * H + j;
                REAL cell = row[j] * cells[at] + row[H + j] * row[3 * H + j];
                cells[at + size] = cell;
                bounded[at] = tanh(cell);
                next[j] = row[2 * H + j] * bounded[at];
            }
        }
    }
    REAL *dw = out, *db = out + 2 * H * G;
    memset(out, 0, (2 * H + 1) * G * sizeof(REAL));
    REAL *wt = malloc(2 * H * G * sizeof(REAL));
    REAL *d_both = malloc(2 * size * sizeof(REAL)), *d_gates = malloc(4 * size * sizeof(REAL));
    REAL *d_cell = calloc(size, sizeof(REAL));
    transpose(w, wt, 2 * H, G);
    for (long i = 0; i < n; i++)
        for (int j = 0; j < H; j++)
            d_both[i * 2 * H + H + j] =
                R(2) / size * both[steps * 2 * size + i * 2 * H + H + j];
    for (int s = steps - 1; s >= 0; s--) {
        for (long i = 0; i < n; i++) {
            const REAL *g = gates + (s * n + i) * G;
            REAL *d = d_gates + i * G;
            for (int j = 0; j < H; j++) {
                long at = s * size + i * H + j;
                REAL back = d_both[i * 2 * H + H + j], y = bounded[at];
                REAL keep = g[j], enter = g[H + j], leave = g[2 * H + j], new = g[3 * H + j];
                REAL dc = d_cell[i * H + j] + back * leave * (R(1) - y * y);
                d[j] = dc * cells[at] * keep * (R(1) - keep);
                d[H + j] = dc * new * enter * (R(1) - enter);
                d[2 * H + j] = back * y * leave * (R(1) - leave);
                d[3 * H + j] = dc * enter * (R(1) - new * new);
                d_cell[i * H + j] = dc * keep;
            }
            for (int j = 0; j < G; j++) db[j] += d[j];
        }
        add_product_of_transposed(both + s * 2 * size, d_gates, dw, n, 2 * H, G);
        memset(d_both, 0, 2 * size * sizeof(REAL));
        add_product(d_gates, wt, d_both, n, G, 2 * H);
    }
    free(both), free(gates), free(cells), free(bounded);
    free(wt), free(d_both), free(d_gates), free(d_cell);
}
