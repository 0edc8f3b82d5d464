/*
 * Starts a process in its cgroup, with nothing executed before its program.
 *
 * As by vfork(2), the child borrows our memory until it executes its program, so that no page table is copied, and what
 * fails in it is told by a variable. It does nothing here but system calls. Our own thread waits; the others go on.
 *
 * clone3(2) makes it within its cgroup. Where that cannot be had, it enters the cgroup by itself: then the kernel stops
 * all forks for a moment, and waits until all processors have seen that (cgroup_threadgroup_rwsem), often for longer than the rest takes.
 *
 * Nothing of Python: direct.py calls it by ctypes, which gives the interpreter's lock away meanwhile.
 */

#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

/* What it was at when it failed: direct.py has the same. */
enum stage { OTHER, ENTER, FOLDER, PROGRAM };

struct start {
    char *const *programs;     /* the places to look for it, in this order; ends with NULL, as the next two */
    char *const *argv;
    char *const *environment;
    const char *folder;        /* to run it in */
    const char *cgroup;        /* the folder of its cgroup, or NULL */
    const char *entry;         /* ... and the cgroup.procs in that */
    int with_stdin;            /* a pipe; otherwise it reads /dev/null */
    int umask;                 /* -1: as ours */
    long open_files;           /* its soft limit; -1: as ours */
    int beside;                /* not 0: as where clone3(2) cannot be had */
    /* The answers. */
    int pidfd;
    int ours[3];               /* our ends of its pipes, which do not block; -1 where there is none */
    int theirs[3];             /* the other ends, which do: its program expects that; closed in the end */
    volatile int stage;
    volatile int error;
};

/* 0, or -1 with errno. "0" is who writes it: the child, which alone has its number. */
static int enter(const char *entry)
{
    int fd = open(entry, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    ssize_t written = write(fd, "0", 1);
    int error = errno;
    close(fd);
    errno = error;
    return written == 1 ? 0 : -1;
}

/* What is in one of the three places goes out of the way first, so that none is overwritten before its turn. */
static int place(const int *theirs)
{
    int beyond[3];
    for (int i = 0; i < 3; i++) {
        beyond[i] = theirs[i] > 2 ? theirs[i] : fcntl(theirs[i], F_DUPFD_CLOEXEC, 3);
        if (beyond[i] < 0)
            return -1;
    }
    for (int i = 0; i < 3; i++)
        if (dup2(beyond[i], i) < 0)
            return -1;
    return 0;
}

/* Where the kernel, or a container's filter, has no close_range(2): one by one. */
static void close_others(void)
{
    struct rlimit limit;
    if (syscall(SYS_close_range, 3U, ~0U, 0U) == 0 || getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    for (rlim_t fd = 3; fd < limit.rlim_cur; fd++)
        close((int)fd);
}

static void reset(int number)
{
    struct sigaction action = {.sa_handler = SIG_DFL};
    sigaction(number, &action, NULL);
}

/* Handlers of ours must not run in the child: CLONE_CLEAR_SIGHAND, by hand. */
static void clear_handlers(void)
{
    struct sigaction action;
    for (int number = 1; number < NSIG; number++)
        if (sigaction(number, NULL, &action) == 0 && action.sa_handler != SIG_IGN)
            reset(number);
}

/* What Python ignores for itself is not to be ignored by others; what was ignored before (nohup) stays so: signal(7). */
static void reset_signals(void)
{
    sigset_t none;
    reset(SIGPIPE);
    reset(SIGXFSZ);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static int limit_open_files(long most)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return -1;
    limit.rlim_cur = (rlim_t)most < limit.rlim_max ? (rlim_t)most : limit.rlim_max;
    return setrlimit(RLIMIT_NOFILE, &limit);
}

/* As execvp(3) looks for it; the error of one that is there is worth more than that others are not. */
static int execute(const struct start *start)
{
    int error = ENOENT;
    for (char *const *program = start->programs; *program != NULL; program++) {
        execve(*program, start->argv, start->environment);
        if (errno != ENOENT && errno != ENOTDIR)
            error = errno;
    }
    return error;
}

/* In the child, within its cgroup and without handlers; returns what failed, or not at all. */
static int become(struct start *start)
{
    start->stage = OTHER;
    if (place(start->theirs) != 0 || setsid() < 0)
        return errno;
    start->stage = FOLDER;
    if (chdir(start->folder) != 0)
        return errno;
    start->stage = OTHER;
    if (start->umask >= 0)
        umask((mode_t)start->umask);
    close_others();
    if (start->open_files >= 0 && limit_open_files(start->open_files) != 0)
        return errno;
    reset_signals();
    start->stage = PROGRAM;
    return execute(start);
}

/* In the child. Out of line, as the next one: what it does with the stack is not the parent's. */
__attribute__((noinline)) static void enter_and_become(struct start *start)
{
    clear_handlers();
    start->stage = ENTER;
    if (start->entry != NULL && enter(start->entry) != 0)
        start->error = errno;
    else
        start->error = become(start);
}

/* As vfork(2); no process: -1 and errno. */
__attribute__((noinline)) static pid_t fork_beside(struct start *start)
{
    pid_t pid = vfork();
    if (pid == 0) {
        enter_and_become(start);
        _exit(127);
    }
    if (pid > 0)
        start->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    return pid;
}

#if defined(__x86_64__) && defined(CLONE_INTO_CGROUP) && defined(CLONE_CLEAR_SIGHAND)

static void only_become(struct start *start)
{
    start->error = become(start);
}

/* The number of the process, or what clone3 gave instead. The child has a stack of its own, so that it does not return
 * to where its parent will. */
static long clone_within(struct start *start, int cgroup)
{
    static const size_t room = 64 * 1024;
    _Alignas(16) char stack[room];
    int pidfd = -1;
    struct clone_args asked = {
        .flags = CLONE_VM | CLONE_VFORK | CLONE_PIDFD | CLONE_CLEAR_SIGHAND | (cgroup < 0 ? 0 : CLONE_INTO_CGROUP),
        .pidfd = (uintptr_t)&pidfd,
        .exit_signal = SIGCHLD,
        .stack = (uintptr_t)stack,
        .stack_size = room,
        .cgroup = cgroup < 0 ? 0 : (uint64_t)cgroup,
    };
    register long result __asm__("rax") = SYS_clone3;
    register void *what __asm__("rdi") = &asked;
    register size_t size __asm__("rsi") = sizeof asked;
    register struct start *given __asm__("r12") = start;
    register void (*function)(struct start *) __asm__("r13") = only_become;
    __asm__ volatile("syscall\n\t"
                     "test %%rax, %%rax\n\t"
                     "jnz 1f\n\t"
                     "xor %%ebp, %%ebp\n\t"
                     "mov %%r12, %%rdi\n\t"
                     "call *%%r13\n\t"
                     "mov $127, %%edi\n\t"
                     "mov %[exit], %%eax\n\t"
                     "syscall\n\t"
                     "hlt\n"
                     "1:"
                     : "+r"(result)
                     : "r"(what), "r"(size), "r"(given), "r"(function), [exit] "i"(SYS_exit_group)
                     : "rcx", "r11", "memory", "cc");
    start->pidfd = pidfd;
    return result;
}

/* As fork_beside; but -1 may also mean that it cannot be had here. */
static pid_t fork_within(struct start *start)
{
    int cgroup = -1;
    if (start->cgroup != NULL && (cgroup = open(start->cgroup, O_PATH | O_DIRECTORY | O_CLOEXEC)) < 0)
        return -1;
    long pid = clone_within(start, cgroup);
    if (cgroup >= 0)
        close(cgroup);
    if (pid >= 0)
        return (pid_t)pid;
    errno = (int)-pid;
    return -1;
}

#else

static pid_t fork_within(struct start *start)
{
    (void)start;
    errno = ENOSYS;
    return -1;
}

#endif

/* The system is short of something: the other way would find the same, but only once the program runs. */
static int is_shortage(int error)
{
    return error == EMFILE || error == ENFILE || error == EAGAIN || error == ENOMEM;
}

/* 0, or -1 with errno. */
static int make_pipes(struct start *start)
{
    for (int i = 0; i < 3; i++) {
        int ends[2], ours = i == 0 ? 1 : 0;
        if (i == 0 && !start->with_stdin) {
            start->theirs[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
            if (start->theirs[i] < 0)
                return -1;
            continue;
        }
        if (pipe2(ends, O_CLOEXEC) != 0)
            return -1;
        start->ours[i] = ends[ours];
        start->theirs[i] = ends[1 - ours];
        if (fcntl(ends[ours], F_SETFL, O_NONBLOCK) != 0)
            return -1;
    }
    return 0;
}

static void close_all(int *fds)
{
    for (int i = 0; i < 3; i++) {
        if (fds[i] >= 0)
            close(fds[i]);
        fds[i] = -1;
    }
}

static void end(pid_t pid)
{
    kill(pid, SIGKILL);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
}

/* No signal is handled meanwhile: not in the child, whose memory is ours. */
static pid_t fork_quietly(struct start *start)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t pid = start->beside ? -1 : fork_within(start);
    if (pid < 0 && (start->beside || !is_shortage(errno)))
        pid = fork_beside(start);
    int error = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = error;
    return pid;
}

/* Its number; or -1, with the reason in `stage` and `error`, and nothing that is left of it. */
__attribute__((visibility("default"))) int tasky_start(struct start *start)
{
    pid_t pid = -1;
    start->stage = OTHER;
    start->error = 0;
    start->pidfd = -1;
    for (int i = 0; i < 3; i++)
        start->ours[i] = start->theirs[i] = -1;
    if (make_pipes(start) == 0)
        pid = fork_quietly(start);
    if (start->error == 0 && start->pidfd < 0) /* no pipes, no process, or no descriptor for it */
        start->error = errno;
    close_all(start->theirs);
    if (start->error == 0)
        return pid;
    if (pid > 0)
        end(pid);
    if (start->pidfd >= 0)
        close(start->pidfd);
    close_all(start->ours);
    return -1;
}
