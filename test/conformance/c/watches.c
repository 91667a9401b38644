/* One-shot watches of libzookeeper: removed when asked, and kept over a reconnect (setWatches). */
#include "client.h"

static struct String_vector names;
static struct Stat stat;
static char buffer[64];

static int get_with(zhandle_t *zh, const char *path, struct events *events) {
  int length = sizeof buffer;
  return zoo_wget(zh, path, keep_event, events, buffer, &length, &stat);
}

static int children_with(zhandle_t *zh, const char *path, struct events *events) {
  int code = zoo_wget_children(zh, path, keep_event, events, &names);
  if (code == ZOK) deallocate_String_vector(&names);
  return code;
}

static void fire_once(zhandle_t *zh, zhandle_t *other) {
  struct events *data = new_events(), *list = new_events(), *missing = new_events();
  EQUAL(zoo_wexists(zh, "/once", keep_event, missing, &stat), ZNONODE);
  EQUAL(create(other, "/once", "", 0), ZOK);
  EXPECT_EVENT(missing, 1, ZOO_CREATED_EVENT, "/once");
  EQUAL(get_with(zh, "/once", data), ZOK);
  EQUAL(children_with(zh, "/once", list), ZOK);
  EQUAL(create(other, "/once/child", "", 0), ZOK);
  EXPECT_EVENT(list, 1, ZOO_CHILD_EVENT, "/once");
  EQUAL(node_events(data, NULL), 0);
  EQUAL(set(other, "/once", "x", -1), ZOK);
  EXPECT_EVENT(data, 1, ZOO_CHANGED_EVENT, "/once");
  EQUAL(set(other, "/once", "y", -1), ZOK);
  EQUAL(zoo_delete(other, "/once/child", -1), ZOK);
  EQUAL(get_with(zh, "/once", data), ZOK);
  EQUAL(children_with(zh, "/once", list), ZOK);
  EQUAL(zoo_delete(other, "/once", -1), ZOK);
  EXPECT_EVENT(data, 2, ZOO_DELETED_EVENT, "/once");
  EXPECT_EVENT(list, 2, ZOO_DELETED_EVENT, "/once");
}

static void are_removed(zhandle_t *zh, zhandle_t *other) {
  struct events *data = new_events(), *list = new_events();
  EQUAL(create(zh, "/removed", "", 0), ZOK);
  EQUAL(zoo_remove_watches(zh, "/removed", ZWATCHTYPE_DATA, keep_event, data, 0), ZNOWATCHER);
  EQUAL(get_with(zh, "/removed", data), ZOK);
  EQUAL(children_with(zh, "/removed", list), ZOK);
  EQUAL(zoo_remove_watches(zh, "/removed", ZWATCHTYPE_DATA, keep_event, data, 0), ZOK);
  EQUAL(zoo_remove_watches(zh, "/removed", ZWATCHTYPE_DATA, keep_event, data, 0), ZNOWATCHER);
  EQUAL(set(other, "/removed", "x", -1), ZOK);
  EQUAL(create(other, "/removed/child", "", 0), ZOK);
  EXPECT_EVENT(list, 1, ZOO_CHILD_EVENT, "/removed");
  EQUAL(children_with(zh, "/removed", list), ZOK);
  EQUAL(get_with(zh, "/removed", data), ZOK);
  EQUAL(zoo_remove_all_watches(zh, "/removed", ZWATCHTYPE_ANY, 0), ZOK);
  EQUAL(zoo_remove_all_watches(zh, "/removed", ZWATCHTYPE_ANY, 0), ZNOWATCHER);
  EQUAL(zoo_delete(other, "/removed/child", -1), ZOK);
  EQUAL(set(other, "/removed", "y", -1), ZOK);
  /* What a removed watch would have been told has come before the answer of its own member to a later read. */
  EQUAL(set(zh, "/removed", "z", -1), ZOK);
  struct event last;
  for (int i = 0; i < node_events(data, NULL); i++) {
    node_events(data, &last);
    TRUE(last.type != ZOO_CHANGED_EVENT);
  }
}

/* What happened while the client was away is told when it comes back; what did not is told when it happens. */
static void are_kept(zhandle_t *other) {
  char *host = host_at(0), *proxy = ask("proxy", host);
  struct events *session = new_events();
  zhandle_t *zh = open_client(proxy, chroot_path, SESSION_MS, NULL, session);
  UNTIL(state_of(session) == ZOO_CONNECTED_STATE);
  struct events *changed = new_events(), *deleted = new_events(), *created = new_events(), *list = new_events(),
                *list_deleted = new_events(), *later = new_events(), *later_created = new_events(),
                *later_list = new_events();
  const char *paths[] = {"/changed", "/deleted", "/list", "/list-deleted", "/later", "/later-list"};
  for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) EQUAL(create(zh, paths[i], "", 0), ZOK);
  EQUAL(get_with(zh, "/changed", changed), ZOK);
  EQUAL(get_with(zh, "/deleted", deleted), ZOK);
  EQUAL(zoo_wexists(zh, "/created", keep_event, created, &stat), ZNONODE);
  EQUAL(children_with(zh, "/list", list), ZOK);
  EQUAL(children_with(zh, "/list-deleted", list_deleted), ZOK);
  EQUAL(zoo_wexists(zh, "/later", keep_event, later, &stat), ZOK);
  EQUAL(zoo_wexists(zh, "/later-created", keep_event, later_created, &stat), ZNONODE);
  EQUAL(children_with(zh, "/later-list", later_list), ZOK);
  int64_t id = zoo_client_id(zh)->client_id;
  ask("refuse", proxy);
  UNTIL(state_of(session) == ZOO_CONNECTING_STATE || state_of(session) == 0);
  EQUAL(set(other, "/changed", "x", -1), ZOK);
  EQUAL(zoo_delete(other, "/deleted", -1), ZOK);
  EQUAL(create(other, "/created", "", 0), ZOK);
  EQUAL(create(other, "/list/child", "", 0), ZOK);
  EQUAL(zoo_delete(other, "/list-deleted", -1), ZOK);
  ask("go-on", proxy);
  UNTIL(state_of(session) == ZOO_CONNECTED_STATE && zoo_state(zh) == ZOO_CONNECTED_STATE);
  EXPECT_EVENT(changed, 1, ZOO_CHANGED_EVENT, "/changed");
  EXPECT_EVENT(deleted, 1, ZOO_DELETED_EVENT, "/deleted");
  EXPECT_EVENT(created, 1, ZOO_CREATED_EVENT, "/created");
  EXPECT_EVENT(list, 1, ZOO_CHILD_EVENT, "/list");
  EXPECT_EVENT(list_deleted, 1, ZOO_DELETED_EVENT, "/list-deleted");
  EQUAL(zoo_client_id(zh)->client_id, id);
  EQUAL(node_events(later, NULL) + node_events(later_created, NULL) + node_events(later_list, NULL), 0);
  EQUAL(set(other, "/later", "x", -1), ZOK);
  EXPECT_EVENT(later, 1, ZOO_CHANGED_EVENT, "/later");
  EQUAL(create(other, "/later-created", "", 0), ZOK);
  EXPECT_EVENT(later_created, 1, ZOO_CREATED_EVENT, "/later-created");
  EQUAL(create(other, "/later-list/child", "", 0), ZOK);
  EXPECT_EVENT(later_list, 1, ZOO_CHILD_EVENT, "/later-list");
  EQUAL(zookeeper_close(zh), ZOK);
}

int main(int argc, char **argv) {
  start_program(argc, argv);
  char *first = host_at(0), *second = host_at(1);
  zhandle_t *zh = connected_client(first), *other = connected_client(second);
  fire_once(zh, other);
  are_removed(zh, other);
  are_kept(other);
  EQUAL(zookeeper_close(zh), ZOK);
  EQUAL(zookeeper_close(other), ZOK);
  return 0;
}
