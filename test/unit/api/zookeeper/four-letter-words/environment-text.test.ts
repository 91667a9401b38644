import { expect, test } from "vitest";
import { environmentText } from "../../../../../src/api/zookeeper/four-letter-words/environment-text.ts";
import { sampleFacts } from "./sample-facts.ts";

test("envi has ZooKeeper's names in its order", () => {
  const { version, environment } = sampleFacts();
  expect(environmentText(version, environment())).toBe(`Environment:
zookeeper.version=3.8.0-muster-0.1.0, built on 02/03/2026 04:05 GMT
host.name=c
java.version=20.20.2
java.vendor=Node.js
java.home=node/bin
java.class.path=bin/muster.js
java.io.tmpdir=tmp
java.compiler=V8 11.3.244.8-node.38
os.name=Linux
os.arch=x64
os.version=6.18.44
user.name=muster
user.home=home
user.dir=work
os.memory.free=50MB
os.memory.max=256MB
os.memory.total=66MB
`);
});
