/* @title@
 *
 * Fuses two registered 8-bit planes, infrared and visible, with a network of 113 parameters. Written by mmdrfuse
 * @version@ from the weights @name@ (SHA-256 @sha256@).
 *
 * Licences of the data that the weights were trained on:
@licences@
 *
 * C99, one header, no allocation, no library. All functions are static: include it where you need it.
 *
 *     void *rows = malloc(mmdrfuse_rows_size(width));
 *     int failed = mmdrfuse_fuse(infrared, visible, fused, width, height, rows);
 *
 * The planes hold width * height bytes, row by row; both sides are at least 2. `fused` may not overlap the sources.
 * The range is @range@, as the weights were made for or as it was asked for. With minmax the picture is computed
 * twice. Call mmdrfuse_limits for some pictures and mmdrfuse_fuse_between for all if they shall share one range.
 *
 * Define before the header is included, or with -D:
 *
 *     MMDRFUSE_FIXED  integers alone, for processors without floating point: 16-bit weights, 32-bit sums
 *     MMDRFUSE_FAST   float alone; otherwise each product is added in double, as a fused multiply-add would round it
 *     MMDRFUSE_MAIN   a program that fuses two PGM files:
 *                     cc -std=c99 -O3 -DMMDRFUSE_MAIN -x c this.h -o fuse && ./fuse infrared.pgm visible.pgm fused.pgm
 */
#ifndef MMDRFUSE_STUDENT_H
#define MMDRFUSE_STUDENT_H

#include <stddef.h>
#include <stdint.h>

#define MMDRFUSE_MINMAX @minmax@ /* whether each picture is stretched from its own minimum to its own maximum */

#ifdef __GNUC__ /* loops over a row are compiled for vectors only as functions of their own */
#define MMDRFUSE_ROW static __attribute__((noinline, unused))
#else
#define MMDRFUSE_ROW static inline
#endif

#ifdef MMDRFUSE_FIXED

typedef int16_t mmdrfuse_cell;  /* a value of a row: a source pixel, or the hidden map */
typedef int32_t mmdrfuse_total; /* a sum before the tanh */
typedef int32_t mmdrfuse_value; /* the network's output; 32768 is 1 */

@fixed@

static inline mmdrfuse_cell mmdrfuse_source(uint8_t level) { return level; }

/* Add three rows times three rows of weights. */
static inline int32_t mmdrfuse_sum(int32_t total, const int16_t weight[3][3], const int16_t *a, const int16_t *b,
                                   const int16_t *c) {
    total += (int32_t)weight[0][0] * a[0] + (int32_t)weight[0][1] * a[1] + (int32_t)weight[0][2] * a[2];
    total += (int32_t)weight[1][0] * b[0] + (int32_t)weight[1][1] * b[1] + (int32_t)weight[1][2] * b[2];
    total += (int32_t)weight[2][0] * c[0] + (int32_t)weight[2][1] * c[1] + (int32_t)weight[2][2] * c[2];
    return total;
}

/* A value of the hidden map from its sum. */
static inline mmdrfuse_cell mmdrfuse_relu(int32_t total) {
    total = total < 0 ? 0 : total;
    return (mmdrfuse_cell)((total + MMDRFUSE_HALF1) >> MMDRFUSE_SHIFT1);
}

/* The hyperbolic tangent: linear between the values of a table, whose steps are 1/64. */
static inline mmdrfuse_value mmdrfuse_tanh(int32_t total) {
    int32_t size = ((total < 0 ? -total : total) + MMDRFUSE_HALF2) >> MMDRFUSE_SHIFT2; /* 2^18 is 1 */
    int32_t index = size >> 12;
    int32_t value = 32768;
    if (index < MMDRFUSE_STEPS) {
        int32_t rise = mmdrfuse_tangents[index + 1] - mmdrfuse_tangents[index];
        value = mmdrfuse_tangents[index] + ((rise * (size & 4095) + 2048) >> 12);
    }
    return total < 0 ? -value : value;
}

/* The 8-bit level of an output, rounded. */
static inline uint8_t mmdrfuse_level(mmdrfuse_value output, mmdrfuse_value low, mmdrfuse_value high) {
    if (high <= low || output <= low)
        return 0;
    if (output >= high)
        return 255;
    return (uint8_t)((510 * (output - low) + (high - low)) / (2 * (high - low)));
}

/* Compute one row of levels from sums; a picture without contrast is black. */
MMDRFUSE_ROW void mmdrfuse_levels(const int32_t *totals, uint8_t *restrict levels, int width, int32_t low,
                                  int32_t high) {
    for (int x = 0; x < width; x++)
        levels[x] = mmdrfuse_level(mmdrfuse_tanh(totals[x]), low, high);
}

#else

typedef float mmdrfuse_cell;
typedef float mmdrfuse_total;
typedef float mmdrfuse_value;

@float@

static inline mmdrfuse_cell mmdrfuse_source(uint8_t level) { return (float)level * (float)(1.0 / 255); }

/* a * b + c */
static inline float mmdrfuse_add(float a, float b, float c) {
#ifdef MMDRFUSE_FAST
    return a * b + c;
#else
    return (float)((double)a * b + c);
#endif
}

/* One row of three times one row of weights. */
static inline float mmdrfuse_part(const float weight[3], const float *a) {
    return mmdrfuse_add(weight[2], a[2], mmdrfuse_add(weight[0], a[0], weight[1] * a[1]));
}

/* Add three rows times three rows of weights. */
static inline float mmdrfuse_sum(float total, const float weight[3][3], const float *a, const float *b,
                                 const float *c) {
    total += mmdrfuse_part(weight[0], a);
    total += mmdrfuse_part(weight[1], b);
    return total + mmdrfuse_part(weight[2], c);
}

/* A value of the hidden map from its sum. */
static inline mmdrfuse_cell mmdrfuse_relu(float total) { return total > 0 ? total : 0; }

/* The hyperbolic tangent within 4e-7: Lambert's continued fraction as a quotient of polynomials. */
static inline mmdrfuse_value mmdrfuse_tanh(float x) {
    static const float above[] = {@above@};
    static const float below[] = {@below@};
    x = x > -9 ? x : -9;
    x = x < 9 ? x : 9;
    float square = x * x;
    float numerator = above[5];
    float denominator = below[5];
    for (int i = 4; i >= 0; i--) {
        numerator = mmdrfuse_add(square, numerator, above[i]);
        denominator = mmdrfuse_add(square, denominator, below[i]);
    }
    return x * mmdrfuse_add(square, numerator, 1) / mmdrfuse_add(square, denominator, 1);
}

/* The 8-bit level of an output, rounded half to even. */
static inline uint8_t mmdrfuse_level(float output, float low, float gain) {
    float level = (output - low) * gain;
    level = level > 0 ? level : 0;
    level = level < 255 ? level : 255;
    int32_t whole = (int32_t)(level + 0.5f);
    float above = (float)whole - level;
    return (uint8_t)(whole - ((above > 0.5f) | ((above == 0.5f) & (whole & 1))));
}

/* Compute one row of levels from sums; a picture without contrast is black. */
MMDRFUSE_ROW void mmdrfuse_levels(const float *totals, uint8_t *restrict levels, int width, float low, float high) {
    float gain = high > low ? (float)(255 / ((double)high - low)) : 0;
    for (int x = 0; x < width; x++)
        levels[x] = mmdrfuse_level(mmdrfuse_tanh(totals[x]), low, gain);
}

#endif

/* Return the bytes that the row buffer needs; 0 if the width is below 2. */
static inline size_t mmdrfuse_rows_size(int width) {
    size_t cells = 18 * ((size_t)width + 2);
    return width < 2 ? 0 : cells * sizeof(mmdrfuse_cell) + (size_t)width * sizeof(mmdrfuse_total);
}

/* Return an index within 0..size-1, reflected at the ends. */
static inline int mmdrfuse_reflected(int index, int size) {
    return index < 0 ? -index : index >= size ? 2 * (size - 1) - index : index;
}

/* Repeat a row's second value before its first, and its last but one after its last. */
static inline void mmdrfuse_close(mmdrfuse_cell *row, int width) {
    row[0] = row[2];
    row[width + 1] = row[width - 1];
}

/* Compute one row of a channel of the hidden map from three rows of each source; all rows have a cell at each end. */
MMDRFUSE_ROW void mmdrfuse_hidden(const mmdrfuse_cell *const rows[6], mmdrfuse_cell *restrict out, int width,
                                   int channel) {
    const mmdrfuse_cell *a = rows[0], *b = rows[1], *c = rows[2], *d = rows[3], *e = rows[4], *f = rows[5];
    for (int x = 0; x < width; x++) {
        mmdrfuse_total total = mmdrfuse_bias1[channel];
        total = mmdrfuse_sum(total, &mmdrfuse_weight1[channel][0], a + x, b + x, c + x);
        total = mmdrfuse_sum(total, &mmdrfuse_weight1[channel][3], d + x, e + x, f + x);
        out[x + 1] = mmdrfuse_relu(total);
    }
    mmdrfuse_close(out, width);
}

/* Compute one row of the sums before the tanh from three rows of each channel of the hidden map. */
MMDRFUSE_ROW void mmdrfuse_sums(const mmdrfuse_cell *const rows[12], mmdrfuse_total *restrict out, int width) {
    for (int x = 0; x < width; x++)
        out[x] = MMDRFUSE_BIAS2;
    for (int i = 0; i < 12; i += 3) {
        const mmdrfuse_cell *a = rows[i], *b = rows[i + 1], *c = rows[i + 2];
        for (int x = 0; x < width; x++)
            out[x] += mmdrfuse_sum(0, &mmdrfuse_weight2[i], a + x, b + x, c + x);
    }
}

/* Widen the limits to hold one row of outputs. */
MMDRFUSE_ROW void mmdrfuse_widen(const mmdrfuse_total *totals, int width, mmdrfuse_value *low, mmdrfuse_value *high) {
    for (int x = 0; x < width; x++) {
        mmdrfuse_value output = mmdrfuse_tanh(totals[x]);
        *low = output < *low ? output : *low;
        *high = output > *high ? output : *high;
    }
}

/* Compute all outputs: write levels between the limits, or, if fused is NULL, widen the limits to hold all outputs. */
static inline void mmdrfuse_pass(const uint8_t *infrared, const uint8_t *visible, uint8_t *fused, int width, int height,
                                 void *buffer, mmdrfuse_value *low, mmdrfuse_value *high) {
    const size_t length = (size_t)width + 2;
    mmdrfuse_total *totals = (mmdrfuse_total *)buffer;
    mmdrfuse_cell *rows = (mmdrfuse_cell *)(totals + width); /* 6 of sources, then 12 of the hidden map */
    const mmdrfuse_cell *around[12];
    for (int y = 0; y <= height; y++) { /* source row y, hidden row y - 1, and, from two rows on, output row y - 2 */
        if (y < height) {
            for (int side = 0; side < 2; side++) {
                const uint8_t *levels = (side ? visible : infrared) + (size_t)y * (size_t)width;
                mmdrfuse_cell *row = rows + (size_t)(3 * side + y % 3) * length;
                for (int x = 0; x < width; x++)
                    row[x + 1] = mmdrfuse_source(levels[x]);
                mmdrfuse_close(row, width);
            }
        }
        if (y == 0)
            continue;

        for (int i = 0; i < 6; i++)
            around[i] = rows + (size_t)(3 * (i / 3) + mmdrfuse_reflected(y - 2 + i % 3, height) % 3) * length;
        for (int channel = 0; channel < 4; channel++)
            mmdrfuse_hidden(around, rows + (size_t)(6 + 3 * channel + (y - 1) % 3) * length, width, channel);

        for (int at = y - 2; at < (y == height ? height : y - 1); at++) { /* the last hidden row ends two */
            if (at < 0)
                continue;
            for (int i = 0; i < 12; i++)
                around[i] = rows + (size_t)(6 + 3 * (i / 3) + mmdrfuse_reflected(at - 1 + i % 3, height) % 3) * length;
            mmdrfuse_sums(around, totals, width);
            if (fused)
                mmdrfuse_levels(totals, fused + (size_t)at * (size_t)width, width, *low, *high);
            else
                mmdrfuse_widen(totals, width, low, high);
        }
    }
}

/* Fuse; what is `low` in the network's output becomes black, what is `high` becomes white.
 * Return 0, or -1 if a side is below 2 or a pointer is NULL. */
static inline int mmdrfuse_fuse_between(const uint8_t *infrared, const uint8_t *visible, uint8_t *fused, int width,
                                        int height, void *rows, mmdrfuse_value low, mmdrfuse_value high) {
    if (width < 2 || height < 2 || !infrared || !visible || !fused || !rows)
        return -1;
    mmdrfuse_pass(infrared, visible, fused, width, height, rows, &low, &high);
    return 0;
}

/* Find the smallest and the largest output of a picture. Return as mmdrfuse_fuse_between. */
static inline int mmdrfuse_limits(const uint8_t *infrared, const uint8_t *visible, int width, int height, void *rows,
                                  mmdrfuse_value *low, mmdrfuse_value *high) {
    if (width < 2 || height < 2 || !infrared || !visible || !rows || !low || !high)
        return -1;
    *low = 32768; /* beyond any output */
    *high = -32768;
    mmdrfuse_pass(infrared, visible, NULL, width, height, rows, low, high);
    return 0;
}

/* Fuse with the range of the weights. Return as mmdrfuse_fuse_between. */
static inline int mmdrfuse_fuse(const uint8_t *infrared, const uint8_t *visible, uint8_t *fused, int width, int height,
                                void *rows) {
    mmdrfuse_value low = MMDRFUSE_LOW;
    mmdrfuse_value high = MMDRFUSE_HIGH;
    if (MMDRFUSE_MINMAX && mmdrfuse_limits(infrared, visible, width, height, rows, &low, &high))
        return -1;
    return mmdrfuse_fuse_between(infrared, visible, fused, width, height, rows, low, high);
}

#ifdef MMDRFUSE_MAIN

#include <stdio.h>
#include <stdlib.h>

/* Read a number of a PGM header, after spaces and comments; -1 if there is none. */
static int mmdrfuse_number(FILE *file) {
    int c = getc(file);
    while (c == '#' || c == ' ' || c == '\t' || c == '\r' || c == '\n') {
        if (c == '#')
            while (c != '\n' && c != EOF)
                c = getc(file);
        c = getc(file);
    }
    int number = -1;
    for (; c >= '0' && c <= '9' && number < 1000000; c = getc(file))
        number = 10 * (number < 0 ? 0 : number) + (c - '0');
    return number;
}

/* Read an 8-bit binary PGM file; exit with a sentence if it is none. */
static uint8_t *mmdrfuse_read(const char *name, int *width, int *height) {
    FILE *file = fopen(name, "rb");
    if (!file) {
        fprintf(stderr, "%s: cannot be opened\n", name);
        exit(1);
    }
    int binary = getc(file) == 'P' && getc(file) == '5';
    *width = binary ? mmdrfuse_number(file) : 0;
    *height = binary ? mmdrfuse_number(file) : 0;
    int top = binary ? mmdrfuse_number(file) : 0;
    if (*width < 2 || *height < 2 || top != 255) {
        fprintf(stderr, "%s: must be a binary PGM file (P5) of 8 bits, both sides at least 2\n", name);
        exit(1);
    }
    size_t size = (size_t)*width * (size_t)*height;
    uint8_t *levels = (uint8_t *)malloc(size);
    if (!levels || fread(levels, 1, size, file) != size) {
        fprintf(stderr, "%s: ends too early, or is larger than the memory\n", name);
        exit(1);
    }
    fclose(file);
    return levels;
}

int main(int count, char **names) {
    if (count != 4) {
        fprintf(stderr, "usage: %s infrared.pgm visible.pgm fused.pgm\n", names[0]);
        return 2;
    }
    int width, height, other_width, other_height;
    uint8_t *infrared = mmdrfuse_read(names[1], &width, &height);
    uint8_t *visible = mmdrfuse_read(names[2], &other_width, &other_height);
    if (width != other_width || height != other_height) {
        fprintf(stderr, "%s has %dx%d pixels and %s %dx%d: both must have one size\n", names[1], width, height,
                names[2], other_width, other_height);
        return 1;
    }
    uint8_t *fused = (uint8_t *)malloc((size_t)width * (size_t)height);
    void *rows = malloc(mmdrfuse_rows_size(width));
    if (!fused || !rows || mmdrfuse_fuse(infrared, visible, fused, width, height, rows)) {
        fprintf(stderr, "not enough memory\n");
        return 1;
    }
    FILE *file = fopen(names[3], "wb");
    if (!file || fprintf(file, "P5\n%d %d\n255\n", width, height) < 0 ||
        fwrite(fused, 1, (size_t)width * (size_t)height, file) != (size_t)width * (size_t)height || fclose(file)) {
        fprintf(stderr, "%s: cannot be written\n", names[3]);
        return 1;
    }
    free(rows);
    free(fused);
    free(visible);
    free(infrared);
    return 0;
}

#endif
#endif
