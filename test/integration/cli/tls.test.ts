import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, type TestContext, test } from "vitest";
import type { TlsFiles } from "../../../src/transport/tls-material.ts";
import { CertificateFolder, hasOpenssl } from "../../unit/transport/certificates.ts";
import { need } from "../crash/requirements.ts";
import { MusterHome } from "./muster-process.ts";
import { ServerGroup } from "./server-group.ts";

const present = hasOpenssl();
let home: MusterHome;
let certificates: CertificateFolder;
let group: ServerGroup;
beforeEach(() => {
  home = new MusterHome();
  certificates = new CertificateFolder();
  group = new ServerGroup(home, (id) => flagsOf(files(id)));
});
afterEach(async () => {
  await home.dispose();
  certificates[Symbol.dispose]();
});

/** Where member certificates are, whoever signed them last. */
function files(id: number): TlsFiles {
  const folder = certificates.file(`member-${id}`);
  return { ca: certificates.file("members.pem"), cert: join(folder, "cert.pem"), key: join(folder, "key.pem") };
}

function flagsOf({ ca, cert, key }: TlsFiles): string[] {
  return ["--peer-tls-ca", ca, "--peer-tls-cert", cert, "--peer-tls-key", key];
}

function authority(context: TestContext): void {
  need(context, "the openssl command", present);
  certificates.authority("members");
}

/** Asks the member for what it reads again without a restart, and waits until it says so. */
async function hangUp(id: number, says: string): Promise<void> {
  const member = group.member(id);
  const before = member.log.length;
  member.child.kill("SIGHUP");
  await group.until(() => member.log.slice(before).includes(says), `member ${id} says: ${says}`);
}

const READ = "the TLS files were read again; new connections use them";

describe("members with mutual TLS", () => {
  test("move to another authority without a restart; broken files change nothing", async (context) => {
    authority(context);
    for (const id of [1, 2, 3]) certificates.member(id, "members");
    await group.found(3);
    await group.succeed(["znode", "create", "/kept", "value"]);

    // First everyone trusts both, then one after the other proves itself by the new one.
    certificates.authority("next");
    const { ca } = files(1);
    writeFileSync(ca, readFileSync(ca, "utf8") + readFileSync(certificates.file("next.pem"), "utf8"));
    for (const id of [1, 2, 3]) await hangUp(id, READ);
    for (const id of [1, 2, 3]) {
      certificates.member(id, "next");
      await hangUp(id, READ);
      expect(group.member(id).log).toContain('"issuer":"CN=next"');
    }
    // Who comes now meets the new certificates on both sides; nobody else was restarted.
    writeFileSync(ca, readFileSync(certificates.file("next.pem")));
    for (const id of [1, 2, 3]) await hangUp(id, READ);
    const processes = [1, 2].map((id) => group.member(id).ready.pid);
    await group.stop(3);
    await group.start(3, group.peers());
    await group.until(() => group.settled([1, 2, 3]), "all have the same");
    expect(await group.succeed(["znode", "get", "/kept"], 3)).toBe("value");
    expect([1, 2].map((id) => group.member(id).ready.pid)).toEqual(processes);

    const { cert } = files(2);
    const good = readFileSync(cert);
    writeFileSync(cert, readFileSync(files(1).cert));
    await hangUp(2, "the TLS files cannot be used, and those read before stay in use");
    await group.stop(3);
    await group.start(3, group.peers());
    await group.until(() => group.settled([1, 2, 3]), "all have the same");
    writeFileSync(cert, good);
    await group.stopAndVerify();
  });

  test("refuse by name one that strangers signed, until it has the right certificate", async (context) => {
    authority(context);
    for (const id of [1, 2, 3]) certificates.member(id, "members");
    await group.found(3);
    await group.stop(3);
    certificates.authority("strangers");
    certificates.member(3, "strangers");
    const stranger = await group.launch(3, group.peers());
    const refused = /refused member 3 at |member 3 at \S+ refused|from member 3 at /;
    const untrusted = "the certificate presented is not trusted";
    const isRefused = (id: number): boolean => {
      return group
        .member(id)
        .log.split("\n")
        .some((line) => refused.test(line) && line.includes(untrusted));
    };
    await group.until(() => isRefused(1) && isRefused(2), "both name member 3 and its certificate");
    await group.until(() => stranger.log.includes(untrusted), "it is told so");
    expect(await group.seen(3, 1)).toMatchObject({ isReachable: false });

    certificates.member(3, "members");
    await hangUp(3, READ);
    await group.until(() => stranger.log.includes("member is follower"), "it follows, without a restart");
    await group.until(async () => (await group.seen(3, 1))?.isReachable === true, "it is of the ensemble again");
  });
});

describe("a member that cannot begin with its links says why, and what to do", () => {
  const server = async (peer: string, ...flags: string[]) => {
    const doors = ["--grpc-listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0", "--peer-listen", peer];
    const ensemble = ["--ensemble", `1@${peer},2@127.0.0.1:1,3@127.0.0.1:2`];
    const { code, stdout, stderr } = await home.run(["server", "--data-dir", "data", ...doors, ...ensemble, ...flags]);
    expect({ code, stdout: String(stdout) }).toEqual({ code: 1, stdout: "" });
    expect(stderr).not.toMatch(/\n {4}at /);
    return stderr;
  };

  test("its TLS files cannot be read, or are another member's", async (context) => {
    authority(context);
    const own = certificates.member(1, "members");
    const fix = "give a PEM file of each that this member may read: --peer-tls-ca, --peer-tls-cert and --peer-tls-key";
    const peer = await group.freeAddress();
    const missing = await server(peer, ...flagsOf({ ...own, key: `${own.key}.gone` }));
    expect(missing).toContain(`muster: the key file ${own.key}.gone cannot be read: it does not exist; ${fix}\n`);
    const other = certificates.member(2, "members");
    expect(await server(peer, ...flagsOf(other))).toContain("is not member 1's: it needs the alternative name");
    expect(await server(peer, ...flagsOf({ ...own, cert: own.key }))).toContain("do not make a usable certificate");
  });

  test("its address for other members is taken, or not of this machine", async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
    try {
      const peer = `127.0.0.1:${(taken.address() as { port: number }).port}`;
      expect(await server(peer)).toContain(`muster: ${peer} (--peer-listen) is in use by another program; stop that`);
    } finally {
      await new Promise((resolve) => taken.close(resolve));
    }
    const elsewhere = "192.0.2.1:7402";
    const stderr = await server(elsewhere, "--insecure");
    expect(stderr).toContain(`muster: ${elsewhere} (--peer-listen) is not an address of this machine; choose another`);
  });
});
