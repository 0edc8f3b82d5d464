/* The little JSON that a worker needs: find members of the task line, write strings. Allocates nothing. */
#ifndef JSON_H
#define JSON_H

#include <stddef.h>
#include <stdio.h>

/* A piece of a text: from `at` up to `end`. `at` is NULL where there is none. */
struct json {
    const char *at, *end;
};

/* The value of the member `key` (the first of this name) of the object that begins `object`; none if there is no such
 * member, or the text up to it is not JSON. */
struct json json_member(struct json object, const char *key);

/* The string that begins `value`, as UTF-8 with a NUL behind it, into `out` of `size` bytes. Gives its length; -1 if it
 * is no string, has a NUL inside, or is too long. */
long json_string(struct json value, char *out, size_t size);

/* The whole number that begins `value`; `otherwise` if it is none. */
long json_integer(struct json value, long otherwise);

/* Writes `length` bytes as a JSON string; what is not UTF-8 becomes U+FFFD. */
void json_write(FILE *file, const char *text, size_t length);

#endif
