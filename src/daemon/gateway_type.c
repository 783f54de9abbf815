/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway_type.h"

#include <string.h>
#include <strings.h>

#define UNKNOWN "application/octet-stream"
#define PLAIN	"text/plain; charset=utf-8"

static const struct {
	const char *ending, *type;
} endings[] = {
	{"html", "text/html; charset=utf-8"},
	{"htm", "text/html; charset=utf-8"},
	{"xhtml", "application/xhtml+xml"},
	{"css", "text/css; charset=utf-8"},
	{"js", "text/javascript; charset=utf-8"},
	{"mjs", "text/javascript; charset=utf-8"},
	{"json", "application/json"},
	{"map", "application/json"},
	{"wasm", "application/wasm"},
	{"webmanifest", "application/manifest+json"},
	{"xml", "application/xml"},
	{"txt", PLAIN},
	{"md", "text/markdown; charset=utf-8"},
	{"csv", "text/csv; charset=utf-8"},
	{"srt", PLAIN},
	{"vtt", "text/vtt; charset=utf-8"},
	{"mp4", "video/mp4"},
	{"m4v", "video/mp4"},
	{"m4s", "video/iso.segment"},
	{"webm", "video/webm"},
	{"mkv", "video/x-matroska"},
	{"mov", "video/quicktime"},
	{"avi", "video/x-msvideo"},
	{"ogv", "video/ogg"},
	{"mpg", "video/mpeg"},
	{"mpeg", "video/mpeg"},
	{"ts", "video/mp2t"},
	{"m3u8", "application/vnd.apple.mpegurl"},
	{"mpd", "application/dash+xml"},
	{"mp3", "audio/mpeg"},
	{"m4a", "audio/mp4"},
	{"aac", "audio/aac"},
	{"ogg", "audio/ogg"},
	{"oga", "audio/ogg"},
	{"opus", "audio/ogg"},
	{"flac", "audio/flac"},
	{"wav", "audio/wav"},
	{"png", "image/png"},
	{"jpg", "image/jpeg"},
	{"jpeg", "image/jpeg"},
	{"gif", "image/gif"},
	{"webp", "image/webp"},
	{"avif", "image/avif"},
	{"svg", "image/svg+xml"},
	{"ico", "image/vnd.microsoft.icon"},
	{"woff", "font/woff"},
	{"woff2", "font/woff2"},
	{"ttf", "font/ttf"},
	{"otf", "font/otf"},
	{"pdf", "application/pdf"},
	{"epub", "application/epub+zip"},
	{"zip", "application/zip"},
	{"gz", "application/gzip"},
	{"tgz", "application/gzip"},
	{"xz", "application/x-xz"},
	{"zst", "application/zstd"},
	{"7z", "application/x-7z-compressed"},
	{"tar", "application/x-tar"},
	{"torrent", "application/x-bittorrent"},
};

const char *gateway_type_of_name(const char *name)
{
	const char *slash = strrchr(name, '/');
	const char *point = strrchr(slash ? slash : name, '.');

	for (size_t i = 0; point && i < sizeof(endings) / sizeof(*endings); i++) {
		if (strcasecmp(point + 1, endings[i].ending) == 0)
			return endings[i].type;
	}
	return UNKNOWN;
}

/* Formats whose documents are inert. The first that fits is taken. */
static const struct {
	uint8_t offset, size;
	const char *bytes;
	const char *type;
} marks[] = {
	{4, 8, "ftypavif", "image/avif"},
	{4, 7, "ftypM4A", "audio/mp4"},
	{4, 6, "ftypqt", "video/quicktime"},
	{4, 4, "ftyp", "video/mp4"},
	{0, 8, "\x89PNG\r\n\x1a\n", "image/png"},
	{0, 3, "\xff\xd8\xff", "image/jpeg"},
	{0, 6, "GIF87a", "image/gif"},
	{0, 6, "GIF89a", "image/gif"},
	{8, 4, "WEBP", "image/webp"},
	{8, 8, "WAVEfmt ", "audio/wav"},
	{8, 4, "AVI ", "video/x-msvideo"},
	{0, 4, "OggS", "application/ogg"},
	{0, 4, "fLaC", "audio/flac"},
	{0, 3, "ID3", "audio/mpeg"},
	{0, 2, "\xff\xfb", "audio/mpeg"},
	{0, 7, "#EXTM3U", "application/vnd.apple.mpegurl"},
	{0, 6, "WEBVTT", "text/vtt; charset=utf-8"},
	{0, 5, "%PDF-", "application/pdf"},
	{0, 4, "PK\x03\x04", "application/zip"},
	{0, 3, "\x1f\x8b\x08", "application/gzip"},
	{0, 6,
		"\xfd"
		"7zXZ\0",
		"application/x-xz"},
	{0, 4, "\x28\xb5\x2f\xfd", "application/zstd"},
};

/* Matroska and WebM begin alike, and say which they are a little later. */
static const char *type_of_ebml(struct souk_bytes head)
{
	size_t size = head.size < 64 ? head.size : 64;

	return memmem(head.data, size, "webm", 4) ? "video/webm" : "video/x-matroska";
}

/* Packets of 188 bytes, each of which begins with the same byte. */
static bool is_transport_stream(struct souk_bytes head)
{
	return head.size > 376 && head.data[0] == 0x47 && head.data[188] == 0x47 &&
	       head.data[376] == 0x47;
}

/* A character that is cut off at the end is let pass. */
static bool is_text(struct souk_bytes head)
{
	for (size_t i = 0; i < head.size; i++) {
		uint8_t c = head.data[i];
		if ((c < 0x20 && c != '\t' && c != '\n' && c != '\r' && c != '\f') || c == 0x7f)
			return false;
		unsigned more = c < 0x80 ? 0 : c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : 1;
		if ((c >= 0x80 && c < 0xc2) || c > 0xf4)
			return false;
		for (; more > 0 && i + 1 < head.size; more--) {
			if ((head.data[++i] & 0xc0) != 0x80)
				return false;
		}
	}
	return head.size > 0;
}

const char *gateway_type_of_bytes(struct souk_bytes head)
{
	for (size_t i = 0; i < sizeof(marks) / sizeof(*marks); i++) {
		size_t end = (size_t)marks[i].offset + marks[i].size;
		if (head.size >= end &&
			memcmp(head.data + marks[i].offset, marks[i].bytes, marks[i].size) == 0)
			return marks[i].type;
	}
	if (head.size >= 4 && memcmp(head.data, "\x1a\x45\xdf\xa3", 4) == 0)
		return type_of_ebml(head);
	if (is_transport_stream(head))
		return "video/mp2t";
	return is_text(head) ? PLAIN : UNKNOWN;
}

bool gateway_type_is_active(const char *type)
{
	return strncmp(type, "text/html", 9) == 0 || strstr(type, "xml") != NULL;
}
