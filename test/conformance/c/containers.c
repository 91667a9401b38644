/* A container goes by itself once its last child went, and stays as long as it never had one. */
#include "client.h"

/* The server looks for them every so often; what comes on top is patience. */
#define SWEEP_MS 60000
#define UNTIL_SWEPT(holds)                                                                       \
  do {                                                                                           \
    for (int waited_ = 0; !(holds); waited_++) {                                                 \
      if (waited_ > (SWEEP_MS + PATIENCE_MS) / 50) FAIL("expected at a sweep that %s", #holds);  \
      usleep(50000);                                                                             \
    }                                                                                            \
  } while (0)

int main(int argc, char **argv) {
  start_program(argc, argv);
  zhandle_t *zh = connected_client("");
  struct events *gone = new_events();
  struct Stat stat;
  EQUAL(create(zh, "/never-used", "", ZOO_CONTAINER), ZOK);
  EQUAL(create(zh, "/in-use", "", ZOO_CONTAINER), ZOK);
  EQUAL(create(zh, "/in-use/child", "", 0), ZOK);
  EQUAL(create(zh, "/emptied", "", ZOO_CONTAINER), ZOK);
  EQUAL(create(zh, "/emptied/child", "", 0), ZOK);
  EQUAL(zoo_delete(zh, "/emptied/child", -1), ZOK);
  EQUAL(zoo_wexists(zh, "/emptied", keep_event, gone, &stat), ZOK);
  EQUAL(stat.numChildren, 0);
  EQUAL(stat.cversion, 2);
  UNTIL_SWEPT(zoo_exists(zh, "/emptied", 0, &stat) == ZNONODE);
  EXPECT_EVENT(gone, 1, ZOO_DELETED_EVENT, "/emptied");
  EQUAL(zoo_exists(zh, "/never-used", 0, &stat), ZOK);
  EQUAL(zoo_exists(zh, "/in-use", 0, &stat), ZOK);
  EQUAL(zookeeper_close(zh), ZOK);
  return 0;
}
