/* The load of scripts/bench, in C so that it costs the machine next to nothing.
 *
 *   load spawn CLIENTS AMOUNT PROGRAM [ARGUMENT ...]
 *       each client: posix_spawn PROGRAM, wait for it, again. It reads and writes /dev/null.
 *   load http CLIENTS AMOUNT PORT METHOD PATH STATUS TEXT
 *       each client: METHOD PATH (with the body {} unless it is GET) to 127.0.0.1:PORT, read the answer, again. It
 *       must have that status, and contain that text. PATH - takes a path for each request from stdin, one a line.
 *
 * AMOUNT is a time (3s, 0.2s), or a number of rounds for all clients together (10000). 3s,150ms: each client pauses for
 * so long before each round.
 * Prints one JSON object: how many, in how many seconds, and the latencies at p50 and p99 in microseconds. Whatever
 * goes wrong ends it with status 1.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <spawn.h>
#include <stdatomic.h>
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

static uint64_t deadline;   /* in ns; none where there is a number */
static atomic_long left;    /* of that number */
static useconds_t pause_us; /* before each round */
static char **command;
static int port;
static const char *method, *path, *status_wanted, *text_wanted;
static posix_spawn_file_actions_t to_nothing;
static pthread_mutex_t paths = PTHREAD_MUTEX_INITIALIZER;

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

/* Whether there is another one to do. */
static int go_on(void)
{
    if (pause_us)
        usleep(pause_us);
    return deadline ? now() < deadline : atomic_fetch_sub(&left, 1) > 0;
}

static void spawn_once(void)
{
    pid_t pid;
    int status;
    if (posix_spawnp(&pid, command[0], &to_nothing, NULL, command, environ) != 0)
        die("posix_spawn");
    if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
        die(command[0]);
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

static size_t write_request(char *request, size_t room)
{
    char line[512];
    const char *body = strcmp(method, "GET") == 0 ? "" : "{}";
    if (strcmp(path, "-") == 0) {
        pthread_mutex_lock(&paths);
        if (!fgets(line, sizeof line, stdin))
            die("too few paths");
        pthread_mutex_unlock(&paths);
        line[strcspn(line, "\n")] = 0;
    } else
        snprintf(line, sizeof line, "%s", path);
    return (size_t)snprintf(request, room,
                            "%s %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
                            "Content-Length: %zu\r\n\r\n%s",
                            method, line, strlen(body), body);
}

/* One request and its whole answer, which has a Content-Length. */
static void ask(int fd, char *answer, size_t room)
{
    char request[1024];
    size_t length = write_request(request, sizeof request), got = 0, whole = 0;
    if (write(fd, request, length) != (ssize_t)length)
        die("write");
    while (!whole || got < whole) {
        ssize_t n = read(fd, answer + got, room - 1 - got);
        if (n <= 0)
            die("read");
        got += (size_t)n;
        answer[got] = 0;
        char *body = whole ? NULL : strstr(answer, "\r\n\r\n");
        if (body) {
            char *field = strcasestr(answer, "\r\ncontent-length:");
            if (!field || field > body)
                die("an answer without a Content-Length");
            whole = (size_t)(body + 4 - answer) + strtoul(field + 17, NULL, 10);
            if (whole > room - 1)
                die("an answer that is too long");
        }
    }
    if (strncmp(answer + 9, status_wanted, 3) != 0 || !strstr(answer, text_wanted)) {
        fprintf(stderr, "%.2000s\n", answer);
        exit(1);
    }
}

static void *spawning(void *client)
{
    while (go_on()) {
        uint64_t begin = now();
        spawn_once();
        keep(client, now() - begin);
    }
    return NULL;
}

static void *asking(void *client)
{
    size_t room = 4 << 20; /* the output of a task has up to 1 MiB, escaped */
    char *answer = malloc(room);
    int fd = dial();
    while (go_on()) {
        uint64_t begin = now();
        ask(fd, answer, room);
        keep(client, now() - begin);
    }
    close(fd);
    free(answer);
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
    int http = argc == 9 && strcmp(argv[1], "http") == 0;
    if (!http && !(argc >= 5 && strcmp(argv[1], "spawn") == 0)) {
        fprintf(stderr, "usage: load spawn CLIENTS AMOUNT PROGRAM [ARGUMENT ...]\n"
                        "       load http CLIENTS AMOUNT PORT METHOD PATH STATUS TEXT\n");
        return 2;
    }
    if (http) {
        port = atoi(argv[4]);
        method = argv[5], path = argv[6], status_wanted = argv[7], text_wanted = argv[8];
    } else {
        command = argv + 4;
        posix_spawn_file_actions_init(&to_nothing);
        posix_spawn_file_actions_addopen(&to_nothing, 0, "/dev/null", O_RDONLY, 0);
        posix_spawn_file_actions_addopen(&to_nothing, 1, "/dev/null", O_WRONLY, 0);
    }
    int threads = atoi(argv[2]);
    struct client *clients = calloc((size_t)threads, sizeof *clients);
    const char *pausing = strchr(argv[3], ',');
    if (pausing)
        pause_us = (useconds_t)(atof(pausing + 1) * 1e3);
    uint64_t begin = now();
    if (strchr(argv[3], 's'))
        deadline = begin + (uint64_t)(atof(argv[3]) * 1e9);
    else
        left = atol(argv[3]);
    for (int i = 0; i < threads; i++)
        if (pthread_create(&clients[i].thread, NULL, http ? asking : spawning, &clients[i]) != 0)
            die("pthread_create");
    for (int i = 0; i < threads; i++)
        pthread_join(clients[i].thread, NULL);
    report(clients, threads, (double)(now() - begin) / 1e9);
    return 0;
}
