/* Every call of libzookeeper that is answered by the server, with its results and its errors. */
#include "client.h"

static void data(zhandle_t *zh) {
  char buffer[64];
  int length = sizeof buffer;
  struct Stat stat, seen;
  EQUAL(create(zh, "/data", "hello", 0), ZOK);
  EQUAL(zoo_get(zh, "/data", 0, buffer, &length, &stat), ZOK);
  EQUAL(length, 5);
  TRUE(memcmp(buffer, "hello", 5) == 0);
  EQUAL(stat.version, 0);
  EQUAL(zoo_set2(zh, "/data", "longer!", 7, 0, &stat), ZOK);
  EQUAL(stat.version, 1);
  EQUAL(stat.dataLength, 7);
  EQUAL(zoo_exists(zh, "/data", 0, &seen), ZOK);
  EQUAL(memcmp(&seen, &stat, sizeof stat), 0);
  EQUAL(set(zh, "/data", "x", 0), ZBADVERSION);
  EQUAL(set(zh, "/missing", "x", -1), ZNONODE);
  EQUAL(zoo_exists(zh, "/missing", 0, &stat), ZNONODE);
  EQUAL(zoo_get(zh, "/missing", 0, buffer, &length, &stat), ZNONODE);
}

/* Data that never was (-1) may be kept apart from empty data (0), as ZooKeeper does, or be the same, as with Muster. */
#define IS_NO_DATA(length) ((length) == -1 || (length) == 0)

static void no_data(zhandle_t *zh) {
  char buffer[8];
  int length = sizeof buffer;
  struct Stat stat;
  EQUAL(zoo_create(zh, "/null", NULL, -1, &ZOO_OPEN_ACL_UNSAFE, 0, NULL, 0), ZOK);
  EQUAL(zoo_get(zh, "/null", 0, buffer, &length, &stat), ZOK);
  TRUE(IS_NO_DATA(length));
  EQUAL(stat.dataLength, 0);
  length = sizeof buffer;
  EQUAL(create(zh, "/empty", "", 0), ZOK);
  EQUAL(zoo_get(zh, "/empty", 0, buffer, &length, &stat), ZOK);
  EQUAL(length, 0);
  EQUAL(stat.dataLength, 0);
  length = sizeof buffer;
  EQUAL(zoo_set(zh, "/empty", NULL, -1, -1), ZOK);
  EQUAL(zoo_get(zh, "/empty", 0, buffer, &length, &stat), ZOK);
  TRUE(IS_NO_DATA(length));
}

static void modes(zhandle_t *zh) {
  char path[PATH_MAX_BYTES];
  struct Stat stat;
  const struct ACL_vector *open = &ZOO_OPEN_ACL_UNSAFE;
  EQUAL(create(zh, "/modes", "", 0), ZOK);
  EQUAL(zoo_create2(zh, "/modes/e", "x", 1, open, ZOO_EPHEMERAL, path, sizeof path, &stat), ZOK);
  EQUAL_TEXT(path, "/modes/e");
  EQUAL(stat.ephemeralOwner, zoo_client_id(zh)->client_id);
  EQUAL(stat.dataLength, 1);
  EQUAL(create(zh, "/modes/e/child", "", 0), ZNOCHILDRENFOREPHEMERALS);
  EQUAL(zoo_create(zh, "/modes/s-", "", 0, open, ZOO_PERSISTENT_SEQUENTIAL, path, sizeof path), ZOK);
  EQUAL_TEXT(path, "/modes/s-0000000001");
  EQUAL(zoo_create2(zh, "/modes/es-", "", 0, open, ZOO_EPHEMERAL_SEQUENTIAL, path, sizeof path, &stat), ZOK);
  EQUAL_TEXT(path, "/modes/es-0000000002");
  EQUAL(stat.ephemeralOwner, zoo_client_id(zh)->client_id);
  EQUAL(create(zh, "/modes/e", "", 0), ZNODEEXISTS);
  EQUAL(create(zh, "/missing/child", "", 0), ZNONODE);
  EQUAL(zoo_create2(zh, "/missing/child", "", 0, open, 0, path, sizeof path, &stat), ZNONODE);
}

/* Containers and znodes with a time to live look like any other to who reads them. */
static void containers_and_ttls(zhandle_t *zh) {
  char path[PATH_MAX_BYTES];
  struct Stat stat;
  const struct ACL_vector *open = &ZOO_OPEN_ACL_UNSAFE;
  EQUAL(zoo_create2(zh, "/container", "c", 1, open, ZOO_CONTAINER, path, sizeof path, &stat), ZOK);
  EQUAL_TEXT(path, "/container");
  EQUAL(stat.ephemeralOwner, 0);
  EQUAL(create(zh, "/container/child", "", 0), ZOK);
  EQUAL(zoo_exists(zh, "/container", 0, &stat), ZOK);
  EQUAL(stat.numChildren, 1);
  EQUAL(zoo_create2_ttl(zh, "/ttl", "t", 1, open, ZOO_PERSISTENT_WITH_TTL, 300, path, sizeof path, &stat), ZOK);
  EQUAL_TEXT(path, "/ttl");
  EQUAL(stat.ephemeralOwner, 0);
  EQUAL(zoo_create_ttl(zh, "/s-", "", 0, open, ZOO_PERSISTENT_SEQUENTIAL_WITH_TTL, 300, path, sizeof path), ZOK);
  TRUE(strlen(path) == strlen("/s-0000000000"));
  EQUAL(zoo_create_ttl(zh, "/parent", "", 0, open, ZOO_PERSISTENT_WITH_TTL, 300, NULL, 0), ZOK);
  EQUAL(create(zh, "/parent/child", "", 0), ZOK);
  UNTIL(zoo_exists(zh, "/ttl", 0, &stat) == ZNONODE);
  UNTIL(zoo_exists(zh, path, 0, &stat) == ZNONODE);
  /* One with children stays, however old. */
  EQUAL(zoo_exists(zh, "/parent", 0, &stat), ZOK);
  EQUAL(zoo_delete(zh, "/parent/child", -1), ZOK);
  UNTIL(zoo_exists(zh, "/parent", 0, &stat) == ZNONODE);
  EQUAL(zoo_create_ttl(zh, "/none", "", 0, open, ZOO_PERSISTENT_WITH_TTL, 0, NULL, 0), ZBADARGUMENTS);
}

static void children(zhandle_t *zh) {
  struct String_vector names;
  struct Stat stat;
  EQUAL(create(zh, "/list", "", 0), ZOK);
  EQUAL(zoo_get_children(zh, "/list", 0, &names), ZOK);
  EQUAL(names.count, 0);
  EQUAL(create(zh, "/list/only", "", 0), ZOK);
  EQUAL(zoo_get_children2(zh, "/list", 0, &names, &stat), ZOK);
  EQUAL(names.count, 1);
  EQUAL_TEXT(names.data[0], "only");
  EQUAL(stat.numChildren, 1);
  EQUAL(stat.cversion, 1);
  deallocate_String_vector(&names);
  EQUAL(zoo_get_children(zh, "/missing", 0, &names), ZNONODE);
  EQUAL(zoo_delete(zh, "/list", -1), ZNOTEMPTY);
  EQUAL(zoo_delete(zh, "/list/only", 3), ZBADVERSION);
  EQUAL(zoo_delete(zh, "/list/only", 0), ZOK);
  EQUAL(zoo_delete(zh, "/list/only", 0), ZNONODE);
}

static void acls(zhandle_t *zh) {
  struct ACL_vector acl;
  struct Stat stat;
  EQUAL(create(zh, "/acl", "", 0), ZOK);
  EQUAL(zoo_get_acl(zh, "/acl", &acl, &stat), ZOK);
  EQUAL(acl.count, 1);
  EQUAL(acl.data[0].perms, ZOO_PERM_ALL);
  EQUAL_TEXT(acl.data[0].id.scheme, "world");
  EQUAL_TEXT(acl.data[0].id.id, "anyone");
  deallocate_ACL_vector(&acl);
  EQUAL(zoo_set_acl(zh, "/acl", 4, &ZOO_READ_ACL_UNSAFE), ZBADVERSION);
  EQUAL(zoo_set_acl(zh, "/acl", 0, &ZOO_READ_ACL_UNSAFE), ZOK);
  EQUAL(set(zh, "/acl", "x", -1), ZNOAUTH);
  EQUAL(zoo_exists(zh, "/acl", 0, &stat), ZOK);
  EQUAL(stat.aversion, 1);
  EQUAL(zoo_create(zh, "/nobody", "", 0, &ZOO_CREATOR_ALL_ACL, 0, NULL, 0), ZINVALIDACL);
}

static int synced, sync_code;
static void on_sync(int code, const char *path, const void *context) {
  (void)context;
  sync_code = code;
  synced = path != NULL && strcmp(path, "/anything") == 0 ? 1 : -1;
}

static void sync_and_configuration(zhandle_t *zh) {
  char buffer[4096];
  int length = sizeof buffer - 1;
  struct Stat stat;
  EQUAL(zoo_async(zh, "/anything", on_sync, NULL), ZOK);
  UNTIL(synced != 0);
  EQUAL(synced, 1);
  EQUAL(sync_code, ZOK);
  struct events *events = new_events();
  zhandle_t *outside = open_client("", "", SESSION_MS, NULL, events);
  UNTIL(state_of(events) == ZOO_CONNECTED_STATE);
  EQUAL(zoo_getconfig(outside, 0, buffer, &length, &stat), ZOK);
  TRUE(length > 0);
  buffer[length] = 0;
  TRUE(strstr(buffer, "server.1=127.0.0.1:") != NULL);
  TRUE(strstr(buffer, ":participant") != NULL);
  TRUE(strstr(buffer, "\nversion=") != NULL);
  EQUAL(zookeeper_close(outside), ZOK);
}

int main(int argc, char **argv) {
  start_program(argc, argv);
  zhandle_t *zh = connected_client("");
  data(zh);
  no_data(zh);
  modes(zh);
  containers_and_ttls(zh);
  children(zh);
  acls(zh);
  sync_and_configuration(zh);
  EQUAL(zookeeper_close(zh), ZOK);
  return 0;
}
