/* zoo_multi: its code, and the code and the result of each of its operations. */
#include "client.h"

#define OPERATIONS 6

static void all_of_it(zhandle_t *zh) {
  zoo_op_t ops[OPERATIONS];
  zoo_op_result_t results[OPERATIONS];
  char plain[PATH_MAX_BYTES], sequential[PATH_MAX_BYTES], child[PATH_MAX_BYTES];
  struct Stat stat, seen;
  const struct ACL_vector *open = &ZOO_OPEN_ACL_UNSAFE;
  zoo_create_op_init(&ops[0], "/a", "1", 1, open, 0, plain, sizeof plain);
  zoo_create_op_init(&ops[1], "/a/s-", "", 0, open, ZOO_EPHEMERAL_SEQUENTIAL, sequential, sizeof sequential);
  zoo_create_op_init(&ops[2], "/a/c", "", 0, open, 0, child, sizeof child);
  zoo_set_op_init(&ops[3], "/a", "22", 2, 0, &stat);
  zoo_check_op_init(&ops[4], "/a", 1);
  zoo_delete_op_init(&ops[5], "/a/c", 0);
  EQUAL(zoo_multi(zh, OPERATIONS, ops, results), ZOK);
  for (int i = 0; i < OPERATIONS; i++) EQUAL(results[i].err, ZOK);
  EQUAL_TEXT(plain, "/a");
  EQUAL_TEXT(sequential, "/a/s-0000000000");
  EQUAL_TEXT(child, "/a/c");
  EQUAL(stat.version, 1);
  EQUAL(stat.dataLength, 2);
  /* As it stood right after the operation, not after all of them. */
  EQUAL(stat.numChildren, 2);
  EQUAL(zoo_exists(zh, "/a", 0, &seen), ZOK);
  EQUAL(seen.mzxid, seen.czxid);
  EQUAL(seen.numChildren, 1);
  EQUAL(zoo_exists(zh, "/a/s-0000000000", 0, &seen), ZOK);
  EQUAL(seen.ephemeralOwner, zoo_client_id(zh)->client_id);
}

static void nothing_of_it(zhandle_t *zh) {
  zoo_op_t ops[4];
  zoo_op_result_t results[4];
  struct Stat stat;
  zoo_create_op_init(&ops[0], "/b", "", 0, &ZOO_OPEN_ACL_UNSAFE, 0, NULL, 0);
  zoo_delete_op_init(&ops[1], "/missing", -1);
  zoo_set_op_init(&ops[2], "/missing", "", 0, -1, NULL);
  zoo_check_op_init(&ops[3], "/a", 99);
  EQUAL(zoo_multi(zh, 4, ops, results), ZNONODE);
  EQUAL(results[0].err, ZOK);
  EQUAL(results[1].err, ZNONODE);
  EQUAL(results[2].err, ZRUNTIMEINCONSISTENCY);
  EQUAL(results[3].err, ZRUNTIMEINCONSISTENCY);
  EQUAL(zoo_exists(zh, "/b", 0, &stat), ZNONODE);
}

static void each_error(zhandle_t *zh) {
  zoo_op_t op;
  zoo_op_result_t result;
  const struct ACL_vector *open = &ZOO_OPEN_ACL_UNSAFE;
  zoo_create_op_init(&op, "/a", "", 0, open, 0, NULL, 0);
  EQUAL(zoo_multi(zh, 1, &op, &result), ZNODEEXISTS);
  zoo_delete_op_init(&op, "/a", -1);
  EQUAL(zoo_multi(zh, 1, &op, &result), ZNOTEMPTY);
  zoo_set_op_init(&op, "/a", "", 0, 77, NULL);
  EQUAL(zoo_multi(zh, 1, &op, &result), ZBADVERSION);
  zoo_check_op_init(&op, "/missing", -1);
  EQUAL(zoo_multi(zh, 1, &op, &result), ZNONODE);
  zoo_create_op_init(&op, "/a/s-0000000000/child", "", 0, open, 0, NULL, 0);
  EQUAL(zoo_multi(zh, 1, &op, &result), ZNOCHILDRENFOREPHEMERALS);
  zoo_create_op_init(&op, "/c", "", 0, &ZOO_CREATOR_ALL_ACL, 0, NULL, 0);
  EQUAL(zoo_multi(zh, 1, &op, &result), ZINVALIDACL);
  EQUAL(result.err, ZINVALIDACL);
}

int main(int argc, char **argv) {
  start_program(argc, argv);
  zhandle_t *zh = connected_client("");
  all_of_it(zh);
  nothing_of_it(zh);
  each_error(zh);
  EQUAL(zookeeper_close(zh), ZOK);
  return 0;
}
