/* Lets one call of a program to the system fail, or kills the program there. Preloaded: see injection.py.
 *
 *     AMT_INJECT_FOLDER  what is in this folder is "file"; everything else with a path is "other"
 *     AMT_INJECT_LOG     a line for each call that is counted: name, class, number of this name and class
 *     AMT_INJECT         name:class:number:action, an action "KILL", "TORN", "SHORT" or an errno; "+" behind it: and ever after
 *
 * Counting begins when Connector.config is looked for, which is after the first line of the job log.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { NONE, FILES, OTHER, SOCKET, STDOUT, MEMORY, CLASSES };
enum { KILL = -1, SHORT = -2, TORN = -3 };
static const char *const CLASS[] = {"none", "file", "other", "socket", "stdout", "memory"};
static const size_t LARGE = 16384; /* smaller pieces of memory are not counted: there are thousands */
static char folder[4096], target[64];
static size_t folder_length;
static long target_number, action, lasts, is_active;
static int log_file = -1;
static unsigned char of_descriptor[4096];

__attribute__((constructor)) static void begin(void) {
    const char *given = getenv("AMT_INJECT_FOLDER"), *log = getenv("AMT_INJECT_LOG"), *what = getenv("AMT_INJECT");
    char text[128], *place, *parts[4];
    if (!given || !log) return;
    folder_length = (size_t)snprintf(folder, sizeof folder, "%s/", given);
    log_file = (int)syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    log_file = (int)syscall(SYS_fcntl, log_file, F_DUPFD_CLOEXEC, 900);
    of_descriptor[1] = of_descriptor[2] = STDOUT;
    if (!what || !*what) return;
    snprintf(text, sizeof text, "%s", what);
    parts[0] = strtok_r(text, ":", &place);
    for (int i = 1; i < 4; i++) parts[i] = strtok_r(NULL, ":", &place);
    if (!parts[3]) abort();
    snprintf(target, sizeof target, "%s %s", parts[0], parts[1]);
    target_number = atol(parts[2]);
    lasts = strchr(parts[3], '+') != NULL;
    action = !strncmp(parts[3], "KILL", 4)    ? KILL
             : !strncmp(parts[3], "SHORT", 5) ? SHORT
             : !strncmp(parts[3], "TORN", 4)  ? TORN
                                              : atol(parts[3]);
}

static int class_of_path(const char *path) {
    if (!path || folder_length == 0) return NONE;
    if (strncmp(path, folder, folder_length)) return OTHER;
    if (strstr(path, "Connector.config")) is_active = 1;
    return FILES;
}

static int class_of(int descriptor) {
    return descriptor >= 0 && descriptor < (int)sizeof of_descriptor ? of_descriptor[descriptor] : NONE;
}

static int noted(int descriptor, int class) {
    if (descriptor >= 0 && descriptor < (int)sizeof of_descriptor) of_descriptor[descriptor] = (unsigned char)class;
    return descriptor;
}

/* Count a call; return 0, an errno, or SHORT or TORN. */
static long hit(const char *name, int class, long *counts, const void *content, size_t length) {
    char line[160], key[64], shown[48] = "";
    int saved = errno;
    long number;
    if (!is_active || class == NONE) return 0;
    number = __atomic_add_fetch(&counts[class], 1, __ATOMIC_SEQ_CST);
    for (size_t i = 0; content && i < length && i < sizeof shown - 1; i++) {
        char c = ((const char *)content)[i];
        shown[i] = c > ' ' && c < 127 ? c : '_';
        shown[i + 1] = 0;
    }
    snprintf(key, sizeof key, "%s %s", name, CLASS[class]);
    syscall(SYS_write, log_file, line, (size_t)snprintf(line, sizeof line, "%s %ld %s\n", key, number, shown));
    errno = saved;
    if (strcmp(key, target) || number < target_number || (number > target_number && !lasts)) return 0;
    if (action == KILL) syscall(SYS_kill, getpid(), SIGKILL);
    return action;
}

#define COUNTED(name, class, content, length)                        \
    static long counts_[CLASSES];                                    \
    long error_ = hit(name, class, counts_, content, (size_t)(length))
#define FAILS(name, class, failure) \
    COUNTED(name, class, NULL, 0);  \
    if (error_ > 0) return errno = (int)error_, failure
#define REAL(function) \
    static __typeof__(&function) real_; \
    if (!real_) real_ = (__typeof__(&function))dlsym(RTLD_NEXT, #function)

#define OPENS(function)                                                       \
    int function(const char *path, int flags, ...) {                          \
        REAL(function);                                                       \
        va_list more;                                                         \
        va_start(more, flags);                                                \
        mode_t mode = va_arg(more, mode_t);                                   \
        va_end(more);                                                         \
        int class = class_of_path(path);                                      \
        FAILS("open", class, -1);                                             \
        return noted(real_(path, flags, mode), class == FILES ? FILES : NONE); \
    }
OPENS(open)
OPENS(open64)

#define CLOSES(function, type, argument)            \
    type function(type argument) {                  \
        REAL(function);                             \
        int class = class_of(argument);             \
        noted(argument, NONE);                      \
        COUNTED("close", class, NULL, 0);           \
        int result = real_(argument);               \
        if (error_ > 0) return errno = (int)error_, -1; \
        return result;                              \
    }
CLOSES(close, int, descriptor)

#define ON_PATH(function, name, result, failure, parameters, arguments) \
    result function parameters {                                       \
        REAL(function);                                                 \
        FAILS(name, class_of_path(path), failure);                      \
        return real_ arguments;                                         \
    }
ON_PATH(stat64, "stat", int, -1, (const char *path, struct stat64 *status), (path, status))
ON_PATH(lstat64, "lstat", int, -1, (const char *path, struct stat64 *status), (path, status))
ON_PATH(fstatat64, "stat", int, -1, (int at, const char *path, struct stat64 *status, int flags), (at, path, status, flags))
ON_PATH(opendir, "opendir", DIR *, NULL, (const char *path), (path))
ON_PATH(mkdir, "mkdir", int, -1, (const char *path, mode_t mode), (path, mode))
ON_PATH(chmod, "chmod", int, -1, (const char *path, mode_t mode), (path, mode))
ON_PATH(unlink, "unlink", int, -1, (const char *path), (path))
ON_PATH(rmdir, "rmdir", int, -1, (const char *path), (path))
ON_PATH(readlink, "readlink", ssize_t, -1, (const char *path, char *buffer, size_t size), (path, buffer, size))
ON_PATH(access, "access", int, -1, (const char *path, int mode), (path, mode))
ON_PATH(rename, "rename", int, -1, (const char *old, const char *path), (old, path))
ON_PATH(link, "link", int, -1, (const char *old, const char *path), (old, path))
ON_PATH(linkat, "link", int, -1, (int a, const char *old, int b, const char *path, int flags), (a, old, b, path, flags))
ON_PATH(utimensat, "utimens", int, -1, (int at, const char *path, const struct timespec t[2], int f), (at, path, t, f))

#define ON_FILE(function, name, result, parameters, arguments) \
    result function parameters {                               \
        REAL(function);                                        \
        FAILS(name, class_of(d), -1);                          \
        return real_ arguments;                                \
    }
ON_FILE(fstat64, "fstat", int, (int d, struct stat64 *status), (d, status))
ON_FILE(fsync, "fsync", int, (int d), (d))
ON_FILE(fdatasync, "fsync", int, (int d), (d))
ON_FILE(fchmod, "fchmod", int, (int d, mode_t mode), (d, mode))
ON_FILE(ftruncate64, "ftruncate", int, (int d, off64_t length), (d, length))
ON_FILE(lseek64, "lseek", off64_t, (int d, off64_t offset, int whence), (d, offset, whence))
ON_FILE(flock, "lock", int, (int d, int operation), (d, operation))
ON_FILE(connect, "connect", int, (int d, const struct sockaddr *address, socklen_t size), (d, address, size))
ON_FILE(setsockopt, "setsockopt", int, (int d, int l, int n, const void *v, socklen_t s), (d, l, n, v, s))

#define FCNTL(function)                                          \
    int function(int d, int command, ...) {                      \
        REAL(function);                                          \
        va_list more;                                            \
        va_start(more, command);                                 \
        void *argument = va_arg(more, void *);                   \
        va_end(more);                                            \
        FAILS(command == F_SETLK || command == F_SETLKW || command == F_OFD_SETLK ? "lock" : "fcntl", class_of(d), -1); \
        return real_(d, command, argument);                      \
    }
FCNTL(fcntl)
FCNTL(fcntl64)

#define SENDS(function, name, parameters, shortened, whole)                 \
    ssize_t function parameters {                                           \
        REAL(function);                                                     \
        COUNTED(name, class_of(d), buffer, size);                           \
        if (error_ > 0) return errno = (int)error_, -1;                     \
        if (error_ == SHORT && size > 1) return real_ shortened;            \
        if (error_ == TORN) real_ shortened, syscall(SYS_kill, getpid(), SIGKILL); \
        return real_ whole;                                                 \
    }
SENDS(write, "write", (int d, const void *buffer, size_t size), (d, buffer, size / 2), (d, buffer, size))
SENDS(send, "send", (int d, const void *buffer, size_t size, int f), (d, buffer, size / 2, f), (d, buffer, size, f))

#define RECEIVES(function, name, parameters, shortened, whole)              \
    ssize_t function parameters {                                           \
        REAL(function);                                                     \
        COUNTED(name, class_of(d), NULL, 0);                                \
        if (error_ > 0) return errno = (int)error_, -1;                     \
        if (error_ == SHORT && size > 1) return real_ shortened;            \
        return real_ whole;                                                 \
    }
RECEIVES(read, "read", (int d, void *buffer, size_t size), (d, buffer, 1), (d, buffer, size))
RECEIVES(recv, "recv", (int d, void *buffer, size_t size, int f), (d, buffer, 1, f), (d, buffer, size, f))

int socket(int domain, int type, int protocol) {
    REAL(socket);
    FAILS("socket", SOCKET, -1);
    return noted(real_(domain, type, protocol), SOCKET);
}

int poll(struct pollfd *descriptors, nfds_t number, int timeout) {
    REAL(poll);
    FAILS("poll", SOCKET, -1);
    return real_(descriptors, number, timeout);
}

int getaddrinfo(const char *host, const char *port, const struct addrinfo *hints, struct addrinfo **found) {
    REAL(getaddrinfo);
    COUNTED("getaddrinfo", SOCKET, NULL, 0);
    if (error_ > 0) return errno = (int)error_, error_ == ENOMEM ? EAI_MEMORY : EAI_SYSTEM;
    return real_(host, port, hints, found);
}

int getpwuid_r(uid_t id, struct passwd *entry, char *buffer, size_t size, struct passwd **found) {
    REAL(getpwuid_r);
    COUNTED("getpwuid", OTHER, NULL, 0);
    return error_ > 0 ? (*found = NULL, (int)error_) : real_(id, entry, buffer, size, found);
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*routine)(void *), void *argument) {
    REAL(pthread_create);
    COUNTED("thread", MEMORY, NULL, 0);
    return error_ > 0 ? (int)error_ : real_(thread, attributes, routine, argument);
}

void *mmap64(void *address, size_t length, int protection, int flags, int d, off64_t offset) {
    REAL(mmap64);
    FAILS("mmap", MEMORY, MAP_FAILED);
    return real_(address, length, protection, flags, d, offset);
}

extern void *__libc_malloc(size_t), *__libc_realloc(void *, size_t);

void *malloc(size_t size) {
    if (size >= LARGE) {
        FAILS("malloc", MEMORY, NULL);
    }
    return __libc_malloc(size);
}

void *realloc(void *old, size_t size) {
    if (size >= LARGE) {
        FAILS("malloc", MEMORY, NULL);
    }
    return __libc_realloc(old, size);
}
