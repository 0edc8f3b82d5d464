/* Counts the words of a text file. An example of the protocol of docs/protocol.md in C.
 *
 * A word is letters and digits; every character beyond ASCII counts as a letter. A to Z are counted as a to z. */
#include "json.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_TASK 65536    /* bytes of the task line: a path has 4096 at the most */
#define MAX_WORD 64       /* bytes; what is longer is counted by its beginning */
#define MAX_WORDS 2000000 /* different ones */
#define MAX_TOP 1000      /* so that the result stays a line of less than 1 MiB */
#define BLOCK 65536

struct word {
    uint64_t count;
    size_t length;
    char text[]; /* no NUL behind it */
};

/* An open hash table. `room` is a power of two, and more than a third of it is free. */
struct words {
    struct word **slots;
    size_t room, different;
    uint64_t total, seed;
};

static volatile sig_atomic_t canceled;

static void on_term(int number)
{
    (void)number;
    canceled = 1;
}

static void fail(const char *message, const char *about)
{
    char text[8192];
    int length = snprintf(text, sizeof text, "%s%s%s", message, about ? ": " : "", about ? about : "");
    fputs("{\"type\":\"error\",\"message\":", stdout);
    json_write(stdout, text, (size_t)length < sizeof text ? (size_t)length : sizeof text - 1);
    puts("}");
    exit(1);
}

static struct json read_task(void)
{
    static char line[MAX_TASK];
    if (fgets(line, sizeof line, stdin) == NULL)
        fail("no task on standard input", NULL);
    size_t length = strlen(line);
    if (length == sizeof line - 1 && line[length - 1] != '\n')
        fail("the task is too long", NULL);
    return (struct json){line, line + length};
}

/* FNV-1a from a start that nobody can know, so that no text can be made whose words all collide. */
static struct word **slot_of(const struct words *words, const char *text, size_t length)
{
    uint64_t hash = words->seed;
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ (unsigned char)text[i]) * 0x100000001b3u;
    for (size_t i = (hash ^ hash >> 32) & (words->room - 1);; i = (i + 1) & (words->room - 1)) {
        struct word *word = words->slots[i];
        if (word == NULL || (word->length == length && memcmp(word->text, text, length) == 0))
            return &words->slots[i];
    }
}

static void grow(struct words *words)
{
    struct words old = *words;
    words->room = old.room ? old.room * 2 : 4096;
    words->slots = calloc(words->room, sizeof *words->slots);
    if (words->slots == NULL)
        fail("out of memory", NULL);
    for (size_t i = 0; i < old.room; i++)
        if (old.slots[i] != NULL)
            *slot_of(words, old.slots[i]->text, old.slots[i]->length) = old.slots[i];
    free(old.slots);
}

static void count_word(struct words *words, const char *text, size_t length)
{
    if (words->different >= words->room / 3 * 2)
        grow(words);
    struct word **slot = slot_of(words, text, length);
    if (*slot == NULL) {
        if (words->different == MAX_WORDS)
            fail("more than 2000000 different words: this is no text", NULL);
        *slot = malloc(sizeof **slot + length);
        if (*slot == NULL)
            fail("out of memory", NULL);
        (*slot)->count = 0;
        (*slot)->length = length;
        memcpy((*slot)->text, text, length);
        words->different++;
    }
    (*slot)->count++;
    words->total++;
}

/* Without blocking: to open a FIFO would otherwise wait until somebody writes to it. */
static int open_file(const char *path, off_t *size)
{
    struct stat status;
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &status) != 0)
        fail(strerror(errno), path);
    if (!S_ISREG(status.st_mode))
        fail("not a regular file", path);
    *size = status.st_size;
    return fd;
}

static void tell_progress(off_t done, off_t size)
{
    static int shown = 0;
    int percent = done < size ? (int)(done * 100 / size) : 100;
    if (percent <= shown)
        return;
    shown = percent;
    printf("{\"type\":\"progress\",\"percent\":%d,\"message\":\"%lld of %lld bytes\"}\n", percent, (long long)done,
           (long long)size);
    fflush(stdout);
}

static void count_file(struct words *words, const char *path)
{
    static char block[BLOCK];
    char word[MAX_WORD];
    size_t length = 0;
    off_t size, done = 0;
    ssize_t got;
    int fd = open_file(path, &size);
    while (!canceled && (got = read(fd, block, sizeof block)) != 0) {
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            fail(strerror(errno), path);
        for (ssize_t i = 0; i < got; i++) {
            unsigned char byte = (unsigned char)block[i];
            if (byte >= 0x80 || isalnum(byte)) {
                if (length < sizeof word)
                    word[length++] = (char)tolower(byte);
            } else if (length > 0) {
                count_word(words, word, length);
                length = 0;
            }
        }
        tell_progress(done += got, size);
    }
    if (length > 0)
        count_word(words, word, length);
    close(fd);
}

/* The most frequent first, those of the same count by their text. */
static int by_count(const void *a, const void *b)
{
    const struct word *x = *(struct word *const *)a, *y = *(struct word *const *)b;
    if (x->count != y->count)
        return x->count < y->count ? 1 : -1;
    int order = memcmp(x->text, y->text, x->length < y->length ? x->length : y->length);
    return order ? order : (x->length > y->length) - (x->length < y->length);
}

static void tell_result(struct words *words, size_t top)
{
    size_t count = 0;
    for (size_t i = 0; i < words->room; i++)
        if (words->slots[i] != NULL)
            words->slots[count++] = words->slots[i];
    if (count > 0)
        qsort(words->slots, count, sizeof *words->slots, by_count);
    printf("{\"type\":\"result\",\"output\":{\"words\":%llu,\"different\":%zu,\"top\":[", (unsigned long long)words->total,
           words->different);
    for (size_t i = 0; i < count && i < top; i++) {
        printf("%s{\"count\":%llu,\"word\":", i ? "," : "", (unsigned long long)words->slots[i]->count);
        json_write(stdout, words->slots[i]->text, words->slots[i]->length);
        putchar('}');
    }
    puts("]}}");
}

int main(void)
{
    struct sigaction action = {.sa_handler = on_term};
    static struct words words; /* freed by the end of the process */
    char path[4097 + 4];
    sigaction(SIGTERM, &action, NULL);
    if (getrandom(&words.seed, sizeof words.seed, 0) != (ssize_t)sizeof words.seed)
        fail("no random numbers", NULL);
    struct json params = json_member(read_task(), "params");
    if (json_string(json_member(params, "file"), path, sizeof path) < 0)
        fail("the parameter file must be a path of at most 4096 bytes, without a NUL character", NULL);
    long top = json_integer(json_member(params, "top"), 10);
    count_file(&words, path);
    if (canceled)
        return 128 + SIGTERM;
    tell_result(&words, (size_t)(top < 0 ? 0 : top > MAX_TOP ? MAX_TOP : top));
    return fflush(stdout) == 0 ? 0 : 1;
}
