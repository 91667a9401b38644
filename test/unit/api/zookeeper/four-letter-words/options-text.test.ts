import { describe, expect, test } from "vitest";
import { foldersText, optionsText } from "../../../../../src/api/zookeeper/four-letter-words/options-text.ts";
import { sampleFacts, sampleOptions } from "./sample-facts.ts";

const own = `clientPort=2181
secureClientPort=-1
dataDir=data/snapshot
dataDirSize=597
dataLogDir=data/journal
dataLogSize=67109477
tickTime=2000
maxClientCnxns=60
minSessionTimeout=4000
maxSessionTimeout=40000
clientPortListenBacklog=-1
serverId=3
`;
const ensemble = "initLimit=10\nsyncLimit=5\nelectionAlg=3\nelectionPort=3888\nquorumPort=2888\npeerType=0\n";
const membership = "membership: \nserver.1=a:2888:3888:participant\nserver.3=c:2888:3888:participant\nversion=0";

describe("conf", () => {
  test("of a member ends with the members, without a newline", () => {
    expect(optionsText(sampleFacts())).toBe(own + ensemble + membership);
  });

  test("of a member that knows no leader has none", () => {
    expect(optionsText(sampleFacts({ mode: "read-only" }))).toBe(own + ensemble);
  });

  test("of one alone is its own options", () => {
    const options = () => ({ ...sampleOptions(), ensemble: undefined });
    expect(optionsText(sampleFacts({ mode: "standalone", options }))).toBe(own);
  });

  test("tells an observer and a port with TLS", () => {
    const { ensemble: given, ...rest } = sampleOptions();
    if (given === undefined) throw new Error("the sample is of an ensemble");
    const ports = { clientPort: undefined, secureClientPort: 2281 };
    const text = optionsText(
      sampleFacts({ options: () => ({ ...rest, ...ports, ensemble: { ...given, isObserver: true } }) }),
    );
    expect(text).toMatch(/^clientPort=-1\nsecureClientPort=2281\n/);
    expect(text).toContain("\npeerType=1\n");
  });
});

test("dirs tells the sizes of the folders", () => {
  expect(foldersText(sampleFacts().folders())).toBe("datadir_size: 597\nlogdir_size: 67109477\n");
});
