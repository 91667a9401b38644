import type { Identity } from "../../src/core/tree/operation.ts";

/** What generated histories draw from: names, paths good and bad, people, and ACL entries good and bad. */

export const SEGMENTS = ["a", "b", "c", "node", "é", "名前", "x-y_z.0", "..."];
export const ODD_PATHS = [
  "",
  "a",
  "/a/",
  "//",
  "/a//b",
  "/.",
  "/..",
  "/a/.",
  "/a/./b",
  "/a/../b",
  "/\u0000",
  "/a\u0001",
  "/a\u001f",
  "/a\u007f",
  "/a\u009f",
  "/a\ud800",
  "/a\udc00b",
  "/\u{1f600}",
  "/\ue000",
  "/\uf8ff",
  "/\ufff0",
  "/\uffff",
  "/...",
  "/a..",
  "/..a",
  "/.a",
  "/ ",
  "/\u00a0",
  "/\ud7ff",
  "/\uf900",
  "/\uffef",
  "/a~",
  `/${"l".repeat(40)}`,
  `/${"l".repeat(29)}`,
  `/${"é".repeat(25)}`,
  `/a/${"l".repeat(4100)}`,
];
export const SPECIAL_PATHS = ["/", "/", "/zookeeper", "/zookeeper/quota", "/zookeeper/config"];
export const QUOTA_ROOTS = ["/a", "/a", "/b", "/a/a", "/a/b", "/b/c", "/zookeeper", ""];

const ALICE: Identity = { scheme: "digest", id: "alice:wonder=" };
const BOB: Identity = { scheme: "digest", id: "bob:builder=" };
const CAROL: Identity = { scheme: "sasl", id: "carol" };
const SASL_SUPER: Identity = { scheme: "sasl", id: "super" };
export const IDENTITIES: readonly (readonly Identity[])[] = [
  [],
  [ALICE, { scheme: "ip", id: "10.1.2.3" }],
  [BOB, { scheme: "ip", id: "192.168.1.9" }],
  [ALICE, BOB],
  [{ scheme: "ip", id: "10.9.9.9" }],
  [{ scheme: "ip", id: "2001:db8::1" }],
  [CAROL, BOB],
  [SASL_SUPER, { scheme: "x509", id: "CN=dave" }],
  [{ scheme: "super", id: "" }],
];

export const ACL_ENTRIES: readonly (readonly [string, string])[] = [
  ["world", "anyone"],
  ["world", "anyone"],
  ["auth", ""],
  ["digest", ALICE.id],
  ["digest", BOB.id],
  ["ip", "10.1.2.3"],
  ["ip", "10.0.0.0/8"],
  ["ip", "192.168.1.8/29"],
  ["ip", "0.0.0.0/0"],
  ["ip", "2001:db8::/32"],
  ["ip", "::/0"],
  ["ip", "2001:db8:0:0:0:0:0:1/128"],
  ["sasl", CAROL.id],
  ["sasl", "carol/host@REALM"],
  ["x509", "CN=dave"],
];
export const BAD_ACL_ENTRIES: readonly (readonly [string, string])[] = [
  ["world", "someone"],
  ["digest", "nocolon"],
  ["digest", "a:b:c"],
  ["digest", "a:b:"],
  ["digest", "a:"],
  ["sasl", ""],
  ["sasl", "carol@A@B"],
  ["sasl", "carol@A/B"],
  ["sasl", "carol/a/b@A"],
  ["x509", ""],
  ["ip", "10.0.0"],
  ["ip", "10.0.0.256"],
  ["ip", "10.0.0.0/33"],
  ["ip", "10.0.0.0/"],
  ["ip", "10.0.0.0/8/8"],
  ["ip", "::1::"],
  ["ip", "1:2:3:4::5:6:7:8"],
  ["ip", "2001:db8::/129"],
  ["ip", ""],
  ["super", ""],
  ["magic", "x"],
  ["", ""],
];
