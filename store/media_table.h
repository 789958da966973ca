#pragma once

#include <stddef.h>

/*
 * The two tables of media types: what an extension promises, and what the
 * first bytes carry. A new type is a row; rows of extensions are sorted.
 */

/* Types that share a signature: all office files of today are zips. */
enum media_family {
	MEDIA_NO_FAMILY,
	FAMILY_ISO,
	FAMILY_SEVEN,
	FAMILY_PDF,
	FAMILY_ZIP,
	FAMILY_TIFF,
	FAMILY_AVI,
	FAMILY_HEIF,
	FAMILY_BZIP,
	FAMILY_AR,
	FAMILY_DJVU,
	FAMILY_OLE,
	FAMILY_PS,
	FAMILY_FLAC,
	FAMILY_FLV,
	FAMILY_GIF,
	FAMILY_GZIP,
	FAMILY_ICO,
	FAMILY_JP2,
	FAMILY_JPEG,
	FAMILY_JXL,
	FAMILY_MIDI,
	FAMILY_EBML,
	FAMILY_MP3,
	FAMILY_MPEG,
	FAMILY_OGG,
	FAMILY_OTF,
	FAMILY_PNG,
	FAMILY_PSD,
	FAMILY_RAR,
	FAMILY_RPM,
	FAMILY_RTF,
	FAMILY_SQLITE,
	FAMILY_TAR,
	FAMILY_TTF,
	FAMILY_WASM,
	FAMILY_WAVE,
	FAMILY_WEBP,
	FAMILY_ASF,
	FAMILY_WOFF,
	FAMILY_WOFF2,
	FAMILY_XCF,
	FAMILY_XZ,
	FAMILY_ZSTD
};

enum media_form {
	MEDIA_BINARY,
	MEDIA_TEXT,
	MEDIA_MARKUP /* text that may begin with a tag */
};

struct media_row {
	const char *extension; /* lower case */
	const char *type;
	enum media_form form;
	enum media_family family;
};

struct media_signature {
	enum media_family family;
	size_t offset;
	const char *bytes;
	size_t len;
	const char *lead; /* four bytes that must stand at 0 too, or NULL */
	const char *type; /* without an extension; NULL: libmagic looks in */
};

extern const struct media_row media_rows[];
extern const size_t media_row_count;

/* The first that matches counts. */
extern const struct media_signature media_signatures[];
extern const size_t media_signature_count;
