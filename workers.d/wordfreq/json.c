#include "json.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define MAX_NESTING 100
#define MAX_KEY 64

/* Reading: `text` is a cursor that moves forward. A function that returns bool gives false where the text is not JSON. */

static bool skip_value(struct json *text, int depth);

static void skip_space(struct json *text)
{
    while (text->at < text->end && *text->at != '\0' && strchr(" \t\r\n", *text->at))
        text->at++;
}

static bool skip_char(struct json *text, char wanted)
{
    skip_space(text);
    if (text->at == text->end || *text->at != wanted)
        return false;
    text->at++;
    return true;
}

static bool skip_string(struct json *text)
{
    if (!skip_char(text, '"'))
        return false;
    for (; text->at < text->end; text->at++) {
        if (*text->at == '"') {
            text->at++;
            return true;
        }
        if (*text->at == '\\' && ++text->at == text->end)
            break;
    }
    return false;
}

/* A number, true, false or null: what it is exactly does not matter here. */
static bool skip_word(struct json *text)
{
    const char *start = text->at;
    while (text->at < text->end && (isalnum((unsigned char)*text->at) || (*text->at && strchr("+-.", *text->at))))
        text->at++;
    return text->at > start;
}

static bool skip_key(struct json *text)
{
    return skip_string(text) && skip_char(text, ':');
}

/* The members of an object or the items of a list, up to its closing bracket. */
static bool skip_items(struct json *text, char closing, int depth)
{
    if (skip_char(text, closing))
        return true;
    do {
        if ((closing == '}' && !skip_key(text)) || !skip_value(text, depth + 1))
            return false;
    } while (skip_char(text, ','));
    return skip_char(text, closing);
}

static bool skip_value(struct json *text, int depth)
{
    if (depth > MAX_NESTING)
        return false;
    if (skip_char(text, '{'))
        return skip_items(text, '}', depth);
    if (skip_char(text, '['))
        return skip_items(text, ']', depth);
    return skip_string(text) || skip_word(text);
}

struct json json_member(struct json object, const char *key)
{
    const struct json none = {NULL, NULL};
    char name[MAX_KEY];
    if (object.at == NULL || !skip_char(&object, '{'))
        return none;
    do {
        struct json here = object;
        if (!skip_key(&object))
            return none;
        if (json_string(here, name, sizeof name) >= 0 && strcmp(name, key) == 0)
            return object;
        if (!skip_value(&object, 1))
            return none;
    } while (skip_char(&object, ','));
    return none;
}

/* Four hex digits, or -1. */
static long hex4(const char *at, const char *end)
{
    long code = 0;
    if (end - at < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        unsigned char digit = (unsigned char)at[i];
        if (!isxdigit(digit))
            return -1;
        code = code * 16 + (isdigit(digit) ? digit - '0' : tolower(digit) - 'a' + 10);
    }
    return code;
}

static size_t utf8(long code, char *out)
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    int more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    for (int i = more; i > 0; i--, code >>= 6)
        out[i] = (char)(0x80 | (code & 0x3F));
    out[0] = (char)(0xFF00 >> (more + 1) | code); /* as many ones at the top as bytes */
    return (size_t)more + 1;
}

/* The character behind a backslash, into `out`; gives its length in bytes, 0 if there is none such. */
static size_t unescape(struct json *text, char *out)
{
    static const char escapes[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
    const char *found;
    if (text->at == text->end || *text->at == '\0')
        return 0;
    char letter = *text->at++;
    if ((found = strchr(escapes, letter)) != NULL) {
        *out = values[found - escapes];
        return 1;
    }
    long code = letter == 'u' ? hex4(text->at, text->end) : -1;
    if (code <= 0)
        return 0;
    text->at += 4;
    if (code >> 10 == 0x36 && text->end - text->at >= 6 && text->at[0] == '\\' && text->at[1] == 'u') {
        long low = hex4(text->at + 2, text->end);
        if (low >> 10 == 0x37) { /* two halves of one character */
            code = 0x10000 + ((code & 0x3FF) << 10 | (low & 0x3FF));
            text->at += 6;
        }
    }
    return utf8(code, out);
}

long json_string(struct json value, char *out, size_t size)
{
    size_t length = 0;
    if (value.at == NULL || !skip_char(&value, '"'))
        return -1;
    while (value.at < value.end && length + 5 <= size) { /* room for a character and the NUL */
        char byte = *value.at++;
        if (byte == '"') {
            out[length] = '\0';
            return (long)length;
        }
        if (byte == '\0')
            return -1;
        if (byte != '\\') {
            out[length++] = byte;
            continue;
        }
        size_t more = unescape(&value, out + length);
        if (more == 0)
            return -1;
        length += more;
    }
    return -1;
}

long json_integer(struct json value, long otherwise)
{
    char digits[24], *end;
    if (value.at == NULL)
        return otherwise;
    skip_space(&value);
    size_t length = 0;
    while (value.at + length < value.end && length < sizeof digits - 1 &&
           (value.at[length] == '-' || isdigit((unsigned char)value.at[length])))
        length++;
    memcpy(digits, value.at, length);
    digits[length] = '\0';
    errno = 0;
    long number = strtol(digits, &end, 10);
    return end == digits || *end != '\0' || errno ? otherwise : number;
}

/* How many bytes the character of UTF-8 has that begins `text`; 0 if none does. */
static size_t utf8_length(const unsigned char *text, size_t length)
{
    /* The ranges of the first two bytes (RFC 3629): no overlong form, no surrogate, nothing over U+10FFFF. */
    static const unsigned char ranges[][5] = {
        {0x00, 0x7F, 0x00, 0xFF, 1}, {0xC2, 0xDF, 0x80, 0xBF, 2}, {0xE0, 0xE0, 0xA0, 0xBF, 3},
        {0xE1, 0xEC, 0x80, 0xBF, 3}, {0xED, 0xED, 0x80, 0x9F, 3}, {0xEE, 0xEF, 0x80, 0xBF, 3},
        {0xF0, 0xF0, 0x90, 0xBF, 4}, {0xF1, 0xF3, 0x80, 0xBF, 4}, {0xF4, 0xF4, 0x80, 0x8F, 4},
    };
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
        const unsigned char *range = ranges[i];
        if (text[0] < range[0] || text[0] > range[1])
            continue;
        if (length < range[4] || (range[4] > 1 && (text[1] < range[2] || text[1] > range[3])))
            return 0;
        for (size_t next = 2; next < range[4]; next++)
            if (text[next] >> 6 != 2)
                return 0;
        return range[4];
    }
    return 0;
}

void json_write(FILE *file, const char *text, size_t length)
{
    putc('"', file);
    while (length > 0) {
        size_t bytes = utf8_length((const unsigned char *)text, length);
        if (bytes == 0)
            fputs("\\ufffd", file);
        else if (bytes == 1 && (*text == '"' || *text == '\\'))
            fprintf(file, "\\%c", *text);
        else if (bytes == 1 && (unsigned char)*text < 0x20)
            fprintf(file, "\\u%04x", (unsigned)*text);
        else
            fwrite(text, 1, bytes, file);
        bytes += bytes == 0;
        text += bytes;
        length -= bytes;
    }
    putc('"', file);
}
