/*
 * What the C programs of this folder share. A program is run as `program HOSTS CHROOT SHORTEST LONGEST`, its time-outs
 * of sessions in ms, and ends with 0, or says what was expected and what came. A line it prints that begins with `@`
 * asks the test outside for something and is answered on standard input.
 */
#ifndef CONFORMANCE_CLIENT_H
#define CONFORMANCE_CLIENT_H

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <zookeeper/zookeeper.h>

/* How long anything may take on a slow machine, ms. Never waited for in full where all is well. */
#define PATIENCE_MS 30000
#define SESSION_MS 20000
#define EVENTS_MAX 64
#define PATH_MAX_BYTES 256

static const char *all_hosts, *chroot_path;
static int shortest_ms, longest_ms;

#define FAIL(...) \
  (printf("%s:%d: ", __FILE__, __LINE__), printf(__VA_ARGS__), printf("\n"), fflush(stdout), _exit(1))

#define EQUAL(came, expected)                                                                                    \
  do {                                                                                                           \
    long long came_ = (long long)(came), expected_ = (long long)(expected);                                      \
    if (came_ != expected_) FAIL("%s: expected %lld (%s), came %lld", #came, expected_, #expected, came_);       \
  } while (0)

#define EQUAL_TEXT(came, expected)                                                                               \
  do {                                                                                                           \
    const char *came_ = (came), *expected_ = (expected);                                                         \
    if (strcmp(came_, expected_) != 0) FAIL("%s: expected \"%s\", came \"%s\"", #came, expected_, came_);        \
  } while (0)

#define TRUE(holds)                                           \
  do {                                                        \
    if (!(holds)) FAIL("expected that %s", #holds);           \
  } while (0)

/* Waits for it, and fails when it does not come to hold. */
#define UNTIL(holds)                                                                                             \
  do {                                                                                                           \
    for (int waited_ = 0; !(holds); waited_++) {                                                                 \
      if (waited_ > PATIENCE_MS / 5) FAIL("expected within %d ms that %s", PATIENCE_MS, #holds);                 \
      usleep(5000);                                                                                              \
    }                                                                                                            \
  } while (0)

struct event {
  int type, state;
  char path[PATH_MAX_BYTES];
};

/* What watches were told, in order; also the global watcher of a handle, whose last state it keeps. */
struct events {
  pthread_mutex_t lock;
  int count, state;
  struct event seen[EVENTS_MAX];
};

__attribute__((unused)) static struct events *new_events(void) {
  struct events *events = calloc(1, sizeof *events);
  pthread_mutex_init(&events->lock, NULL);
  return events;
}

static void keep_event(zhandle_t *zh, int type, int state, const char *path, void *context) {
  struct events *events = context;
  (void)zh;
  pthread_mutex_lock(&events->lock);
  if (type == ZOO_SESSION_EVENT) events->state = state;
  if (events->count == EVENTS_MAX) FAIL("more than %d events", EVENTS_MAX);
  struct event *event = &events->seen[events->count++];
  event->type = type;
  event->state = state;
  snprintf(event->path, sizeof event->path, "%s", path ? path : "");
  pthread_mutex_unlock(&events->lock);
}

__attribute__((unused)) static int count_of(struct events *events) {
  pthread_mutex_lock(&events->lock);
  int count = events->count;
  pthread_mutex_unlock(&events->lock);
  return count;
}

__attribute__((unused)) static int state_of(struct events *events) {
  pthread_mutex_lock(&events->lock);
  int state = events->state;
  pthread_mutex_unlock(&events->lock);
  return state;
}

/* Events of a znode that have come, those of the session left out. */
__attribute__((unused)) static int node_events(struct events *events, struct event *last) {
  int count = 0;
  pthread_mutex_lock(&events->lock);
  for (int i = 0; i < events->count; i++) {
    if (events->seen[i].type == ZOO_SESSION_EVENT) continue;
    count++;
    if (last) *last = events->seen[i];
  }
  pthread_mutex_unlock(&events->lock);
  return count;
}

#define EXPECT_EVENT(events, number, expected_type, expected_path) \
  do {                                                             \
    struct event last_;                                            \
    UNTIL(node_events(events, NULL) >= (number));                  \
    EQUAL(node_events(events, &last_), number);                    \
    EQUAL(last_.type, expected_type);                              \
    EQUAL_TEXT(last_.path, expected_path);                         \
  } while (0)

/* A handle of these hosts ("" for all of them) whose session has begun, or goes on with `id`. */
__attribute__((unused)) static zhandle_t *open_client(
    const char *hosts, const char *chroot, int timeout_ms, const clientid_t *id, struct events *events) {
  char where[1024];
  snprintf(where, sizeof where, "%s%s", *hosts ? hosts : all_hosts, chroot);
  zhandle_t *zh = zookeeper_init(where, keep_event, timeout_ms, id, events, 0);
  if (zh == NULL) FAIL("no handle for %s", where);
  return zh;
}

__attribute__((unused)) static zhandle_t *connected_client(const char *hosts) {
  struct events *events = new_events();
  zhandle_t *zh = open_client(hosts, chroot_path, SESSION_MS, NULL, events);
  UNTIL(state_of(events) == ZOO_CONNECTED_STATE);
  return zh;
}

/* The host at this place in the list of all; the caller's to free. */
__attribute__((unused)) static char *host_at(int place) {
  char *copy = strdup(all_hosts), *rest = copy, *host = NULL;
  for (int i = 0; i <= place; i++) host = strsep(&rest, ",");
  if (host == NULL) FAIL("there is no host %d in %s", place, all_hosts);
  host = strdup(host);
  free(copy);
  return host;
}

/* Asks the test outside for something, and returns its answer; the caller's to free. */
__attribute__((unused)) static char *ask(const char *verb, const char *host) {
  char answer[256];
  printf("@%s %s\n", verb, host);
  fflush(stdout);
  if (fgets(answer, sizeof answer, stdin) == NULL) FAIL("nobody answers to \"%s %s\"", verb, host);
  answer[strcspn(answer, "\n")] = 0;
  return strdup(answer);
}

/* Makes the program's subtree, each of its parents too. */
static void make_chroot(void) {
  struct events *events = new_events();
  zhandle_t *zh = open_client("", "", SESSION_MS, NULL, events);
  UNTIL(state_of(events) == ZOO_CONNECTED_STATE);
  char path[PATH_MAX_BYTES];
  for (size_t i = 1; i <= strlen(chroot_path); i++) {
    if (chroot_path[i] != '/' && chroot_path[i] != 0) continue;
    snprintf(path, sizeof path, "%.*s", (int)i, chroot_path);
    int code = zoo_create(zh, path, NULL, -1, &ZOO_OPEN_ACL_UNSAFE, 0, NULL, 0);
    if (code != ZNODEEXISTS) EQUAL(code, ZOK);
  }
  EQUAL(zookeeper_close(zh), ZOK);
}

static void start_program(int argc, char **argv) {
  if (argc != 5) FAIL("usage: %s HOSTS CHROOT SHORTEST LONGEST", argv[0]);
  all_hosts = argv[1];
  chroot_path = argv[2];
  shortest_ms = atoi(argv[3]);
  longest_ms = atoi(argv[4]);
  zoo_set_debug_level(ZOO_LOG_LEVEL_ERROR);
  make_chroot();
}

/* `code` of making a plain znode with this text as its data. */
__attribute__((unused)) static int create(zhandle_t *zh, const char *path, const char *data, int mode) {
  return zoo_create(zh, path, data, (int)strlen(data), &ZOO_OPEN_ACL_UNSAFE, mode, NULL, 0);
}

__attribute__((unused)) static int set(zhandle_t *zh, const char *path, const char *data, int version) {
  return zoo_set(zh, path, data, (int)strlen(data), version);
}

static void on_synced(int code, const char *path, const void *done) {
  (void)path;
  __atomic_store_n((int *)done, code == ZOK ? 1 : -1, __ATOMIC_SEQ_CST);
}

/* What was written anywhere before is seen by the handle's member after it. */
__attribute__((unused)) static void catch_up(zhandle_t *zh) {
  int *done = calloc(1, sizeof *done);
  EQUAL(zoo_async(zh, "/", on_synced, done), ZOK);
  UNTIL(__atomic_load_n(done, __ATOMIC_SEQ_CST) != 0);
  EQUAL(*done, 1);
}

#endif
