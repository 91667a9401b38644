/* Sessions of libzookeeper: negotiation, going on elsewhere, expiry, and failed authentication. */
#include "client.h"

/* Its time-out for connecting is made of the one it asks for, so no client asks for very little in earnest. */
static void time_out_is_clamped(void) {
  const int asked[] = {shortest_ms / 2, 5000, 7777, longest_ms + 5000};
  const int granted[] = {shortest_ms, 5000, 7777, longest_ms};
  for (int i = 0; i < 4; i++) {
    struct events *events = new_events();
    zhandle_t *zh = open_client("", chroot_path, asked[i], NULL, events);
    UNTIL(state_of(events) == ZOO_CONNECTED_STATE);
    EQUAL(zoo_recv_timeout(zh), granted[i]);
    TRUE(zoo_client_id(zh)->client_id != 0);
    EQUAL(zookeeper_close(zh), ZOK);
  }
}

static int late_code = 1;
static void on_late(int code, const char *path, const void *context) {
  (void)path;
  (void)context;
  __atomic_store_n(&late_code, code, __ATOMIC_SEQ_CST);
}

/*
 * The connection of the older handle stands still meanwhile: if it only were lost, the handle would come again at once
 * and take its session back.
 */
static void session_goes_on_elsewhere(void) {
  char *first = host_at(0), *second = host_at(1), *proxy = ask("proxy", first);
  struct events *old = new_events(), *new = new_events();
  struct Stat stat;
  zhandle_t *zh = open_client(proxy, chroot_path, SESSION_MS, NULL, old);
  UNTIL(state_of(old) == ZOO_CONNECTED_STATE);
  EQUAL(create(zh, "/held", "", ZOO_EPHEMERAL), ZOK);
  ask("stall", proxy);
  EQUAL(zoo_acreate(zh, "/by-the-old", "", 0, &ZOO_OPEN_ACL_UNSAFE, 0, on_late, NULL), ZOK);
  clientid_t id = *zoo_client_id(zh);
  zhandle_t *moved = open_client(second, chroot_path, SESSION_MS, &id, new);
  UNTIL(state_of(new) == ZOO_CONNECTED_STATE);
  EQUAL(zoo_client_id(moved)->client_id, id.client_id);
  EQUAL(memcmp(zoo_client_id(moved)->passwd, id.passwd, sizeof id.passwd), 0);
  catch_up(moved);
  EQUAL(zoo_exists(moved, "/held", 0, &stat), ZOK);
  EQUAL(stat.ephemeralOwner, id.client_id);
  /* The member that was left does no write, and ends the connection. */
  ask("go-on", proxy);
  UNTIL(__atomic_load_n(&late_code, __ATOMIC_SEQ_CST) != 1);
  EQUAL(late_code, ZCONNECTIONLOSS);
  zhandle_t *watcher = connected_client("");
  catch_up(watcher);
  EQUAL(zoo_exists(watcher, "/by-the-old", 0, &stat), ZNONODE);
  EQUAL(zookeeper_close(watcher), ZOK);
  zookeeper_close(moved);
  zookeeper_close(zh);
}

static void expired_session_is_told(void) {
  char *first = host_at(0), *proxy = ask("proxy", first);
  struct events *events = new_events();
  struct Stat stat;
  zhandle_t *watcher = connected_client("");
  zhandle_t *zh = open_client(proxy, chroot_path, shortest_ms, NULL, events);
  UNTIL(state_of(events) == ZOO_CONNECTED_STATE);
  EQUAL(create(zh, "/expiring", "", ZOO_EPHEMERAL), ZOK);
  catch_up(watcher);
  EQUAL(zoo_exists(watcher, "/expiring", 0, &stat), ZOK);
  ask("refuse", proxy);
  UNTIL(zoo_exists(watcher, "/expiring", 0, &stat) == ZNONODE);
  ask("go-on", proxy);
  UNTIL(state_of(events) == ZOO_EXPIRED_SESSION_STATE);
  EQUAL(is_unrecoverable(zh), ZINVALIDSTATE);
  EQUAL(zoo_exists(zh, "/expiring", 0, &stat), ZINVALIDSTATE);
  zookeeper_close(zh);
  EQUAL(zookeeper_close(watcher), ZOK);
}

static void wrong_password_is_an_expired_session(void) {
  zhandle_t *owner = connected_client("");
  EQUAL(create(owner, "/owned", "", ZOO_EPHEMERAL), ZOK);
  clientid_t id = *zoo_client_id(owner);
  memset(id.passwd, 7, sizeof id.passwd);
  struct events *events = new_events();
  zhandle_t *thief = open_client("", chroot_path, SESSION_MS, &id, events);
  UNTIL(state_of(events) == ZOO_EXPIRED_SESSION_STATE);
  zookeeper_close(thief);
  EQUAL(set(owner, "/owned", "still", -1), ZOK);
  EQUAL(zookeeper_close(owner), ZOK);
}

static int auth_code = 1;
static void on_auth(int code, const void *context) {
  (void)context;
  auth_code = code;
}

static void authentication(void) {
  struct events *events = new_events();
  zhandle_t *zh = open_client("", chroot_path, SESSION_MS, NULL, events);
  UNTIL(state_of(events) == ZOO_CONNECTED_STATE);
  EQUAL(zoo_add_auth(zh, "digest", "anna:secret", 11, on_auth, NULL), ZOK);
  UNTIL(auth_code != 1);
  EQUAL(auth_code, ZOK);
  EQUAL(zoo_create(zh, "/annas", "", 0, &ZOO_CREATOR_ALL_ACL, 0, NULL, 0), ZOK);
  zhandle_t *other = connected_client("");
  EQUAL(set(other, "/annas", "x", -1), ZNOAUTH);
  EQUAL(set(zh, "/annas", "x", -1), ZOK);
  auth_code = 1;
  EQUAL(zoo_add_auth(zh, "nonsense", "x", 1, on_auth, NULL), ZOK);
  UNTIL(auth_code != 1);
  EQUAL(auth_code, ZAUTHFAILED);
  UNTIL(state_of(events) == ZOO_AUTH_FAILED_STATE);
  EQUAL(set(zh, "/annas", "x", -1), ZINVALIDSTATE);
  zookeeper_close(zh);
  EQUAL(zookeeper_close(other), ZOK);
}

static void identities_are_kept_over_a_reconnect(void) {
  char *first = host_at(0), *proxy = ask("proxy", first);
  struct events *events = new_events();
  zhandle_t *zh = open_client(proxy, chroot_path, SESSION_MS, NULL, events);
  UNTIL(state_of(events) == ZOO_CONNECTED_STATE);
  auth_code = 1;
  EQUAL(zoo_add_auth(zh, "digest", "bert:secret", 11, on_auth, NULL), ZOK);
  UNTIL(auth_code == ZOK);
  EQUAL(zoo_create(zh, "/berts", "", 0, &ZOO_CREATOR_ALL_ACL, 0, NULL, 0), ZOK);
  int before = count_of(events);
  ask("cut", proxy);
  UNTIL(count_of(events) >= before + 2 && state_of(events) == ZOO_CONNECTED_STATE);
  EQUAL(set(zh, "/berts", "x", -1), ZOK);
  EQUAL(zookeeper_close(zh), ZOK);
}

int main(int argc, char **argv) {
  start_program(argc, argv);
  time_out_is_clamped();
  session_goes_on_elsewhere();
  expired_session_is_told();
  wrong_password_is_an_expired_session();
  authentication();
  identities_are_kept_over_a_reconnect();
  return 0;
}
