# cython: boundscheck=True, wraparound=True
"""Replayed programs: a straight line of entries (`graph.py`), planned once and run many times without Python.

Single numbers live in one array and are computed by an interpreter, about 1 ns an operation. Arrays are computed in
groups: the entries of a group have one size and need nothing of each other but the element at the same place, so that
a group runs block by block, and what only it needs stays in the cache. Sums of everything, and pieces of an assembly,
end in the group that makes them. Other reductions and matrix products take a whole array at once.

`Plan` decides, with Python objects, what runs when and where every result lies; `Program` holds the same as C arrays.
"""
cimport cython
from cpython.float cimport PyFloat_AS_DOUBLE, PyFloat_Check, PyFloat_CheckExact
from cpython.list cimport PyList_GET_ITEM, PyList_GET_SIZE
from cpython.mem cimport PyMem_Free
from cpython.object cimport PyObject
from cpython.ref cimport Py_INCREF
from cpython.tuple cimport PyTuple_New, PyTuple_SET_ITEM
from libc.string cimport memcpy, memset

cimport numpy as cnp

from ._buffers cimport new_array
from ._kernels cimport (
    BinaryRow, B_add, B_divide, B_multiply, B_strong_product, B_subtract, Slope, U_conjugate, U_exp, U_log, U_negative,
    U_positive, U_sqrt, U_square, UnaryRow, binary_rows, find_loop, loop_t, unary_rows,
)

import heapq
import math
from collections import Counter

import numpy as np

cnp.import_array()
cnp.import_ufunc()

# ---------------------------------------------------------------------------------------------------------------------
# Loops over blocks
# ---------------------------------------------------------------------------------------------------------------------

cdef extern from *:
    """
    #include <math.h>
    #include <stdint.h>
    #include <stdlib.h>
    #include <string.h>

    /* A result may lie where an operand lies, element by element, and nowhere else. */
    #if defined(__clang__)
    #define DD_APART _Pragma("clang loop vectorize(assume_safety)")
    #elif defined(__GNUC__)
    #define DD_APART _Pragma("GCC ivdep")
    #elif defined(_MSC_VER)
    #define DD_APART __pragma(loop(ivdep))
    #else
    #define DD_APART
    #endif

    /* Two arrays, an array and a number, a number and an array. */
    #define DD_TWO(NAME, RESULT)                                                                                     \
    DD_CLONES static void dd_##NAME##_aa(double *out, const double *a, const double *b, Py_ssize_t n) {              \
        DD_APART                                                                                                     \
        for (Py_ssize_t i = 0; i < n; i++) { double x = a[i], y = b[i]; out[i] = RESULT; }                           \
    }                                                                                                                \
    DD_CLONES static void dd_##NAME##_an(double *out, const double *a, const double *b, Py_ssize_t n) {              \
        const double y = b[0];                                                                                       \
        DD_APART                                                                                                     \
        for (Py_ssize_t i = 0; i < n; i++) { double x = a[i]; out[i] = RESULT; }                                     \
    }                                                                                                                \
    DD_CLONES static void dd_##NAME##_na(double *out, const double *a, const double *b, Py_ssize_t n) {              \
        const double x = a[0];                                                                                       \
        DD_APART                                                                                                     \
        for (Py_ssize_t i = 0; i < n; i++) { double y = b[i]; out[i] = RESULT; }                                     \
    }
    DD_TWO(add, x + y)
    DD_TWO(subtract, x - y)
    DD_TWO(multiply, x * y)
    DD_TWO(divide, x / y)
    DD_TWO(strong, y == 0 ? 0 : x * y)
    DD_TWO(less, x < y ? 1.0 : 0.0)
    DD_TWO(less_equal, x <= y ? 1.0 : 0.0)
    DD_TWO(equal, x == y ? 1.0 : 0.0)
    DD_TWO(not_equal, x != y ? 1.0 : 0.0)

    DD_CLONES static void dd_negative(double *out, const double *a, Py_ssize_t n) {
        DD_APART
        for (Py_ssize_t i = 0; i < n; i++) out[i] = -a[i];
    }
    DD_CLONES static void dd_square(double *out, const double *a, Py_ssize_t n) {
        DD_APART
        for (Py_ssize_t i = 0; i < n; i++) out[i] = a[i] * a[i];
    }

    #define DD_PICK(NAME, YES, NO)                                                                                   \
    DD_CLONES static void dd_where_##NAME(double *out, const double *c, const double *a, const double *b,            \
                                          Py_ssize_t n) {                                                            \
        const double yes = a[0], no = b[0];                                                                          \
        (void)yes; (void)no;                                                                                         \
        DD_APART                                                                                                     \
        for (Py_ssize_t i = 0; i < n; i++) { double x = YES, y = NO; out[i] = c[i] != 0 ? x : y; }                   \
    }
    DD_PICK(aa, a[i], b[i])
    DD_PICK(an, a[i], no)
    DD_PICK(na, yes, b[i])
    DD_PICK(nn, yes, no)

    /* Two operations in one pass: a block costs what its stores cost, 80 ns for 1000 numbers, whatever is computed. */
    #define DD_FUSED(FIRST, T, SECOND, RESULT)                                                                       \
    DD_CLONES static void dd_##FIRST##_##SECOND(double *out, const double *a, const double *b, const double *c,      \
                                                Py_ssize_t n) {                                                      \
        const double x = a[0], y = b[0], z = c[0];                                                                   \
        (void)x; (void)y; (void)z;                                                                                   \
        DD_APART                                                                                                     \
        for (Py_ssize_t i = 0; i < n; i++) { double t = T; out[i] = RESULT; }                                        \
    }
    #define DD_FUSE(FIRST, T)                                                                                        \
        DD_FUSED(FIRST, T, add_a, t + c[i]) DD_FUSED(FIRST, T, add_n, t + z)                                         \
        DD_FUSED(FIRST, T, less_a, t - c[i]) DD_FUSED(FIRST, T, less_n, t - z)                                       \
        DD_FUSED(FIRST, T, from_a, c[i] - t) DD_FUSED(FIRST, T, from_n, z - t)                                       \
        DD_FUSED(FIRST, T, times_a, t * c[i]) DD_FUSED(FIRST, T, times_n, t * z)
    DD_FUSE(add_aa, a[i] + b[i])
    DD_FUSE(add_an, a[i] + y)
    DD_FUSE(less_aa, a[i] - b[i])
    DD_FUSE(less_an, a[i] - y)
    DD_FUSE(less_na, x - b[i])
    DD_FUSE(times_aa, a[i] * b[i])
    DD_FUSE(times_an, a[i] * y)
    DD_FUSE(square_a, a[i] * a[i])

    static void *dd_fused_loop(int first, int second) {
    #define DD_SECONDS(NUMBER, FIRST)                                                                                \
        case NUMBER: return (void *)dd_##FIRST##_add_a; case NUMBER + 1: return (void *)dd_##FIRST##_add_n;          \
        case NUMBER + 2: return (void *)dd_##FIRST##_less_a; case NUMBER + 3: return (void *)dd_##FIRST##_less_n;    \
        case NUMBER + 4: return (void *)dd_##FIRST##_from_a; case NUMBER + 5: return (void *)dd_##FIRST##_from_n;    \
        case NUMBER + 6: return (void *)dd_##FIRST##_times_a; case NUMBER + 7: return (void *)dd_##FIRST##_times_n;
        switch (8 * first + second) {
        DD_SECONDS(0, add_aa) DD_SECONDS(8, add_an) DD_SECONDS(16, less_aa) DD_SECONDS(24, less_an)
        DD_SECONDS(32, less_na) DD_SECONDS(40, times_aa) DD_SECONDS(48, times_an) DD_SECONDS(56, square_a)
        }
        return NULL;
    }

    DD_CLONES static void dd_fill(double *out, double x, Py_ssize_t n) {
        for (Py_ssize_t i = 0; i < n; i++) out[i] = x;
    }
    DD_CLONES static void dd_accumulate(double *DD_RESTRICT out, const double *DD_RESTRICT x, Py_ssize_t n) {
        for (Py_ssize_t i = 0; i < n; i++) out[i] += x[i];
    }
    /* As np.maximum and np.minimum: nan wins. */
    DD_CLONES static void dd_raise(double *DD_RESTRICT out, const double *DD_RESTRICT x, Py_ssize_t n) {
        for (Py_ssize_t i = 0; i < n; i++) { double h = out[i], v = x[i]; out[i] = (h >= v) | (h != h) ? h : v; }
    }
    DD_CLONES static void dd_lower(double *DD_RESTRICT out, const double *DD_RESTRICT x, Py_ssize_t n) {
        for (Py_ssize_t i = 0; i < n; i++) { double h = out[i], v = x[i]; out[i] = (h <= v) | (h != h) ? h : v; }
    }

    /* Sums of up to a block are NumPy's to the bit, so that a branch goes the same way: eight partial sums for up to
       128 numbers, and half and half beyond. Of 512, all four quarters at once. */
    DD_CLONES static double dd_eight_sums(const double *x, Py_ssize_t n) {
        double r[8], sum;
        Py_ssize_t i, j;
        for (j = 0; j < 8; j++) r[j] = x[j];
        for (i = 8; i < n - n % 8; i += 8)
            for (j = 0; j < 8; j++) r[j] += x[i + j];
        sum = ((r[0] + r[1]) + (r[2] + r[3])) + ((r[4] + r[5]) + (r[6] + r[7]));
        for (; i < n; i++) sum += x[i];
        return sum;
    }
    DD_CLONES static double dd_block_sum(const double *x) {
        double r[4][8], sum[4];
        Py_ssize_t i, j, k;
        for (k = 0; k < 4; k++) for (j = 0; j < 8; j++) r[k][j] = x[128 * k + j];
        for (i = 8; i < 128; i += 8)
            for (k = 0; k < 4; k++) for (j = 0; j < 8; j++) r[k][j] += x[128 * k + i + j];
        for (k = 0; k < 4; k++)
            sum[k] = ((r[k][0] + r[k][1]) + (r[k][2] + r[k][3])) + ((r[k][4] + r[k][5]) + (r[k][6] + r[k][7]));
        return (sum[0] + sum[1]) + (sum[2] + sum[3]);
    }
    static double dd_sum(const double *x, Py_ssize_t n) {
        double sum = 0;
        Py_ssize_t i, half = n / 2 - n / 2 % 8;
        if (n == 512) return dd_block_sum(x);
        if (n > 128) return dd_sum(x, half) + dd_sum(x + half, n - half);
        if (n >= 8) return dd_eight_sums(x, n);
        for (i = 0; i < n; i++) sum += x[i];
        return sum;
    }

    /* Whether any of n numbers is inf or nan. */
    DD_CLONES static int dd_bad(const double *x, Py_ssize_t n) {
        const uint64_t exponent = (uint64_t)0x7ff << 52;
        uint64_t found = 0;
        for (Py_ssize_t i = 0; i < n; i++) {
            uint64_t bits;
            memcpy(&bits, x + i, sizeof bits);
            found |= (bits & exponent) == exponent;
        }
        return found != 0;
    }

    /* Where element i of a moved array is: ``index[i]``, or ``(i / run) * outer + (i % run) * inner``. */
    typedef struct { const int64_t *index; Py_ssize_t run, inner, outer; } DDMove;

    static void dd_gather(double *out, const double *x, const DDMove *move, Py_ssize_t start, Py_ssize_t n) {
        Py_ssize_t i, k, row, column, step = move->inner;
        if (move->index) {
            const int64_t *index = move->index + start;
            for (i = 0; i < n; i++) out[i] = x[index[i]];
            return;
        }
        row = start / move->run;
        column = start % move->run;
        for (i = 0; i < n; i += k, row++, column = 0) {
            const double *from = x + row * move->outer + column * step;
            k = move->run - column < n - i ? move->run - column : n - i;
            if (step == 1) memcpy(out + i, from, k * sizeof *out);
            else if (step == 0) dd_fill(out + i, from[0], k);
            else for (Py_ssize_t j = 0; j < k; j++) out[i + j] = from[j * step];
        }
    }

    static void dd_scatter(double *out, const double *x, const DDMove *move, Py_ssize_t start, Py_ssize_t n, int add) {
        Py_ssize_t i, j, k, row, column, step = move->inner;
        if (move->index) {
            const int64_t *index = move->index + start;
            if (add) for (i = 0; i < n; i++) out[index[i]] += x[i];
            else for (i = 0; i < n; i++) out[index[i]] = x[i];
            return;
        }
        row = start / move->run;
        column = start % move->run;
        for (i = 0; i < n; i += k, row++, column = 0) {
            double *to = out + row * move->outer + column * step;
            k = move->run - column < n - i ? move->run - column : n - i;
            if (step == 1 && add) dd_accumulate(to, x + i, k);
            else if (step == 1) memcpy(to, x + i, k * sizeof *out);
            else if (step == 0 && add) to[0] += dd_sum(x + i, k);
            else if (add) for (j = 0; j < k; j++) to[j * step] += x[i + j];
            else for (j = 0; j < k; j++) to[j * step] = x[i + j];
        }
    }
    """

# ---------------------------------------------------------------------------------------------------------------------
# Numbers: the interpreter
# ---------------------------------------------------------------------------------------------------------------------

cdef extern from *:
    """
    typedef struct { void *function, *data; const double *p; int j; } DDCall;

    typedef void (*dd_loop_t)(char **, const Py_ssize_t *, const Py_ssize_t *, void *);
    typedef void (*dd_value1_t)(const void *, void *, Py_ssize_t, const double *);
    typedef void (*dd_value2_t)(const void *, const void *, void *, Py_ssize_t);
    typedef void (*dd_slopes1_t)(const void *, const void *, void *, void *, Py_ssize_t, const double *, double);
    typedef void (*dd_slopes2_t)(const void *, const void *, const void *, void **, Py_ssize_t, double);

    static void dd_call_loop1(const DDCall *f, const double *x, double *y, Py_ssize_t n) {
        char *args[2] = {(char *)x, (char *)y};
        Py_ssize_t steps[2] = {8, 8};
        ((dd_loop_t)f->function)(args, &n, steps, f->data);
    }
    /* A number has step 0, as in NumPy, where some loops look at it once (power by 2). */
    static void dd_call_loop2(const DDCall *f, const double *x, const double *y, double *z, Py_ssize_t n, int numbers) {
        char *args[3] = {(char *)x, (char *)y, (char *)z};
        Py_ssize_t steps[3] = {numbers & 1 ? 0 : 8, numbers & 2 ? 0 : 8, 8};
        ((dd_loop_t)f->function)(args, &n, steps, f->data);
    }
    static void dd_call_partial(const DDCall *f, const double *x, const double *y, const double *z, double *out,
                                Py_ssize_t n) {
        void *partials[5] = {NULL, NULL, NULL, NULL, NULL};
        partials[f->j] = out;
        ((dd_slopes2_t)f->function)(x, y, z, partials, n, 0.0);
    }

    #define DD_OPS(X)                                                                                                \
        X(END) X(ADD) X(SUBTRACT) X(MULTIPLY) X(DIVIDE) X(STRONG) X(NEGATIVE) X(SQUARE) X(SQRT) X(EXP) X(LOG)        \
        X(LESS) X(LESS_EQUAL) X(EQUAL) X(NOT_EQUAL) X(WHERE) X(VALUE1) X(VALUE2) X(LOOP1) X(LOOP2) X(D1) X(D2)       \
        X(PARTIAL) X(LOAD) X(STORE) X(ADD_TO) X(ZERO) X(GUARD)
    /* Sums, differences and products in a row are one operation for every four or two: a jump takes as long as one. */
    #define DD_TWOS_1(X, A) X(A, ADD) X(A, SUBTRACT) X(A, MULTIPLY)
    #define DD_TWOS(X) DD_TWOS_1(X, ADD) DD_TWOS_1(X, SUBTRACT) DD_TWOS_1(X, MULTIPLY)
    #define DD_FOURS_3(X, A, B, C) X(A, B, C, ADD) X(A, B, C, SUBTRACT) X(A, B, C, MULTIPLY)
    #define DD_FOURS_2(X, A, B) DD_FOURS_3(X, A, B, ADD) DD_FOURS_3(X, A, B, SUBTRACT) DD_FOURS_3(X, A, B, MULTIPLY)
    #define DD_FOURS_1(X, A) DD_FOURS_2(X, A, ADD) DD_FOURS_2(X, A, SUBTRACT) DD_FOURS_2(X, A, MULTIPLY)
    #define DD_FOURS(X) DD_FOURS_1(X, ADD) DD_FOURS_1(X, SUBTRACT) DD_FOURS_1(X, MULTIPLY)

    #define DD_NAME(A) DD_##A,
    #define DD_NAME_2(A, B) DD_##A##_##B,
    #define DD_NAME_4(A, B, C, D) DD_##A##_##B##_##C##_##D,
    enum { DD_OPS(DD_NAME) DD_TWOS(DD_NAME_2) DD_FOURS(DD_NAME_4) DD_COUNT };

    /* Runs to the next END; returns whether every guard held. An operation is a word and then its operands. */
    static int dd_numbers(const int *s, double *v, double **base, const DDCall *calls) {
    #define OUT v[s[1]]
    #define A v[s[2]]
    #define B v[s[3]]
    #define C v[s[4]]
    #define F (calls + s[5])
    #define DD_RUN_ADD(I) v[s[I]] = v[s[I + 1]] + v[s[I + 2]]
    #define DD_RUN_SUBTRACT(I) v[s[I]] = v[s[I + 1]] - v[s[I + 2]]
    #define DD_RUN_MULTIPLY(I) v[s[I]] = v[s[I + 1]] * v[s[I + 2]]
    #if defined(__GNUC__)
        /* A jump at the end of every operation, which the processor predicts by the one before. */
    #define DD_LABEL(A) &&do_##A,
    #define DD_LABEL_2(A, B) &&do_##A##_##B,
    #define DD_LABEL_4(A, B, C, D) &&do_##A##_##B##_##C##_##D,
    #define DO(NAME) do_##NAME:
    #define NEXT(WORDS) s += WORDS; goto *labels[s[0]]
        static const void *const labels[] = {DD_OPS(DD_LABEL) DD_TWOS(DD_LABEL_2) DD_FOURS(DD_LABEL_4)};
        goto *labels[s[0]];
    #else
    #define DO(NAME) case DD_##NAME:
    #define NEXT(WORDS) s += WORDS; break
        for (;;) switch (s[0]) {
    #endif
    #define DD_DO_2(X, Y) DO(X##_##Y) DD_RUN_##X(1); DD_RUN_##Y(4); NEXT(7);
    #define DD_DO_4(X, Y, Z, W) DO(X##_##Y##_##Z##_##W)                                                              \
        DD_RUN_##X(1); DD_RUN_##Y(4); DD_RUN_##Z(7); DD_RUN_##W(10); NEXT(13);
        DD_TWOS(DD_DO_2)
        DD_FOURS(DD_DO_4)
        DO(ADD) OUT = A + B; NEXT(4);
        DO(SUBTRACT) OUT = A - B; NEXT(4);
        DO(MULTIPLY) OUT = A * B; NEXT(4);
        DO(DIVIDE) OUT = A / B; NEXT(4);
        DO(STRONG) OUT = B == 0 ? 0 : A * B; NEXT(4);
        DO(NEGATIVE) OUT = -A; NEXT(3);
        DO(SQUARE) OUT = A * A; NEXT(3);
        DO(SQRT) OUT = sqrt(A); NEXT(3);
        DO(EXP) OUT = exp(A); NEXT(3);
        DO(LOG) OUT = log(A); NEXT(3);
        DO(LESS) OUT = A < B; NEXT(4);
        DO(LESS_EQUAL) OUT = A <= B; NEXT(4);
        DO(EQUAL) OUT = A == B; NEXT(4);
        DO(NOT_EQUAL) OUT = A != B; NEXT(4);
        DO(WHERE) OUT = A != 0 ? B : C; NEXT(5);
        DO(VALUE1) ((dd_value1_t)F->function)(&A, &OUT, 1, F->p); NEXT(6);
        DO(VALUE2) ((dd_value2_t)F->function)(&A, &B, &OUT, 1); NEXT(6);
        DO(LOOP1) dd_call_loop1(F, &A, &OUT, 1); NEXT(6);
        DO(LOOP2) dd_call_loop2(F, &A, &B, &OUT, 1, 3); NEXT(6);
        DO(D1) ((dd_slopes1_t)F->function)(&A, &B, &OUT, NULL, 1, F->p, 0.0); NEXT(6);
        DO(D2) { double d1; ((dd_slopes1_t)F->function)(&A, &B, &d1, &OUT, 1, F->p, 0.0); } NEXT(6);
        DO(PARTIAL) dd_call_partial(F, &A, &B, &C, &OUT, 1); NEXT(6);
        DO(LOAD) OUT = base[s[2]][s[3]]; NEXT(4);
        DO(STORE) base[s[2]][s[3]] = OUT; NEXT(4);
        DO(ADD_TO) base[s[2]][s[3]] += OUT; NEXT(4);
        DO(ZERO) memset(base[s[2]] + s[3], 0, s[4] * sizeof(double)); NEXT(5);
        DO(GUARD) if ((A != 0) != s[3]) return 0; NEXT(4);
        DO(END) return 1;
    #if !defined(__GNUC__)
        }
    #endif
    #undef OUT
    #undef A
    #undef B
    #undef C
    #undef F
    #undef DO
    #undef NEXT
    }
    """
    ctypedef struct DDCall:
        void *function
        void *data
        const double *p
        int j
    bint run_numbers "dd_numbers"(const int *, double *, double **, const DDCall *) noexcept nogil
    enum:
        END "DD_END"
        ADD "DD_ADD"
        SUBTRACT "DD_SUBTRACT"
        MULTIPLY "DD_MULTIPLY"
        DIVIDE "DD_DIVIDE"
        STRONG "DD_STRONG"
        NEGATIVE "DD_NEGATIVE"
        SQUARE "DD_SQUARE"
        SQRT "DD_SQRT"
        EXP "DD_EXP"
        LOG "DD_LOG"
        LESS "DD_LESS"
        LESS_EQUAL "DD_LESS_EQUAL"
        EQUAL "DD_EQUAL"
        NOT_EQUAL "DD_NOT_EQUAL"
        WHERE "DD_WHERE"
        VALUE1 "DD_VALUE1"
        VALUE2 "DD_VALUE2"
        LOOP1 "DD_LOOP1"
        LOOP2 "DD_LOOP2"
        D1 "DD_D1"
        D2 "DD_D2"
        PARTIAL "DD_PARTIAL"
        LOAD "DD_LOAD"
        STORE "DD_STORE"
        ADD_TO "DD_ADD_TO"
        ZERO "DD_ZERO"
        GUARD "DD_GUARD"
        FIRST_TWO "DD_ADD_ADD"
        FIRST_FOUR "DD_ADD_ADD_ADD_ADD"

# ---------------------------------------------------------------------------------------------------------------------
# Groups: blocks of arrays
# ---------------------------------------------------------------------------------------------------------------------

cdef extern from *:
    """
    enum { DD_LARGE = 16384 };  /* elements of arrays that are streamed through memory */
    enum { DD_CHUNK = 512 };  /* elements per block, as in `_kernels`: eight blocks fit a level-1 cache */

    /* ``base[buffer] + offset``; what moves does so with the block. */
    typedef struct { int buffer, moves; Py_ssize_t offset; } DDPlace;

    typedef struct {
        int kind, numbers, state;
        DDCall call;
        DDPlace out, a, b, c;
        DDMove move;
        Py_ssize_t size;
    } DDOp;

    /* A sum on its way, or an assembly: what lies below ``frontier`` has been written, below ``checked`` is finite. */
    typedef struct { double sum, lost; Py_ssize_t frontier, checked; } DDState;

    enum { DD_BINARY, DD_UNARY, DD_SELECT, DD_ROW1, DD_ROW2, DD_BLOCK1, DD_BLOCK2, DD_SLOPE, DD_SLOPES, DD_PARTIALS,
           DD_GATHER, DD_PUT, DD_PUT_ADD, DD_PUT_NEXT, DD_CLEAR, DD_CHECK, DD_REST, DD_FILL, DD_FINITE, DD_SUM,
           DD_TOTAL, DD_BEGIN };

    typedef void (*dd_binary_t)(double *, const double *, const double *, Py_ssize_t);
    typedef void (*dd_unary_t)(double *, const double *, Py_ssize_t);
    typedef void (*dd_select_t)(double *, const double *, const double *, const double *, Py_ssize_t);

    /* Neumaier's sum: what each addition rounds away is kept. */
    static void dd_add_sum(DDState *t, double x) {
        double sum = t->sum + x;
        t->lost += fabs(t->sum) >= fabs(x) ? (t->sum - sum) + x : (x - sum) + t->sum;
        t->sum = sum;
    }
    static double dd_total(const DDState *t) { return t->sum - t->sum == 0 ? t->sum + t->lost : t->sum; }

    /* Add a piece to an assembly that grows from its first place to its last: zeros need no pass of their own. */
    static void dd_put_next(DDState *t, double *out, const double *x, Py_ssize_t low, Py_ssize_t n) {
        Py_ssize_t both;
        if (t->frontier < low) {
            memset(out + t->frontier, 0, (low - t->frontier) * sizeof *out);
            t->frontier = low;
        }
        both = t->frontier - low < n ? t->frontier - low : n;
        dd_accumulate(out + low, x, both);
        if (both < n) {
            memcpy(out + low + both, x + both, (n - both) * sizeof *out);
            t->frontier = low + n;
        }
    }

    static int dd_check(DDState *t, const double *out, Py_ssize_t high) {
        Py_ssize_t low = t->checked;
        if (high <= low) return 0;
        t->checked = high;
        return dd_bad(out + low, high - low);
    }

    #define AT(PLACE) (base[op->PLACE.buffer] + op->PLACE.offset + (op->PLACE.moves ? start : 0))

    /* One operation on n elements from ``start`` on; returns whether it found inf or nan where it was to look. */
    static int dd_operate(const DDOp *op, double **base, DDState *states, Py_ssize_t start, Py_ssize_t n) {
        DDState *t = states + op->state;
        switch (op->kind) {
        case DD_BINARY: ((dd_binary_t)op->call.function)(AT(out), AT(a), AT(b), n); break;
        case DD_UNARY: ((dd_unary_t)op->call.function)(AT(out), AT(a), n); break;
        case DD_SELECT: ((dd_select_t)op->call.function)(AT(out), AT(a), AT(b), AT(c), n); break;
        case DD_ROW1: dd_call_loop1(&op->call, AT(a), AT(out), n); break;
        case DD_ROW2: dd_call_loop2(&op->call, AT(a), AT(b), AT(out), n, op->numbers); break;
        case DD_BLOCK1: ((dd_value1_t)op->call.function)(AT(a), AT(out), n, op->call.p); break;
        case DD_BLOCK2: ((dd_value2_t)op->call.function)(AT(a), AT(b), AT(out), n); break;
        case DD_SLOPE: ((dd_slopes1_t)op->call.function)(AT(a), AT(b), AT(out), NULL, n, op->call.p, 0.0); break;
        case DD_SLOPES: ((dd_slopes1_t)op->call.function)(AT(a), AT(b), AT(c), AT(out), n, op->call.p, 0.0); break;
        case DD_PARTIALS: dd_call_partial(&op->call, AT(a), AT(b), AT(c), AT(out), n); break;
        case DD_GATHER: dd_gather(AT(out), AT(a), &op->move, start, n); break;
        case DD_PUT: dd_scatter(AT(out), AT(a), &op->move, start, n, 0); break;
        case DD_PUT_ADD: dd_scatter(AT(out), AT(a), &op->move, start, n, 1); break;
        case DD_PUT_NEXT: dd_put_next(t, AT(out), AT(a), start + op->size, n); break;
        case DD_CHECK: return dd_check(t, AT(out), start + n + op->size);
        case DD_REST: {
            double *out = AT(out);
            int bad = op->numbers && dd_check(t, out, t->frontier);
            memset(out + t->frontier, 0, (op->size - t->frontier) * sizeof *out);
            return bad;
        }
        case DD_FILL: dd_fill(AT(out), *AT(a), n); break;
        case DD_FINITE: return dd_bad(AT(a), n);
        case DD_SUM: dd_add_sum(t, dd_sum(AT(a), n)); break;
        case DD_TOTAL: *AT(out) = dd_total(t); break;
        case DD_CLEAR: memset(AT(out), 0, op->size * sizeof(double)); break;
        case DD_BEGIN: t->sum = t->lost = 0; t->frontier = op->size; t->checked = 0; break;
        }
        return 0;
    }

    /* The arrays that a group streams through memory, and how far they have been asked for ahead of their use. */
    enum { DD_STREAMS = 16, DD_LINE = 64 / sizeof(double) };
    typedef struct { const double *at[DD_STREAMS]; int written[DD_STREAMS], count; Py_ssize_t next, last, each; } DDAhead;

    static void dd_add_stream(DDAhead *s, const double *p, int written) {
        int i;
        for (i = 0; i < s->count; i++)
            if (p - s->at[i] < DD_CHUNK && s->at[i] - p < DD_CHUNK) { s->written[i] |= written; return; }
        if (s->count < DD_STREAMS) { s->at[s->count] = p; s->written[s->count++] = written; }
    }
    static void dd_find_streams(DDAhead *s, const DDOp *op, const DDOp *end, double **base) {
        const Py_ssize_t start = 0, operations = end - op;
        int rows = 0;
        s->count = 0;
        for (; op < end; op++) {
            rows += op->kind >= DD_ROW1 && op->kind <= DD_PARTIALS;
            if (op->out.moves) dd_add_stream(s, AT(out), 1);
            if (op->a.moves) dd_add_stream(s, AT(a), 0);
            if (op->b.moves) dd_add_stream(s, AT(b), 0);
            if (op->c.moves) dd_add_stream(s, AT(c), op->kind == DD_SLOPES);
        }
        if (rows < 2) s->count = 0;
        s->each = operations ? (DD_CHUNK / DD_LINE + operations - 1) / operations * DD_LINE : 0;
    }
    /* Ask for some lines of the next block: all at once would stand in the way of each other. */
    static void dd_look_ahead(DDAhead *s) {
    #if defined(__GNUC__)
        const Py_ssize_t most = s->next + s->each < s->last ? s->next + s->each : s->last;
        Py_ssize_t k;
        int i;
        for (i = 0; i < s->count; i++) {
            const double *p = s->at[i];
            if (s->written[i])
                for (k = s->next; k < most; k += DD_LINE) __builtin_prefetch(p + k, 1, 3);
            else
                for (k = s->next; k < most; k += DD_LINE) __builtin_prefetch(p + k, 0, 3);
        }
        s->next = most;
    #else
        (void)s;
    #endif
    }

    /* Operations before the blocks, for every block, and after them. Of large arrays each block is asked for while the
       one before it is computed, where that takes long, since the hardware looks no further than the page that a block
       is: 7.5 ms instead of 9.2 for the chain of the benchmarks at 10^6. Sums and products alone run at the memory's
       speed without it, and at half of that with it. */
    static int dd_group(const DDOp *ops, const int *count, Py_ssize_t size, double **base, DDState *states) {
        const DDOp *op = ops, *blocks = ops + count[0], *after = blocks + count[1], *end = after + count[2];
        Py_ssize_t start, n = size < DD_CHUNK ? size : DD_CHUNK;
        DDAhead ahead;
        int bad = 0;
        for (; op < blocks; op++) dd_operate(op, base, states, 0, n);
        ahead.count = 0;
        if (size >= DD_LARGE) dd_find_streams(&ahead, blocks, after, base);
        for (start = 0; start < size; start += n) {
            if (n > size - start) n = size - start;
            ahead.next = start + n;
            ahead.last = ahead.next + DD_CHUNK < size ? ahead.next + DD_CHUNK : size;
            for (op = blocks; op < after; op++) {
                bad |= dd_operate(op, base, states, start, n);
                if (ahead.count) dd_look_ahead(&ahead);
            }
        }
        for (op = after; op < end; op++) bad |= dd_operate(op, base, states, 0, n);
        return bad;
    }
    #undef AT

    /* Of many numbers, block by block. */
    static double dd_long_sum(const double *x, Py_ssize_t n) {
        DDState t = {0, 0, 0, 0};
        Py_ssize_t i;
        if (n <= DD_CHUNK) return dd_sum(x, n);
        for (i = 0; i < n; i += DD_CHUNK) dd_add_sum(&t, dd_sum(x + i, n - i < DD_CHUNK ? n - i : DD_CHUNK));
        return dd_total(&t);
    }
    DD_CLONES static double dd_extreme(const double *x, Py_ssize_t n, int kind) {
        double best[16];
        Py_ssize_t i, j, m = n < 16 ? n : 16;
        for (j = 0; j < 16; j++) best[j] = x[j < m ? j : 0];
        for (i = m; i + 16 <= n; i += 16)
            for (j = 0; j < 16; j++) {
                double h = best[j], v = x[i + j];
                int keep = kind == 1 ? (h >= v) | (h != h) : (h <= v) | (h != h);
                best[j] = keep ? h : v;
            }
        for (; i < n; i++) best[0] = (best[0] != best[0]) || (kind == 1 ? best[0] >= x[i] : best[0] <= x[i])
            ? best[0] : x[i];
        for (j = 1; j < m; j++) best[0] = (best[0] != best[0]) || (kind == 1 ? best[0] >= best[j] : best[0] <= best[j])
            ? best[0] : best[j];
        return best[0];
    }
    /* The sum (kind 0), largest (1) or smallest (2) over the middle one of three axes. */
    static void dd_reduce(double *out, const double *x, Py_ssize_t outer, Py_ssize_t length, Py_ssize_t inner,
                          int kind) {
        Py_ssize_t i, j;
        for (i = 0; i < outer; i++, x += length * inner, out += inner) {
            if (inner == 1) { *out = kind ? dd_extreme(x, length, kind) : dd_long_sum(x, length); continue; }
            if (length == 0) { memset(out, 0, inner * sizeof *out); continue; }
            memcpy(out, x, inner * sizeof *out);
            for (j = 1; j < length; j++)
                if (kind == 0) dd_accumulate(out, x + j * inner, inner);
                else if (kind == 1) dd_raise(out, x + j * inner, inner);
                else dd_lower(out, x + j * inner, inner);
        }
    }

    static void *dd_own_loop(int op, int variant) {
    #define DD_OWN(CODE, NAME)                                                                                       \
        case DD_##CODE: return variant == 0 ? (void *)dd_##NAME##_aa : variant == 1 ? (void *)dd_##NAME##_na         \
            : (void *)dd_##NAME##_an;
        switch (op) {
        DD_OWN(ADD, add) DD_OWN(SUBTRACT, subtract) DD_OWN(MULTIPLY, multiply) DD_OWN(DIVIDE, divide)
        DD_OWN(STRONG, strong) DD_OWN(LESS, less) DD_OWN(LESS_EQUAL, less_equal) DD_OWN(EQUAL, equal)
        DD_OWN(NOT_EQUAL, not_equal)
        case DD_NEGATIVE: return (void *)dd_negative;
        case DD_SQUARE: return (void *)dd_square;
        case DD_WHERE: return variant == 0 ? (void *)dd_where_aa : variant == 1 ? (void *)dd_where_na
            : variant == 2 ? (void *)dd_where_an : (void *)dd_where_nn;
        }
        return NULL;
    }

    static double *dd_reserve(Py_ssize_t n) {
        size_t bytes = ((size_t)n * sizeof(double) + 127) & ~(size_t)63;
    #if defined(_MSC_VER)
        return (double *)_aligned_malloc(bytes, 64);
    #else
        void *p;
        return posix_memalign(&p, 64, bytes) ? NULL : (double *)p;
    #endif
    }
    static void dd_unreserve(double *p) {
    #if defined(_MSC_VER)
        _aligned_free(p);
    #else
        free(p);
    #endif
    }

    /* The exceptions that NumPy would report are dropped: whoever replays looks at the results. */
    #if defined(__x86_64__) || defined(_M_X64)
    #include <xmmintrin.h>
    static void dd_clear_flags(void) { if (_mm_getcsr() & 0x1d) _mm_setcsr(_mm_getcsr() & ~0x3fu); }
    #else
    #include <fenv.h>
    static void dd_clear_flags(void) { feclearexcept(FE_ALL_EXCEPT); }
    #endif
    """
    ctypedef struct DDPlace:
        int buffer, moves
        Py_ssize_t offset
    ctypedef struct DDMove:
        const cnp.int64_t *index
        Py_ssize_t run, inner, outer
    ctypedef struct DDOp:
        int kind, numbers, state
        DDCall call
        DDPlace out, a, b, c
        DDMove move
        Py_ssize_t size
    ctypedef struct DDState:
        pass
    enum:
        CHUNK "DD_CHUNK"
        BINARY "DD_BINARY"
        UNARY "DD_UNARY"
        SELECT "DD_SELECT"
        ROW1 "DD_ROW1"
        ROW2 "DD_ROW2"
        BLOCK1 "DD_BLOCK1"
        BLOCK2 "DD_BLOCK2"
        SLOPE "DD_SLOPE"
        SLOPES "DD_SLOPES"
        PARTIALS "DD_PARTIALS"
        GATHER "DD_GATHER"
        PUT "DD_PUT"
        PUT_ADD "DD_PUT_ADD"
        PUT_NEXT "DD_PUT_NEXT"
        CLEAR "DD_CLEAR"
        CHECK "DD_CHECK"
        REST "DD_REST"
        FILL "DD_FILL"
        FINITE "DD_FINITE"
        SUM "DD_SUM"
        TOTAL "DD_TOTAL"
        BEGIN "DD_BEGIN"
    bint run_group "dd_group"(const DDOp *, const int *, Py_ssize_t, double **, DDState *) noexcept nogil
    void reduce_array "dd_reduce"(
        double *, const double *, Py_ssize_t, Py_ssize_t, Py_ssize_t, int) noexcept nogil
    bint not_finite "dd_bad"(const double *, Py_ssize_t) noexcept nogil
    void fill "dd_fill"(double *, double, Py_ssize_t) noexcept nogil
    void *own_loop "dd_own_loop"(int, int)
    void *fused_loop "dd_fused_loop"(int, int)
    double *reserve "dd_reserve"(Py_ssize_t)
    void unreserve "dd_unreserve"(double *)
    void clear_flags "dd_clear_flags"() noexcept nogil

# ---------------------------------------------------------------------------------------------------------------------
# Planning: what runs when
# ---------------------------------------------------------------------------------------------------------------------

ELEMENTWISE = frozenset(("unary", "d1", "d2", "binary", "partial", "compare", "where"))
REDUCTIONS = {"sum": 0, "max": 1, "min": 2}
# Buffers: all single numbers, memory of the program's own, then inputs, constants and results.
NUMBERS, SCRATCH, FIRST = 0, 1, 2
# Nodes without an array of their own.
PLACELESS = frozenset(("known", "number", "load", "store", "guard", "piece", "sum"))
# Arrays of so few numbers, whose numbers come one by one, lie among the single numbers.
SHORT = 16384
# An input is copied there if one in so many of its numbers is asked for.
COPIED = 16


class Node:
    """Something to compute: a stage of its own, a part of a group, or an operation on numbers.

    Attributes
    ----------
    kind : str
        ``known`` (inputs and constants), ``number``, ``load``, ``store``, ``done`` (an assembly that is complete) and
        ``guard`` are operations on numbers; ``element``, ``gather``, ``fill``, ``sum`` and ``piece`` run in groups;
        ``reduce`` and ``matmul`` are stages.
    size : int
        Of the result; single numbers have a slot.
    span : int
        The size of the group it runs in.
    args : list of Value
        Operands.
    home : tuple
        Where the result has to be: ``(node, offset)`` inside an assembly, or ``("output", k)``.
    """

    def __init__(self, kind, size, args=(), op=None, data=None, span=0):
        self.kind, self.size, self.args, self.op, self.data, self.span = kind, size, list(args), op, data, span
        self.users = []
        self.waiting = 0
        self.stage = -1
        self.place = self.home = self.slot = None
        self.order = 0
        self.shaped = False  # an array of one element, whose value is NumPy's and not the C library's
        self.pieces = []
        self.loaded, self.written = {}, {}
        self.floats = False  # made again, block by block, wherever it is looked at
        # Of an assembly: every place is hit once; something was put there; it is known whether it is finite.
        self.covers = self.touched = self.checked = self.among_numbers = False
        # Of a piece: it is computed where it belongs; nothing else goes there. Of a number: it has a piece's place.
        self.stored = self.alone = self.pinned = False

    @property
    def in_group(self):
        return self.kind in ("element", "gather", "fill", "sum", "piece")

    @property
    def makes_blocks(self):
        return self.kind in ("element", "gather", "fill")

    @property
    def sees_blocks(self):
        return self.kind in ("element", "sum", "piece")

    def lives_in_blocks(self, copied):
        """Whether nobody needs it but its own group, element by element."""
        return self.floats or self.makes_blocks and self.home is None and self not in copied \
            and all(near and user.stage == self.stage for user, near in self.users)


class Value:
    """What an entry is: a node from an offset on, or a number that all of its elements are."""

    def __init__(self, node, offset=0, number=False):
        self.node, self.offset, self.number = node, offset, number

    def is_aligned(self, span):
        return not self.number and self.offset == 0 and self.node.size == span


def movement(places):
    """``(index, run, inner, outer, offset)`` of a map: two steps where they tell every place, else the places."""
    index = places.index
    n = index.size
    if n == 0:
        return None, 1, 1, 0, 0
    if places.affine is not None:
        return None, n, places.affine[1], 0, places.affine[0]
    step = int(index[1] - index[0])
    breaks = np.flatnonzero(np.diff(index) != step)
    run = int(breaks[0]) + 1
    outer = int(index[run] - index[0])
    i = np.arange(n)
    offset = int(index[0])
    # Rows of two or three elements are faster by their places.
    if run >= 4 and np.array_equal(index, offset + i // run * outer + i % run * step):
        return None, run, step, outer, offset
    return index, 1, 1, 0, 0


cdef object slope_of(Slope *slope):
    """A number, the place of an operand among x, y, z, or None for what is to be computed."""
    return float(slope.constant) if not slope.vary else int(slope.operand) - 1 if slope.operand else None


def known_slope(op, data):
    if op == "d1":
        return slope_of(&unary_rows()[<int> data].d1)
    if op == "d2":
        return slope_of(&unary_rows()[<int> data].d2)
    return slope_of(&binary_rows()[<int> data[0]].partial[<int> data[1]])


class Plan:
    """Which nodes there are, in which stages they run, and where their results lie."""

    def __init__(self, entries, outputs, guards):
        self.values = {}
        self.nodes = []
        self.inputs = []
        self.constants = []
        self.preset = {}
        self.slots = 0
        self.loads = Counter(id(e.args[0]) for e in entries if e.op == "gather" and e.size == 1)
        for entry in entries:
            self.values[id(entry)] = self.value(entry)
        for entry, expected in guards:
            value = self.values[id(entry)]
            guard = self.add("guard", 0, [value], data=bool(expected))
            guard.order = value.node.order + 0.5
        for node in self.nodes:
            if node.kind == "done":
                self.settle_numbers(node)
        self.outputs = [self.output(k, entry) for k, entry in enumerate(outputs)]
        self.settle_pieces()
        self.connect()
        self.schedule()
        self.settle_places()

    # -- nodes ---------------------------------------------------------------------------------------------------------

    def add(self, kind, size, args=(), **more):
        return self.enter(Node(kind, size, args, **more))

    def enter(self, node):
        node.order = len(self.nodes)
        self.nodes.append(node)
        if node.size == 1:
            self.pin(node, self.take_slots(1))
        return node

    def take_slots(self, count):
        first, self.slots = self.slots, self.slots + count
        return first

    def pin(self, node, slot):
        node.slot, node.place = slot, (NUMBERS, slot)

    def number(self, x):
        """The node of a constant number."""
        key = float(x).hex() if x == x else "nan"
        if key not in self.preset:
            self.preset[key] = (self.add("known", 1), float(x))
        return self.preset[key][0]

    def value(self, entry):
        if entry.op in ELEMENTWISE:
            return self.elementwise(entry)
        return getattr(self, "value_of_" + entry.op)(entry)

    def value_of_input(self, entry):
        if entry.data < len(self.inputs) and self.inputs[entry.data] is not None:
            return Value(self.inputs[entry.data][0], 0, entry.size == 1)
        node = self.add("known", entry.size)
        if 1 < entry.size <= min(SHORT, COPIED*self.loads[id(entry)]):
            node.place = (NUMBERS, self.take_slots(entry.size))
        while len(self.inputs) <= entry.data:
            self.inputs.append(None)
        self.inputs[entry.data] = (node, entry.shape)
        return Value(node, 0, entry.size == 1)

    def value_of_constant(self, entry):
        if entry.size == 1:
            return Value(self.number(entry.data.reshape(-1)[0]), 0, True)
        array = np.ascontiguousarray(entry.data, dtype=np.float64)
        node = self.add("known", entry.size)
        self.constants.append((node, array))
        return Value(node)

    def elementwise(self, entry):
        args = [self.values[id(a)] for a in entry.args]
        if entry.op == "unary" and entry.data in (U_positive, U_conjugate):
            return args[0]
        if entry.op in ("d1", "d2", "partial"):
            known = known_slope(entry.op, entry.data)
            if isinstance(known, float):
                return Value(self.number(known), 0, True)
            if known is not None:
                return args[known]
        if all(a.number for a in args):
            node = self.add("number", 1, args, op=entry.op, data=entry.data)
            node.shaped = len(entry.shape) > 0
            return Value(node, 0, True)
        return Value(self.add("element", entry.size, args, op=entry.op, data=entry.data, span=entry.size))

    def array(self, value, size):
        """A value in memory: what repeats a number is filled with it."""
        if not value.number or size == 1:
            return value
        return Value(self.add("fill", size, [value], span=size))

    def value_of_gather(self, entry):
        x = self.values[id(entry.args[0])]
        if x.number:
            return x
        if entry.size == 1:
            return self.loaded(x.node, x.offset + int(entry.data.index[0]))
        if entry.data.affine is not None and entry.data.affine[1] == 1:
            return Value(x.node, x.offset + entry.data.affine[0])
        return Value(self.add("gather", entry.size, [x], data=movement(entry.data), span=entry.size))

    def loaded(self, node, offset):
        """One number of an array; an array among the numbers has it in a slot already."""
        found = node.loaded.get(offset)
        if found is None:
            if node.kind == "known" and node.place is not None:
                found = Node("known", 1)
                self.pin(found, node.place[1] + offset)
            else:
                found = self.add("load", 1, [Value(node, offset)])
            node.loaded[offset] = found
        return Value(found, 0, True)

    def value_of_assemble(self, entry):
        if len(entry.args) == 1 and entry.covers and entry.data[0].affine == (0, 1):
            return self.values[id(entry.args[0])]
        result = Node("done", entry.size)
        pieces = []
        for piece, places in zip(entry.args, entry.data, strict=True):
            value = self.values[id(piece)]
            if piece.size == 1:
                pieces.append(self.add("store", 0, [value], op=result, data=int(places.index[0])))
            elif piece.size > 1:
                pieces.append(self.add("piece", 0, [self.array(value, piece.size)], op=result, data=movement(places),
                                       span=piece.size))
        result.pieces, result.covers = pieces, entry.covers
        self.enter(result)
        return Value(result, 0, entry.size == 1)

    def value_of_reduction(self, entry):
        (arg,), axes = entry.args, entry.data
        value = self.values[id(arg)]
        if arg.size == entry.size and all(arg.shape[i] == 1 for i in axes):
            return value
        if value.number and entry.op != "sum":
            return value
        value = self.array(value, arg.size)
        if entry.size == 1 and entry.op == "sum":
            return Value(self.add("sum", 1, [value], span=arg.size), 0, True)
        if entry.op != "sum" and arg.size == 0 < entry.size:
            raise ValueError(f"the {entry.op} of no numbers")
        for outer, length, inner in reversed(runs(arg.shape, axes)):
            value = Value(self.add("reduce", outer * inner, [value], op=REDUCTIONS[entry.op],
                                   data=(outer, length, inner)))
        value.number = entry.size == 1
        return value

    value_of_sum = value_of_max = value_of_min = value_of_reduction

    def value_of_matmul(self, entry):
        args = [self.array(self.values[id(a)], a.size) for a in entry.args]
        node = self.add("matmul", entry.size, args, data=product(*entry.args, *entry.data))
        return Value(node, 0, entry.size == 1)

    # -- results -------------------------------------------------------------------------------------------------------

    def output(self, k, entry):
        """``(value, shape, how)``, where ``how`` is ``number``, ``fill``, ``here`` or ``copy``."""
        value = self.values[id(entry)]
        if value.number:
            return value, entry.shape, "fill" if entry.shape else "number"
        node = value.node
        if node.place is None and node.kind != "known" and node.home is None and value.is_aligned(entry.size):
            node.home = ("output", k)
            return value, entry.shape, "here"
        return value, entry.shape, "copy"

    def settle_numbers(self, result):
        """An assembly of numbers lies among them, and a number that is alone at its place is computed there.

        All other places stay 0 for ever.
        """
        if result.size > SHORT or any(piece.kind != "store" for piece in result.pieces):
            return
        if result.slot is None:
            result.place = (NUMBERS, self.take_slots(result.size))
        result.among_numbers = True
        count = Counter(piece.data for piece in result.pieces)
        for piece in result.pieces:
            node, place = piece.args[0].node, piece.data
            piece.alone = count[place] == 1
            if piece.alone and node.kind in ("number", "load", "sum") and not node.pinned:
                self.pin(node, result.place[1] + place)
                node.pinned = piece.stored = True

    def settle_pieces(self):
        """Let pieces of an assembly that go to places of their own be computed there."""
        for result in self.nodes:
            if result.kind != "done" or not result.covers:
                continue
            for piece in result.pieces:
                if piece.kind != "piece":
                    continue
                index, run, inner, _, offset = piece.data
                node = piece.args[0].node
                if index is None and run == piece.span and inner == 1 and node.kind != "known" and node.place is None \
                        and node.size == piece.span and node.home is None and piece.args[0].offset == 0:
                    node.home = (result, offset)
                    piece.stored = True

    # -- stages --------------------------------------------------------------------------------------------------------

    def connect(self):
        """Who waits for whom; a user in the same group need not wait for the end of the group."""
        kept = {value.node for value, _, _ in self.outputs}
        for node in self.nodes:
            args = [a.node for a in node.args]
            near = [node.sees_blocks and a.node.makes_blocks and a.is_aligned(node.span) for a in node.args]
            if node.kind == "done":
                args, near = node.pieces, [False] * len(node.pieces)
            for arg, together in zip(args, near, strict=True):
                arg.users.append((node, together))
                node.waiting += arg.kind != "known"
        for node in self.nodes:
            node.floats = node.kind in ("gather", "fill") and node not in kept and node.home is None \
                and all(together for _, together in node.users)

    def schedule(self):
        """All operations on numbers and stages that can run do; then a group, as long as possible; and so on."""
        self.stages = []
        self.numbers, self.whole, self.groups, self.left = [], [], {}, {}
        for node in self.nodes:
            if node.in_group and not node.floats:
                self.left[node.span] = self.left.get(node.span, 0) + 1
        for node in [node for node in self.nodes if node.waiting == 0 and node.kind != "known"]:
            self.ready(node)
        while self.numbers or self.whole or any(self.groups.values()):
            if self.numbers:
                self.run_numbers()
            elif self.whole:
                node = heapq.heappop(self.whole)[1]
                self.stages.append(("whole", [node]))
                self.release(node)
            else:
                self.run_group(self.choose())

    def ready(self, node):
        if node.floats:
            for user, _ in node.users:
                self.arrived(user)
            return
        queue = self.groups.setdefault(node.span, []) if node.in_group else \
            self.whole if node.kind in ("reduce", "matmul") else self.numbers
        heapq.heappush(queue, Ready((node.order, node)))

    def release(self, node):
        """Let the users of a node know; those of another group when this one ends."""
        node.stage = len(self.stages) - 1
        for user, together in node.users:
            if node.in_group and not together:
                self.late.append(user)
            else:
                self.arrived(user)

    def arrived(self, user):
        user.waiting -= 1
        if user.waiting == 0:
            self.ready(user)

    def run_numbers(self):
        if not self.stages or self.stages[-1][0] != "numbers":
            self.stages.append(("numbers", []))
        while self.numbers:
            node = heapq.heappop(self.numbers)[1]
            self.stages[-1][1].append(node)
            self.release(node)

    def choose(self):
        """The size of which the fewest nodes would be left for another group."""
        sizes = [size for size, queue in self.groups.items() if queue]
        if len(sizes) == 1:
            return sizes[0]
        return min(sizes, key=lambda size: (self.left[size] - self.reach(size), size))

    def reach(self, size):
        """How many nodes a group of this size would have now."""
        arrived, found = {}, [item[1] for item in self.groups[size]]
        for node in found:
            for user, together in node.users:
                if together:
                    arrived[user] = arrived.get(user, 0) + 1
                    if arrived[user] == user.waiting:
                        found.append(user)
        return len(found)

    def run_group(self, size):
        self.late, group, queue = [], [], self.groups[size]
        self.stages.append(("group", group))
        while queue:
            node = heapq.heappop(queue)[1]
            group.append(node)
            self.release(node)
        self.left[size] -= len(group)
        self.stages[-1] = "group", self.with_floating(group)
        for user in self.late:
            self.arrived(user)

    def with_floating(self, group):
        """Movements that only need to be seen in blocks are made again in every group that looks at them."""
        found, seen = [], set()
        for node in group:
            for arg in node.args:
                if arg.node.floats and arg.node not in seen:
                    seen.add(arg.node)
                    arg.node.stage = len(self.stages) - 1
                    found.append(arg.node)
            found.append(node)
        return found

    # -- places --------------------------------------------------------------------------------------------------------

    def settle_places(self):
        """Give every array that outlives its group a place; memory is used again when nobody reads it any more."""
        first = FIRST
        for known in self.inputs:
            if known is not None and known[0].place is None:
                known[0].place = (first, 0)
            first += 1
        for node, _ in self.constants:
            node.place = (first, 0)
            first += 1
        self.first_output = first
        kept = {value.node for value, _, _ in self.outputs}
        copied = {value.node for value, _, how in self.outputs if how == "copy"}
        lives = {}
        for node in self.nodes:
            if node.kind in PLACELESS or node.place is not None or node.lives_in_blocks(copied):
                continue
            begin = min([p.stage for p in node.pieces], default=node.stage) if node.kind == "done" else node.stage
            end = max([user.stage for user, _ in node.users], default=node.stage)
            if node in kept:
                end = len(self.stages)
            owner = node
            while owner.home is not None and owner.home[0] != "output":
                owner = owner.home[0]
            low, high = lives.get(owner, (begin, end))
            lives[owner] = (min(low, begin), max(high, end))
        self.reserve(lives)
        for node in self.nodes:
            self.find_place(node)

    def reserve(self, lives):
        """First fit, in the order in which arrays begin to live."""
        self.scratch = 0
        busy = []  # (offset, size, end)
        for node, (begin, end) in sorted(lives.items(), key=lambda item: item[1][0]):
            if node.home is not None:
                continue
            busy = [b for b in busy if b[2] >= begin]
            size, offset, at = (node.size + 7) // 8 * 8, 0, 0
            while at < len(busy) and busy[at][0] - offset < size:
                offset = busy[at][0] + busy[at][1]
                at += 1
            busy.insert(at, (offset, size, end))
            node.place = (SCRATCH, offset)
            self.scratch = max(self.scratch, offset + size)

    def find_place(self, node):
        if node.place is None and node.home is not None:
            where, offset = node.home
            buffer, start = (self.first_output + offset, 0) if where == "output" else self.find_place(where)
            node.place = (buffer, start if where == "output" else start + offset)
        return node.place


class Ready(tuple):
    """A node in a heap, compared by its order alone."""

    def __lt__(self, other):
        return self[0] < other[0]


def runs(shape, axes):
    """``(outer, length, inner)`` for each run of neighbouring axes of ``axes``, when those behind are gone already."""
    found, outer, i = [], 1, 0
    kept = [(n, k in axes) for k, n in enumerate(shape) if n != 1]
    while i < len(kept):
        length, gone = 1, kept[i][1]
        while i < len(kept) and kept[i][1] == gone:
            length *= kept[i][0]
            i += 1
        if gone:
            found.append((outer, length, math.prod(n for n, away in kept[i:] if not away)))
        outer *= length
    return found


def product(a, b, a_turned, b_turned):
    """Dimensions and steps for NumPy's loop of matmul: one product for a whole stack where its rows are in a row."""
    n, m = a.shape[-2:][:: -1 if a_turned else 1]
    p = b.shape[-2 if b_turned else -1]
    stacks = [x.shape[0] if len(x.shape) == 3 else 1 for x in (a, b)]
    count = stacks[0] if stacks[1] == 1 else stacks[1]
    a_step, b_step = (8 * n * m if stacks[0] > 1 else 0), (8 * m * p if stacks[1] > 1 else 0)
    a_row, a_column = (8, 8 * n) if a_turned else (8 * m, 8)
    b_row, b_column = (8, 8 * m) if b_turned else (8 * p, 8)
    swapped = False
    if count > 1 and b_step == 0 and n == 1:
        count, n, a_row, a_step = 1, count, a_step, 0
    elif count > 1 and b_step == 0 and not a_turned:
        count, n, a_step = 1, count * n, 0
    elif count > 1 and a_step == 0 and p == 1:
        swapped = True
        a_row, a_column, b_row, b_column = b_step, b_row, a_column, a_row
        count, n, p, a_step, b_step = 1, count, n, 0, 0
    steps = (a_step, b_step, 8 * n * p, a_row if n > 1 else 0, a_column if m > 1 else 0, b_row if m > 1 else 0,
             b_column if p > 1 else 0, 8 * p if n > 1 else 0, 8 if p > 1 else 0)
    return (count, n, m, p), steps, swapped


# ---------------------------------------------------------------------------------------------------------------------
# Code: what the plan says, in numbers
# ---------------------------------------------------------------------------------------------------------------------

NOWHERE = (NUMBERS, 0, 0)
NO_CALL = (0, 0, 0, 0)
NO_MOVE = (None, 1, 1, 0)
UNARY_STEPS = {int(U_negative): NEGATIVE, int(U_square): SQUARE, int(U_sqrt): SQRT, int(U_exp): EXP, int(U_log): LOG}
BINARY_STEPS = {int(B_add): ADD, int(B_subtract): SUBTRACT, int(B_multiply): MULTIPLY, int(B_divide): DIVIDE,
                int(B_strong_product): STRONG}
# What can be the first of two operations in one loop.
FUSED = frozenset((ADD, SUBTRACT, MULTIPLY, NEGATIVE, SQUARE))
# An operation, and whether its operands are swapped.
COMPARISONS = {"less": (LESS, False), "less_equal": (LESS_EQUAL, False), "greater": (LESS, True),
               "greater_equal": (LESS_EQUAL, True), "equal": (EQUAL, False), "not_equal": (NOT_EQUAL, False)}


# A result can be read after the time of so many other operations; functions take longer.
LATENCY = 5
# How far ahead operations are taken from, so that what is used together stays together.
WINDOW = 96


def footprint(step):
    """The slots that a step reads and writes; None stands for all arrays, whose steps stay in order."""
    op, out, *rest = step
    if op == LOAD:
        return [None], [out]
    if op in (STORE, ADD_TO, ZERO):
        buffer, first, count = rest[0], rest[1], rest[2] if op == ZERO else 1
        return [] if op == ZERO else [out], [None, *(range(first, first + count) if buffer == NUMBERS else ())]
    if op == GUARD:
        return rest[:1], []
    count = 1 if op in (SQRT, EXP, LOG, VALUE1, LOOP1) else 3 if op in (WHERE, PARTIAL) else 2
    return rest[:count], [out]


def dependences(steps):
    """For each step those that have to come after it."""
    after, waiting, writers, readers = [[] for _ in steps], [0]*len(steps), {}, {}
    for i, step in enumerate(steps):
        reads, writes = footprint(step)
        before = {writers[slot] for slot in (*reads, *writes) if slot in writers}
        for slot in writes:
            before.update(readers.pop(slot, ()))
            writers[slot] = i
        for slot in reads:
            readers.setdefault(slot, []).append(i)
        before.discard(i)
        waiting[i] = len(before)
        for j in before:
            after[j].append(i)
    return after, waiting


def interleaved(steps):
    """Steps in an order in which few wait for the one before, those first on which the longest chains depend.

    In the order in which they were written nearly each waits for the one before, which takes 3 ns; 0.7 ns else.
    """
    after, waiting = dependences(steps)
    height = [0]*len(steps)
    for i in range(len(steps) - 1, -1, -1):
        height[i] = max([height[j] for j in after[i]], default=0) + (1 if ADD <= steps[i][0] <= MULTIPLY else 3)
    order, time = Order(steps, waiting, height), 0
    while len(order.found) < len(steps):
        i = order.take(time)
        time += 1
        for j in after[i]:
            order.earliest[j] = max(order.earliest[j], time + LATENCY)
            waiting[j] -= 1
            if waiting[j] == 0:
                order.offer(j)
    return [steps[i] for i in order.found]


class Order:
    """Steps that can run, and the order in which they were taken."""

    def __init__(self, steps, waiting, height):
        self.plain = [ADD <= step[0] <= MULTIPLY for step in steps]
        self.height = height
        self.earliest = [0]*len(steps)
        self.taken = [False]*len(steps)
        self.first = self.run = 0
        self.found, self.beyond, self.soon = [], [], []
        self.queues = [], []
        for i, count in enumerate(waiting):
            if count == 0:
                self.offer(i)

    def offer(self, i):
        if i >= self.first + WINDOW:
            heapq.heappush(self.beyond, i)
        else:
            heapq.heappush(self.soon, (self.earliest[i], i))

    def take(self, time):
        while self.beyond and self.beyond[0] < self.first + WINDOW:
            i = heapq.heappop(self.beyond)
            heapq.heappush(self.soon, (self.earliest[i], i))
        while self.soon and (self.soon[0][0] <= time or not any(self.queues)):
            i = heapq.heappop(self.soon)[1]
            heapq.heappush(self.queues[self.plain[i]], (-self.height[i], i))
        # Arithmetic comes in fours.
        others, arithmetic = self.queues
        queue = others if others and (not arithmetic or self.run % 4 == 0 and others[0] < arithmetic[0]) else arithmetic
        i = heapq.heappop(queue)[1]
        self.run = self.run + 1 if self.plain[i] else 0
        self.found.append(i)
        self.taken[i] = True
        while self.first < len(self.taken) and self.taken[self.first]:
            self.first += 1
        return i


def joined(steps):
    """The words of one operation that stands for one, two or four steps."""
    if len(steps) == 1:
        return steps[0]
    code = 0
    for step in steps:
        code = 3*code + step[0] - ADD
    return [(FIRST_TWO if len(steps) == 2 else FIRST_FOUR) + code, *(slot for step in steps for slot in step[1:])]


cdef tuple row_call(object node, bint by_loop):
    """How the row of a node is called: ``(function, data, parameters, which partial derivative)``."""
    cdef UnaryRow *u
    cdef BinaryRow *b
    if node.op in ("unary", "d1", "d2"):
        u = &unary_rows()[<int> node.data]
        if node.op != "unary":
            return (<size_t> u.slopes[0], 0, <size_t> &u.p[0], 0)
        if by_loop and u.loop[0] != NULL:
            return (<size_t> u.loop[0], <size_t> u.loop_data[0], 0, -1)
        return (<size_t> u.value[0], 0, <size_t> &u.p[0], 0)
    if node.op == "partial":
        b = &binary_rows()[<int> node.data[0]]
        return (<size_t> b.slopes[0], 0, 0, node.data[1])
    b = &binary_rows()[<int> node.data]
    if by_loop and b.loop[0] != NULL:
        return (<size_t> b.loop[0], <size_t> b.loop_data[0], 0, -1)
    return (<size_t> b.value[0], 0, 0, 0)


class Code:
    """Lists of what `Program` keeps as C arrays."""

    def __init__(self, plan):
        self.plan = plan
        self.steps, self.words, self.calls, self.ops, self.stages, self.whole = [], [], [], [], [], []
        self.kept = []
        self.states = self.most_slots = 0
        self.call_numbers = {}
        self.slot_base = plan.scratch
        self.one, self.minus_one = plan.number(1.0).slot, plan.number(-1.0).slot
        self.results = {value.node for value, _, how in plan.outputs if how == "here"}
        for kind, nodes in plan.stages:
            if kind == "numbers":
                self.numbers(nodes)
            elif kind == "group":
                self.group(nodes)
            else:
                self.stages.append(("whole", len(self.whole), 0, 0, 0, 0))
                self.whole.append(self.whole_array(nodes[0]))

    # -- numbers -------------------------------------------------------------------------------------------------------

    def numbers(self, nodes):
        for node in nodes:
            getattr(self, "step_of_" + node.kind)(node)
        self.end_numbers()

    def end_numbers(self):
        """Make a stage of the steps so far, arithmetic in fours and twos."""
        if not self.steps:
            return
        self.stages.append(("numbers", len(self.words), 0, 0, 0, 0))
        self.steps, i = interleaved(self.steps), 0
        while i < len(self.steps):
            run = 0
            while run < 4 and i + run < len(self.steps) and ADD <= self.steps[i + run][0] <= MULTIPLY:
                run += 1
            count = 4 if run == 4 else 2 if run >= 2 else 1
            self.words += joined(self.steps[i : i + count])
            i += count
        self.words.append(END)
        self.steps = []

    def step(self, op, *operands, call=None):
        if call is not None:
            number = self.call_numbers.setdefault(call, len(self.calls))
            if number == len(self.calls):
                self.calls.append(call)
            operands = (*operands, 0, 0)[:4] + (number,)
        if max(operands) > 0x7fffffff:
            raise OverflowError("a program of arrays of more than 2**31 numbers")
        self.steps.append((op, *operands))

    def step_of_number(self, node):
        args = [a.node.slot for a in node.args]
        op, call = None, None
        if node.op == "unary":
            op = UNARY_STEPS.get(node.data)
            if op is None or (node.shaped and op in (EXP, LOG)):
                call = row_call(node, node.shaped)
                op = LOOP1 if call[3] < 0 else VALUE1
        elif node.op == "binary":
            op = BINARY_STEPS.get(node.data)
            if op is None:
                call = row_call(node, node.shaped)
                op = LOOP2 if call[3] < 0 else VALUE2
        elif node.op == "compare":
            op, swapped = COMPARISONS[node.data]
            args = args[::-1] if swapped else args
        elif node.op == "where":
            op = WHERE
        else:
            op, call = {"d1": D1, "d2": D2, "partial": PARTIAL}[node.op], row_call(node, False)
        if op == NEGATIVE:
            op, args = MULTIPLY, [self.minus_one, *args]
        elif op == SQUARE:
            op, args = MULTIPLY, 2*args
        self.step(op, node.slot, *args, call=call)

    def step_of_load(self, node):
        buffer, offset = node.args[0].node.place
        offset += node.args[0].offset
        if buffer == NUMBERS:
            self.step(MULTIPLY, node.slot, offset, self.one)
        else:
            self.step(LOAD, node.slot, buffer, offset)

    def step_of_guard(self, node):
        self.step(GUARD, 0, node.args[0].node.slot, node.data)

    def step_of_done(self, node):
        if not node.touched and node.size > 0 and not node.covers and not node.among_numbers:
            self.clear(node)

    def clear(self, result):
        self.step(ZERO, 0, *result.place, result.size)
        result.touched = True

    def step_of_store(self, node):
        """A number goes to its place in an assembly."""
        result, number, (buffer, offset) = node.op, node.args[0].node.slot, node.op.place
        if result.among_numbers:
            if not node.stored:
                self.add_number(node, result.written, number, offset + node.data)
            return
        if not result.covers and not result.touched:
            self.clear(result)
        result.touched = True
        self.step(STORE if result.covers else ADD_TO, number, buffer, offset + node.data)

    def add_number(self, node, written, number, slot):
        """The first of several waits for the second."""
        if node.alone:
            self.step(MULTIPLY, slot, number, self.one)
        elif slot not in written:
            written[slot] = number
        else:
            self.step(ADD, slot, written[slot], number)
            written[slot] = slot

    # -- whole arrays --------------------------------------------------------------------------------------------------

    def whole_array(self, node):
        """``(is a product, out, a, b, numbers)``."""
        places = [self.place_of(a) for a in node.args]
        if node.kind == "reduce":
            return 0, (*node.place, 0), places[0], NOWHERE, (*node.data, node.op)
        dims, steps, swapped = node.data
        return 1, (*node.place, 0), *(places[::-1] if swapped else places), (*dims, *steps)

    def place_of(self, value):
        buffer, offset = value.node.place
        return buffer, offset + value.offset, 0

    # -- groups --------------------------------------------------------------------------------------------------------

    def group(self, nodes):
        self.before, self.blocks, self.checks, self.after = [], [], [], []
        self.span = nodes[0].span
        self.free, self.slots, self.where, self.expanded = [], 0, {}, {}
        self.uses, self.modes, self.paired = {}, {}, set()
        for node in nodes:
            for arg in node.args:
                self.uses[arg.node] = self.uses.get(arg.node, 0) + 1
        self.slopes = {self.slope_key(node): node for node in nodes if node.op in ("d1", "d2")}
        self.begin_assemblies(nodes)
        self.find_fused(nodes)
        for node in nodes:
            if node not in self.hidden:
                getattr(self, "block_of_" + node.kind)(node)
                self.check(node)
                for piece in self.late.pop(node, ()):
                    self.block_of_piece(piece)
        self.blocks += self.checks
        counts = len(self.before), len(self.blocks), len(self.after)
        if any(counts):
            self.stages.append(("group", len(self.ops), *counts, self.span))
        self.ops += self.before + self.blocks + self.after
        self.most_slots = max(self.most_slots, self.slots)

    def op(self, kind, out=NOWHERE, a=NOWHERE, b=NOWHERE, c=NOWHERE, call=NO_CALL, numbers=0, state=0, move=NO_MOVE,
           size=0, to=None):
        (self.blocks if to is None else to).append((kind, numbers, state, call, out, a, b, c, move, size))

    def new_slot(self):
        if self.free:
            return self.free.pop()
        self.slots += 1
        return self.slots - 1

    def slot_place(self, slot):
        # Slots are 128 bytes apart from a power of two, so that equal places of all of them do not share a cache set.
        return SCRATCH, self.slot_base + slot * (CHUNK + 16), 0

    def operand(self, value):
        """Where an operand of a block is."""
        node = value.node
        if value.number:
            return NUMBERS, node.slot, 0
        if node in self.where:
            return self.slot_place(self.where[node])
        buffer, offset = node.place
        return buffer, offset + value.offset, 1

    def block(self, value):
        """The same for functions that take no numbers."""
        if not value.number:
            return self.operand(value)
        slot = value.node.slot
        if slot not in self.expanded:
            self.slots += 1  # never free: it is filled once for all blocks
            self.expanded[slot] = self.slot_place(self.slots - 1)
            self.op(FILL, self.expanded[slot], (NUMBERS, slot, 0), to=self.before)
        return self.expanded[slot]

    def let_go(self, node):
        """Free the blocks of operands that nobody reads any more."""
        for arg in node.args:
            self.uses[arg.node] -= 1
            if self.uses[arg.node] == 0 and arg.node in self.where:
                self.free.append(self.where[arg.node])

    def result(self, node):
        if node.place is not None:
            return (*node.place, 1)
        slot = self.new_slot()
        self.where[node] = slot
        return self.slot_place(slot)

    def check(self, node):
        if node in self.results:
            self.op(FINITE, a=(*node.place, 1))
            node.checked = True

    def own(self, node, code, args):
        """A loop of this module: its result may take the place of an operand."""
        a, b = args[-2:] if len(args) > 1 else (args[0], args[0])
        variant = 0 if len(args) == 1 else a.number | b.number << 1
        call = (<size_t> own_loop(code, variant), 0, 0, 0)
        places = [self.block(args[0]) if len(args) == 3 else self.operand(args[0]), *map(self.operand, args[1:])]
        self.let_go(node)
        self.op({1: UNARY, 2: BINARY, 3: SELECT}[len(args)], self.result(node), *places, call=call)

    def find_fused(self, nodes):
        """Pairs of operations, the first of which only the second asks for."""
        self.inner, self.hidden = {}, set()
        for node in nodes:
            if node.kind == "piece":
                if node.stored or self.modes[node.op][0] != PUT_ADD or not is_straight(node):
                    continue
            elif node.kind != "element" or self.code_of(node) not in (ADD, SUBTRACT, MULTIPLY, NEGATIVE):
                continue
            for arg in node.args:
                first = arg.node
                if first.kind == "element" and first.place is None and len(first.users) == 1 \
                        and first not in self.inner and self.code_of(first) in FUSED:
                    self.inner[node] = first
                    self.hidden.add(first)
                    break

    def code_of(self, node):
        return BINARY_STEPS.get(node.data) if node.op == "binary" else \
            UNARY_STEPS.get(node.data) if node.op == "unary" else None

    def first_form(self, node):
        """Which of the fused loops' first operations a node is, and its operands."""
        code, args = self.code_of(node), node.args
        places = [*map(self.operand, args)]
        if code == NEGATIVE:
            return 6, [*places, (NUMBERS, self.minus_one, 0)]
        if code == SQUARE:
            return 7, 2*places
        numbers = args[0].number, args[1].number
        if code == SUBTRACT:
            return 4 if numbers[0] else 3 if numbers[1] else 2, places
        return (0 if code == ADD else 5) + any(numbers), places[::-1] if numbers[0] else places

    def second_form(self, node, first):
        """The same for the second operation, and its other operand."""
        code = self.code_of(node)
        if code == NEGATIVE:
            return 7, (NUMBERS, self.minus_one, 0)
        is_first = node.args[0].node is first
        other = node.args[1] if is_first else node.args[0]
        return {ADD: 0, SUBTRACT: 2 if is_first else 4, MULTIPLY: 6}[code] + other.number, self.operand(other)

    def fused(self, node, first):
        (a, places), (b, other) = self.first_form(first), self.second_form(node, first)
        self.let_go(first)
        self.let_go(node)
        self.op(SELECT, self.result(node), *places, other, call=(<size_t> fused_loop(a, b), 0, 0, 0))

    def block_of_element(self, node):
        args = node.args
        if node in self.inner:
            self.fused(node, self.inner[node])
        elif node.op == "where":
            self.own(node, WHERE, args)
        elif node.op == "compare":
            code, swapped = COMPARISONS[node.data]
            self.own(node, code, args[::-1] if swapped else args)
        elif node.op == "binary" and node.data in BINARY_STEPS:
            self.own(node, BINARY_STEPS[node.data], args)
        elif node.op == "unary" and UNARY_STEPS.get(node.data) in (NEGATIVE, SQUARE):
            self.own(node, UNARY_STEPS[node.data], args)
        elif node.op in ("d1", "d2"):
            self.slope(node)
        else:
            self.row(node)

    def row(self, node):
        """A loop of NumPy's, or of the table."""
        call = row_call(node, True)
        if node.op == "partial":
            kind, numbers, places = PARTIALS, 0, [*map(self.block, node.args)]
        elif call[3] < 0:
            kind, places = (ROW1, ROW2)[len(node.args) - 1], [*map(self.operand, node.args)]
            numbers = node.args[0].number | node.args[-1].number << 1
            call = (*call[:3], 0)
        else:
            kind, numbers, places = (BLOCK1, BLOCK2)[len(node.args) - 1], 0, [*map(self.block, node.args)]
        self.op(kind, self.result(node), *places, call=call, numbers=numbers)
        self.let_go(node)

    def slope_key(self, node):
        return node.op, node.data, *((a.node, a.offset) for a in node.args)

    def slope(self, node):
        """The second derivative is computed together with the first."""
        if node in self.paired:
            return
        key = self.slope_key(node)[1:]
        pair = [self.slopes.get((op, *key)) for op in ("d1", "d2")]
        places, call = [*map(self.block, node.args)], row_call(node, False)
        if node in pair and None not in pair:
            self.op(SLOPES, self.result(pair[1]), *places, self.result(pair[0]), call=call)
            self.paired.update(pair)
            self.let_go(node)
        elif node.op == "d1":
            self.op(SLOPE, self.result(node), *places, call=call)
        else:
            temporary = self.new_slot()
            self.op(SLOPES, self.result(node), *places, self.slot_place(temporary), call=call)
            self.free.append(temporary)
        self.let_go(node)

    def block_of_gather(self, node):
        source, (index, run, inner, outer, offset) = node.args[0], node.data
        buffer, start = source.node.place
        self.op(GATHER, self.result(node), (buffer, start + source.offset + offset, 0),
                move=(self.keep(index), run, inner, outer))

    def keep(self, index):
        if index is not None:
            self.kept.append(index)
        return index

    def block_of_fill(self, node):
        self.op(FILL, self.result(node), self.operand(node.args[0]))

    def block_of_sum(self, node):
        state, self.states = self.states, self.states + 1
        self.op(BEGIN, state=state, to=self.before)
        self.op(SUM, a=self.operand(node.args[0]), state=state)
        self.op(TOTAL, (*node.place, 0), state=state, to=self.after)
        self.let_go(node)

    # -- pieces of assemblies ------------------------------------------------------------------------------------------

    def begin_assemblies(self, nodes):
        """Find out how the pieces of each assembly that a group adds to are put there."""
        found, self.late, self.leaders = {}, {}, {}
        for node in nodes:
            if node.kind == "piece":
                found.setdefault(node.op, []).append(node)
        for result, pieces in found.items():
            if result.covers:
                self.modes[result] = PUT, 0
            elif not result.touched and all(map(is_straight, pieces)):
                self.grow(result, pieces)
            else:
                if not result.touched:
                    self.clear(result)
                self.modes[result] = PUT_ADD, 0
            result.touched = True
        self.end_numbers()

    def grow(self, result, pieces):
        """An assembly that is begun here by straight pieces gets zeros where it grows; it is checked behind them."""
        state, self.states = self.states, self.states + 1
        place, frontier = (*result.place, 0), 0
        checks = result in self.results and len(pieces) == len(result.pieces)
        leader = max(pieces, key=lambda piece: piece.data[4])
        low, high = min(piece.data[4] for piece in pieces), leader.data[4]
        node = leader.args[0].node
        if node.makes_blocks and node.place is None and not node.floats and len(node.users) == 1 \
                and high - low <= CHUNK and sum(piece.data[4] == high for piece in pieces) == 1:
            # What goes farthest is computed in its place, where nothing is yet; the others are added to it.
            buffer, start = result.place
            node.place, leader.stored, frontier = (buffer, start + high), True, high + self.span
            self.leaders[result], self.late[node] = node, []
            self.op(CLEAR, place, size=high, to=self.before)
        self.modes[result] = PUT_ADD if frontier else PUT_NEXT, state
        self.op(BEGIN, state=state, size=frontier, to=self.before)
        self.op(REST, place, state=state, numbers=checks, size=result.size, to=self.after)
        if checks:
            result.checked = True
            self.op(CHECK, place, state=state, size=low, to=self.checks)

    def block_of_piece(self, node):
        result, (index, run, inner, outer, offset) = node.op, node.data
        leader = self.leaders.get(result)
        if node.stored:
            self.let_go(node)
            return
        if leader in self.late:
            self.late[leader].append(node)  # the leader was not computed yet
            return
        kind, state = self.modes[result]
        buffer, start = result.place
        if node in self.inner:
            form, places = self.first_form(self.inner[node])
            place = (buffer, start + offset, 1)
            self.op(SELECT, place, *places, place, call=(<size_t> fused_loop(form, 0), 0, 0, 0))
            self.let_go(self.inner[node])
        elif kind == PUT_NEXT:
            self.op(kind, (buffer, start, 0), self.operand(node.args[0]), state=state, size=offset)
        else:
            self.op(kind, (buffer, start + offset, 0), self.operand(node.args[0]),
                    move=(self.keep(index), run, inner, outer))
        self.let_go(node)


def is_straight(piece):
    """Whether a piece goes to neighbouring places, in order."""
    index, run, inner, _, _ = piece.data
    return index is None and run == piece.span and inner == 1


# ---------------------------------------------------------------------------------------------------------------------
# Running
# ---------------------------------------------------------------------------------------------------------------------

cdef enum:
    STAGE_NUMBERS = 0
    STAGE_GROUP = 1
    STAGE_WHOLE = 2
    # What a result is: a number, an array full of it, computed where it is, or copied.
    OUT_NUMBER = 0
    OUT_FILL = 1
    OUT_HERE = 2
    OUT_COPY = 3
    FIRST_INPUT = 2
    AXES = 64

cdef struct Stage:
    int kind
    Py_ssize_t first
    int counts[3]
    Py_ssize_t size

cdef struct Whole:
    bint is_product
    DDPlace out
    DDPlace a
    DDPlace b
    cnp.npy_intp dims[4]
    cnp.npy_intp steps[9]

cdef struct Input:
    bint used
    int slot  # among the numbers, else -1
    int nd
    Py_ssize_t size
    cnp.npy_intp shape[AXES]

cdef struct Result:
    int kind
    bint checked
    DDPlace place
    int nd
    Py_ssize_t size
    cnp.npy_intp shape[AXES]

cdef extern from "Python.h":
    void *PyMem_Calloc(size_t, size_t)

cdef extern from "numpy/arrayobject.h":
    object PyArray_Scalar(void *, cnp.dtype, object)

cdef loop_t MATMUL[2]
cdef void *MATMUL_DATA[2]
find_loop(np.matmul, 3, MATMUL, MATMUL_DATA)

cdef cnp.dtype DOUBLE = cnp.PyArray_DescrFromType(cnp.NPY_DOUBLE)


cdef void *new_memory(Py_ssize_t count, size_t size) except NULL:
    cdef void *data = PyMem_Calloc(max(count, 1), size)
    if data == NULL:
        raise MemoryError()
    return data


cdef int pack_shape(cnp.npy_intp *to, tuple shape) except -1:
    cdef int i
    if len(shape) > AXES:
        raise ValueError(f"an array of more than {AXES} axes")
    for i in range(len(shape)):
        to[i] = shape[i]
    return len(shape)


cdef DDPlace packed_place(tuple t):
    cdef DDPlace place
    place.buffer, place.offset, place.moves = t[0], t[1], t[2]
    return place


cdef void pack_call(DDCall *to, tuple t):
    to.function = <void *> <size_t> t[0]
    to.data = <void *> <size_t> t[1]
    to.p = <const double *> <size_t> t[2]
    to.j = t[3]


cdef void pack_op(DDOp *to, tuple t):
    cdef cnp.ndarray index
    to.kind, to.numbers, to.state = t[0], t[1], t[2]
    pack_call(&to.call, t[3])
    to.out, to.a, to.b, to.c = packed_place(t[4]), packed_place(t[5]), packed_place(t[6]), packed_place(t[7])
    if t[8][0] is not None:
        index = t[8][0]
        to.move.index = <const cnp.int64_t *> cnp.PyArray_DATA(index)
    to.move.run, to.move.inner, to.move.outer = t[8][1], t[8][2], t[8][3]
    to.size = t[9]


cdef void pack_stage(Stage *to, tuple t):
    to.kind = {"numbers": STAGE_NUMBERS, "group": STAGE_GROUP, "whole": STAGE_WHOLE}[t[0]]
    to.first = t[1]
    to.counts[0], to.counts[1], to.counts[2] = t[2], t[3], t[4]
    to.size = t[5]


cdef void pack_whole(Whole *to, tuple t):
    cdef int i
    to.is_product = t[0]
    to.out, to.a, to.b = packed_place(t[1]), packed_place(t[2]), packed_place(t[3])
    for i in range(4):
        to.dims[i] = t[4][i]
    for i in range(4, len(t[4])):
        to.steps[i - 4] = t[4][i]


cdef void run_whole(const Whole *w, double **base) noexcept nogil:
    cdef double *out = base[w.out.buffer] + w.out.offset
    cdef double *a = base[w.a.buffer] + w.a.offset
    cdef double *b = base[w.b.buffer] + w.b.offset
    cdef char *args[3]
    if not w.is_product:
        reduce_array(out, a, w.dims[0], w.dims[1], w.dims[2], <int> w.dims[3])
        return
    if w.dims[0]*w.dims[1]*w.dims[3] == 0:
        return
    if w.dims[2] == 0:
        memset(out, 0, w.dims[0]*w.dims[1]*w.dims[3]*sizeof(double))
        return
    args[0], args[1], args[2] = <char *> a, <char *> b, <char *> out
    MATMUL[0](args, w.dims, w.steps, MATMUL_DATA[0])


@cython.final
cdef class Program:
    """A plan that runs.

    Parameters
    ----------
    entries : list of graph.Entry
        Every entry that is needed, operands first.
    outputs : list of graph.Entry
        The results.
    guards : list of (graph.Entry, bool)
        Numbers, and whether each has to be other than 0: where one is not as expected, a run gives None.

    Attributes
    ----------
    nbytes : int
        Memory for what the program computes on its way.
    """

    cdef int *words
    cdef DDCall *calls
    cdef DDOp *ops
    cdef Stage *stages
    cdef Whole *wholes
    cdef Result *results
    cdef DDState *states
    cdef double *numbers_
    cdef double *scratch
    cdef double **base
    cdef Input *inputs
    cdef int stage_count, input_count, output_count, first_output
    cdef bint only_numbers
    cdef list kept
    cdef readonly Py_ssize_t nbytes

    def __init__(self, entries, outputs, guards=()):
        if self.base != NULL:
            raise TypeError("a program is made once")
        plan = Plan(entries, outputs, guards)
        code = Code(plan)
        self.pack_memory(plan, code)
        self.pack_code(code)
        for k, (value, shape, how) in enumerate(plan.outputs):
            self.pack_result(&self.results[k], value, shape, how)

    def __dealloc__(self):
        if self.scratch != NULL:
            unreserve(self.scratch)
        if self.numbers_ != NULL:
            unreserve(self.numbers_)
        PyMem_Free(self.words)
        PyMem_Free(self.calls)
        PyMem_Free(self.ops)
        PyMem_Free(self.stages)
        PyMem_Free(self.wholes)
        PyMem_Free(self.results)
        PyMem_Free(self.states)
        PyMem_Free(self.base)
        PyMem_Free(self.inputs)

    def __reduce__(self):
        raise TypeError("programs are not pickled; replay the function again")

    cdef int pack_memory(self, plan, code) except -1:
        cdef Py_ssize_t i, scratch = plan.scratch + code.most_slots*(CHUNK + 16)
        cdef cnp.ndarray array
        self.input_count, self.output_count = len(plan.inputs), len(plan.outputs)
        self.first_output = plan.first_output
        self.scratch, self.numbers_ = reserve(scratch), reserve(plan.slots)
        if self.scratch == NULL or self.numbers_ == NULL:
            raise MemoryError(f"{8*scratch} bytes for a program")
        memset(self.numbers_, 0, plan.slots*sizeof(double))
        self.nbytes = 8*(scratch + plan.slots)
        self.base = <double **> new_memory(self.first_output + self.output_count, sizeof(double *))
        self.inputs = <Input *> new_memory(self.input_count, sizeof(Input))
        self.states = <DDState *> new_memory(code.states, sizeof(DDState))
        self.base[<int> NUMBERS], self.base[<int> SCRATCH] = self.numbers_, self.scratch
        for node, x in plan.preset.values():
            self.numbers_[<int> node.slot] = x
        self.kept, self.only_numbers = list(code.kept), True
        for node, array in plan.constants:
            self.base[<int> node.place[0]] = <double *> cnp.PyArray_DATA(array)
            self.kept.append(array)
        for i, known in enumerate(plan.inputs):
            if known is not None:
                self.pack_input(&self.inputs[i], known[0], known[1])
        return 0

    cdef int pack_input(self, Input *to, node, tuple shape) except -1:
        to.used, to.nd, to.size = True, pack_shape(to.shape, shape), node.size
        to.slot = node.place[1] if node.place[0] == NUMBERS else -1
        self.only_numbers &= len(shape) == 0
        return 0

    cdef int pack_code(self, code) except -1:
        cdef Py_ssize_t i
        cdef tuple t
        self.stage_count = len(code.stages)
        self.words = <int *> new_memory(len(code.words), sizeof(int))
        self.calls = <DDCall *> new_memory(len(code.calls), sizeof(DDCall))
        self.ops = <DDOp *> new_memory(len(code.ops), sizeof(DDOp))
        self.stages = <Stage *> new_memory(len(code.stages), sizeof(Stage))
        self.wholes = <Whole *> new_memory(len(code.whole), sizeof(Whole))
        self.results = <Result *> new_memory(self.output_count, sizeof(Result))
        for i in range(len(code.words)):
            self.words[i] = code.words[i]
        for i, t in enumerate(code.calls):
            pack_call(&self.calls[i], t)
        for i, t in enumerate(code.ops):
            pack_op(&self.ops[i], t)
        for i, t in enumerate(code.stages):
            pack_stage(&self.stages[i], t)
        for i, t in enumerate(code.whole):
            pack_whole(&self.wholes[i], t)
        return 0

    cdef int pack_result(self, Result *r, value, tuple shape, str how) except -1:
        r.kind = {"number": OUT_NUMBER, "fill": OUT_FILL, "here": OUT_HERE, "copy": OUT_COPY}[how]
        r.checked = value.node.checked and r.kind == OUT_HERE
        r.place = packed_place((*value.node.place, 0))
        r.place.offset += <Py_ssize_t> value.offset
        r.nd, r.size = pack_shape(r.shape, shape), math.prod(shape)
        return 0

    def run(self, inputs):
        """Run on arrays and numbers; ``(results, whether all are finite)``, or None when a guard does not hold.

        Inputs that no entry asks for may be given all the same.
        """
        cdef Py_ssize_t i
        cdef list given = list(inputs)
        if len(given) < self.input_count:
            raise ValueError(f"the program takes {self.input_count} inputs, not {len(given)}")
        for i in range(self.input_count):
            if self.inputs[i].used and not self.fits(i, <object> PyList_GET_ITEM(given, i)):
                given[i] = self.converted(i, given[i])
        with cython.critical_section(self):
            return self.execute(given)

    cdef bint fits(self, Py_ssize_t i, object x) noexcept:
        """Whether an input can be read as it is."""
        cdef const Input *wanted = &self.inputs[i]
        cdef int k
        if PyFloat_Check(x):
            return wanted.nd == 0
        if type(x) is not cnp.ndarray or cnp.PyArray_TYPE(<cnp.ndarray> x) != cnp.NPY_DOUBLE \
                or cnp.PyArray_NDIM(<cnp.ndarray> x) != wanted.nd or not cnp.PyArray_ISCARRAY_RO(<cnp.ndarray> x):
            return False
        for k in range(wanted.nd):
            if cnp.PyArray_DIMS(<cnp.ndarray> x)[k] != wanted.shape[k]:
                return False
        return True

    cdef object converted(self, Py_ssize_t i, object x):
        array = np.require(x, np.float64, ("C", "A"))
        wanted = tuple([self.inputs[i].shape[k] for k in range(self.inputs[i].nd)])
        if array.shape != wanted:
            raise ValueError(f"input {i} has shape {array.shape}; the program was made for {wanted}")
        return array

    def numbers(self, list x):
        """The same on single numbers alone; NotImplemented unless every item is a float."""
        cdef Py_ssize_t i, n = PyList_GET_SIZE(x)
        if not self.only_numbers or n < self.input_count:
            return NotImplemented
        for i in range(n):
            if not PyFloat_CheckExact(<object> PyList_GET_ITEM(x, i)):
                return NotImplemented
        with cython.critical_section(self):
            return self.execute(x)

    cdef object execute(self, list given):
        """Allocate, compute, deliver. In between nothing calls Python, which could come back to this program."""
        cdef tuple results = PyTuple_New(self.output_count)
        cdef cnp.ndarray array
        cdef int k
        cdef bint finite = True
        cdef Result *r
        for k in range(self.output_count):
            r = &self.results[k]
            if r.kind != OUT_NUMBER:
                array = new_array(r.nd, r.shape, cnp.NPY_DOUBLE)
                self.base[self.first_output + k] = <double *> cnp.PyArray_DATA(array)
                Py_INCREF(array)
                PyTuple_SET_ITEM(results, k, array)
        self.read(given)
        if not self.compute(&finite):
            clear_flags()
            return None
        for k in range(self.output_count):
            if self.results[k].kind != OUT_NUMBER:
                finite &= self.deliver(k)
        clear_flags()
        for k in range(self.output_count):
            if self.results[k].kind == OUT_NUMBER:
                number = self.single(self.numbers_ + self.results[k].place.offset, &finite)
                Py_INCREF(number)
                PyTuple_SET_ITEM(results, k, number)
        return results, finite

    cdef object single(self, double *x, bint *finite):
        if x[0] - x[0] != 0:
            finite[0] = False
        return PyArray_Scalar(x, DOUBLE, None)

    cdef void read(self, list given) noexcept:
        """Numbers are copied, arrays are pointed at."""
        cdef Py_ssize_t i
        cdef PyObject *x
        cdef double *data
        for i in range(self.input_count):
            if not self.inputs[i].used:
                continue
            x = PyList_GET_ITEM(given, i)
            if PyFloat_Check(<object> x):
                self.numbers_[self.inputs[i].slot] = PyFloat_AS_DOUBLE(<object> x)
                continue
            data = <double *> cnp.PyArray_DATA(<cnp.ndarray> x)
            if self.inputs[i].slot >= 0:
                memcpy(self.numbers_ + self.inputs[i].slot, data, self.inputs[i].size*sizeof(double))
            else:
                self.base[FIRST_INPUT + i] = data

    cdef bint compute(self, bint *finite) noexcept nogil:
        """Run all stages; returns whether every guard held."""
        cdef int i
        cdef Stage *s
        for i in range(self.stage_count):
            s = &self.stages[i]
            if s.kind == STAGE_NUMBERS:
                if not run_numbers(self.words + s.first, self.numbers_, self.base, self.calls):
                    return False
            elif s.kind == STAGE_GROUP:
                if run_group(self.ops + s.first, s.counts, s.size, self.base, self.states):
                    finite[0] = False
            else:
                run_whole(&self.wholes[s.first], self.base)
        return True

    cdef bint deliver(self, int k) noexcept nogil:
        """Complete a result that is an array; returns whether it is finite, where nobody looked yet."""
        cdef Result *r = &self.results[k]
        cdef double *out = self.base[self.first_output + k]
        if r.kind == OUT_FILL:
            fill(out, self.numbers_[r.place.offset], r.size)
        elif r.kind == OUT_COPY:
            memcpy(out, self.base[r.place.buffer] + r.place.offset, r.size*sizeof(double))
        return r.checked or not not_finite(out, r.size)
