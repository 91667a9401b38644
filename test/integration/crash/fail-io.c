/*
 * A preloaded library that makes chosen disk calls of a process fail, or take long, when a test says so.
 *
 * FAIL_IO_CONTROL names a file of eight 32-bit words, mapped here and written by the test:
 *   0  which calls: sum of SYNCS (fsync, fdatasync) and WRITES (write, pwrite, writev, pwritev)
 *   1  the errno to fail with; 0: let the call through, late (word 6)
 *   2  how many matching calls pass first
 *   3  how many calls then fail; 0xffffffff: all
 *   4  out: matching calls seen
 *   5  out: calls failed
 *   6  delay of every matching call, microseconds
 * FAIL_IO_PATH: only files whose path contains this. Sockets and pipes are never touched.
 *
 * build: gcc -shared -fPIC -O2 -o fail-io.so fail-io.c -ldl
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

enum { SYNCS = 1, WRITES = 2 };
enum { CALLS, ERRNO, PASS, TIMES, SEEN, FAILED, DELAY, WORDS = 8 };

static volatile uint32_t *control;
static const char *wanted;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

__attribute__((constructor)) static void map_control(void) {
  const char *file = getenv("FAIL_IO_CONTROL");
  wanted = getenv("FAIL_IO_PATH");
  if (file == NULL || wanted == NULL) return;
  int fd = open(file, O_RDWR | O_CLOEXEC);
  if (fd < 0) return;
  void *at = mmap(NULL, WORDS * sizeof(uint32_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  if (at != MAP_FAILED) control = at;
}

static int is_wanted(int fd) {
  char link[64];
  char path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length <= 0) return 0;
  path[length] = 0;
  return path[0] == '/' && strstr(path, wanted) != NULL;
}

/* The errno this call is to fail with, or 0. */
static int verdict(int fd, uint32_t kind) {
  if (control == NULL || (control[CALLS] & kind) == 0 || !is_wanted(fd)) return 0;
  int result = 0;
  pthread_mutex_lock(&lock);
  control[SEEN]++;
  if (control[PASS] > 0) {
    control[PASS]--;
  } else if (control[ERRNO] != 0 && control[TIMES] > 0) {
    if (control[TIMES] != UINT32_MAX) control[TIMES]--;
    control[FAILED]++;
    result = (int)control[ERRNO];
  }
  uint32_t delay = control[DELAY];
  pthread_mutex_unlock(&lock);
  if (delay > 0) usleep(delay);
  return result;
}

#define NEXT(type, name) \
  static type (*next) SIGNATURE; \
  if (next == NULL) next = (type (*) SIGNATURE)dlsym(RTLD_NEXT, name)

#define FAIL_OR_CALL(kind, call)        \
  int error = verdict(fd, kind);        \
  if (error != 0) {                     \
    errno = error;                      \
    return -1;                          \
  }                                     \
  return call

#define SIGNATURE (int)
int fsync(int fd) {
  NEXT(int, "fsync");
  FAIL_OR_CALL(SYNCS, next(fd));
}
int fdatasync(int fd) {
  NEXT(int, "fdatasync");
  FAIL_OR_CALL(SYNCS, next(fd));
}
#undef SIGNATURE

#define SIGNATURE (int, const void *, size_t)
ssize_t write(int fd, const void *buffer, size_t size) {
  NEXT(ssize_t, "write");
  FAIL_OR_CALL(WRITES, next(fd, buffer, size));
}
#undef SIGNATURE

#define SIGNATURE (int, const void *, size_t, off_t)
ssize_t pwrite(int fd, const void *buffer, size_t size, off_t at) {
  NEXT(ssize_t, "pwrite");
  FAIL_OR_CALL(WRITES, next(fd, buffer, size, at));
}
ssize_t pwrite64(int fd, const void *buffer, size_t size, off_t at) {
  NEXT(ssize_t, "pwrite64");
  FAIL_OR_CALL(WRITES, next(fd, buffer, size, at));
}
#undef SIGNATURE

#define SIGNATURE (int, const struct iovec *, int)
ssize_t writev(int fd, const struct iovec *parts, int count) {
  NEXT(ssize_t, "writev");
  FAIL_OR_CALL(WRITES, next(fd, parts, count));
}
#undef SIGNATURE

#define SIGNATURE (int, const struct iovec *, int, off_t)
ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t at) {
  NEXT(ssize_t, "pwritev");
  FAIL_OR_CALL(WRITES, next(fd, parts, count, at));
}
ssize_t pwritev64(int fd, const struct iovec *parts, int count, off_t at) {
  NEXT(ssize_t, "pwritev64");
  FAIL_OR_CALL(WRITES, next(fd, parts, count, at));
}
#undef SIGNATURE
