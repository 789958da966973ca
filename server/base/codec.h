#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/base/buffer.h"
#include "server/base/text.h"

/*
 * Stored records: fixed little-endian integers and counted texts behind a
 * version byte. A reader is bounded: past the end it sets `failed`, returns
 * zeros, and never touches a byte outside; the caller checks once.
 */
struct reader {
	struct text rest;
	bool failed;
};

struct reader
reader_from(struct text bytes);

uint8_t
reader_u8(struct reader *reader);

uint16_t
reader_u16(struct reader *reader);

uint32_t
reader_u32(struct reader *reader);

uint64_t
reader_u64(struct reader *reader);

/* A text with its u16 length before it; points into the record. */
struct text
reader_text16(struct reader *reader);

/* The same with a u32 length. */
struct text
reader_text32(struct reader *reader);

/* Exactly `len` raw bytes. */
struct text
reader_bytes(struct reader *reader, size_t len);

/* True when nothing failed and every byte was read. */
bool
reader_done(const struct reader *reader);

void
writer_u8(struct buffer *out, uint8_t value);

void
writer_u16(struct buffer *out, uint16_t value);

void
writer_u32(struct buffer *out, uint32_t value);

void
writer_u64(struct buffer *out, uint64_t value);

/* A text longer than the length field holds sets out->overflow. */
void
writer_text16(struct buffer *out, struct text text);

void
writer_text32(struct buffer *out, struct text text);

/* Keys sort as bytes, so their integers are big-endian. */
void
key_store_u64(unsigned char *at, uint64_t value);

uint64_t
key_load_u64(const unsigned char *at);
