/* The load of scripts/bench, in C so that it costs the machine next to nothing.
 *
 *   bench spawn THREADS SECONDS PROGRAM      each thread: posix_spawn PROGRAM, wait for it, again
 *   bench http THREADS SECONDS PORT PATH     each thread: POST "{}" to 127.0.0.1:PORT, read the answer, again
 *
 * Prints one JSON object: how many, in how many seconds, and the latencies at p50 and p99 in microseconds. An answer
 * that is not 200 ends it with status 1.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

struct client {
    pthread_t thread;
    uint64_t *took; /* ns, one for each that was done */
    size_t count, room;
};

static uint64_t deadline;
static const char *program;
static int port;
static char request[1024];

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static uint64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void keep(struct client *client, uint64_t took)
{
    if (client->count == client->room) {
        client->room = client->room ? client->room * 2 : 4096;
        client->took = realloc(client->took, client->room * sizeof *client->took);
        if (!client->took)
            die("realloc");
    }
    client->took[client->count++] = took;
}

static void spawn_once(void)
{
    char *argv[] = {(char *)program, NULL};
    pid_t pid;
    int status;
    if (posix_spawn(&pid, program, NULL, NULL, argv, environ) != 0)
        die("posix_spawn");
    if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
        die(program);
}

static int dial(void)
{
    struct sockaddr_in where = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int one = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || connect(fd, (struct sockaddr *)&where, sizeof where) != 0)
        die("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

/* One request and its whole answer, which has a Content-Length and is short. */
static void ask(int fd)
{
    char answer[16384];
    size_t length = strlen(request), got = 0, whole = 0;
    if (write(fd, request, length) != (ssize_t)length)
        die("write");
    while (!whole || got < whole) {
        ssize_t n = read(fd, answer + got, sizeof answer - 1 - got);
        if (n <= 0)
            die("read");
        got += (size_t)n;
        answer[got] = 0;
        char *body = strstr(answer, "\r\n\r\n");
        if (body && !whole) {
            char *field = strcasestr(answer, "\r\ncontent-length:");
            if (!field || field > body)
                die("an answer without a Content-Length");
            whole = (size_t)(body + 4 - answer) + strtoul(field + 17, NULL, 10);
            if (whole > sizeof answer - 1)
                die("an answer that is too long");
        }
    }
    if (strncmp(answer, "HTTP/1.1 200 ", 13) != 0 || !strstr(answer, "\"Completed\"")) {
        fprintf(stderr, "%s\n", answer);
        exit(1);
    }
}

static void *spawning(void *argument)
{
    for (uint64_t begin = now(), end; begin < deadline; begin = end) {
        spawn_once();
        end = now();
        keep(argument, end - begin);
    }
    return NULL;
}

static void *asking(void *argument)
{
    int fd = dial();
    for (uint64_t begin = now(), end; begin < deadline; begin = end) {
        ask(fd);
        end = now();
        keep(argument, end - begin);
    }
    close(fd);
    return NULL;
}

static int by_size(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void report(struct client *clients, int threads, double seconds)
{
    struct client all = {0};
    for (int i = 0; i < threads; i++)
        for (size_t j = 0; j < clients[i].count; j++)
            keep(&all, clients[i].took[j]);
    if (!all.count)
        die("nothing was done");
    qsort(all.took, all.count, sizeof *all.took, by_size);
    printf("{\"count\": %zu, \"seconds\": %.3f, \"p50_us\": %.1f, \"p99_us\": %.1f}\n", all.count, seconds,
           (double)all.took[all.count / 2] / 1e3, (double)all.took[all.count * 99 / 100] / 1e3);
}

int main(int argc, char **argv)
{
    int http = argc == 6 && strcmp(argv[1], "http") == 0;
    if (!http && !(argc == 5 && strcmp(argv[1], "spawn") == 0)) {
        fprintf(stderr, "usage: bench spawn THREADS SECONDS PROGRAM | bench http THREADS SECONDS PORT PATH\n");
        return 2;
    }
    int threads = atoi(argv[2]);
    if (http) {
        port = atoi(argv[4]);
        snprintf(request, sizeof request,
                 "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
                 argv[5]);
    } else
        program = argv[4];
    struct client *clients = calloc((size_t)threads, sizeof *clients);
    uint64_t begin = now();
    deadline = begin + (uint64_t)(atof(argv[3]) * 1e9);
    for (int i = 0; i < threads; i++)
        if (pthread_create(&clients[i].thread, NULL, http ? asking : spawning, &clients[i]) != 0)
            die("pthread_create");
    for (int i = 0; i < threads; i++)
        pthread_join(clients[i].thread, NULL);
    report(clients, threads, (double)(now() - begin) / 1e9);
    return 0;
}
